//! What is said of names that exist, but not where they are read.

use sluice_expr::Reference;

use super::{
    outline::{At, Outline},
    view::{SeenStep, View},
};
use crate::sight::Moment;

/// Why something that exists is not seen at a place.
pub(super) struct Unseen {
    /// Whether it is a step that has not run there, or may not have.
    pub(super) is_too_early: bool,
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
}

const STEPS_BEFORE: &str = "an expression sees the steps before it";

impl Unseen {
    /// Why what is referred to is not seen; `None` when it does not exist anywhere, or is seen.
    pub(super) fn of(outline: &Outline<'_>, view: &View<'_>, reference: &Reference) -> Option<Self> {
        match reference.path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["steps", step, rest @ ..] => match view.step(outline, step) {
                Some(SeenStep::OfStage((stage, _))) if view.is_each(outline, stage) => {
                    let ["outputs", output, ..] = rest else { return None };
                    Some(each(outline, stage, step, output))
                }
                Some(_) => None,
                None => match outline.place(step) {
                    Some(at) => Some(Self::step(outline, view.moment, at)),
                    None => outline.hook_of(step).map(|hook| of_hook(step, hook)),
                },
            },
            ["environment", ..] if view.names.get("environment").is_none() => {
                Some(environment_of(outline, view.moment))
            }
            ["environment", "targets", ..] => Some(targets()),
            [item, ..] if view.names.get(item).is_none() => item_of(outline, item),
            _ => None,
        }
    }

    /// Why this step of a stage is not seen at a moment.
    pub(super) fn step(outline: &Outline<'_>, moment: Moment, (stage, step): At) -> Self {
        let name = |stage: usize| outline.stages[stage].name.as_str();
        let step_name = &outline.stages[stage].steps[step].name;
        let early = |message: String, help: String| Self { is_too_early: true, message, help };
        let Some(own) = moment.stage() else {
            let help = match moment {
                Moment::RunBegins => "it is rendered when the run is made: read `params` instead",
                _ => "choose another event, or name the stage or step that the hook is for",
            };
            return early(format!("step `{step_name}` has not run yet here: no stage has"), help.to_owned());
        };
        let is_sibling = match moment {
            Moment::StepRuns { stage: own, step: other } | Moment::StepEnds { stage: own, step: other } => {
                own == stage && other != step && outline.order.is_parallel(stage)
            }
            _ => false,
        };
        if is_sibling {
            early(
                format!(
                    "step `{step_name}` runs at the same time: the steps of a parallel stage do not see each other"
                ),
                format!("move one of them into another stage, or take `parallel` from stage `{}`", name(stage)),
            )
        } else if own == stage {
            early(format!("step `{step_name}` has not run yet here"), STEPS_BEFORE.to_owned())
        } else if outline.order.is_after(stage, own) {
            let message =
                format!("step `{step_name}` has not run yet here: `{}` runs after `{}`", name(stage), name(own));
            early(message, STEPS_BEFORE.to_owned())
        } else {
            let needs: Vec<&str> =
                outline.order.needs(own).iter().map(|need| name(*need)).chain([name(stage)]).collect();
            early(
                format!(
                    "step `{step_name}` may not have run here: stage `{}` does not need stage `{}`",
                    name(own),
                    name(stage)
                ),
                format!("add it to its needs: write `needs: [{}]` in stage `{}`", needs.join(", "), name(own)),
            )
        }
    }
}

/// One output is read where there is one for each item.
fn each(outline: &Outline<'_>, stage: usize, step: &str, output: &str) -> Unseen {
    let outputs = format!("steps.{step}.outputs");
    Unseen {
        is_too_early: false,
        message: format!("`{outputs}` is a list here: stage `{}` runs for each item", outline.stages[stage].name),
        help: format!("read `{outputs}[0].{output}`, or `{outputs}.map(o, o.{output})` for all of them"),
    }
}

fn of_hook(step: &str, hook: &str) -> Unseen {
    Unseen {
        is_too_early: false,
        message: format!("step `{step}` is one of hook `{hook}`"),
        help: "only the later steps of that hook see it".to_owned(),
    }
}

/// An Environment is read where there is none.
fn environment_of(outline: &Outline<'_>, moment: Moment) -> Unseen {
    let (why, help) = match moment.stage().and_then(|stage| outline.stages.get(stage)) {
        Some(stage) => {
            (format!("stage `{}` is bound to none", stage.name), "name one in the stage's `environment`".to_owned())
        }
        None => {
            let help = "a stage with `environment` sees it, and its steps, and the hooks for it and its steps";
            ("it is that of a stage".to_owned(), help.to_owned())
        }
    };
    Unseen { is_too_early: false, message: format!("`environment` is not known here: {why}"), help }
}

/// The targets of an Environment are read elsewhere than in the list of a stage's items.
fn targets() -> Unseen {
    Unseen {
        is_too_early: false,
        message: "`environment.targets` is not known here: it is read once, when the stage starts".to_owned(),
        help: "read it in the stage's `forEach.in`; what the stage does for each target reads the item".to_owned(),
    }
}

/// The item of a stage is read elsewhere.
fn item_of(outline: &Outline<'_>, item: &str) -> Option<Unseen> {
    let of = |stage: &usize| outline.item_name(*stage) == Some(item);
    let stage = &outline.stages[(0..outline.stages.len()).find(of)?].name;
    Some(Unseen {
        is_too_early: false,
        message: format!("`{item}` is not known here: it is the item of stage `{stage}`"),
        help: "the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps"
            .to_owned(),
    })
}
