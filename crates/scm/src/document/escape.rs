//! The escapes of double-quoted text, in JSON and in YAML.

/// An escape, and what it stands for: nothing, for a line break that is taken out.
pub(super) struct Escape {
    pub(super) char: Option<char>,
    /// Its bytes.
    pub(super) len: usize,
}

/// The escape that JSON text begins with. Half of a surrogate pair is U+FFFD, as Go has it.
pub(super) fn json(text: &str) -> Option<Escape> {
    let (char, len) = match text.as_bytes().get(1)? {
        b'"' => ('"', 2),
        b'\\' => ('\\', 2),
        b'/' => ('/', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'u' => utf16(text)?,
        _ => return None,
    };
    Some(Escape { char: Some(char), len })
}

/// The escape that the text of a double-quoted scalar begins with, of YAML or JSON.
pub(super) fn any(text: &str) -> Option<Escape> {
    if let Some(escape) = json(text) {
        return Some(escape);
    }
    let (char, len) = match text.as_bytes().get(1)? {
        b'0' => ('\0', 2),
        b'a' => ('\u{7}', 2),
        b'v' => ('\u{b}', 2),
        b'e' => ('\u{1b}', 2),
        b'N' => ('\u{85}', 2),
        b'_' => ('\u{a0}', 2),
        b'L' => ('\u{2028}', 2),
        b'P' => ('\u{2029}', 2),
        b'x' => (char::from_u32(hex(text, 2..4)?)?, 4),
        b'U' => (char::from_u32(hex(text, 2..10)?)?, 10),
        b'\t' | b' ' | b'\'' => (char::from(text.as_bytes()[1]), 2),
        b'\n' | b'\r' => return Some(Escape { char: None, len: 2 }),
        _ => return None,
    };
    Some(Escape { char: Some(char), len })
}

fn hex(text: &str, range: std::ops::Range<usize>) -> Option<u32> {
    let digits = text.get(range)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

fn utf16(text: &str) -> Option<(char, usize)> {
    let first = hex(text, 2..6)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, 6));
    }
    let second = text.get(6..).filter(|rest| rest.starts_with("\\u")).and_then(|rest| hex(rest, 2..6));
    let pair = [first, second.unwrap_or_default()].map(|unit| u16::try_from(unit).unwrap_or_default());
    match char::decode_utf16(pair).next() {
        Some(Ok(char)) => Some((char, 12)),
        _ => Some((char::REPLACEMENT_CHARACTER, 6)),
    }
}
