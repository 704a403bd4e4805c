//! Says what an expression saw, so that a message tells why it was false.

use serde_json::Value;
use sluice_expr::{Expression, Scope};

use crate::text::cut;

/// How many of the values are shown, and how many characters of each.
const MAX_VALUES: usize = 6;
const MAX_VALUE: usize = 80;

/// ` (state.json.ready = 2, params.replicas = 3)`: the values that the expression read; empty when it read none.
pub(crate) fn values_read(source: &str, scope: &Scope<'_>) -> String {
    let Ok(expression) = Expression::compile(source) else { return String::new() };
    let mut read: Vec<&str> =
        expression.names().iter().filter_map(|reference| source.get(reference.span.clone())).collect();
    read.sort_unstable();
    read.dedup();
    let left_out = read.len().saturating_sub(MAX_VALUES);
    let mut shown: Vec<String> =
        read.into_iter().take(MAX_VALUES).map(|text| format!("{text} = {}", value_of(text, scope))).collect();
    if left_out > 0 {
        shown.push(format!("{left_out} more"));
    }
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}

fn value_of(text: &str, scope: &Scope<'_>) -> String {
    let value = Expression::compile(text).ok().and_then(|expression| expression.evaluate(scope).ok());
    value.map_or_else(|| "nothing".to_owned(), |value| short(&value))
}

/// A value as JSON, cut.
fn short(value: &Value) -> String {
    cut(&value.to_string(), MAX_VALUE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_values_that_were_read_are_shown_once_and_short() {
        let state = json!({"json": {"ready": 2, "long": "x".repeat(200)}, "items": [{"a": 1}]});
        let scope = Scope::new().with("state", &state);
        for (source, shown) in [
            ("state.json.ready == 3 || state.json.ready == 4", " (state.json.ready = 2)".to_owned()),
            ("state.json.gone == 3", " (state.json.gone = nothing)".to_owned()),
            ("state.items.all(x, x.a == 2)", " (state.items = [{\"a\":1}])".to_owned()),
            ("state.json['ready'] > 2", " (state.json['ready'] = 2)".to_owned()),
            ("1 == 2", String::new()),
            ("state.json.long == ''", format!(" (state.json.long = \"{}…)", "x".repeat(79))),
        ] {
            assert_eq!(values_read(source, &scope), shown, "{source}");
        }
    }
}
