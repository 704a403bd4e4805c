//! Names: what they look like, and that each is used once.

use std::collections::BTreeSet;

use super::Check;
use crate::{Code, PipelineSpec, names::NAME_HELP, variables::ROOTS};

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

/// The names that stand for one thing each.
#[derive(Default)]
struct Used<'a> {
    /// Those of stages and their steps.
    everywhere: BTreeSet<&'a str>,
    /// Those of one hook's steps.
    in_hook: BTreeSet<&'a str>,
}

impl Check<'_> {
    pub(super) fn unique_names(&mut self, spec: &PipelineSpec) {
        let mut used = Used::default();
        for (s, stage) in spec.stages.iter().enumerate() {
            self.name(&stage.name, format!("spec.stages[{s}].name"), |name| used.everywhere.insert(name));
            for (t, step) in stage.steps.iter().enumerate() {
                let path = format!("spec.stages[{s}].steps[{t}].name");
                self.name(&step.name, path, |name| used.everywhere.insert(name));
            }
        }
        let mut hooks = BTreeSet::new();
        for (h, hook) in spec.hooks.iter().enumerate() {
            self.name(&hook.name, format!("spec.hooks[{h}].name"), |name| hooks.insert(name));
            used.in_hook.clear();
            for (t, step) in hook.steps.iter().enumerate() {
                let path = format!("spec.hooks[{h}].steps[{t}].name");
                self.name(&step.name, path, |name| !used.everywhere.contains(name) && used.in_hook.insert(name));
            }
        }
    }

    /// Checks a name that an expression may use; `is_new` says whether nothing else has it, and takes it.
    pub(super) fn name<'n>(&mut self, name: &'n str, path: String, is_new: impl FnOnce(&'n str) -> bool) {
        if is_reserved(name) {
            let message = format!("{name:?} is a word of the expression language");
            self.mistake(Code::ReservedName, path, message, "choose another name".to_owned());
        } else if !is_name(name) {
            self.mistake(Code::InvalidName, path, format!("{name:?} is no name"), NAME_HELP.to_owned());
        } else if !is_new(name) {
            let help = "the names of stages and steps are unique in a pipeline".to_owned();
            self.mistake(Code::DuplicateName, path, format!("{name:?} is used twice"), help);
        }
    }
}
