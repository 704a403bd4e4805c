//! Paths to a value: `spec.template.spec.containers[name=web].image`.
//!
//! ```text
//! a.b            keys; a bare key is anything without . [ ] " ' = , blanks and control characters
//! a."x.y/z"      a quoted key; a["x.y/z"] is the same
//! a[0]           an item of a list
//! a[name=web]    the item whose `name` is `web`; [metadata.name=web,kind=Job] asks for both
//! [kind=Service] at the beginning: the document whose `kind` is `Service`
//! ```

use std::fmt;

const MAX_BYTES: usize = 1024;
const MAX_SEGMENTS: usize = 64;
const MAX_CONDITIONS: usize = 8;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    text: String,
    segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
    /// All conditions must hold.
    Filter(Vec<Condition>),
}

/// `a.b=c`: the scalar under the keys has this text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Condition {
    pub(super) keys: Vec<String>,
    pub(super) text: String,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid path {path:?} at character {at}: {reason}")]
pub struct PathError {
    path: String,
    at: usize,
    reason: &'static str,
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// Names the character, from 1, and the reason.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut reader = Reader { text, at: 0 };
        let failed = |at: usize, reason| {
            let at = text.get(..at).map_or(1, |before| before.chars().count() + 1);
            Err(PathError { path: text.chars().take(120).collect(), at, reason })
        };
        if text.len() > MAX_BYTES {
            return failed(0, "it has more than 1024 bytes");
        }
        match reader.path() {
            Ok(segments) => Ok(Self { text: text.to_owned(), segments }),
            Err(reason) => failed(reader.at, reason),
        }
    }

    /// The text it was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key it ends with.
    pub(super) fn last_key(&self) -> Option<&str> {
        match self.segments.last() {
            Some(Segment::Key(key)) => Some(key),
            _ => None,
        }
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

/// A cursor; on an error `at` is where it is.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn path(&mut self) -> Result<Vec<Segment>, &'static str> {
        let mut segments = Vec::new();
        while self.peek().is_some() || segments.is_empty() {
            if segments.len() == MAX_SEGMENTS {
                return Err("it has more than 64 parts");
            }
            if self.take('[') {
                segments.push(self.bracket()?);
                continue;
            }
            if !segments.is_empty() && !self.take('.') {
                return Err("expected `.` or `[`; quote a key with special characters, as in a.\"x y\"");
            }
            segments.push(Segment::Key(self.key()?));
        }
        Ok(segments)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// What follows `[`, up to and with `]`.
    fn bracket(&mut self) -> Result<Segment, &'static str> {
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit()).to_owned();
        if !digits.is_empty() && self.take(']') {
            let index: u32 = digits.parse().map_err(|_| "the index is too large")?;
            return Ok(Segment::Index(index as usize));
        }
        self.at = start;
        let first = self.key()?;
        if self.text[start..].starts_with(['"', '\'']) && self.take(']') {
            return Ok(Segment::Key(first));
        }
        let mut conditions = vec![self.condition(first)?];
        while self.take(',') {
            if conditions.len() == MAX_CONDITIONS {
                return Err("at most 8 conditions choose an item");
            }
            let key = self.key()?;
            conditions.push(self.condition(key)?);
        }
        if self.take(']') { Ok(Segment::Filter(conditions)) } else { Err("expected `]`") }
    }

    /// What follows the first key of a condition.
    fn condition(&mut self, first: String) -> Result<Condition, &'static str> {
        let mut keys = vec![first];
        while self.take('.') {
            keys.push(self.key()?);
        }
        if !self.take('=') {
            return Err("expected an index as [0], or a condition as [name=web]");
        }
        let text = match self.peek() {
            Some('"' | '\'') => self.quoted()?,
            _ => self.take_while(|c| !matches!(c, ',' | ']' | '"' | '\'') && !c.is_control()).to_owned(),
        };
        Ok(Condition { keys, text })
    }

    fn key(&mut self) -> Result<String, &'static str> {
        if matches!(self.peek(), Some('"' | '\'')) {
            return self.quoted();
        }
        let bare =
            |c: char| !matches!(c, '.' | '[' | ']' | '"' | '\'' | '=' | ',') && !c.is_whitespace() && !c.is_control();
        match self.take_while(bare) {
            "" => Err("expected a key; quote one with special characters, as in a.\"x.y/z\""),
            key => Ok(key.to_owned()),
        }
    }

    /// `"…"` with the escapes `\"` and `\\`, or `'…'` with none.
    fn quoted(&mut self) -> Result<String, &'static str> {
        let Some(quote) = self.peek() else { return Err("expected a quote") };
        self.at += 1;
        let mut key = String::new();
        while let Some(c) = self.peek() {
            if c.is_control() {
                return Err("control characters are not allowed");
            }
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Ok(key),
                '\\' if quote == '"' => match self.peek() {
                    Some(escaped @ ('"' | '\\')) => {
                        self.at += 1;
                        key.push(escaped);
                    }
                    _ => return Err("only \\\" and \\\\ are escapes"),
                },
                c => key.push(c),
            }
        }
        Err("the quote is not closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Segment]) {
        assert_eq!(Path::parse(text).unwrap().segments(), expected, "{text}");
    }

    fn key(text: &str) -> Segment {
        Segment::Key(text.into())
    }

    fn filter(conditions: &[(&[&str], &str)]) -> Segment {
        let condition = |&(keys, text): &(&[&str], &str)| Condition {
            keys: keys.iter().map(|&k| k.into()).collect(),
            text: text.into(),
        };
        Segment::Filter(conditions.iter().map(condition).collect())
    }

    #[test]
    fn keys_indexes_and_filters_are_told_apart() {
        check("image.tag", &[key("image"), key("tag")]);
        check("a-b.c_d.9/x", &[key("a-b"), key("c_d"), key("9/x")]);
        check("a[0][12].b", &[key("a"), Segment::Index(0), Segment::Index(12), key("b")]);
        check("c[name=web].image", &[key("c"), filter(&[(&["name"], "web")]), key("image")]);
        check("[0]", &[Segment::Index(0)]);
        check("[0=a]", &[filter(&[(&["0"], "a")])]);
    }

    #[test]
    fn quoted_keys_hold_anything() {
        check("a.\"x.y/z\"", &[key("a"), key("x.y/z")]);
        check("a[\"x.y/z\"].b", &[key("a"), key("x.y/z"), key("b")]);
        check("a['it\"s']", &[key("a"), key("it\"s")]);
        check(r#""a\"b\\c""#, &[key("a\"b\\c")]);
        check("\"\"", &[key("")]);
        check("grün.日本", &[key("grün"), key("日本")]);
    }

    #[test]
    fn a_document_is_chosen_by_what_it_says() {
        check(
            "[kind=Deployment,metadata.name=web].spec",
            &[filter(&[(&["kind"], "Deployment"), (&["metadata", "name"], "web")]), key("spec")],
        );
        check("[\"a.b\".c=\"x, y]\"]", &[filter(&[(&["a.b", "c"], "x, y]")])]);
        check("e[url=http://h/a.b?c=d:8]", &[key("e"), filter(&[(&["url"], "http://h/a.b?c=d:8")])]);
        check("e[v=]", &[key("e"), filter(&[(&["v"], "")])]);
    }

    #[test]
    fn a_bad_path_names_the_character() {
        for (text, at) in [
            ("", 1),
            (".", 1),
            ("a.", 3),
            ("a..b", 3),
            ("a[", 3),
            ("a[0", 4),
            ("a[]", 3),
            ("a[x]", 4),
            ("a]b", 2),
            ("a[0]b", 5),
            ("a b", 2),
            ("a.\"x", 5),
            ("a[99999999999]", 15),
            ("ü.", 3),
            ("a=b", 2),
            ("a\n", 2),
            ("\"\\n\"", 3),
            ("a[n=w", 6),
            ("[a=b,]", 6),
            ("a\"b\"", 2),
            ("a[-1]", 5),
            ("a[*]", 4),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{error}");
        }
        assert!(Path::parse(&"a.".repeat(2000)).is_err());
        assert!(Path::parse(&vec!["a"; 65].join(".")).is_err());
        assert!(Path::parse(&vec!["a"; 64].join(".")).is_ok());
        assert!(Path::parse(&format!("[{}]", ["a=b"; 9].join(","))).is_err());
    }
}
