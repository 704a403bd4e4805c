//! The static check of an Environment: every mistake that can be seen before a stage uses it, all at once.

use std::collections::BTreeSet;

use serde_json::Value;
use sluice_engine::{MAX_DEPTH, nests_at_most};

use super::{Mistake, object_names::object_name};
use crate::{
    Code, EnvironmentSpec, OnUpdate, Target,
    environment::{EVERY_PIPELINE, MAX_TARGET_NAME},
};

/// Every mistake of an Environment, in the order of its text.
pub fn environment(spec: &EnvironmentSpec) -> Vec<Mistake> {
    let EnvironmentSpec {
        targets,
        allowed_pipelines,
        approval: _,
        service_account_name,
        components,
        update_history_limit: _,
    } = spec;
    let mut found = Found::default();
    let mut known = BTreeSet::new();
    for (index, target) in targets.iter().enumerate() {
        found.target(target, &format!("spec.targets[{index}]"));
        found.unique(&target.name, &mut known, format!("spec.targets[{index}].name"));
    }
    for (index, pipeline) in allowed_pipelines.iter().enumerate().filter(|(_, pipeline)| *pipeline != EVERY_PIPELINE) {
        found.object_name(pipeline, format!("spec.allowedPipelines[{index}]"), "a Pipeline");
    }
    if let Some(account) = service_account_name {
        found.object_name(account, "spec.serviceAccountName".to_owned(), "a service account");
    }
    let mut known = BTreeSet::new();
    for (index, component) in components.iter().enumerate() {
        let path = format!("spec.components[{index}]");
        found.unique(&component.name, &mut known, format!("{path}.name"));
        if let Some(OnUpdate { deploy }) = &component.on_update {
            found.object_name(
                &deploy.pipeline_ref.name,
                format!("{path}.onUpdate.deploy.pipelineRef.name"),
                "a Pipeline",
            );
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Mistake>);

impl Found {
    fn add(&mut self, code: Code, path: String, message: String, help: &str) {
        self.0.push(Mistake { code, path, place: None, message, help: Some(help.to_owned()) });
    }

    fn target(&mut self, Target { name, parameters }: &Target, path: &str) {
        if name.trim().is_empty() || name.chars().any(char::is_control) || name.chars().count() > MAX_TARGET_NAME {
            let help = "use 1 to 63 characters that can be seen: it names the target in the status of runs";
            self.add(Code::InvalidValue, format!("{path}.name"), format!("{name:?} is no name of a target"), help);
        }
        let mut parameters = parameters.iter();
        if let Some((member, _)) = parameters.find(|(_, value): &(_, &Value)| !nests_at_most(value, MAX_DEPTH - 1)) {
            let message = format!("it nests deeper than {MAX_DEPTH} levels");
            self.add(Code::InvalidValue, format!("{path}.{member}"), message, "flatten it");
        }
    }

    fn unique<'n>(&mut self, name: &'n str, known: &mut BTreeSet<&'n str>, path: String) {
        if !known.insert(name) {
            self.add(Code::DuplicateItem, path, format!("{name:?} is there twice"), "give it a name of its own");
        }
    }

    fn object_name(&mut self, name: &str, path: String, of: &str) {
        self.0.extend(object_name(name, path, of));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(spec: &str, expected: &Expect) {
        let spec: EnvironmentSpec = serde_saphyr::from_str(spec).unwrap();
        let found: String = environment(&spec).iter().map(|mistake| format!("{mistake}\n")).collect();
        expected.assert_eq(&found);
    }

    #[test]
    fn every_mistake_is_named_with_its_field_and_the_remedy() {
        check(
            r#"
targets: [{name: eu}, {name: " "}, {name: "a\tb"}, {name: eu, region: x}]
allowedPipelines: [deploy, Deploy, "*", "deploy-*"]
serviceAccountName: Deployer
components: [{name: web}, {name: Web/1}, {name: web, onUpdate: {deploy: {pipelineRef: {name: Deploy}}}}]
"#,
            &expect![[r#"
                spec.targets[1].name: " " is no name of a target; use 1 to 63 characters that can be seen: it names the target in the status of runs
                spec.targets[2].name: "a\tb" is no name of a target; use 1 to 63 characters that can be seen: it names the target in the status of runs
                spec.targets[3].name: "eu" is there twice; give it a name of its own
                spec.allowedPipelines[1]: "Deploy" is no name of a Pipeline; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
                spec.allowedPipelines[3]: "deploy-*" is no name of a Pipeline; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
                spec.serviceAccountName: "Deployer" is no name of a service account; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
                spec.components[2].name: "web" is there twice; give it a name of its own
                spec.components[2].onUpdate.deploy.pipelineRef.name: "Deploy" is no name of a Pipeline; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            "#]],
        );
    }

    #[test]
    fn an_environment_may_be_empty() {
        check("{}", &expect![[""]]);
    }
}
