//! The order of the stages: what they need, and whether each can start.

use super::Check;
use crate::Code;

impl Check<'_> {
    /// Checks what a stage needs.
    pub(super) fn needs(&mut self, index: usize) {
        let stages = self.outline.stages;
        let stage = &stages[index];
        for (number, need) in stage.needs.iter().flatten().enumerate() {
            let path = format!("spec.stages[{index}].needs[{number}]");
            let Some(other) = stages.iter().position(|other| other.name == *need) else {
                self.unknown_need(need, path);
                continue;
            };
            if other == index {
                let message = format!("stage {need:?} needs itself");
                self.mistake(Code::Circle, path, message, "take it from its needs".to_owned());
            } else if other > index
                && let Some(way) = self.outline.order.way(other, index, index)
            {
                // Told once: at the first stage of the circle, which always says what it needs.
                let circle = self.circle([index].into_iter().chain(way));
                let message = format!("the stages need each other: {circle}");
                let help = "take one of them from the needs of the stage before it in this circle; without `needs`, a stage needs \
                            the one above it"
                    .to_owned();
                self.mistake(Code::Circle, path, message, help);
            }
        }
        self.reachable(index);
    }

    fn unknown_need(&mut self, need: &str, path: String) {
        match self.outline.place(need) {
            Some((stage, _)) => {
                let stage = &self.outline.stages[stage].name;
                let message = format!("{need:?} is a step of stage {stage:?}, and stages need stages");
                self.mistake(Code::UnknownReference, path, message, format!("write {stage:?}"));
            }
            None => {
                let known = self.outline.stages.iter().map(|stage| stage.name.as_str());
                self.unknown("stage", need, known, path);
            }
        }
    }

    /// Reports a stage that waits for a circle. Those of the circle itself are told of already.
    fn reachable(&mut self, index: usize) {
        let order = &self.outline.order;
        let stages = self.outline.stages;
        let turns = |stage: usize| order.is_after(stage, stage);
        if turns(index) {
            return;
        }
        let Some(cause) = (0..stages.len()).find(|other| order.is_after(index, *other) && turns(*other)) else {
            return;
        };
        let back = order.needs(cause).iter().filter_map(|need| order.way(*need, cause, 0)).min_by_key(Vec::len);
        let circle = self.circle([cause].into_iter().chain(back.into_iter().flatten()));
        let name = &stages[index].name;
        let message = format!("stage {name:?} can never start: it needs stages that need each other: {circle}");
        self.mistake(Code::Unreachable, format!("spec.stages[{index}]"), message, "break that circle".to_owned());
    }

    /// The names of stages, each of which needs the next.
    fn circle(&self, stages: impl Iterator<Item = usize>) -> String {
        let names: Vec<&str> = stages.map(|stage| self.outline.stages[stage].name.as_str()).collect();
        names.join(" -> ")
    }
}
