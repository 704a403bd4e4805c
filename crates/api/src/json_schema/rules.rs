//! Validation rules as JSON Schema: those over which members are set, and the one that wants an HTTP address.
//!
//! A rule is CEL. What is read here is `has(self.a)`, `self.a` (a bool), `self.a == 1`, `!`, `&&`, `||`, `==`, `!=`,
//! brackets, and `[..].filter(x, x).size() == 1`; any other rule is left to the API server.

use serde_json::{Value, json};

/// What the rule says, with its message as a comment; nothing where a schema cannot say it.
pub(super) fn to_schema(rule: &Value) -> Option<Value> {
    let text = rule["rule"].as_str()?;
    let mut schema =
        if wants_http(text) { json!({"pattern": "^[hH][tT][tT][pP][sS]?:."}) } else { Reader::new(text).whole()? };
    schema["$comment"] = rule["message"].clone();
    Some(schema)
}

fn wants_http(rule: &str) -> bool {
    rule.contains("url(self).getScheme() in ['http', 'https']")
}

/// The schema that takes objects with this member, which is not null.
pub(super) fn has(name: &str) -> Value {
    json!({"required": [name], "properties": {name: {"not": {"type": "null"}}}})
}

/// Reads an expression from left to right.
struct Reader<'a> {
    rest: &'a str,
}

/// A part of an expression.
enum Term<'a> {
    /// True where the schema holds.
    Holds(Value),
    /// A member's value.
    Member(&'a str),
    /// A literal number.
    Number(i64),
}

impl<'a> Reader<'a> {
    fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    fn whole(&mut self) -> Option<Value> {
        let schema = self.any()?;
        self.rest.trim().is_empty().then_some(schema)
    }

    /// Takes this text if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn any(&mut self) -> Option<Value> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Some(one_or("anyOf", parts))
    }

    fn all(&mut self) -> Option<Value> {
        let mut parts = vec![self.relation()?];
        while self.take("&&") {
            parts.push(self.relation()?);
        }
        Some(one_or("allOf", parts))
    }

    fn relation(&mut self) -> Option<Value> {
        let left = self.term()?;
        if self.take("!=") {
            let (Term::Holds(left), Term::Holds(right)) = (left, self.term()?) else { return None };
            return Some(json!({"oneOf": [left, right]}));
        }
        if self.take("==") {
            return match (left, self.term()?) {
                (Term::Holds(left), Term::Holds(right)) => {
                    Some(json!({"oneOf": [{"allOf": [left, right]}, {"not": {"anyOf": [left, right]}}]}))
                }
                (Term::Member(name), Term::Number(number)) => Some(json!({"properties": {name: {"const": number}}})),
                _ => None,
            };
        }
        match left {
            Term::Holds(schema) => Some(schema),
            Term::Member(name) => Some(json!({"required": [name], "properties": {name: {"const": true}}})),
            Term::Number(_) => None,
        }
    }

    fn term(&mut self) -> Option<Term<'a>> {
        if self.take("!") {
            return match self.term()? {
                Term::Holds(schema) => Some(Term::Holds(json!({"not": schema}))),
                _ => None,
            };
        }
        if self.take("(") {
            let inner = self.any()?;
            return self.take(")").then_some(Term::Holds(inner));
        }
        if self.take("[") {
            return self.exactly_one().map(Term::Holds);
        }
        if self.take("has(self.") {
            let name = self.word()?;
            return self.take(")").then(|| Term::Holds(has(name)));
        }
        if self.take("self.") {
            return self.word().map(Term::Member);
        }
        self.word()?.parse().ok().map(Term::Number)
    }

    /// The rest of `[a, b].filter(x, x).size() == 1`.
    fn exactly_one(&mut self) -> Option<Value> {
        let mut parts = vec![self.any()?];
        while self.take(",") {
            parts.push(self.any()?);
        }
        self.take("].filter(x, x).size() == 1").then(|| json!({"oneOf": parts}))
    }

    /// A name or a number.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

fn one_or(keyword: &str, mut parts: Vec<Value>) -> Value {
    if parts.len() == 1 { parts.remove(0) } else { json!({keyword: parts}) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(rule: &str, schema: Expect) {
        let stated = to_schema(&json!({"rule": rule}));
        schema.assert_eq(&stated.map_or_else(
            || "not stated".to_owned(),
            |mut schema| {
                schema.as_object_mut().unwrap().remove("$comment");
                schema.to_string()
            },
        ));
    }

    #[test]
    fn rules_over_members_are_stated() {
        check(
            "has(self.a) != has(self.b)",
            expect![[
                r#"{"oneOf":[{"properties":{"a":{"not":{"type":"null"}}},"required":["a"]},{"properties":{"b":{"not":{"type":"null"}}},"required":["b"]}]}"#
            ]],
        );
        check(
            "[has(self.a), has(self.b)].filter(x, x).size() == 1",
            expect![[
                r#"{"oneOf":[{"properties":{"a":{"not":{"type":"null"}}},"required":["a"]},{"properties":{"b":{"not":{"type":"null"}}},"required":["b"]}]}"#
            ]],
        );
        check(
            "!(has(self.a) && has(self.b))",
            expect![[
                r#"{"not":{"allOf":[{"properties":{"a":{"not":{"type":"null"}}},"required":["a"]},{"properties":{"b":{"not":{"type":"null"}}},"required":["b"]}]}}"#
            ]],
        );
        check(
            "has(self.a) || !has(self.b) || self.b == 1",
            expect![[
                r#"{"anyOf":[{"properties":{"a":{"not":{"type":"null"}}},"required":["a"]},{"not":{"properties":{"b":{"not":{"type":"null"}}},"required":["b"]}},{"properties":{"b":{"const":1}}}]}"#
            ]],
        );
        check(
            "!(has(self.a) && self.a && has(self.b))",
            expect![[
                r#"{"not":{"allOf":[{"properties":{"a":{"not":{"type":"null"}}},"required":["a"]},{"properties":{"a":{"const":true}},"required":["a"]},{"properties":{"b":{"not":{"type":"null"}}},"required":["b"]}]}}"#
            ]],
        );
    }

    #[test]
    fn other_rules_are_left_to_the_api_server() {
        for rule in ["size(self) >= size(oldSelf)", "self == oldSelf", "has(self.a) == 1", "1", "", "[has(self.a)"] {
            check(rule, expect!["not stated"]);
        }
    }
}
