//! The tokens of Rust source that paths, names and declarations need: without comments, strings and lifetimes.

/// A token, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    /// The position in bytes from the start of the source.
    pub(crate) offset: usize,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// `::`
    Colons,
    /// A bracket of any kind, or another sign.
    Sign(u8),
}

/// The tokens of a file.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = source.as_bytes().get(at) {
        let rest = &source[at..];
        let (length, kind) = match byte {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            _ if rest.starts_with("/*") => (block_comment(rest), None),
            _ if rest.starts_with("::") => (2, Some(Kind::Colons)),
            b'"' => (string(rest), None),
            b'\'' => (character_or_lifetime(rest), None),
            _ if is_word(byte) => word(rest),
            _ if byte.is_ascii_whitespace() => (1, None),
            // Letters outside ASCII do not occur in paths here.
            _ => (rest.chars().next().map_or(1, char::len_utf8), Some(Kind::Sign(byte))),
        };
        tokens.extend(kind.map(|kind| Token { kind, offset: at }));
        at += length;
    }
    tokens
}

/// Whether a byte may be part of a word.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The length of a block comment, which may contain others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a string in double quotes, including escapes.
fn string(rest: &str) -> usize {
    quoted(rest, b'"')
}

/// The length up to the closing quote; `rest` begins with the opening one.
fn quoted(rest: &str, quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.as_bytes().get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if byte == quote {
            break;
        }
    }
    at.min(rest.len())
}

/// The length of `'a'`, `'\n'` or `'lifetime`.
fn character_or_lifetime(rest: &str) -> usize {
    let mut characters = rest.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => quoted(rest, b'\''),
        (Some(character), Some('\'')) => 2 + character.len_utf8(),
        _ => 1 + rest.bytes().skip(1).take_while(|&byte| is_word(byte)).count(),
    }
}

/// The length of a word, or of a string or character with a prefix such as `r#` or `b`; and the word.
fn word(rest: &str) -> (usize, Option<Kind<'_>>) {
    let length = rest.bytes().take_while(|&byte| is_word(byte)).count();
    let (word, after) = rest.split_at(length);
    let hashes = after.bytes().take_while(|&byte| byte == b'#').count();
    match (word, after.as_bytes().get(hashes)) {
        ("r" | "br" | "cr", Some(b'"')) => {
            let end = format!("\"{}", "#".repeat(hashes));
            let content = length + hashes + 1;
            let found = rest[content..].find(&end).map(|at| content + at + end.len());
            (found.unwrap_or(rest.len()), None)
        }
        ("b" | "c", Some(b'"')) if hashes == 0 => (length + string(after), None),
        ("b", Some(b'\'')) if hashes == 0 => (length + character_or_lifetime(after), None),
        _ => (length, Some(Kind::Word(word))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        let word = |token: Token<'_>| match token.kind {
            Kind::Word(word) => Some(&source[token.offset..][..word.len()]),
            _ => None,
        };
        tokens(source).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f /// g"), ["a", "f"]);
        assert_eq!(words("a /* no end"), ["a"]);
    }

    #[test]
    fn strings_and_characters_are_left_out() {
        assert_eq!(words(r#"a "b \" c" d 'e' '\'' '"' f b'g' b"h" i"#), ["a", "d", "f", "i"]);
        assert_eq!(words(r###"a r"b\" c r#"d " e"# f br##"g"# h"## i"###), ["a", "c", "f", "i"]);
    }

    #[test]
    fn lifetimes_are_left_out() {
        assert_eq!(words("fn a<'b>(c: &'b str) {}"), ["fn", "a", "c", "str"]);
    }

    #[test]
    fn letters_that_are_not_ascii_do_no_harm() {
        assert_eq!(words("a \"\u{e4}\" '\u{e4}' // \u{3bb}\nb"), ["a", "b"]);
    }

    #[test]
    fn colons_are_one_token() {
        let kinds: Vec<_> = tokens("a::b: c").into_iter().map(|token| token.kind).collect();
        use Kind::{Colons, Sign, Word};
        assert_eq!(kinds, [Word("a"), Colons, Word("b"), Sign(b':'), Word("c")]);
    }
}
