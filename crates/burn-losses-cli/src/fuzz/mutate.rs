//! Changes of a text or of bytes that somebody could make by mistake, or on purpose.

use super::configs::{number, word};
use super::random::Random;

/// Pieces that mean something to one of the formats.
const PIECES: [&str; 48] = [
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    ":",
    ": ",
    "=",
    ",",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "#",
    "-",
    "- ",
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "<<: [*a, *a]\n",
    "? ",
    "| ",
    "!!binary ",
    "!x ",
    "\u{feff}",
    "\0",
    "\u{2028}",
    "\u{e9}",
    "\u{1f600}",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "~",
    "1e999",
    "-1e999",
    "0x10",
    "1_000",
    "1979-05-27T07:32:00Z",
    ".inf",
    "nan",
];

/// The longest text that repeats something.
const LONGEST: usize = 60_000;

/// Changes a text in a few places; `other` is another text of the same kind.
pub(super) fn text(random: &mut Random, text: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + random.below(3) {
        match random.below(12) {
            0 | 1 => replace(random, text, |byte| byte.is_ascii_digit() || b"+-.".contains(&byte), digits),
            2 | 3 => replace(random, text, is_of_word, |random| word(random).into()),
            4 => swap_lines(random, text),
            5 => repeat_line(random, text),
            6 => insert(random, text, |random| (*random.choose(&PIECES)).into()),
            7 => insert(random, text, |random| format!("\n{}: &a {}\n", word(random), number(random))),
            8 => insert(random, text, |random| format!("\n{} = {}\n", word(random), number(random))),
            9 if random.one_in(8) => insert(random, text, repeated),
            10 => splice(random, text, other),
            _ => bytes(random, text, other),
        }
    }
}

/// Changes bytes in a few places.
pub(super) fn bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + random.below(3) {
        let range = random.range(bytes.len());
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => _ = bytes.drain(range),
            1 => bytes.truncate(at),
            2 if bytes.len() < LONGEST => {
                let piece = bytes[range].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => splice(random, bytes, other),
            4 => {
                // Sizes and positions are numbers of two, four or eight bytes.
                let number =
                    random.choose(&[0u64, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX]).to_le_bytes();
                let size = *random.choose(&[2, 4, 8]);
                bytes.iter_mut().skip(at).zip(&number[..size]).for_each(|(byte, new)| *byte = *new);
            }
            5 => bytes.insert(at, random.below(256) as u8),
            _ if bytes.is_empty() => {}
            6 => bytes[at] ^= 1 << random.below(8),
            _ => bytes[at] = random.below(256) as u8,
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// A number as somebody may write it.
fn digits(random: &mut Random) -> String {
    match random.below(6) {
        0 => "9".repeat(1 + random.below(400)),
        1 => format!("0.{}1", "0".repeat(random.below(400))),
        2 => (*random.choose(&["1e999", "-1e999", "inf", "-inf", "nan", "NaN", "1e-999", "+1", "01", "1."])).into(),
        _ => number(random).to_string(),
    }
}

/// Something that is repeated often: brackets inside brackets, a long word, many keys.
fn repeated(random: &mut Random) -> String {
    let most = *random.choose(&[20, 200, 3000]);
    let count = 1 + random.below(most);
    let piece =
        *random.choose(&["[", "{\"a\":", "{a: ", "a.", "[a.", "x", "\u{e9}", "- ", "a = {", "  ", "&a [*a, ", "1, "]);
    match random.below(3) {
        0 => (0..count).map(|at| format!("k{at} = {at}\n")).collect(),
        1 => (0..count).map(|at| format!("k{at}: {at}\n")).collect(),
        _ => piece.repeat(count.min(LONGEST / piece.len())),
    }
}

/// Replaces one run of bytes of a kind.
fn replace(random: &mut Random, text: &mut Vec<u8>, is_part: fn(u8) -> bool, new: fn(&mut Random) -> String) {
    let from = random.below(text.len());
    let Some(start) = text.iter().skip(from).position(|byte| is_part(*byte)).map(|at| from + at) else { return };
    let length = text[start..].iter().take_while(|byte| is_part(**byte)).count();
    text.splice(start..start + length, new(random).into_bytes());
}

fn insert(random: &mut Random, text: &mut Vec<u8>, new: fn(&mut Random) -> String) {
    let at = match random.below(3) {
        0 => 0,
        1 => text.len(),
        _ => random.below(text.len()),
    };
    text.splice(at..at, new(random).into_bytes());
}

/// The beginning of one, and the end of the other.
fn splice(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    bytes.truncate(random.below(bytes.len() + 1));
    bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn swap_lines(random: &mut Random, text: &mut Vec<u8>) {
    let mut lines = lines(text);
    let range = random.range(lines.len().saturating_sub(1));
    if !lines.is_empty() {
        lines.swap(range.start, range.end);
    }
    *text = lines.concat();
}

fn repeat_line(random: &mut Random, text: &mut Vec<u8>) {
    let mut lines = lines(text);
    if !lines.is_empty() && text.len() < LONGEST {
        let line = random.choose(&lines).clone();
        lines.insert(random.below(lines.len() + 1), line);
    }
    *text = lines.concat();
}
