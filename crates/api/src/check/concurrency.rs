//! The lock of a pipeline's runs.

use super::{Check, view::View};
use crate::{PipelineSpec, sight::Moment};

impl Check<'_> {
    /// Checks the name of the lock. It is rendered before a run starts, and so sees no step.
    pub(super) fn concurrency(&mut self, spec: &PipelineSpec) {
        let group = spec.concurrency.as_ref().and_then(|concurrency| concurrency.group.as_ref());
        if let Some(group) = group {
            let view = View::at(self.outline, Moment::RunBegins);
            self.text(group, &view, "spec.concurrency.group");
        }
    }
}
