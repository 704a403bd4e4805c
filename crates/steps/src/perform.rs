//! [`Perform`]: what every step type does, and the dispatch to it.

use async_trait::async_trait;
use sluice_api::StepConfig;
use sluice_api::step::*;
use sluice_engine::{Failure, Outcome, Undone};

use crate::StepContext;

/// What a step type does. Which of the functions is called is decided by its [`sluice_engine::Nature`].
#[async_trait]
pub trait Perform: Sync {
    /// A step of this type as people write it, without its name. Every example is parsed, checked and shown in the
    /// documentation.
    const EXAMPLE: &'static str;

    /// What is wrong with the texts of the configuration that hold no expression.
    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Vec::new()
    }

    /// Computes the step: nothing outside is touched. For steps whose nature is `Pure`.
    fn compute(&self, context: &StepContext<'_>) -> Outcome {
        let _ = context;
        Outcome::Failed(Failure::definite("NotPure", "this step cannot be computed"))
    }

    /// Finds the effect, or creates it, or adopts it on a conflict. Called under a persisted claim only; called again
    /// with the same key after a crash. For steps whose nature is `Acts`.
    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        self.look(context).await
    }

    /// Looks whether what is waited for has happened. It changes nothing outside, and is called as often as needed.
    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        self.compute(context)
    }

    /// Takes the effect of this key back, as far as it is there, and touches nothing that does not carry the key. Called
    /// when the run was aborted, and before its stage is tried again, for steps that [undo](StepType::undoes) and whose
    /// effect was claimed, whatever came of it; called again with the same key after [`Undone::NotYet`], a transient
    /// failure or a crash. Nothing to take back is a success. What ends by itself from here on is done, unless the hooks of
    /// this run have to come after it.
    async fn undo(&self, context: &StepContext<'_>) -> Result<Undone, Failure> {
        let _ = context;
        Ok(Undone::Done)
    }
}

macro_rules! dispatch {
    ($($member:ident: $Type:ident),* $(,)?) => {
        /// See [`Perform::literal_mistakes`].
        pub(crate) fn literal_mistakes(config: &StepConfig) -> Vec<ConfigMistake> {
            match config { $(StepConfig::$Type(config) => config.literal_mistakes(),)* }
        }

        /// See [`Perform::compute`].
        pub fn compute(config: &StepConfig, context: &StepContext<'_>) -> Outcome {
            match config { $(StepConfig::$Type(config) => config.compute(context),)* }
        }

        /// See [`Perform::act`].
        pub async fn act(config: &StepConfig, context: &StepContext<'_>) -> Outcome {
            match config { $(StepConfig::$Type(config) => config.act(context).await,)* }
        }

        /// See [`Perform::look`].
        pub async fn look(config: &StepConfig, context: &StepContext<'_>) -> Outcome {
            match config { $(StepConfig::$Type(config) => config.look(context).await,)* }
        }

        /// See [`Perform::undo`].
        pub async fn undo(config: &StepConfig, context: &StepContext<'_>) -> Result<Undone, Failure> {
            match config { $(StepConfig::$Type(config) => config.undo(context).await,)* }
        }

        /// See [`Perform::EXAMPLE`]: of the step type, as manifests write it.
        pub fn example(step_type: &str) -> Option<&'static str> {
            let mut examples = STEP_TYPES.iter().zip([$(<$Type as Perform>::EXAMPLE),*]);
            examples.find(|(name, _)| name.as_str() == step_type).map(|(_, example)| example)
        }
    };
}

sluice_api::for_each_step!(dispatch);

#[cfg(test)]
mod tests {
    use sluice_api::PipelineSpec;

    use super::*;
    use crate::check;

    /// Earlier steps that examples may refer to.
    const BEFORE: &str = r#"
  - {name: openPr, pullRequest: {providerRef: {name: gitea}, repository: shop/gitops, title: t, edits: [{file: a.yaml, set: {path: a, value: 1}}]}}
  - {name: merged, pullRequestWait: {from: openPr}}
"#;

    #[test]
    fn every_example_is_a_step_without_a_mistake() {
        for step_type in STEP_TYPES.iter() {
            let example = example(step_type).unwrap();
            let indented = example.trim().replace('\n', "\n    ");
            let params = "params: [{name: version, required: true}, {name: application, required: true}]";
            let text = format!(
                "serviceAccountName: a\n{params}\nstages:\n- name: only\n  steps:{BEFORE}  - name: example\n    {indented}\n"
            );
            let spec: PipelineSpec =
                serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{step_type}: {error}\n{text}"));
            assert_eq!(check::pipeline("example", &spec), [], "{step_type}");
            assert_eq!(spec.stages[0].steps[2].config().unwrap().type_name(), *step_type);
        }
    }
}
