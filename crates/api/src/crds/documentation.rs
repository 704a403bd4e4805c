//! What the definitions say about each field: all of the types' comments, where deriving keeps only a part.
//!
//! Deriving drops what the words of an enum mean, and the comment of an optional field whose type is an enum.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// The comments of an object with this spec and status.
pub(super) fn of<Spec: JsonSchema, Status: JsonSchema>() -> Value {
    json!({"properties": {"spec": comments::<Spec>(), "status": comments::<Status>()}})
}

fn comments<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Writes the comments into the schema: each as paragraphs and lists, and behind it what the words of an enum mean.
pub(super) fn write(schema: &mut JSONSchemaProps, comments: &Value) {
    if let Some(text) = comments["description"].as_str() {
        schema.description = Some(text.to_owned());
    }
    if let Some(text) = &mut schema.description {
        *text = unwrapped(text);
        if schema.enum_.is_some() {
            text.push_str(&words(comments));
        }
    }
    for (name, field) in schema.properties.iter_mut().flatten() {
        write(field, find(comments, "properties").map_or(&Value::Null, |fields| &fields[name]));
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        write(items, find(comments, "items").unwrap_or(&Value::Null));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        write(values, find(comments, "additionalProperties").unwrap_or(&Value::Null));
    }
}

/// A part of a schema, also of one that may be null.
fn find<'a>(comments: &'a Value, part: &str) -> Option<&'a Value> {
    let optional = comments["anyOf"].as_array().into_iter().flatten();
    std::iter::once(comments).chain(optional).find_map(|comments| comments.get(part))
}

/// The words of an enum as a list, each with its meaning.
fn words(comments: &Value) -> String {
    let words = find(comments, "oneOf").and_then(Value::as_array).into_iter().flatten();
    let item = |word: &Value| {
        let meaning = unwrapped(word["description"].as_str()?);
        Some(format!("\n- `{}`: {meaning}", word["const"].as_str()?))
    };
    let list: String = words.filter_map(item).collect();
    if list.is_empty() { list } else { format!("\n{list}") }
}

/// A comment without the line breaks of the source; paragraphs and the items of lists keep theirs.
fn unwrapped(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.lines() {
        let starts_anew = line.is_empty() || line.starts_with("- ") || text.ends_with('\n');
        if !text.is_empty() {
            text.push(if starts_anew { '\n' } else { ' ' });
        }
        text.push_str(if starts_anew { line } else { line.trim_start() });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_of_the_source_are_gone_and_those_of_the_text_are_kept() {
        let comment = "One sentence\nof two lines.\n\nA list:\n- one\n  and more\n- two";
        assert_eq!(unwrapped(comment), "One sentence of two lines.\n\nA list:\n- one and more\n- two");
        assert_eq!(unwrapped(&unwrapped(comment)), unwrapped(comment));
    }

    #[test]
    fn the_words_of_an_enum_are_explained() {
        let comments = json!({"anyOf": [
            {"oneOf": [{"const": "Now", "description": "At once."}, {"const": "Later", "description": "Some\nday."}]},
            {"type": "null"},
        ]});
        assert_eq!(words(&comments), "\n\n- `Now`: At once.\n- `Later`: Some day.");
    }
}
