//! The rules of a schema in CEL, `x-kubernetes-validations`, evaluated as for an object that is created.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};
use serde_json::Value;
use sluice_api::{Code, check::Mistake};
use sluice_expr::{EvaluationError, Expression, Scope};

use super::path;

/// What a rule calls the object as it was.
const BEFORE: &str = "oldSelf";

/// The rules of this schema that the value breaks.
pub(super) fn check(schema: &JSONSchemaProps, value: &Value, path: &str) -> Vec<Mistake> {
    let rules = schema.x_kubernetes_validations.iter().flatten();
    // A rule that fails to be evaluated is one about something that is wrong otherwise.
    let broken = rules.filter(|rule| matches!(holds(rule, value), Some(Ok(false))));
    let mistake = |rule: &ValidationRule| Mistake {
        code: Code::BrokenRule,
        path: path.to_owned(),
        place: None,
        message: match value {
            Value::Object(_) => format!("the fields of {} do not go together", path::field(path)),
            _ => format!("{} is not what it has to be", path::field(path)),
        },
        help: Some(rule.message.clone().unwrap_or_else(|| format!("keep the rule {}", rule.rule))),
    };
    broken.map(mistake).collect()
}

/// Whether the value keeps a rule; nothing where the rule is about a change.
fn holds(rule: &ValidationRule, value: &Value) -> Option<Result<bool, EvaluationError>> {
    let mut source = rule.rule.clone();
    if source.contains(BEFORE) {
        if rule.optional_old_self != Some(true) {
            return None;
        }
        source = source.replace(BEFORE, "optional.none()");
    }
    let expression = Expression::compile(&source).map_err(EvaluationError::from);
    Some(expression.and_then(|expression| expression.evaluate_bool(&Scope::new().with("self", value))))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    };
    use serde_json::json;

    use super::*;

    fn each_rule(schema: &JSONSchemaProps, visit: &mut impl FnMut(&JSONSchemaProps, &ValidationRule)) {
        schema.x_kubernetes_validations.iter().flatten().for_each(|rule| visit(schema, rule));
        schema.properties.iter().flat_map(|members| members.values()).for_each(|member| each_rule(member, visit));
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            each_rule(items, visit);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
            each_rule(values, visit);
        }
    }

    #[test]
    fn every_rule_of_the_definitions_can_be_evaluated_and_says_what_to_do() {
        let mut count = 0;
        for crd in sluice_api::crds() {
            let schema = crd.spec.versions[0].schema.as_ref().and_then(|it| it.open_api_v3_schema.clone()).unwrap();
            each_rule(&schema, &mut |schema, rule| {
                assert!(rule.message.is_some(), "{}", rule.rule);
                let empty = match schema.type_.as_deref() {
                    Some("object") => json!({}),
                    Some("array") => json!([]),
                    _ => json!("text"),
                };
                if let Some(Err(error)) = holds(rule, &empty) {
                    panic!("{}: {error}", rule.rule);
                }
                count += 1;
            });
        }
        assert!(count > 20, "{count}");
    }
}
