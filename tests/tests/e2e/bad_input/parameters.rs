//! Parameters that do not fit their declarations.

use serde_json::json;

use super::Trouble;
use crate::short::{condition, pipeline_with, run_with};

#[tokio::test]
async fn each_is_named_with_its_remedy_and_all_at_once() {
    let trouble = Trouble::open().await;
    let declared = "\
params:
- {name: version, type: String, required: true}
- {name: replicas, type: Integer, default: 2}
- {name: canary, type: Boolean, default: 'false'}
";
    trouble.apply(&pipeline_with("web", "- {name: a, set: {values: {x: '${{ params.replicas + 1 }}'}}}", declared));
    let missing = "spec.params.version: is required and missing: add it to the run";
    let whole = "spec.params.replicas: must be a whole number, not \"many\"";
    let unknown = "spec.params.verison: the pipeline has no such parameter; did you mean \"version\"?";
    let wrong = [
        ("missing", json!({}), missing.to_owned()),
        ("integer", json!({"version": "1", "replicas": "many"}), whole.to_owned()),
        (
            "string",
            json!({"version": 2}),
            "spec.params.version: must be a string, not the number 2: write \"2\"".to_owned(),
        ),
        (
            "boolean",
            json!({"version": "1", "canary": "yes"}),
            "spec.params.canary: must be \"true\" or \"false\", not \"yes\"".to_owned(),
        ),
        ("unknown", json!({"version": "1", "verison": "1"}), unknown.to_owned()),
        ("all", json!({"verison": "1", "replicas": "many"}), format!("{missing}; {whole}; {unknown}")),
    ];
    for (name, params, _) in &wrong {
        trouble.apply(&run_with(name, "web", params.clone()));
    }
    trouble.apply(&run_with("right", "web", json!({"version": "1", "replicas": 41})));
    for (name, _, message) in &wrong {
        let run = trouble.team.ended(name).await;
        assert_eq!(condition(&run), ("False", "InvalidParameters", &**message), "{name}");
        assert_eq!(run["status"]["message"], **message);
    }
    trouble.team.succeeded("right").await;
    trouble.no_harm().await;
}
