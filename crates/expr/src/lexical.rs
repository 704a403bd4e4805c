//! As much of CEL's lexical structure as it takes to find where an expression inside another text ends.

/// The bytes up to the `}}` that ends an expression at the start of `text`; none where there is no such end.
///
/// Strings, comments and brackets are followed, so a `}}` inside of them does not count.
pub(crate) fn expression_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut braces = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            b'}' if braces == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            b'}' => {
                braces = braces.saturating_sub(1);
                at += 1;
            }
            b'{' => {
                braces += 1;
                at += 1;
            }
            b'\'' | b'"' => at += string_len(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
            }
            _ => at += 1,
        }
    }
    None
}

/// The bytes of the string literal whose opening quote is at `start`; up to the end where it is not closed.
fn string_len(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let is_quote = |at: usize| bytes.get(at) == Some(&quote);
    let quotes = match is_quote(start + 1) && is_quote(start + 2) {
        true => 3,
        false => 1,
    };
    let raw = is_raw(bytes, start);
    let mut at = start + quotes;
    while at < bytes.len() {
        if bytes[at] == b'\\' && !raw {
            at += 2;
        } else if (0..quotes).all(|n| is_quote(at + n)) {
            return at + quotes - start;
        } else {
            at += 1;
        }
    }
    bytes.len() - start
}

/// Whether the quote at `start` has the prefix `r`, which is no end of a name.
fn is_raw(bytes: &[u8], start: usize) -> bool {
    let word = bytes[..start].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let prefix = &bytes[start - word..start];
    prefix.len() <= 2
        && prefix.iter().any(|b| matches!(b, b'r' | b'R'))
        && prefix.iter().all(|b| matches!(b, b'r' | b'R' | b'b' | b'B'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expression: Option<&str>) {
        assert_eq!(expression_len(text).map(|len| &text[..len]), expression);
    }

    #[test]
    fn braces_in_strings_maps_and_comments_do_not_end_it() {
        check(" a }} b", Some(" a "));
        check(" {'a': {'b': 1}} }} }}", Some(" {'a': {'b': 1}} "));
        check("{'a': 1}}}", Some("{'a': 1}"));
        check(" '}}' + \"}}\" }}", Some(" '}}' + \"}}\" "));
        check(r#" '\'}}' }}"#, Some(r#" '\'}}' "#));
        check(r#" r'\' }}"#, Some(r#" r'\' "#));
        check(" '''a'}}''' }}", Some(" '''a'}}''' "));
        check(" a // }}\n }}", Some(" a // }}\n "));
    }

    #[test]
    fn without_an_end_there_is_none() {
        check(" a }", None);
        check(" 'a }}", None);
        check(" {'a': 1}}", None);
        check(" a // }}", None);
    }
}
