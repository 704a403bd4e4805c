//! The page of the step types.

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::json;
use sluice_api::RunIdentity;
use sluice_api::step::{Claim, STEP_TYPES};
use sluice_api::{Step, StepConfig};
use sluice_engine::{Nature, Outputs};

use super::markdown::{code, table};
use super::{Page, fields, markdown, schema_of, types};

const INTRODUCTION: &str = "\
# Step types

A step of a [Pipeline](pipeline.md) has exactly one of these beside its `name`, `when`, `retry` and `timeout`.

- A step that **computes** touches nothing outside and ends at once.
- A step that **reads** may be looked at as often as needed: after a crash it simply looks again.
- A step that **acts** is claimed in the run's status first, under a key that its effect carries. After a crash it looks for
  that effect before it acts again.

";

/// Fields that several step types have, with a section of their own: the field, and a step type to read it from.
const SHARED: &[(&str, &str)] = &[("edits", "pullRequest"), ("sources", "validate"), ("headers", "http")];

pub(super) fn page() -> Result<Page> {
    let schema = steps_schema()?;
    let list: String = STEP_TYPES.iter().map(|name| format!("- [`{name}`](#{})\n", name.to_lowercase())).collect();
    let mut text = format!("{}{INTRODUCTION}{list}", markdown::GENERATED);
    for name in STEP_TYPES.iter() {
        text.push_str(&section(name, field(&schema, name)?)?);
    }
    for (name, step_type) in SHARED {
        text.push_str(&shared(name, field(field(&schema, step_type)?, name)?));
    }
    Ok(Page { file: "steps.md".to_owned(), text })
}

/// The schema of a step in a stage.
fn steps_schema() -> Result<JSONSchemaProps> {
    let pipeline = schema_of("Pipeline")?;
    let stage = fields::element(field(field(&pipeline, "spec")?, "stages")?);
    let step = fields::element(field(stage, "steps")?);
    Ok(step.clone())
}

fn field<'a>(schema: &'a JSONSchemaProps, name: &str) -> Result<&'a JSONSchemaProps> {
    let field = schema.properties.as_ref().and_then(|fields| fields.get(name));
    field.with_context(|| format!("there is no field {name}"))
}

/// The section that tells what is in a field of this name, but not of that section itself.
fn elsewhere(path: &str) -> Option<String> {
    let last = path.rsplit('.').next().unwrap_or_default();
    SHARED.iter().find(|(name, _)| *name == last).map(|(name, _)| format!("See [{name}](#{name})."))
}

/// The section of a field that several step types have.
fn shared(name: &str, schema: &JSONSchemaProps) -> String {
    let element = fields::element(schema);
    let description = element.description.clone().unwrap_or_default();
    let rules: String = fields::rules(element).iter().map(|rule| format!("- **Rule**: {rule}.\n\n")).collect();
    format!("\n## {name}\n\n{description}\n\n{rules}{}", fields::fields(element, elsewhere))
}

fn section(name: &str, schema: &JSONSchemaProps) -> Result<String> {
    let example = sluice_steps::example(name).with_context(|| format!("{name} has no example"))?.trim();
    let config = parse(example).with_context(|| format!("the example of {name} is no step"))?;
    let description = schema.description.clone().unwrap_or_default();
    let rules: String = fields::rules(schema).iter().map(|rule| format!("- **Rule**: {rule}.\n")).collect();
    let fields = fields::fields(schema, elsewhere);
    let facts = facts(&config);
    let outputs = outputs(&config);
    Ok(format!("\n## {name}\n\n{description}\n\n```yaml\n{example}\n```\n\n{facts}{rules}\n{fields}{outputs}"))
}

fn parse(example: &str) -> Result<StepConfig> {
    let mut step: serde_json::Value = serde_saphyr::from_str(example)?;
    step["name"] = json!("example");
    let step: Step = serde_json::from_value(step)?;
    step.config().map_err(anyhow::Error::msg)
}

fn facts(config: &StepConfig) -> String {
    let nature = match config.nature() {
        Nature::Pure => "It **computes**.",
        Nature::Reads => "It **reads**.",
        Nature::Acts => "It **acts**.",
    };
    let timeout = match (config.nature(), config.default_timeout()) {
        (Nature::Pure, _) => String::new(),
        (_, Some(timeout)) => format!("- **Timeout** of an attempt unless set: {timeout}.\n"),
        (_, None) => "- **Timeout** of an attempt unless set: none.\n".to_owned(),
    };
    // A pull request's address, which only its step knows.
    let before = Outputs::from_iter([("url".to_owned(), json!("the pull request's URL"))]);
    let run = RunIdentity { name: "RUN".to_owned(), namespace: "NAMESPACE".to_owned(), ..RunIdentity::default() };
    let claim = Claim { run: &run, step: "example", key: "KEY", from: Some(&before) };
    let waits = config.waiting_on(&claim).filter(|_| config.nature() != Nature::Pure);
    let waits = waits.map(|target| format!("- **Waits** as `{:?}`, with the key `{}`.\n", target.kind, target.key));
    let sees: String = config
        .expressions()
        .iter()
        .map(|expression| {
            let extra: Vec<String> = expression.extra.iter().map(|(name, _)| code(name)).collect();
            let also = if extra.is_empty() { String::new() } else { format!(", and sees {} too", extra.join(", ")) };
            format!("- **Expression** `{}` yields {}{also}.\n", expression.path, expression.expected)
        })
        .collect();
    format!("- {nature}\n{timeout}{}{sees}", waits.unwrap_or_default())
}

fn outputs(config: &StepConfig) -> String {
    let leaves = types::leaves("", &config.outputs());
    let rows: Vec<[String; 2]> =
        leaves.into_iter().filter(|(path, _)| !path.is_empty()).map(|(path, r#type)| [code(&path), r#type]).collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("\nOutputs of the example:\n\n{}", table(["Output", "Type"], &rows))
    }
}
