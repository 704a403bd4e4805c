//! Which steps an expression sees: those that have certainly ended when it is evaluated, so that it yields the same
//! whenever it is evaluated again. One rule, for the check and for a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::Stage;

/// When in a run an expression is evaluated; stages and steps are places in the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The run is made, and nothing else is known: what its stages are bound to.
    RunBegins,
    /// Nothing has run: hooks for the start of the pipeline.
    RunStarts,
    /// It is not known yet whether the stage starts, or with which items: its `when`, its `forEach.in`.
    BeforeStage(usize),
    /// The stage, or an item of it, starts: hooks for its start.
    StageStarts(usize),
    /// The step is about to start, or under way: its configuration, hooks for its start.
    StepRuns { stage: usize, step: usize },
    /// The step has ended: hooks for its end.
    StepEnds { stage: usize, step: usize },
    /// The steps of the stage have ended: its `until`, its `retry.when`, hooks for its end.
    StageEnds(usize),
    /// Everything has ended: the pipeline's outputs, hooks for its end.
    RunEnds,
}

impl Moment {
    /// The stage that it belongs to.
    pub(crate) fn stage(self) -> Option<usize> {
        match self {
            Self::RunBegins | Self::RunStarts | Self::RunEnds => None,
            Self::BeforeStage(stage) | Self::StageStarts(stage) | Self::StageEnds(stage) => Some(stage),
            Self::StepRuns { stage, .. } | Self::StepEnds { stage, .. } => Some(stage),
        }
    }

    /// Whether it belongs to one item of the stage, where that has a `forEach`.
    pub(crate) fn has_item(self) -> bool {
        !matches!(self, Self::RunBegins | Self::RunStarts | Self::RunEnds | Self::BeforeStage(_))
    }
}

/// The order of a pipeline's stages, and what each has to do with what can be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Order {
    stages: Vec<StageOrder>,
}

#[derive(Clone, Debug, PartialEq)]
struct StageOrder {
    needs: Vec<usize>,
    /// All that it needs, directly or through others. It has itself in it when it is part of a circle.
    before: BTreeSet<usize>,
    steps: usize,
    is_parallel: bool,
}

/// The steps that are seen at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The stages, other than the own one, that have ended.
    pub(crate) stages: BTreeSet<usize>,
    /// The own stage, and which of its steps.
    pub(crate) own: Option<(usize, Range<usize>)>,
}

impl Order {
    /// The order of these stages. Names of stages that do not exist are passed over.
    pub(crate) fn of(stages: &[Stage]) -> Self {
        let mut places = BTreeMap::new();
        for (place, stage) in stages.iter().enumerate() {
            places.entry(stage.name.as_str()).or_insert(place);
        }
        let needs: Vec<Vec<usize>> = stages
            .iter()
            .enumerate()
            .map(|(place, stage)| match &stage.needs {
                Some(names) => names.iter().filter_map(|name| places.get(name.as_str()).copied()).collect(),
                None => place.checked_sub(1).into_iter().collect(),
            })
            .collect();
        let before: Vec<_> = (0..stages.len()).map(|place| reached(&needs, place)).collect();
        let stages = stages.iter().zip(needs).zip(before).map(|((stage, needs), before)| StageOrder {
            needs,
            before,
            steps: stage.steps.len(),
            is_parallel: stage.parallel,
        });
        Self { stages: stages.collect() }
    }

    /// The stages that have to be done before this one starts.
    pub(crate) fn needs(&self, stage: usize) -> &[usize] {
        self.stages.get(stage).map_or(&[], |stage| &stage.needs)
    }

    /// Whether the stage needs the other one, directly or through others.
    pub(crate) fn is_after(&self, stage: usize, other: usize) -> bool {
        self.stages.get(stage).is_some_and(|stage| stage.before.contains(&other))
    }

    /// What is seen at a moment.
    pub(crate) fn seen(&self, moment: Moment) -> Seen {
        let own = match moment {
            Moment::RunBegins | Moment::RunStarts => return Seen { stages: BTreeSet::new(), own: None },
            Moment::RunEnds => return Seen { stages: (0..self.stages.len()).collect(), own: None },
            Moment::BeforeStage(_) | Moment::StageStarts(_) => 0..0,
            Moment::StepRuns { stage, .. } if self.is_parallel(stage) => 0..0,
            Moment::StepRuns { step, .. } => 0..step,
            Moment::StepEnds { stage, step } if self.is_parallel(stage) => step..step + 1,
            Moment::StepEnds { step, .. } => 0..step + 1,
            Moment::StageEnds(stage) => 0..self.stages.get(stage).map_or(0, |stage| stage.steps),
        };
        let mut stages = BTreeSet::new();
        if let Some(stage) = moment.stage() {
            stages.extend(self.stages.get(stage).into_iter().flat_map(|stage| &stage.before));
            stages.remove(&stage);
        }
        Seen { stages, own: moment.stage().map(|stage| (stage, own)) }
    }

    /// Whether the stage's steps run at the same time.
    pub(crate) fn is_parallel(&self, stage: usize) -> bool {
        self.stages.get(stage).is_some_and(|stage| stage.is_parallel)
    }

    /// The shortest way from a stage along what it needs to another, both included, through stages from `first` on.
    pub(crate) fn way(&self, from: usize, to: usize, first: usize) -> Option<Vec<usize>> {
        let mut ways = vec![vec![from]];
        let mut met = BTreeSet::from([from]);
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let &last = way.last()?;
                if last == to {
                    return Some(way);
                }
                let next = self.needs(last).iter().filter(|next| **next >= first);
                for next in next.filter(|next| met.insert(**next)) {
                    longer.push(way.iter().copied().chain([*next]).collect());
                }
            }
            ways = longer;
        }
        None
    }
}

/// All that a stage needs, directly or through others.
fn reached(needs: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(stage) = open.pop() {
        open.extend(needs[stage].iter().filter(|need| found.insert(**need)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of stages of two steps each; `b <- a, c` is a stage `b` that needs `a` and `c`.
    fn order(stages: &[&str]) -> Order {
        let stage = |text: &&str| {
            let (name, needs) = text.split_once(" <-").map_or((*text, None), |(name, needs)| (name, Some(needs)));
            let needs =
                needs.map(|needs| needs.split(',').map(|need| need.trim().to_owned()).filter(|need| !need.is_empty()));
            Stage {
                name: name.trim_end_matches('!').to_owned(),
                needs: needs.map(Iterator::collect),
                parallel: name.ends_with('!'),
                steps: vec![crate::Step::default(), crate::Step::default()],
                ..Stage::default()
            }
        };
        Order::of(&stages.iter().map(stage).collect::<Vec<_>>())
    }

    fn seen(order: &Order, moment: Moment) -> String {
        let Seen { stages, own } = order.seen(moment);
        let own = own.map_or_else(String::new, |(stage, steps)| format!(" and {steps:?} of {stage}"));
        format!("{stages:?}{own}")
    }

    #[test]
    fn a_stage_needs_the_one_before_it_unless_it_says() {
        let order = order(&["a", "b", "c <-", "d <- b, c", "e <- nowhere"]);
        let needs: Vec<&[usize]> = (0..5).map(|stage| order.needs(stage)).collect();
        assert_eq!(needs, [&[][..], &[0], &[], &[1, 2], &[]]);
        assert!(order.is_after(3, 0) && !order.is_after(2, 1) && !order.is_after(0, 3));
    }

    #[test]
    fn a_step_sees_what_its_stage_needs_and_the_steps_before_it() {
        let order = order(&["a", "left", "right! <- a", "end <- left, right"]);
        assert_eq!(seen(&order, Moment::StepRuns { stage: 1, step: 1 }), "{0} and 0..1 of 1");
        assert_eq!(seen(&order, Moment::StepRuns { stage: 2, step: 1 }), "{0} and 0..0 of 2");
        assert_eq!(seen(&order, Moment::StepRuns { stage: 3, step: 0 }), "{0, 1, 2} and 0..0 of 3");
    }

    #[test]
    fn what_has_ended_is_seen_by_what_follows_its_end() {
        let order = order(&["a", "b", "c!"]);
        assert_eq!(seen(&order, Moment::RunStarts), "{}");
        assert_eq!(seen(&order, Moment::StageStarts(1)), "{0} and 0..0 of 1");
        assert_eq!(seen(&order, Moment::StepEnds { stage: 1, step: 0 }), "{0} and 0..1 of 1");
        assert_eq!(seen(&order, Moment::StepEnds { stage: 2, step: 1 }), "{0, 1} and 1..2 of 2");
        assert_eq!(seen(&order, Moment::StageEnds(2)), "{0, 1} and 0..2 of 2");
        assert_eq!(seen(&order, Moment::RunEnds), "{0, 1, 2}");
    }

    #[test]
    fn a_circle_is_found_by_its_shortest_way() {
        let order = order(&["a <- c", "b", "c <- b, a"]);
        assert_eq!(order.way(2, 0, 0), Some(vec![2, 0]));
        assert_eq!(order.way(1, 0, 1), None);
        assert!(order.is_after(0, 0));
    }
}
