//! The lock of a pipeline's runs.

use serde_json::json;

use super::{Check, view::View};
use crate::{PipelineSpec, sight::Moment};

impl Check<'_> {
    /// Checks the name of the lock. It is rendered before a run starts, and so sees no step.
    pub(super) fn concurrency(&mut self, spec: &PipelineSpec) {
        let group = spec.concurrency.as_ref().and_then(|concurrency| concurrency.group.as_ref());
        if let Some(group) = group {
            let view = View::at(self.outline, Moment::RunStarts);
            self.value(&json!({"group": group}), &view, "spec.concurrency");
        }
    }
}
