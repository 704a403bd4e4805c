//! The static check of a pipeline: every mistake that can be seen before it runs, all at once.
//!
//! The controller shows the same list in the condition `Ready`, and a run of a pipeline with mistakes does not start.

mod bound;
mod concurrency;
mod environment;
mod expressions;
mod flow;
mod hooks;
mod names;
mod object_names;
mod on_update;
mod outline;
mod receiver;
mod sources;
mod stages;
mod steps;
mod triggers;
mod unseen;
mod view;

use std::{fmt, ops::Range};

use crate::{Code, Duration, ParamType, PipelineSpec, params};

use outline::Outline;

pub use environment::environment;
pub(crate) use names::{is_name, is_reserved};
pub use on_update::{InVain, UPDATE_PARAMS, in_vain, unfit_for_updates};
pub use receiver::{component_update, receiver};

/// One mistake in a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What sort of mistake it is.
    pub code: Code,
    /// The field, such as `spec.stages[0].steps[1].when`.
    pub path: String,
    /// Where in the field's text; `None` is the whole field.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Where in a field's text a mistake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In bytes.
    pub span: Range<usize>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The character of that line, from 1.
    pub column: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, help, .. } = self;
        match &self.place {
            Some(Place { line: 1, column, .. }) => write!(f, "{path} (at character {column}): {message}"),
            Some(Place { line, column, .. }) => write!(f, "{path} (line {line}, character {column}): {message}"),
            None => write!(f, "{path}: {message}"),
        }?;
        help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// Every mistake of a pipeline, in the order of its text.
pub fn pipeline(spec: &PipelineSpec) -> Vec<Mistake> {
    let mut check = Check { outline: &Outline::of(spec), mistakes: Vec::new() };
    check.params(spec);
    check.timeout(spec.timeout, "spec.timeout".to_owned());
    check.ttl(spec.ttl_after_finished);
    check.sources(spec);
    check.triggers(spec);
    check.concurrency(spec);
    check.unique_names(spec);
    for index in 0..spec.stages.len() {
        check.stage(index);
    }
    for (index, hook) in spec.hooks.iter().enumerate() {
        check.hook(hook, &format!("spec.hooks[{index}]"));
    }
    check.outputs(spec);
    check.mistakes
}

struct Check<'a> {
    outline: &'a Outline<'a>,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    fn mistake(&mut self, code: Code, path: String, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.mistakes.push(Mistake { code, path, place: None, message: message.into(), help: help.into() });
    }

    fn params(&mut self, spec: &PipelineSpec) {
        for (index, param) in spec.params.iter().enumerate() {
            if let Some(Err(message)) = param.default.as_ref().map(|value| params::parse(param.r#type, value)) {
                let declared = match param.r#type {
                    ParamType::String => "String",
                    ParamType::Integer => "Integer",
                    ParamType::Boolean => "Boolean",
                };
                let path = format!("spec.params[{index}].default");
                let message = format!("the default of a parameter of type {declared} {message}");
                let help = "change the default or the type".to_owned();
                self.mistake(Code::WrongDefault, path, message, help);
            }
        }
    }

    fn timeout(&mut self, timeout: Option<Duration>, path: String) {
        if timeout.is_some_and(|timeout| timeout.get().is_zero()) {
            let help = "set a longer time, or leave it out";
            self.mistake(Code::InvalidValue, path, "nothing can end within no time", Some(help.to_owned()));
        }
    }

    fn ttl(&mut self, ttl: Option<Duration>) {
        if ttl.is_some_and(|ttl| ttl.get().is_zero()) {
            let message = "nobody could read how a run ended";
            let help = "set a longer time, or leave it out";
            self.mistake(Code::InvalidValue, "spec.ttlAfterFinished".to_owned(), message, Some(help.to_owned()));
        }
    }
}
