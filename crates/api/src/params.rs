//! A run's parameters against the pipeline's declarations.

use std::fmt;

use serde_json::{Map, Value};
use sluice_expr::closest;

use crate::{Param, ParamType, ParamValue, pipeline::ParamValues};

/// What is wrong with one parameter of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamProblem {
    /// The parameter.
    pub name: String,
    /// What is wrong, and the remedy.
    pub message: String,
}

impl fmt::Display for ParamProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.params.{}: {}", self.name, self.message)
    }
}

/// The values that expressions see: what the run gives, else the defaults, parsed by their declared types. Every problem
/// at once, in the order of the declarations.
pub fn resolve(declared: &[Param], given: &ParamValues) -> Result<Map<String, Value>, Vec<ParamProblem>> {
    let mut values = Map::new();
    let mut problems = Vec::new();
    for param in declared {
        match (given.get(&param.name).or(param.default.as_ref()), param.required) {
            (Some(value), _) => match parse(param.r#type, value) {
                Ok(value) => {
                    values.insert(param.name.clone(), value);
                }
                Err(message) => problems.push(ParamProblem { name: param.name.clone(), message }),
            },
            (None, true) => {
                let message = "is required and missing: add it to the run".to_owned();
                problems.push(ParamProblem { name: param.name.clone(), message });
            }
            (None, false) => {
                values.insert(param.name.clone(), Value::Null);
            }
        }
    }
    for name in given.keys().filter(|name| !declared.iter().any(|param| param.name == **name)) {
        let known: Vec<&str> = declared.iter().map(|param| param.name.as_str()).collect();
        let remedy = match closest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None if known.is_empty() => "it has: none".to_owned(),
            None => format!("it has: {}", known.join(", ")),
        };
        let message = format!("the pipeline has no such parameter; {remedy}");
        problems.push(ParamProblem { name: name.clone(), message });
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// The value as its declared type, or what is wrong with it.
pub(crate) fn parse(declared: ParamType, value: &ParamValue) -> Result<Value, String> {
    match (declared, value) {
        (ParamType::String, ParamValue::String(text)) => Ok(Value::from(text.as_str())),
        (ParamType::String, ParamValue::Integer(number)) => {
            Err(format!("must be a string, not the number {number}: write \"{number}\""))
        }
        (ParamType::Integer, ParamValue::Integer(number)) => Ok(Value::from(*number)),
        (ParamType::Integer, ParamValue::String(text)) => {
            text.parse::<i64>().map(Value::from).map_err(|_| format!("must be a whole number, not {text:?}"))
        }
        (ParamType::Boolean, ParamValue::String(text)) if text == "true" || text == "false" => {
            Ok(Value::from(text == "true"))
        }
        (ParamType::Boolean, ParamValue::String(text)) => Err(format!("must be \"true\" or \"false\", not {text:?}")),
        (ParamType::Boolean, ParamValue::Integer(number)) => {
            Err(format!("must be \"true\" or \"false\", not the number {number}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(declared: Value, given: Value) -> Result<Value, Vec<String>> {
        let declared: Vec<Param> = serde_json::from_value(declared).unwrap();
        let given: ParamValues = serde_json::from_value(given).unwrap();
        resolve(&declared, &given)
            .map(Value::Object)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_parsed_by_their_declared_types() {
        let declared = json!([
            {"name": "version", "type": "String"},
            {"name": "replicas", "type": "Integer", "default": 2},
            {"name": "canary", "type": "Boolean", "default": "false"},
            {"name": "note"},
        ]);
        assert_eq!(
            check(declared, json!({"version": "1.10", "replicas": "3"})),
            Ok(json!({"version": "1.10", "replicas": 3, "canary": false, "note": null}))
        );
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let declared = json!([
            {"name": "version", "type": "String", "required": true},
            {"name": "replicas", "type": "Integer", "required": true},
            {"name": "canary", "type": "Boolean"},
        ]);
        assert_eq!(
            check(declared, json!({"replicas": "many", "canary": "yes", "verison": 7})),
            Err(vec![
                "spec.params.version: is required and missing: add it to the run".to_owned(),
                "spec.params.replicas: must be a whole number, not \"many\"".to_owned(),
                "spec.params.canary: must be \"true\" or \"false\", not \"yes\"".to_owned(),
                "spec.params.verison: the pipeline has no such parameter; did you mean \"version\"?".to_owned(),
            ])
        );
    }

    #[test]
    fn a_bare_number_is_no_string_so_that_1_10_never_turns_into_1_1() {
        assert_eq!(
            check(json!([{"name": "version", "type": "String"}]), json!({"version": 2})),
            Err(vec!["spec.params.version: must be a string, not the number 2: write \"2\"".to_owned()])
        );
    }
}
