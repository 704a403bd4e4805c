//! Sources: names that expressions can use, and runs that can start.

use super::{Check, object_names::object_name};
use crate::{Code, PipelineSpec, Source};

impl Check<'_> {
    pub(super) fn sources(&mut self, spec: &PipelineSpec) {
        for (index, source) in spec.sources.iter().enumerate() {
            let Source { name, pipeline_ref, stage: _, start } = source;
            let path = format!("spec.sources[{index}]");
            // That each is there once is a rule of the list.
            self.name(name, format!("{path}.name"), |_| true);
            self.mistakes.extend(object_name(&pipeline_ref.name, format!("{path}.pipelineRef.name"), "a Pipeline"));
            if *start {
                self.params_of_start(name, spec, &format!("{path}.start"));
            }
        }
    }

    fn params_of_start(&mut self, source: &str, spec: &PipelineSpec, path: &str) {
        for param in spec.params.iter().filter(|param| param.required) {
            let message = format!(
                "the parameter {:?} is required, and nothing gives it a value in a run that a good run starts",
                param.name
            );
            let help =
                format!("give it a default in the place of required, or read sources.{source}.outputs in its place");
            self.mistake(Code::WrongParameters, path.to_owned(), message, help);
        }
    }
}
