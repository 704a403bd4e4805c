//! Fields as rows of a table: the path, the type with its limits, the default, the description.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::markdown::{code, table};

/// The fields below this schema, to any depth, required ones first. `elsewhere` says where the reader finds what is in a
/// field, if it is not told here.
pub(super) fn fields(schema: &JSONSchemaProps, elsewhere: impl Fn(&str) -> Option<String>) -> String {
    let mut rows = Vec::new();
    collect(schema, "", &elsewhere, &mut rows);
    table(["Field", "Type", "Default", "Description"], &rows)
}

/// What the schema's rules say, each as a sentence.
pub(super) fn rules(schema: &JSONSchemaProps) -> Vec<String> {
    let rules = schema.x_kubernetes_validations.iter().flatten();
    let mut messages: Vec<String> = rules.filter_map(|rule| rule.message.clone()).collect();
    messages.dedup();
    messages
}

fn collect(
    schema: &JSONSchemaProps,
    path: &str,
    elsewhere: &impl Fn(&str) -> Option<String>,
    rows: &mut Vec<[String; 4]>,
) {
    let is_required = |name: &str| schema.required.iter().flatten().any(|required| required == name);
    let mut fields: Vec<_> = schema.properties.iter().flatten().collect();
    fields.sort_by_key(|(name, _)| !is_required(name));
    for (name, field) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let elsewhere_of_field = elsewhere(&path);
        rows.push(row(&path, field, is_required(name), elsewhere_of_field.as_deref()));
        if elsewhere_of_field.is_some() {
            continue;
        }
        match below(field) {
            Below::Itself => collect(field, &path, elsewhere, rows),
            Below::Items(items) => collect(items, &format!("{path}[]"), elsewhere, rows),
            Below::Values(values) => collect(values, &format!("{path}.NAME"), elsewhere, rows),
        }
    }
}

/// Where the fields of a field are.
enum Below<'a> {
    Itself,
    Items(&'a JSONSchemaProps),
    Values(&'a JSONSchemaProps),
}

fn below(field: &JSONSchemaProps) -> Below<'_> {
    match (&field.items, &field.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => Below::Items(items),
        (_, Some(JSONSchemaPropsOrBool::Schema(values))) => Below::Values(values),
        _ => Below::Itself,
    }
}

/// What a list or a map is made of; anything else is made of itself.
pub(super) fn element(schema: &JSONSchemaProps) -> &JSONSchemaProps {
    match below(schema) {
        Below::Items(element) | Below::Values(element) => element,
        Below::Itself => schema,
    }
}

fn row(path: &str, field: &JSONSchemaProps, is_required: bool, elsewhere: Option<&str>) -> [String; 4] {
    let mut description = field.description.clone().unwrap_or_default();
    let mut stated = rules(field);
    match (elsewhere, below(field)) {
        (Some(elsewhere), _) => description.push_str(&format!(" {elsewhere}")),
        (None, Below::Items(element) | Below::Values(element)) => {
            description.push_str(&element.description.as_ref().map(|text| format!(" {text}")).unwrap_or_default());
            stated.extend(rules(element));
        }
        (None, Below::Itself) => {}
    }
    stated.iter().for_each(|rule| description.push_str(&format!("\n- Rule: {rule}.")));
    let limits = limits(field);
    let r#type = if limits.is_empty() { type_name(field) } else { format!("{}; {limits}", type_name(field)) };
    let default = if is_required { "required".to_owned() } else { default(field) };
    [code(path), r#type, default, description]
}

/// The schema's default, or what the comment says holds "unless set".
fn default(field: &JSONSchemaProps) -> String {
    if let Some(JSON(default)) = &field.default {
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        return code(&text);
    }
    let said = field.description.as_deref().and_then(|text| text.split_once("` unless set"));
    let said = said.and_then(|(before, _)| before.rsplit_once('`'));
    said.map(|(_, value)| code(value)).unwrap_or_default()
}

fn type_name(field: &JSONSchemaProps) -> String {
    let name = field.type_.as_deref().unwrap_or_default();
    let is_duration = field.pattern.as_deref() == Some(sluice_api::Duration::PATTERN);
    match (name, below(field)) {
        _ if field.x_kubernetes_int_or_string == Some(true) => "string or integer".to_owned(),
        (_, Below::Items(items)) => format!("list of {}", plural(&type_name(items))),
        (_, Below::Values(values)) => format!("map of {}", plural(&type_name(values))),
        ("", _) => "any value".to_owned(),
        ("object", _) if field.x_kubernetes_preserve_unknown_fields == Some(true) => "map of any values".to_owned(),
        ("string", _) if field.enum_.is_some() => "word".to_owned(),
        ("string", _) if is_duration => "duration".to_owned(),
        ("string", _) if field.format.as_deref() == Some("date-time") => "time".to_owned(),
        _ => name.to_owned(),
    }
}

fn plural(name: &str) -> String {
    match name.split_once(' ') {
        Some((first, rest)) if first == "string" => format!("{first}s {}", rest.replace("integer", "integers")),
        Some((first, rest)) => format!("{first}s {rest}"),
        None => format!("{name}s"),
    }
}

/// The limits of a field, such as `1 to 63 characters`.
fn limits(field: &JSONSchemaProps) -> String {
    if field.enum_.is_some() || field.pattern.as_deref() == Some(sluice_api::Duration::PATTERN) {
        return String::new();
    }
    let size = range(field.min_length, field.max_length, " characters")
        .or_else(|| range(field.min_items, field.max_items, " entries"))
        .or_else(|| range(field.min_properties, field.max_properties, " entries"));
    #[expect(clippy::cast_possible_truncation, reason = "every number of ours is an integer")]
    let whole = |number: Option<f64>| number.map(|number| number as i64);
    let value = range(whole(field.minimum), whole(field.maximum), "");
    size.or(value).unwrap_or_default()
}

fn range(from: Option<i64>, to: Option<i64>, of: &str) -> Option<String> {
    match (from, to) {
        (None, None) => None,
        (Some(from), None) => Some(format!("at least {from}{of}")),
        (None, Some(to)) => Some(format!("at most {to}{of}")),
        (Some(from), Some(to)) => Some(format!("{from} to {to}{of}")),
    }
}
