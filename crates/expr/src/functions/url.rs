//! URLs, as Kubernetes defines them: what Go's `net/url` takes for the target of a request.

use std::fmt;

use cel::Value;

use super::Run::Here;
use super::{List, Opaque};
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("url(string) -> url", Here(parse)),
    ("isURL(string) -> bool", Here(is_url)),
    ("url.getScheme() -> string", Here(|_, values| part(values, |url| &url.scheme))),
    ("url.getHost() -> string", Here(|_, values| part(values, |url| &url.host))),
    ("url.getHostname() -> string", Here(|_, values| part(values, |url| url.split_host().0))),
    ("url.getPort() -> string", Here(|_, values| part(values, |url| url.split_host().1))),
    ("url.getEscapedPath() -> string", Here(|_, values| part(values, |url| &url.path))),
];

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    text: String,
    scheme: String,
    /// With its port.
    host: String,
    path: String,
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Url {
    /// An absolute URL or an absolute path.
    fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        let (scheme, rest) = split_scheme(text)?;
        let rest = rest.split('?').next().unwrap_or_default();
        let mut url =
            Self { text: text.to_owned(), scheme: scheme.to_lowercase(), host: String::new(), path: String::new() };
        if !rest.starts_with('/') {
            // Such as `mailto:a@b`.
            return (!scheme.is_empty()).then_some(url);
        }
        let path = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            None => rest,
            Some(after) => {
                let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                url.host = host_of(authority)?.to_owned();
                path
            }
        };
        path_is_valid(path).then(|| Self { path: path.to_owned(), ..url })
    }

    /// The name and the port; an address of IPv6 without its brackets.
    fn split_host(&self) -> (&str, &str) {
        let end = self.host.rfind(']').map_or(0, |bracket| bracket + 1);
        let colon = self.host[end..].find(':').map_or(self.host.len(), |colon| end + colon);
        let (name, port) = self.host.split_at(colon);
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        (name, port.strip_prefix(':').unwrap_or_default())
    }
}

/// The scheme, empty where there is none, and what follows it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn host_of(authority: &str) -> Option<&str> {
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let user_fits = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte));
    let (name, port) = match host.strip_prefix('[') {
        Some(_) => host.split_at(host.rfind(']')? + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port_fits = match port.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let name_fits = name
        .bytes()
        .all(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte));
    (user_fits && path_is_valid(user) && port_fits && name_fits && host_escapes_are_valid(name)).then_some(host)
}

/// Whether each `%` is followed by two hexadecimal digits.
fn path_is_valid(text: &str) -> bool {
    escapes(text).all(|digits| digits.is_some())
}

/// In a host only bytes that are no ASCII are escaped, and `%` itself.
fn host_escapes_are_valid(text: &str) -> bool {
    escapes(text).all(|digits| digits.is_some_and(|byte| byte >= 0x80 || byte == b'%'))
}

fn escapes(text: &str) -> impl Iterator<Item = Option<u8>> + '_ {
    text.match_indices('%').map(|(at, _)| {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        u8::from_str_radix(digits?, 16).ok()
    })
}

fn read(values: &[Value]) -> Option<Url> {
    match values.first() {
        Some(Value::String(text)) => Url::read(text),
        _ => None,
    }
}

fn parse(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    match read(values) {
        Some(url) => Ok(Opaque::Url(url).into_value()),
        None => {
            let text: String = match values.first() {
                Some(Value::String(text)) => text.chars().take(40).collect(),
                _ => String::new(),
            };
            Err(Refusal::failed(format!("`{text}` is no URL; write it like `https://host.example/path`")))
        }
    }
}

fn is_url(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(read(values).is_some()))
}

fn part(values: &[Value], part: fn(&Url) -> &str) -> Result<Value, Refusal> {
    match values.first().and_then(Opaque::in_value) {
        Some(Opaque::Url(url)) => Ok(Value::from(part(url))),
        _ => Err(Refusal::r#type("the value is no url")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its scheme, host, name, port and path; nothing where it is none.
    fn check(text: &str, expected: Option<[&str; 5]>) {
        let url = Url::read(text);
        let parts = url.as_ref().map(|url| {
            let (name, port) = url.split_host();
            [&*url.scheme, &*url.host, name, port, &*url.path]
        });
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn urls_have_parts() {
        check("https://a.example:8443/b/c?d=e", Some(["https", "a.example:8443", "a.example", "8443", "/b/c"]));
        check("HTTP://a", Some(["http", "a", "a", "", ""]));
        check("http://me:secret@[::1]:80/", Some(["http", "[::1]:80", "::1", "80", "/"]));
        check("/only/a/path", Some(["", "", "", "", "/only/a/path"]));
        check("mailto:a@b", Some(["mailto", "", "", "", ""]));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "a.example/b",
            "a",
            ":a",
            "http://a b",
            "http://a:b",
            "http://a:1:2",
            "http://a/%zz",
            "http://[::1",
            "http://a\n",
        ] {
            check(text, None);
        }
    }
}
