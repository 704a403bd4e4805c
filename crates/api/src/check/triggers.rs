//! Triggers: schedules whose times come, and the parameters of the runs that they start.

use super::Check;
use crate::{Code, Cron, PipelineSpec, PipelineTrigger, params, schedule};

impl Check<'_> {
    pub(super) fn triggers(&mut self, spec: &PipelineSpec) {
        for (index, trigger) in spec.triggers.iter().enumerate() {
            let path = format!("spec.triggers[{index}]");
            self.cron(&trigger.cron, spec, &format!("{path}.cron"));
            self.params_of_trigger(trigger, spec, &format!("{path}.params"));
        }
    }

    fn cron(&mut self, cron: &Cron, spec: &PipelineSpec, path: &str) {
        let Cron { schedule, time_zone, only_on_changes, catch_up: _, starting_deadline } = cron;
        if let Err(unusable) = schedule::Schedule::parse(schedule) {
            self.unusable(format!("{path}.schedule"), unusable);
        }
        if let Some(Err(unusable)) = time_zone.as_deref().map(schedule::zone) {
            self.unusable(format!("{path}.timeZone"), unusable);
        }
        if *only_on_changes && spec.sources.is_empty() {
            let help = "name the pipelines whose good runs are taken in spec.sources, or leave it out";
            let message = "the pipeline has no sources that could change";
            self.mistake(Code::InvalidValue, format!("{path}.onlyOnChanges"), message, help.to_owned());
        }
        if starting_deadline.is_some_and(|deadline| deadline.get().is_zero()) {
            let help = "set a longer time, or leave it out".to_owned();
            self.mistake(Code::InvalidValue, format!("{path}.startingDeadline"), "no run could start in time", help);
        }
    }

    fn unusable(&mut self, path: String, schedule::Unusable { message, help }: schedule::Unusable) {
        self.mistake(Code::InvalidValue, path, message, help);
    }

    fn params_of_trigger(&mut self, trigger: &PipelineTrigger, spec: &PipelineSpec, path: &str) {
        let problems = params::resolve(&spec.params, &trigger.params).err().unwrap_or_default();
        for problem in problems {
            let name = &problem.name;
            let is_declared = spec.params.iter().find(|param| param.name == *name);
            if trigger.params.contains_key(name) {
                self.mistake(Code::WrongParameters, format!("{path}.{name}"), problem.message, None);
            } else if is_declared.is_some_and(|param| param.required) {
                let message = format!("the parameter {name:?} is required, and the trigger gives no value");
                let help = "add one, or give the parameter a default in the place of required".to_owned();
                self.mistake(Code::WrongParameters, path.to_owned(), message, help);
            }
            // Else its default is wrong, which is said there.
        }
    }
}
