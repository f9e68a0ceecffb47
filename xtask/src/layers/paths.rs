//! The paths in a source file that lead into its own crate.

use crate::tokens::{Kind, Token, tokens};

/// A path from the root of the crate: `["engine", "rows", "wide"]`.
pub(super) type Path = Vec<String>;

/// A path, and its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) line: usize,
    pub(super) path: Path,
}

/// The paths of a file that begin with `crate`, `$crate`, `super` or `self`, also in macros; code that is compiled for tests only
/// is left out. `module` is the path of the file's module.
pub(super) fn imports(source: &str, module: &[&str]) -> Vec<Import> {
    let mut reader = Reader::new(source, module);
    while reader.at < reader.tokens.len() {
        reader.step();
    }
    reader.imports
}

/// The paths that the crate's root re-exports under a name: `pub use engine::rows::Rows;`.
pub(super) fn reexports(source: &str) -> Vec<Path> {
    let mut reader = Reader::new(source, &[]);
    while reader.at < reader.tokens.len() {
        reader.at += 1;
        if reader.word(reader.at - 1) == Some("use") {
            reader.tree(Path::new());
        }
    }
    reader.imports.into_iter().map(|import| import.path).collect()
}

/// The names of the macros that a file exports, which are then in the crate's root.
pub(super) fn exported_macros(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let words: Vec<&str> = tokens.iter().filter_map(|token| word_of(*token)).collect();
    let after_export = words.split(|word| *word == "macro_export").skip(1);
    let named = after_export.filter_map(|words| words.iter().skip_while(|word| **word != "macro_rules").nth(1));
    named.map(|name| (*name).to_owned()).collect()
}

/// The name or keyword of a token, if it is one.
fn word_of(token: Token<'_>) -> Option<&str> {
    match token.kind {
        Kind::Word(word) => Some(word),
        _ => None,
    }
}

/// A reader that goes through a file, token by token.
struct Reader<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    /// The index of the next token.
    at: usize,
    /// The module that is being read.
    module: Path,
    /// How many brackets are open.
    depth: usize,
    /// For each open inline module, how many brackets are open around it.
    inline: Vec<usize>,
    /// The paths that were found.
    imports: Vec<Import>,
}

impl<'a> Reader<'a> {
    /// A reader at the first token.
    fn new(source: &'a str, module: &[&str]) -> Self {
        let module = module.iter().map(|&name| name.to_owned()).collect();
        Self { source, tokens: tokens(source), at: 0, module, depth: 0, inline: Vec::new(), imports: Vec::new() }
    }

    /// The kind of the token at this place.
    fn kind(&self, at: usize) -> Option<Kind<'a>> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// The name or keyword at this place.
    fn word(&self, at: usize) -> Option<&'a str> {
        self.tokens.get(at).and_then(|token| word_of(*token))
    }

    /// Whether this sign is at this place.
    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }

    /// Reads one token or one path, or skips one item that is for tests only.
    fn step(&mut self) {
        let at = self.at;
        if self.is_for_tests() {
            self.skip_item();
            return;
        }
        self.count(at);
        self.at += 1;
        match self.word(at) {
            Some("crate") if self.kind(self.at) == Some(Kind::Colons) => self.path(Path::new()),
            Some("self") if self.kind(self.at) == Some(Kind::Colons) => self.path(self.module.clone()),
            Some("super") if self.kind(self.at) == Some(Kind::Colons) => self.path(parent(&self.module)),
            Some("mod") if self.is_sign(at + 2, b'{') => {
                if let Some(name) = self.word(at + 1) {
                    self.module.push(name.to_owned());
                    self.inline.push(self.depth);
                    self.at += 1;
                }
            }
            _ => {}
        }
    }

    /// Counts brackets, and leaves an inline module at its end.
    fn count(&mut self, at: usize) {
        match self.kind(at) {
            Some(Kind::Sign(b'(' | b'[' | b'{')) => self.depth += 1,
            Some(Kind::Sign(b')' | b']' | b'}')) => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.module.pop();
                }
            }
            _ => {}
        }
    }

    /// Reads a path that begins with `start`, from its first `::` on.
    fn path(&mut self, start: Path) {
        self.at += 1;
        self.tree(start);
    }

    /// Reads the rest of a path, or of a tree of paths: `a::b`, `a::*`, `{a, b::c}`.
    fn tree(&mut self, mut path: Path) {
        let line = self.line(self.at);
        loop {
            match self.kind(self.at) {
                Some(Kind::Word("super")) => path = parent(&path),
                Some(Kind::Word("self")) => {}
                Some(Kind::Word(name)) => path.push(name.to_owned()),
                Some(Kind::Sign(b'{')) => return self.group(&path),
                // The path of a macro's `$crate::$module` is known only at the macro's call.
                Some(Kind::Sign(b'$')) => return,
                _ => break,
            }
            self.at += 1;
            if self.kind(self.at) != Some(Kind::Colons) {
                break;
            }
            self.at += 1;
        }
        self.imports.push(Import { line, path });
    }

    /// Reads the trees between braces.
    fn group(&mut self, path: &Path) {
        self.at += 1;
        while self.at < self.tokens.len() && !self.is_sign(self.at, b'}') {
            if self.is_sign(self.at, b',') {
                self.at += 1;
                continue;
            }
            self.tree(path.clone());
            // This skips `*` and `as name`.
            while self.at < self.tokens.len() && !self.is_sign(self.at, b',') && !self.is_sign(self.at, b'}') {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Whether the attribute `#[cfg(test)]`, or one like it, is next.
    fn is_for_tests(&self) -> bool {
        let begins =
            self.is_sign(self.at, b'#') && self.is_sign(self.at + 1, b'[') && self.word(self.at + 2) == Some("cfg");
        let attribute = self.tokens.iter().skip(self.at).take_while(|token| token.kind != Kind::Sign(b']'));
        let words: Vec<_> = attribute.filter_map(|token| word_of(*token)).collect();
        begins && words.contains(&"test") && !words.contains(&"not")
    }

    /// Skips an item with its attributes: up to a semicolon, or to the end of its braces.
    fn skip_item(&mut self) {
        let mut depth = 0;
        while let Some(kind) = self.kind(self.at) {
            self.at += 1;
            match kind {
                Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
                Kind::Sign(b')' | b']') => depth -= 1,
                Kind::Sign(b'}') => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                Kind::Sign(b';') if depth == 0 => return,
                _ => {}
            }
        }
    }

    /// The line of the token at this place.
    fn line(&self, at: usize) -> usize {
        let offset = self.tokens.get(at).map_or(self.source.len(), |token| token.offset);
        self.source[..offset].matches('\n').count() + 1
    }
}

/// The parent of a module.
fn parent(path: &[String]) -> Path {
    path[..path.len().saturating_sub(1)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Vec<(usize, String)> {
        let imports = imports(source, &["engine", "rows"]);
        imports.into_iter().map(|import| (import.line, import.path.join("::"))).collect()
    }

    fn paths(source: &str) -> Vec<String> {
        read(source).into_iter().map(|(_, path)| path).collect()
    }

    #[test]
    fn use_lines_have_trees() {
        assert_eq!(paths("use crate::error::expect;"), ["error::expect"]);
        assert_eq!(paths("use crate::{a::{self, b as c, d::*}, e};"), ["a", "a::b", "a::d", "e"]);
        assert_eq!(paths("pub(crate) use crate::a::*;"), ["a"]);
        assert!(paths("use burn::tensor::Tensor; use std::{fmt, io};").is_empty());
    }

    #[test]
    fn paths_in_code_and_in_macros_count() {
        assert_eq!(paths("fn f(x: crate::a::B<crate::c::D>) { crate::e::g::<u8>() }"), ["a::B", "c::D", "e::g"]);
        assert_eq!(paths("macro_rules! m { ($m:ident) => { $crate::a::B, $crate::$m::C } }"), ["a::B"]);
    }

    #[test]
    fn lines_are_those_of_the_path() {
        assert_eq!(read("\nuse crate::{\n    a,\n    b,\n};\n"), [(3, "a".to_owned()), (4, "b".to_owned())]);
    }

    #[test]
    fn super_and_self_are_followed() {
        assert_eq!(
            paths("use super::overlap; use super::super::error; use self::own;"),
            ["engine::overlap", "error", "engine::rows::own"]
        );
        assert_eq!(paths("mod inner { use super::super::x; }\nuse super::y;"), ["engine::x", "engine::y"]);
        assert_eq!(paths("mod other;\nuse super::y;"), ["engine::y"]);
    }

    #[test]
    fn tests_are_left_out() {
        assert_eq!(paths("#[cfg(test)]\nmod tests { use crate::a; fn f() {} }\nuse crate::b;"), ["b"]);
        assert_eq!(paths("#[cfg(test)]\nmod tests;\nuse crate::b;"), ["b"]);
        assert_eq!(paths("#[cfg(test)]\n#[allow(x)]\nfn f(_: [u8; 3]) { crate::a() }\nuse crate::b;"), ["b"]);
        assert_eq!(paths("#[cfg(all(test, feature = \"f\"))]\nuse crate::a::{c};\nuse crate::b;"), ["b"]);
        assert_eq!(paths("#[cfg(not(test))]\nuse crate::a;\n#[cfg(feature = \"test\")]\nuse crate::b;"), ["a", "b"]);
    }

    #[test]
    fn comments_and_visibility_are_no_paths() {
        assert!(paths("/// [`crate::a`]\n// use crate::b;\npub(crate) fn f() { \"crate::c\"; }").is_empty());
    }

    #[test]
    fn the_root_gives_names() {
        let of_root = reexports("pub mod a;\npub use a::b::{C, d::E};\nfn f() { a::g() }");
        assert_eq!(of_root, [vec!["a", "b", "C"], vec!["a", "b", "d", "E"]]);
        let macros =
            exported_macros("#[macro_export]\nmacro_rules! choice { () => {} }\nmacro_rules! other { () => {} }");
        assert_eq!(macros, ["choice"]);
    }
}
