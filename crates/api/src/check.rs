//! The static check of a pipeline: every mistake that can be seen before it runs, all at once.
//!
//! The controller shows the same list in the condition `Ready`, and a run of a pipeline with mistakes does not start.

use std::{collections::BTreeSet, fmt, ops::Range};

use sluice_engine::{MAX_DEPTH, nests_at_most};
use sluice_expr::{Diagnostic, Expression, Names, Type, check_value, value_names};

use crate::{
    Code, Duration, Hook, ParamType, PipelineSpec, Stage, Step, StepConfig, params,
    step::{ConfigMistake, STEP_TYPES, TakesFrom},
    variables::{self, ROOTS},
};

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
    let mut check =
        Check { mistakes: Vec::new(), names: variables::names(spec), all: all_steps(spec), past: Vec::new() };
    check.params(spec);
    check.timeout(spec.timeout, "spec.timeout".to_owned());
    check.ttl(spec.ttl_after_finished);
    check.unique_names(spec);
    for (index, stage) in spec.stages.iter().enumerate() {
        check.stage(stage, &format!("spec.stages[{index}]"));
    }
    for (index, hook) in spec.hooks.iter().enumerate() {
        check.hook(spec, hook, &format!("spec.hooks[{index}]"));
    }
    check.mistakes
}

/// Whether expressions can use it as a name.
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    name.len() <= 63
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric())
}

/// Whether CEL or Sluice keeps the word for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ];
    KEYWORDS.contains(&name) || ROOTS.contains(&name)
}

struct Check {
    mistakes: Vec<Mistake>,
    /// What every expression sees, without `steps`.
    names: Names,
    /// Every step of every stage, to tell an unknown one from one that runs later.
    all: BTreeSet<String>,
    /// The steps that have run before the one that is checked. One without a step type is not known any further.
    past: Vec<(String, Option<StepConfig>)>,
}

fn all_steps(spec: &PipelineSpec) -> BTreeSet<String> {
    spec.stages.iter().flat_map(|stage| stage.steps.iter().map(|step| step.name.clone())).collect()
}

impl Check {
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

    fn unique_names(&mut self, spec: &PipelineSpec) {
        let mut seen = BTreeSet::new();
        for (s, stage) in spec.stages.iter().enumerate() {
            self.name(&mut seen, &stage.name, format!("spec.stages[{s}].name"));
            for (t, step) in stage.steps.iter().enumerate() {
                self.name(&mut seen, &step.name, format!("spec.stages[{s}].steps[{t}].name"));
            }
        }
        let mut hooks = BTreeSet::new();
        for (h, hook) in spec.hooks.iter().enumerate() {
            self.name(&mut hooks, &hook.name, format!("spec.hooks[{h}].name"));
            let mut own = seen.clone();
            for (t, step) in hook.steps.iter().enumerate() {
                self.name(&mut own, &step.name, format!("spec.hooks[{h}].steps[{t}].name"));
            }
        }
    }

    fn name(&mut self, seen: &mut BTreeSet<String>, name: &str, path: String) {
        if is_reserved(name) {
            let message = format!("{name:?} is a word of the expression language");
            self.mistake(Code::ReservedName, path, message, "choose another name".to_owned());
        } else if !is_name(name) {
            let help = crate::names::NAME_HELP.to_owned();
            self.mistake(Code::InvalidName, path, format!("{name:?} is no name"), help);
        } else if !seen.insert(name.to_owned()) {
            let help = "the names of stages and steps are unique in a pipeline".to_owned();
            self.mistake(Code::DuplicateName, path, format!("{name:?} is used twice"), help);
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

    fn stage(&mut self, stage: &Stage, path: &str) {
        self.timeout(stage.timeout, format!("{path}.timeout"));
        if let Some(when) = &stage.when {
            let names = self.names_now();
            self.expression(when, &names, &Type::Bool, format!("{path}.when"));
        }
        for (index, step) in stage.steps.iter().enumerate() {
            let names = self.names_now();
            let config = self.step(step, &names, &format!("{path}.steps[{index}]"));
            self.past.push((step.name.clone(), config));
        }
    }

    fn hook(&mut self, spec: &PipelineSpec, hook: &Hook, path: &str) {
        let subject = hook.r#for.clone().unwrap_or_default();
        if let Some(name) = &subject.stage
            && !spec.stages.iter().any(|stage| stage.name == *name)
        {
            let known: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
            let help = format!("the pipeline has: {}", known.join(", "));
            self.mistake(
                Code::UnknownReference,
                format!("{path}.for.stage"),
                format!("there is no stage {name:?}"),
                help,
            );
        }
        if let Some(name) = &subject.step
            && !self.all.contains(name)
        {
            let known: Vec<&str> = self.all.iter().map(String::as_str).collect();
            let help = format!("the pipeline has: {}", known.join(", "));
            self.mistake(
                Code::UnknownReference,
                format!("{path}.for.step"),
                format!("there is no step {name:?}"),
                help,
            );
        }
        let before = self.past.len();
        for (index, step) in hook.steps.iter().enumerate() {
            let names = variables::with_failure(self.names_now());
            let config = self.step(step, &names, &format!("{path}.steps[{index}]"));
            self.past.push((step.name.clone(), config));
        }
        self.past.truncate(before);
    }

    fn names_now(&self) -> Names {
        variables::with_steps(self.names.clone(), &self.past)
    }

    /// Checks one step and returns its configuration, if it has one.
    fn step(&mut self, step: &Step, names: &Names, path: &str) -> Option<StepConfig> {
        self.timeout(step.timeout, format!("{path}.timeout"));
        if let Some(when) = &step.when {
            self.expression(when, names, &Type::Bool, format!("{path}.when"));
        }
        if let Some(when) = step.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            let names = variables::with_failure(names.clone());
            self.expression(when, &names, &Type::Bool, format!("{path}.retry.when"));
        }
        let config = match step.config() {
            Ok(config) => config,
            Err(message) => {
                let help = format!("set exactly one of {}", STEP_TYPES.join(", "));
                self.mistake(Code::StepType, path.to_owned(), message, help);
                return None;
            }
        };
        let path = format!("{path}.{}", config.type_name());
        self.templates(&config, names, &path);
        for bare in config.expressions() {
            let names = bare.extra.into_iter().fold(names.clone(), |names, (name, r#type)| names.with(name, r#type));
            self.expression(bare.source, &names, &bare.expected, format!("{path}.{}", bare.path));
        }
        if let Some(from) = config.takes_from() {
            self.takes_from(from, &path);
        }
        for ConfigMistake { field, message, help } in config.mistakes() {
            self.mistake(Code::InvalidValue, format!("{path}.{field}"), message, help);
        }
        Some(config)
    }

    fn templates(&mut self, config: &StepConfig, names: &Names, path: &str) {
        let value = match config.to_value() {
            Ok(value) => value,
            Err(error) => return self.mistake(Code::InvalidValue, path.to_owned(), error.to_string(), None),
        };
        if !nests_at_most(&value, MAX_DEPTH) {
            let message = format!("it nests deeper than {MAX_DEPTH} levels");
            let help = "flatten it, or write the inner part as a text".to_owned();
            return self.mistake(Code::InvalidValue, path.to_owned(), message, help);
        }
        let later = self.read_too_early(value_names(&value).into_iter().map(|located| (located.path, located.what)));
        for located in check_value(&value, names) {
            let diagnostic = later_or(&later, &located.path, located.what);
            self.diagnostic(diagnostic, format!("{path}.{}", located.path));
        }
    }

    fn expression(&mut self, source: &str, names: &Names, expected: &Type, path: String) {
        match Expression::compile(source) {
            Err(diagnostic) => self.diagnostic(diagnostic, path),
            Ok(expression) => {
                let read = expression.names().iter().map(|reference| (String::new(), reference.clone()));
                let later = self.read_too_early(read);
                for diagnostic in expression.check(names, expected) {
                    self.diagnostic(later_or(&later, "", diagnostic), path.clone());
                }
            }
        }
    }

    /// The references to steps that exist and have not run yet: where they stand, and what to say.
    fn read_too_early(
        &self,
        references: impl Iterator<Item = (String, sluice_expr::Reference)>,
    ) -> Vec<(String, Range<usize>, String)> {
        let too_early = references.filter_map(|(path, reference)| {
            let [root, step, ..] = reference.path.as_slice() else { return None };
            let runs_later =
                root == "steps" && self.all.contains(step) && !self.past.iter().any(|(past, _)| past == step);
            runs_later.then(|| {
                let message = format!("step `{step}` has not run yet here");
                (path, reference.span.clone(), message)
            })
        });
        too_early.collect()
    }

    fn takes_from(&mut self, from: TakesFrom<'_>, path: &str) {
        let TakesFrom { field, step, types } = from;
        let types_text = types.join(" or ");
        let (message, help) = match self.past.iter().find(|(name, _)| name == step) {
            Some((_, None)) => return,
            Some((_, Some(config))) if types.contains(&config.type_name().as_str()) => return,
            Some((_, Some(config))) => (
                format!("step {step:?} is of type {}", config.type_name()),
                format!("it has to be one of type {types_text}"),
            ),
            None if self.all.contains(step) => {
                (format!("step {step:?} has not run yet here"), "name an earlier step".to_owned())
            }
            None => (format!("there is no step {step:?}"), format!("name an earlier step of type {types_text}")),
        };
        self.mistake(Code::UnknownReference, format!("{path}.{field}"), message, help);
    }

    fn diagnostic(&mut self, diagnostic: Diagnostic, path: String) {
        let Diagnostic { code, message, span, line, column, help } = diagnostic;
        let place = Some(Place { span, line, column });
        self.mistakes.push(Mistake { code: code.into(), path, place, message, help });
    }
}

/// The diagnostic, or, where it is about a step that exists and runs later, one that says so.
fn later_or(later: &[(String, Range<usize>, String)], path: &str, diagnostic: Diagnostic) -> Diagnostic {
    let overlaps = |span: &Range<usize>| span.start <= diagnostic.span.start && diagnostic.span.end <= span.end;
    match later.iter().find(|(at, span, _)| at == path && overlaps(span)) {
        Some((_, _, message)) => {
            let help = Some("an expression sees the steps before it".to_owned());
            Diagnostic { message: message.clone(), help, ..diagnostic }
        }
        None => diagnostic,
    }
}
