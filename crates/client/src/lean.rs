//! Makes what the API server answers safe and cheap to read: without `managedFields`, and with no value nested too deep.
//!
//! Lists and watches are parsed as a whole, so one object that cannot be parsed would blind the controller to all of them,
//! and anybody who may write one object could do that: serde_json gives up at 128 levels, which an open value may have, and
//! `managedFields`, which every writer of an object may set, may hold times that no type of ours holds. The first is cut
//! (the static check of a pipeline refuses far less), the second nobody here reads; they are also half of every object.
//!
//! It is a filter over bytes as they come: it keeps no more of an answer than the last key.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use kube::{Client, Config, client::ClientBuilder};
use tower::util::MapResponseLayer;

/// What nests deeper reads as null. What the schemas bound nests less, and serde_json reads some more.
const MAX_DEPTH: usize = 100;

/// A client whose answers are lean.
///
/// # Errors
/// When the configuration makes no client.
pub fn client(config: Config) -> Result<Client, kube::Error> {
    let lean = MapResponseLayer::new(|answer: Response<_>| {
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let filter = content_type.is_some_and(|value| value.contains("json")).then(Filter::default);
        answer.map(|body| LeanBody { body, filter })
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&lean).build())
}

/// A body that is filtered as it comes.
struct LeanBody<B> {
    body: B,
    /// `None` for what is no JSON.
    filter: Option<Filter>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for LeanBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Self { body, filter } = &mut *self;
        Pin::new(body).poll_frame(cx).map_ok(|frame| match filter {
            Some(filter) => frame.map_data(|data| filter.pass(data)),
            None => frame,
        })
    }
}

/// Where in the JSON the filter is.
#[derive(Default)]
struct Filter {
    /// Of each open object or list, whether it is the value of a key `metadata`.
    open: Vec<bool>,
    /// How many are open in what is left out.
    left_out: usize,
    string: Option<Text>,
    /// The last string that ended: a key, if a colon follows.
    last: Word,
    /// The next value, if it is an object or a list.
    next: Next,
}

/// A string that has begun.
#[derive(Default)]
struct Text {
    escaped: bool,
    /// As much of it as a word of interest has, and how much there was.
    start: [u8; Self::LONGEST],
    length: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Word {
    Metadata,
    ManagedFields,
    #[default]
    Other,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Plain,
    Metadata,
    LeftOut,
}

impl Text {
    const LONGEST: usize = "managedFields".len();

    /// Takes the next bytes, at most to the end of the string: how many, and the word when the string has ended with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<Word>) {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let plain = match std::mem::take(&mut self.escaped) {
                true => 1,
                false => rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len()),
            };
            self.note(&rest[..plain]);
            taken += plain;
            match rest.get(plain) {
                Some(b'"') => return (taken + 1, Some(self.word())),
                Some(b'\\') => {
                    self.escaped = true;
                    self.note(b"\\");
                    taken += 1;
                }
                _ => {}
            }
        }
        (taken, None)
    }

    fn note(&mut self, bytes: &[u8]) {
        let free = self.start.get_mut(self.length..).unwrap_or_default();
        free.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        self.length += bytes.len();
    }

    fn word(&self) -> Word {
        match self.start.get(..self.length) {
            Some(b"metadata") => Word::Metadata,
            Some(b"managedFields") => Word::ManagedFields,
            _ => Word::Other,
        }
    }
}

impl Filter {
    /// What is left of the next bytes. Most pieces come through as they are, and are not copied.
    fn pass(&mut self, bytes: Bytes) -> Bytes {
        let mut kept = Vec::new();
        // Where what is to be kept begins that was not copied yet.
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Some(text) = &mut self.string {
                let (taken, word) = text.take(&bytes[at..]);
                at += taken;
                if let Some(word) = word {
                    self.string = None;
                    self.last = word;
                }
                continue;
            }
            let was_left_out = self.left_out > 0;
            self.take(byte);
            match (was_left_out, self.left_out > 0) {
                (false, true) => {
                    kept.extend_from_slice(&bytes[start..at]);
                    kept.extend_from_slice(b"null");
                }
                (true, false) => start = at + 1,
                _ => {}
            }
            at += 1;
        }
        if self.left_out > 0 {
            return kept.into();
        }
        if start == 0 && kept.is_empty() {
            return bytes;
        }
        kept.extend_from_slice(&bytes[start..]);
        kept.into()
    }

    /// Takes the next byte, which is in no string.
    fn take(&mut self, byte: u8) {
        let is_left_out = self.left_out > 0;
        match byte {
            b'"' => self.string = Some(Text::default()),
            b'{' | b'[' if is_left_out => self.left_out += 1,
            b'}' | b']' if is_left_out => self.left_out -= 1,
            b'{' | b'[' if self.next == Next::LeftOut || self.open.len() == MAX_DEPTH => {
                self.left_out = 1;
                self.next = Next::Plain;
            }
            b'{' | b'[' => self.open.push(std::mem::take(&mut self.next) == Next::Metadata && byte == b'{'),
            b'}' | b']' => {
                self.open.pop();
                self.next = Next::Plain;
            }
            b':' => self.next = self.value_of_last(),
            b',' => self.next = Next::Plain,
            _ => {}
        }
    }

    fn value_of_last(&self) -> Next {
        match (self.last, self.open.last()) {
            (Word::Metadata, _) => Next::Metadata,
            (Word::ManagedFields, Some(true)) => Next::LeftOut,
            _ => Next::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What comes through, in pieces of every size.
    fn lean(text: &str) -> String {
        let whole = Filter::default().pass(Bytes::copy_from_slice(text.as_bytes()));
        for size in 1..text.len().min(40) {
            let mut filter = Filter::default();
            let pieces = text.as_bytes().chunks(size).flat_map(|piece| filter.pass(Bytes::copy_from_slice(piece)));
            let pieces: Vec<u8> = pieces.collect();
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
        String::from_utf8(whole.to_vec()).unwrap()
    }

    #[test]
    fn managed_fields_are_left_out_wherever_an_object_is() {
        for (full, left) in [
            (
                r#"{"metadata":{"name":"a","managedFields":[{"a":["]"]}],"uid":"u"}}"#,
                r#"{"metadata":{"name":"a","managedFields":null,"uid":"u"}}"#,
            ),
            (r#"{"metadata" : {"managedFields" : [ ] }}"#, r#"{"metadata" : {"managedFields" : null }}"#),
            (
                r#"{"items":[{"metadata":{"managedFields":[{}]}},{"a":1}]}"#,
                r#"{"items":[{"metadata":{"managedFields":null}},{"a":1}]}"#,
            ),
        ] {
            assert_eq!(lean(full), left);
        }
        let lines = "{\"object\":{\"metadata\":{\"managedFields\":[{}]}}}\n{\"object\":{\"a\":1}}\n";
        assert_eq!(lean(lines), "{\"object\":{\"metadata\":{\"managedFields\":null}}}\n{\"object\":{\"a\":1}}\n");
    }

    #[test]
    fn everything_else_comes_through_byte_by_byte() {
        for text in [
            r#"{"managedFields":[1],"spec":{"managedFields":{"a":"b"}}}"#,
            r#"{"metadata":{"managedFields":null,"labels":{"managedFields":"x"},"a":[{"managedFields":[2]}]}}"#,
            r#"{"metadata":"managedFields","a":["metadata",{"managedFields":[1]}]}"#,
            r#"{"a":"\"metadata\":{\"managedFields\":[","b":"\\","c":"é{[\"]}"}"#,
            r#"{"metadata":[{"managedFields":[1]}]}"#,
            r#"{"metadata":"a"}[{"managedFields":[1]}]"#,
            "not JSON at all",
            "",
        ] {
            assert_eq!(lean(text), text);
        }
    }

    #[test]
    fn what_nests_too_deep_is_null_and_the_rest_can_be_read() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(lean(&deep(MAX_DEPTH)), deep(MAX_DEPTH));
        let cut = lean(&format!("{{\"a\":{},\"b\":2}}", deep(5000)));
        let read: Value = serde_json::from_str(&cut).unwrap();
        assert_eq!(read["b"], json!(2));
        assert_eq!(cut.matches("null").count(), 1);
    }
}
