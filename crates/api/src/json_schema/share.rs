//! What a schema contains more than once is written once: steps, for example, are in stages and in hooks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The schemas of a list's items and of a map's values.
const ELEMENTS: [&str; 2] = ["items", "additionalProperties"];

/// Moves the elements of lists and maps that occur more than once to the definitions, named after kind and field:
/// `PipelineStep`.
pub(super) fn share(schema: &mut Value, kind: &str, definitions: &mut Map<String, Value>) {
    let mut counts = BTreeMap::new();
    count(schema, &mut counts);
    Sharing { kind, counts, definitions }.replace(schema);
}

/// An element worth sharing: an object with fields.
fn element<'a>(field: &'a Value, place: &str) -> Option<&'a Value> {
    field.get(place).filter(|element| element.get("properties").is_some())
}

fn count(schema: &Value, counts: &mut BTreeMap<String, usize>) {
    for field in schema["properties"].as_object().into_iter().flat_map(Map::values) {
        count(field, counts);
    }
    for element in ELEMENTS.iter().filter_map(|place| element(schema, place)) {
        *counts.entry(element.to_string()).or_default() += 1;
        count(element, counts);
    }
}

struct Sharing<'a> {
    kind: &'a str,
    counts: BTreeMap<String, usize>,
    definitions: &'a mut Map<String, Value>,
}

impl Sharing<'_> {
    fn replace(&mut self, schema: &mut Value) {
        let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
        for (name, field) in fields {
            self.replace(field);
            for place in ELEMENTS {
                self.replace_element(name, field, place);
            }
        }
    }

    fn replace_element(&mut self, field: &str, schema: &mut Value, place: &str) {
        let Some(element) = element(schema, place) else { return };
        let is_shared = self.counts.get(&element.to_string()).is_some_and(|count| *count > 1);
        let mut element = element.clone();
        self.replace(&mut element);
        if is_shared {
            let name = format!("{}{}", self.kind, singular(field));
            let known = self.definitions.entry(&name).or_insert_with(|| element.clone());
            // Another element of the same name stays where it is.
            if *known == element {
                element = json!({"$ref": format!("#/definitions/{name}")});
            }
        }
        schema[place] = element;
    }
}

/// `steps`: `Step`.
fn singular(field: &str) -> String {
    let one = field.strip_suffix('s').unwrap_or(field);
    let mut letters = one.chars();
    let head = letters.next().map(|letter| letter.to_ascii_uppercase());
    head.into_iter().chain(letters).collect()
}
