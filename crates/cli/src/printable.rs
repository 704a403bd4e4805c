//! Text from elsewhere, made fit for a terminal: nothing in it steers the terminal, moves its cursor or reorders its letters.
//! What would is shown as `^[` and the like, so that nobody takes the text for another one. Pure.

/// The text on one line.
pub(crate) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(shown).collect()
}

/// The text with the lines and tabs that it has.
pub(crate) fn lines(text: &str) -> String {
    let keep = |letter: char| if matches!(letter, '\n' | '\t') { letter.to_string() } else { shown(letter) };
    text.replace("\r\n", "\n").chars().map(keep).collect()
}

fn shown(letter: char) -> String {
    match letter {
        // The name of the key that types it, as terminals echo it.
        '\0'..='\x1f' | '\x7f' => format!("^{}", char::from(letter as u8 ^ 0x40)),
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => letter.escape_unicode().to_string(),
        _ => letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown() {
        let text = "bad \x1b[2J\x1b[31mred\x07\x7f\0 \u{9b}1m \u{202e}txt";
        let expected = r"bad ^[[2J^[[31mred^G^?^@ \u{9b}1m \u{202e}txt";
        assert_eq!([line(text), lines(text)], [expected, expected]);
    }

    #[test]
    fn one_line_has_no_line_ends_and_several_keep_theirs() {
        let text = "\tone\r\ntwo\n\n  thrée ✓";
        assert_eq!(line(text), "one two thrée ✓");
        assert_eq!(lines(text), "\tone\ntwo\n\n  thrée ✓");
    }
}
