//! JSON as kubectl reads it, with the place of everything in it.

use serde_json::Value;

use super::{
    Remark, RemarkKind, escape,
    scalar::json_float,
    tree::{Entry, Kind, Node, NodeId, Style, Tree},
    yaml::{MAX_DEPTH, Wrong},
};

/// One value of a stream of them.
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) root: NodeId,
    pub(super) remarks: Vec<Remark>,
    /// Where it ends.
    pub(super) end: usize,
}

/// Reads the value that begins at `start`, which is not white space. Spans are of the whole text.
pub(super) fn parse(text: &str, start: usize) -> Result<Parsed, Wrong> {
    let mut reader = Reader { text, at: start, tree: Tree::default(), remarks: Vec::new() };
    let root = reader.value(0)?;
    Ok(Parsed { tree: reader.tree, root, remarks: reader.remarks, end: reader.at })
}

/// The first byte at or after `at` that is no white space.
pub(super) fn skip_space(text: &str, at: usize) -> usize {
    text[at..].find(|char| !matches!(char, ' ' | '\t' | '\r' | '\n')).map_or(text.len(), |skipped| at + skipped)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    tree: Tree,
    remarks: Vec<Remark>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        self.at = skip_space(self.text, self.at);
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self, message: &str) -> Wrong {
        let len = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Wrong::at(self.at..self.at + len, message)
    }

    fn value(&mut self, depth: usize) -> Result<NodeId, Wrong> {
        let first = self.peek();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(self.wrong(&format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let kind = match first {
            Some(b'{') => Kind::Map(self.members(depth)?),
            Some(b'[') => Kind::List(self.items(depth)?),
            Some(b'"') => Kind::Scalar(Value::String(self.string()?), Style::Double),
            Some(b'-' | b'0'..=b'9') => Kind::Scalar(self.number()?, Style::Plain),
            Some(_) => Kind::Scalar(self.word()?, Style::Plain),
            None => return Err(self.wrong("the JSON ends too early")),
        };
        Ok(self.tree.add(Node { span: start..self.at, kind }))
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Entry>, Wrong> {
        let mut members: Vec<Entry> = Vec::new();
        let mut places = std::collections::HashMap::new();
        self.at += 1;
        if self.ends(b'}') {
            return Ok(members);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is missing here"));
            }
            let start = self.at;
            let key = self.string()?;
            let key_span = start..self.at;
            if self.peek() != Some(b':') {
                return Err(self.wrong("a `:` is missing here"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            let entry = Entry { key: key.clone(), key_span: key_span.clone(), value };
            match places.get(&key) {
                None => {
                    places.insert(key, members.len());
                    members.push(entry);
                }
                Some(&place) => {
                    let before = std::mem::replace(&mut members[place], entry);
                    let kind = RemarkKind::DuplicateKey(key, before.key_span);
                    self.remarks.push(Remark { span: key_span, kind });
                }
            }
            if !self.goes_on(b'}', "a `,` or `}` is missing here")? {
                return Ok(members);
            }
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<NodeId>, Wrong> {
        let mut items = Vec::new();
        self.at += 1;
        if self.ends(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.goes_on(b']', "a `,` or `]` is missing here")? {
                return Ok(items);
            }
        }
    }

    fn ends(&mut self, close: u8) -> bool {
        let ends = self.peek() == Some(close);
        self.at += usize::from(ends);
        ends
    }

    fn goes_on(&mut self, close: u8, otherwise: &str) -> Result<bool, Wrong> {
        if self.ends(close) {
            return Ok(false);
        }
        if self.ends(b',') { Ok(true) } else { Err(self.wrong(otherwise)) }
    }

    fn word(&mut self) -> Result<Value, Wrong> {
        let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        let found = words.into_iter().find(|(word, _)| self.text[self.at..].starts_with(word));
        let (word, value) = found.ok_or_else(|| self.wrong("this is no JSON"))?;
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Wrong> {
        let rest = &self.text[self.at..];
        let len =
            rest.find(|char: char| !matches!(char, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let literal = &rest[..len];
        // serde_json judges the grammar; the value is Go's.
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(literal).is_ok();
        let value = literal.parse::<i64>().map(Value::from);
        let value = value.ok().or_else(|| json_float(literal.parse().ok()?).ok());
        let value = value.filter(|_| valid).ok_or_else(|| self.wrong("this is no number of JSON"))?;
        self.at += len;
        Ok(value)
    }

    fn string(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            match rest.chars().next() {
                None => {
                    self.at = start;
                    return Err(self.wrong("the string is not closed"));
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => {
                    let escape = escape::json(rest).ok_or_else(|| self.wrong("this is no escape of JSON"))?;
                    text.extend(escape.char);
                    self.at += escape.len;
                }
                Some('\0'..='\u{1f}') => {
                    return Err(self.wrong("a control character in a string has to be written as an escape"));
                }
                Some(char) => {
                    text.push(char);
                    self.at += char.len_utf8();
                }
            }
        }
    }
}
