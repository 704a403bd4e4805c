//! An object against the schema of its kind, as the API server judges it: the same definitions that it is given.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::{Map, Value};
use sluice_api::{
    Code,
    check::Mistake,
    names::{LABEL_HELP, LABEL_PATTERN, NAME_HELP, NAME_PATTERN},
};
use sluice_expr::closest;

use super::{path, rules};

/// Everything that is wrong with a value that is an object of this schema. The value is as the API server would see it: with
/// defaults, see [`super::defaults`].
pub(super) fn check(schema: &JSONSchemaProps, value: &Value, path: &str) -> Checked {
    let mut check = Checked::default();
    check.value(schema, value, path);
    check
}

/// Only the fields that do not exist: what the API server looks for in a status that somebody writes, and then drops.
pub(super) fn check_fields(schema: &JSONSchemaProps, value: &Value, path: &str) -> Vec<Mistake> {
    check(schema, value, path).found.into_iter().filter(|mistake| mistake.code == Code::UnknownField).collect()
}

/// What was found.
#[derive(Default)]
pub(super) struct Checked {
    /// Everything that is wrong.
    pub(super) found: Vec<Mistake>,
    /// Where a rule is broken beside, which is not worth a word: something in it is wrong already.
    pub(super) broken: Vec<String>,
}

impl Checked {
    fn report(&mut self, code: Code, path: &str, message: String, help: impl Into<Option<String>>) {
        self.found.push(Mistake { code, path: path.to_owned(), place: None, message, help: help.into() });
    }

    fn value(&mut self, schema: &JSONSchemaProps, value: &Value, path: &str) {
        if schema.x_kubernetes_preserve_unknown_fields == Some(true) && schema.type_.is_none() {
            return;
        }
        if !is_of_type(schema, value) {
            return self.wrong_type(schema, value, path);
        }
        let before = self.found.len();
        self.one_of(schema, value, path);
        match value {
            Value::Object(members) => self.object(schema, members, path),
            Value::Array(items) => self.list(schema, items, path),
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            Value::Null | Value::Bool(_) => {}
        }
        let broken = rules::check(schema, value, path);
        if self.found.len() == before {
            self.found.extend(broken);
        } else {
            self.broken.extend(broken.into_iter().map(|mistake| mistake.path));
        }
    }

    fn wrong_type(&mut self, schema: &JSONSchemaProps, value: &Value, path: &str) {
        let expected = expected_type(schema);
        let help = match (schema.type_.as_deref(), value) {
            (Some("string"), Value::Bool(word)) => {
                format!("put it in quotes: without them YAML reads `on`, `yes` and the like as {word}")
            }
            (Some("string"), Value::Number(number))
                if schema.pattern.as_deref() == Some(sluice_api::Duration::PATTERN) =>
            {
                format!("say in which unit, as in `{number}s` or `{number}m`")
            }
            (Some("string"), Value::Array(_)) if path.ends_with(".forEach.in") => {
                "write an expression that yields a list, in quotes: `\"['eu', 'us']\"`".to_owned()
            }
            (Some("string") | None, Value::Number(_)) => {
                "put it in quotes, so that it stays as it is written".to_owned()
            }
            (Some("array"), _) => "write a list: each item begins with `- `".to_owned(),
            (Some("object"), _) => "write its fields below it, indented, or as `{field: value}`".to_owned(),
            (Some("integer" | "number" | "boolean"), Value::String(text)) if looks_right(schema, text) => {
                "leave out the quotes".to_owned()
            }
            (_, Value::Null) => "write a value, or take the line out".to_owned(),
            _ => format!("write {expected}"),
        };
        let message = format!("{} is {}, and has to be {expected}", path::field(path), describe(value));
        self.report(Code::WrongType, path, message, help);
    }

    fn one_of(&mut self, schema: &JSONSchemaProps, value: &Value, path: &str) {
        let Some(allowed) = &schema.enum_ else { return };
        if allowed.iter().any(|json| json.0 == *value) {
            return;
        }
        let words: Vec<String> = allowed.iter().map(|json| path::plain(&json.0)).collect();
        let meant = value.as_str().and_then(|text| meant(text, words.iter().map(String::as_str)));
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`? It takes {}", words.join(", ")),
            None => format!("write one of {}", words.join(", ")),
        };
        let message = format!("{} is not one of the values of {}", quoted(value), path::field(path));
        self.report(Code::UnknownValue, path, message, help);
    }

    fn object(&mut self, schema: &JSONSchemaProps, members: &Map<String, Value>, path: &str) {
        let none = std::collections::BTreeMap::new();
        let properties = schema.properties.as_ref().unwrap_or(&none);
        for (name, value) in members {
            let at = path::member(path, name);
            match (properties.get(name), &schema.additional_properties) {
                (Some(schema), _) => self.value(schema, value, &at),
                (None, Some(JSONSchemaPropsOrBool::Schema(schema))) => self.value(schema, value, &at),
                (None, Some(JSONSchemaPropsOrBool::Bool(true))) => {}
                (None, _) if schema.x_kubernetes_preserve_unknown_fields == Some(true) => {}
                (None, _) => self.unknown_field(properties.keys(), name, path),
            }
        }
        for name in schema.required.iter().flatten().filter(|name| !members.contains_key(*name)) {
            let message = format!("{} has no `{name}`, which it needs", path::field(path));
            let help = properties.get(name).map(|schema| format!("add `{name}`: {}", purpose(schema)));
            self.report(Code::MissingField, &path::member(path, name), message, help);
        }
        let bounds = (schema.min_properties, schema.max_properties);
        self.length(bounds, members.len(), "member", path);
    }

    fn unknown_field<'a>(&mut self, known: impl Iterator<Item = &'a String>, name: &str, path: &str) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let help = match meant(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "take it out".to_owned(),
            None => format!("it has {}", known.join(", ")),
        };
        let message = format!("{} has no field `{name}`", path::field(path));
        self.report(Code::UnknownField, &path::member(path, name), message, help);
    }

    fn list(&mut self, schema: &JSONSchemaProps, items: &[Value], path: &str) {
        if let Some(JSONSchemaPropsOrArray::Schema(of_items)) = &schema.items {
            for (index, item) in items.iter().enumerate() {
                self.value(of_items, item, &path::item(path, index));
            }
        }
        self.length((schema.min_items, schema.max_items), items.len(), "item", path);
        match schema.x_kubernetes_list_type.as_deref() {
            Some("set") => self.unique(items, path, |item| Some((item.clone(), None))),
            Some("map") => {
                let keys = schema.x_kubernetes_list_map_keys.clone().unwrap_or_default();
                self.unique(items, path, |item| {
                    let values: Option<Vec<Value>> = keys.iter().map(|key| item.get(key).cloned()).collect();
                    Some((Value::Array(values?), keys.first().cloned()))
                });
            }
            _ => {}
        }
    }

    /// `key` gives what has to be unique, and the field that it is.
    fn unique(&mut self, items: &[Value], path: &str, key: impl Fn(&Value) -> Option<(Value, Option<String>)>) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some((key, field)) = key(item) else { continue };
            if seen.insert(key.to_string()) {
                continue;
            }
            let first = key.as_array().and_then(|keys| keys.first()).unwrap_or(&key);
            let at = path::item(path, index);
            let at = field.as_ref().map_or(at.clone(), |field| path::member(&at, field));
            let message = format!("{} has {} twice", path::field(path), quoted(first));
            let help =
                field.map_or("take one of them out".to_owned(), |field| format!("give each a `{field}` of its own"));
            self.report(Code::DuplicateItem, &at, message, help);
        }
    }

    fn text(&mut self, schema: &JSONSchemaProps, text: &str, path: &str) {
        self.length((schema.min_length, schema.max_length), text.chars().count(), "character", path);
        if let Some(pattern) = &schema.pattern
            && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            let message = format!("{} does not look like {}", quoted(&Value::from(text)), looks(pattern, path));
            self.report(Code::WrongPattern, path, message, pattern_help(pattern));
        }
        if schema.format.as_deref() == Some("date-time") && text.parse::<k8s_openapi::jiff::Timestamp>().is_err() {
            let message = format!("{} is no point in time", quoted(&Value::from(text)));
            self.report(Code::WrongPattern, path, message, "write it like 2026-01-31T15:04:05Z".to_owned());
        }
    }

    fn number(&mut self, schema: &JSONSchemaProps, number: f64, path: &str) {
        let too_small = schema.minimum.filter(|minimum| number < *minimum);
        let too_large = schema.maximum.filter(|maximum| number > *maximum);
        let help = match (schema.minimum, schema.maximum) {
            (Some(minimum), Some(maximum)) => format!("write a number from {minimum} to {maximum}"),
            (Some(minimum), None) => format!("write a number from {minimum} on"),
            (None, Some(maximum)) => format!("write a number up to {maximum}"),
            (None, None) => String::new(),
        };
        if too_small.or(too_large).is_some() {
            let what = if too_small.is_some() { "small" } else { "large" };
            self.report(Code::OutOfRange, path, format!("{number} is too {what} for {}", path::field(path)), help);
        }
    }

    fn length(&mut self, (least, most): (Option<i64>, Option<i64>), len: usize, unit: &str, path: &str) {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let count = |number: i64| match number {
            1 => format!("one {unit}"),
            number => format!("{number} {unit}s"),
        };
        let field = path::field(path);
        if let Some(least) = least.filter(|least| len < *least) {
            let is_empty = len == 0 && least == 1;
            let message =
                if is_empty { format!("{field} is empty") } else { format!("{field} has only {}", count(len)) };
            self.report(Code::WrongLength, path, message, format!("write at least {}", count(least)));
        }
        if let Some(most) = most.filter(|most| len > *most) {
            let message = format!("{field} has {}, which is too many", count(len));
            self.report(Code::WrongLength, path, message, format!("write at most {}", count(most)));
        }
    }
}

/// The candidate that was probably meant: by its letters, or as the beginning of one of them only.
fn meant<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    closest(word, candidates.clone()).or_else(|| {
        let word = word.to_lowercase();
        let mut longer = candidates.filter(|candidate| word.len() > 2 && candidate.to_lowercase().starts_with(&word));
        longer.next().filter(|_| longer.next().is_none())
    })
}

fn is_of_type(schema: &JSONSchemaProps, value: &Value) -> bool {
    if schema.x_kubernetes_int_or_string == Some(true) {
        return value.is_string() || value.is_i64();
    }
    match schema.type_.as_deref() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64(),
        Some(_) => false,
    }
}

fn expected_type(schema: &JSONSchemaProps) -> &'static str {
    if schema.x_kubernetes_int_or_string == Some(true) {
        return "a text or a whole number";
    }
    match schema.type_.as_deref() {
        Some("object") => "an object",
        Some("array") => "a list",
        Some("boolean") => "true or false",
        Some("number") => "a number",
        Some("integer") => "a whole number",
        _ => "a text",
    }
}

fn looks_right(schema: &JSONSchemaProps, text: &str) -> bool {
    match schema.type_.as_deref() {
        Some("boolean") => matches!(text, "true" | "false"),
        Some("integer") => text.parse::<i64>().is_ok(),
        _ => text.parse::<f64>().is_ok(),
    }
}

/// What a value is, for people.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn quoted(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = path::plain(value);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// The first sentence of a field's documentation.
fn purpose(schema: &JSONSchemaProps) -> String {
    let text = schema.description.as_deref().unwrap_or("see `kubectl explain`");
    let first = text.split_inclusive(['.', ':', '\n']).next().unwrap_or(text);
    first.trim_end_matches(['.', ':', '\n']).to_owned()
}

fn looks(pattern: &str, path: &str) -> String {
    match pattern {
        sluice_api::Duration::PATTERN => "a duration".to_owned(),
        NAME_PATTERN | LABEL_PATTERN => "a name".to_owned(),
        _ => path::field(path),
    }
}

fn pattern_help(pattern: &str) -> String {
    match pattern {
        sluice_api::Duration::PATTERN => {
            "write whole numbers with the units h, m, s or ms, as in 90s or 1h30m".to_owned()
        }
        NAME_PATTERN => NAME_HELP.to_owned(),
        LABEL_PATTERN => LABEL_HELP.to_owned(),
        _ => format!("it has to match {pattern}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every keyword of a schema and of what is in it.
    fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
        let Some(members) = schema.as_object() else { return };
        for (keyword, value) in members {
            found.insert(keyword.clone());
            match keyword.as_str() {
                "properties" => value.as_object().into_iter().flat_map(Map::values).for_each(|it| keywords(it, found)),
                "items" | "additionalProperties" => keywords(value, found),
                _ => {}
            }
        }
    }

    #[test]
    fn the_definitions_say_nothing_that_is_not_checked() {
        let mut found = BTreeSet::new();
        for crd in sluice_api::crds() {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
            keywords(&schema["openAPIV3Schema"], &mut found);
        }
        let checked = [
            "additionalProperties",
            "default",
            "description",
            "enum",
            "format",
            "items",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
            "minItems",
            "minLength",
            "minProperties",
            "minimum",
            "pattern",
            "properties",
            "required",
            "title",
            "type",
            "x-kubernetes-int-or-string",
            "x-kubernetes-list-map-keys",
            "x-kubernetes-list-type",
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-validations",
        ];
        let checked: BTreeSet<String> = checked.map(str::to_owned).into();
        assert_eq!(found.difference(&checked).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
