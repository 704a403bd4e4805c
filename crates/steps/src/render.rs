//! Renders a step's configuration: every `${{ }}` replaced by its value.

use serde_json::Value;
use sluice_api::StepConfig;
use sluice_engine::{Failure, Outputs};
use sluice_expr::{Expression, Scope, render_value};

/// The configuration with every `${{ }}` replaced. Rendering is repeatable: a scope never changes under a claimed step.
pub(crate) fn config(config: &StepConfig, scope: &Scope<'_>) -> Result<StepConfig, Failure> {
    let step_type = config.type_name();
    let invalid = |message: String| Failure::definite("InvalidConfiguration", message);
    let value = config.to_value().map_err(|error| invalid(format!("{step_type}: {error}")))?;
    let rendered = render_value(&value, scope)
        .map_err(|located| Failure::definite("ExpressionFailed", format!("{step_type}.{located}")))?;
    config
        .from_rendered(rendered)
        .map_err(|error| invalid(format!("{step_type}: a rendered value does not fit: {error}")))
}

/// Evaluates a bare condition; `field` is where it stands.
pub(crate) fn condition(source: &str, field: &str, scope: &Scope<'_>) -> Result<bool, Failure> {
    let failed = |message: String| Failure::definite("ExpressionFailed", format!("{field}: {message}"));
    let expression = Expression::compile(source).map_err(|diagnostic| failed(diagnostic.to_string()))?;
    expression.evaluate_bool(scope).map_err(|error| failed(error.to_string()))
}

/// Evaluates a bare expression that yields a list; `field` is where it stands.
pub(crate) fn list(source: &str, field: &str, scope: &Scope<'_>) -> Result<Vec<Value>, Failure> {
    let failed = |message: String| Failure::definite("ExpressionFailed", format!("{field}: {message}"));
    let expression = Expression::compile(source).map_err(|diagnostic| failed(diagnostic.to_string()))?;
    match expression.evaluate(scope).map_err(|error| failed(error.to_string()))? {
        Value::Array(items) => Ok(items),
        _ => Err(failed("it yields no list".to_owned())),
    }
}

/// The values with every `${{ }}` replaced; `field` is where they stand.
pub(crate) fn values(values: &Outputs, field: &str, scope: &Scope<'_>) -> Result<Outputs, Failure> {
    let failed = |message: String| Failure::definite("ExpressionFailed", format!("{field}.{message}"));
    match render_value(&Value::Object(values.clone()), scope).map_err(|located| failed(located.to_string()))? {
        Value::Object(values) => Ok(values),
        _ => Err(failed(" they are no object".to_owned())),
    }
}

/// The text with every `${{ }}` replaced; `field` is where it stands.
pub(crate) fn value(template: &str, field: &str, scope: &Scope<'_>) -> Result<Value, Failure> {
    let failed = |message: String| Failure::definite("ExpressionFailed", format!("{field}: {message}"));
    render_value(&Value::String(template.to_owned()), scope).map_err(|located| failed(located.to_string()))
}
