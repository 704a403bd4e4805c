//! Types of values in expressions, as rows of a table.

use sluice_expr::Type;

/// The values in a type, each with its path below `prefix` and its type.
pub(super) fn leaves(prefix: &str, r#type: &Type) -> Vec<(String, String)> {
    match r#type {
        Type::Object(members) if !members.is_empty() => {
            let path = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            members.iter().flat_map(|(name, member)| leaves(&path(name), member)).collect()
        }
        Type::List(element) if matches!(**element, Type::Object(_)) => leaves(&format!("{prefix}[]"), element),
        other => vec![(prefix.to_owned(), name(other))],
    }
}

/// The name of a type.
pub(super) fn name(r#type: &Type) -> String {
    match r#type {
        Type::List(element) => format!("list of {}", name(element)),
        Type::Map(value) => format!("map of {}", name(value)),
        Type::Any => "any".to_owned(),
        other => other.to_string().trim_start_matches("a ").trim_start_matches("an ").to_owned(),
    }
}
