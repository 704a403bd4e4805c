//! Which bracket of a YAML text has no end. A parser finds that out only lines later, where the reader sees nothing wrong.
//!
//! It reads no YAML, only its outline, and is asked only where the parser has given up.

/// The place of the innermost bracket that is not closed, or closed by one of another sort.
pub(super) fn unclosed(text: &str) -> Option<usize> {
    let mut open: Vec<(usize, char)> = Vec::new();
    // How far a block scalar's first line was indented that goes on.
    let mut block: Option<usize> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        let goes_on = block.is_some_and(|of_key| indentation > of_key || line.trim().is_empty());
        if !goes_on {
            block = begins_block(line).then_some(indentation);
            if let Some(wrong) = read_line(line, at, &mut open) {
                return Some(wrong);
            }
        }
        at += line.len();
    }
    open.pop().map(|(at, _)| at)
}

/// Whether what follows the line is a text, whatever it holds: `key: |`.
fn begins_block(line: &str) -> bool {
    let last = line.split(" #").next().unwrap_or(line).split_whitespace().next_back().unwrap_or_default();
    let rest = last.strip_prefix(['|', '>']);
    rest.is_some_and(|rest| rest.chars().all(|char| char.is_ascii_digit() || matches!(char, '+' | '-')))
}

/// Opens and closes what a line does; the bracket that another sort of bracket closes.
fn read_line(line: &str, at: usize, open: &mut Vec<(usize, char)>) -> Option<usize> {
    let mut quote = None;
    // What stands before, but for white space: a bracket or a quote counts only where a value begins.
    let mut last = None;
    let mut before = None;
    for (index, char) in line.char_indices() {
        let begins = match last {
            None | Some(':' | '-' | '?') => true,
            Some(last) => !open.is_empty() && matches!(last, ',' | '[' | '{'),
        };
        match (quote, char) {
            (Some('"'), '"') if before == Some('\\') => {}
            (Some(quoted), char) if char == quoted => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if begins => quote = Some(char),
            (None, '#') if before.is_none_or(char::is_whitespace) => return None,
            (None, '[' | '{') if begins => open.push((at + index, char)),
            (None, ']' | '}') => match open.pop() {
                Some((at, bracket)) if (bracket == '[') != (char == ']') => return Some(at),
                _ => {}
            },
            _ => {}
        }
        if !char.is_whitespace() {
            last = Some(char);
        }
        before = Some(char);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracket_without_an_end_is_found() {
        for (text, at) in [
            ("a: {b: 1\nc: 2\n", Some(3)),
            ("a: [1, {b: 2}\nc: []\n", Some(3)),
            ("a: {b: [1, 2}\n", Some(7)),
            ("- {\n  a: 1,\n  b: [2]\n", Some(2)),
            ("a: {b: 1, c: \"}\", d: '['} # {\n", None),
            ("a: |\n  echo {\nb: it's [x\n", None),
            ("a: x, {y\n", None),
        ] {
            assert_eq!(unclosed(text), at, "{text:?}");
        }
    }
}
