//! A driver that does exactly what a real one does, over a simulated clock and a world that answers.
//!
//! What every driver may rely on is asserted on the way: `decide` and `record` are deterministic, a wait
//! ends later than now, what is persisted reads back equal, and an effect runs only under a claim that
//! this very process persisted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sluice_engine::{
    Abort, AbortReason, Action, ActionType, Approver, Condition, Event, Failure, Held, Key, LockAnswer, Mode, Observed,
    Outcome, Outputs, Plan, Question, RunAction, RunState, StepAt, Task, Undone, WaitTarget, decide, record,
};

use super::{Call, START, World, trace};

/// More turns than any run of these tests needs.
const ENOUGH: usize = 3_000;

/// What happens to a run from outside.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// Someone asks to abort it.
    Abort,
    /// Someone deletes it.
    Delete,
    /// Somebody asks for this.
    Ask(RunAction),
    /// The pipeline is suspended for this reason, or no longer.
    Suspend(Option<String>),
    /// From now on nobody checks who asks.
    Unenforced,
    /// What the step of that name waits for changed.
    Wake(String),
    /// Another replica claimed the step of that name.
    Steal(String),
    /// Another replica claimed the step of that name first, when this one wanted to: it is left to that one for 10 s.
    Lose(String),
}

/// The process died; only what was persisted is left.
struct Crash;

/// A run, its driver's memory, and the world around both.
pub(crate) struct Driver<W> {
    pub(crate) plan: Plan,
    pub(crate) state: RunState,
    /// The state before the first move.
    begun: RunState,
    pub(crate) world: W,
    /// Every state that was persisted, in order.
    pub(crate) stored: Vec<RunState>,
    pub(crate) claims: usize,
    pub(crate) progress_writes: usize,
    pub(crate) now: Timestamp,
    happenings: Vec<(Timestamp, Happening)>,
    abort: Option<Abort>,
    pub(crate) asked: Vec<RunAction>,
    is_enforced: bool,
    suspended: Option<String>,
    ask_at: Option<Timestamp>,
    held: BTreeMap<String, Held>,
    /// Claims that were recorded and are not persisted yet.
    claimed: Vec<(String, Held)>,
    /// Whether anything but progress was recorded since the last write.
    is_dirty: bool,
    /// What is being performed: when it ends, and what comes of it.
    under_way: Vec<(Timestamp, Task, Outcome)>,
    /// Which effects were performed, by key and claim.
    acted: BTreeSet<(String, i32)>,
    keys: Vec<String>,
    lines: Vec<String>,
    last: String,
}

impl<W: World> Driver<W> {
    pub(crate) fn new(plan: Plan, world: W, mut happenings: Vec<(Timestamp, Happening)>) -> Self {
        happenings.sort_by_key(|(time, _)| *time);
        Self {
            state: RunState::of(&plan),
            begun: RunState::of(&plan),
            plan,
            world,
            stored: Vec::new(),
            claims: 0,
            progress_writes: 0,
            now: START,
            happenings,
            abort: None,
            asked: Vec::new(),
            is_enforced: true,
            suspended: None,
            ask_at: None,
            held: BTreeMap::new(),
            claimed: Vec::new(),
            is_dirty: false,
            under_way: Vec::new(),
            acted: BTreeSet::new(),
            keys: Vec::new(),
            lines: Vec::new(),
            last: String::new(),
        }
    }

    /// Whoever started the run approves what it begins with.
    pub(crate) fn begin_approved(&mut self, by: &str) {
        let approver = Approver { name: by.to_owned(), at: START, reason: None };
        self.begun = RunState::of(&self.plan).approved_by(&self.plan, &approver);
        self.state = self.begun.clone();
    }

    /// Drives the run to its end.
    pub(crate) fn run(&mut self) {
        assert!(
            self.run_for(ENOUGH),
            "the run does not end:\n{}",
            self.lines[self.lines.len().saturating_sub(50)..].join("\n")
        );
        self.world.ends();
    }

    /// Drives the run for that many turns at most; true when it has ended.
    pub(crate) fn run_for(&mut self, turns: usize) -> bool {
        for _ in 0..turns {
            match self.turn() {
                Ok(true) => return true,
                Ok(false) => {}
                Err(Crash) => self.restart(),
            }
        }
        false
    }

    /// Everything that happened, a line each.
    pub(crate) fn trace(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Decides once and carries the action out; true when the run has ended.
    fn turn(&mut self) -> Result<bool, Crash> {
        self.may_crash()?;
        self.let_happen();
        if let Some(ended) = self.ended_task() {
            return self.take(ended).map(|()| false);
        }
        match self.decide() {
            Action::Record(event) => self.record(event),
            Action::Evaluate { question, condition } => {
                let answer = self.answer(question, &condition);
                self.record(Event::Answered(question, answer));
            }
            Action::Lock => self.lock(),
            Action::Bind { stage, when } => self.bind(stage, when.as_ref()),
            Action::Judge { at, failure } => self.fail(at, failure),
            Action::JudgeStage { stage, failures } => {
                let retry = failures.iter().all(|(_, failure)| self.world.judge_stage(failure));
                self.record(Event::StageJudged { stage, retry });
            }
            Action::List { stage, items } => self.record(Event::Listed { stage, items: list(&items) }),
            Action::ComputeOutputs => {
                let (outcome, _) =
                    self.world.call(&Call { step: "outputs", key: "outputs", mode: None, now: self.now });
                self.record(Event::OutputsComputed(result(outcome)));
            }
            Action::Compute(at) => self.compute(at)?,
            Action::Claim { at, key } => self.claim(at, key),
            Action::Perform(tasks) => {
                if self.is_dirty {
                    self.persist()?;
                }
                for task in tasks {
                    self.perform(task)?;
                }
            }
            Action::Wait { until } => {
                let is_ahead = until.is_none_or(|until| until > self.now);
                assert!(is_ahead, "a wait until {until:?} at {}:\n{}", self.now, self.trace());
                self.persist_changes()?;
                self.advance(until);
            }
            Action::Finished => {
                self.persist_changes()?;
                let asks = |(_, happening): &(Timestamp, Happening)| matches!(happening, Happening::Ask(_));
                if !self.happenings.iter().any(asks) {
                    return Ok(true);
                }
                self.advance(None);
            }
        }
        Ok(false)
    }

    fn decide(&self) -> Action {
        let mut held = self.held.clone();
        held.extend(self.claimed.iter().cloned());
        let under_way = self.under_way.iter().map(|(_, task, _)| task.key.clone()).collect();
        let seen = Observed {
            run_uid: "run-1".to_owned(),
            abort: self.abort.clone(),
            asked: self.asked.clone(),
            is_enforced: self.is_enforced,
            suspended: self.suspended.clone(),
            ask_at: self.ask_at,
            held,
            under_way,
        };
        let action = decide(&self.plan, &self.state, &seen, self.now);
        assert_eq!(action, decide(&self.plan, &self.state, &seen, self.now), "decide is deterministic");
        action
    }

    fn record(&mut self, event: Event) {
        self.world.sees(&self.plan, &self.state, &event);
        self.is_dirty |= !matches!(event, Event::Progressed { .. });
        let next = record(&self.plan, self.state.clone(), event.clone(), self.now);
        assert_eq!(next, record(&self.plan, self.state.clone(), event.clone(), self.now), "record is deterministic");
        let before = std::mem::replace(&mut self.state, next);
        self.world.saw(&self.plan, &before, &self.state, &event);
        for line in trace::changes(&before, &self.state) {
            self.say(line);
        }
    }

    fn lock(&mut self) {
        self.say("ask for the lock".to_owned());
        let answer = self.world.lock(&self.plan);
        self.ask_at = matches!(answer, LockAnswer::Taken { .. }).then(|| self.now + SignedDuration::from_secs(30));
        self.record(Event::Lock(answer));
    }

    fn bind(&mut self, stage: usize, when: Option<&Condition>) {
        let question = Question::StageWhen(stage);
        match when.map_or(Ok(true), |when| self.answer(question, when)) {
            Ok(true) => {}
            other => return self.record(Event::Answered(question, other)),
        }
        let name = self.state.stages[stage].name.clone();
        self.say(format!("ask the place of {name}"));
        match self.world.bind(&name) {
            Some(approval) => {
                self.ask_at = None;
                self.record(Event::Bound { stage, approval });
            }
            None => self.ask_at = Some(self.now + SignedDuration::from_secs(10)),
        }
    }

    fn claim(&mut self, at: StepAt, key: Key) {
        let kind = self.world.waits_on(&at.of(&self.state).unwrap().name);
        let target = WaitTarget { kind, key: "something".to_owned() };
        self.record(Event::Claimed { at, key: key.clone(), waiting_on: Some(target) });
        let claims = at.of(&self.state).unwrap().claims;
        let number = self.number_of(&key);
        let again = if claims > 1 { format!(" ({claims})") } else { String::new() };
        self.say(format!("claim {} under key {number}{again}", trace::name(&self.state, at)));
        self.claims += 1;
        let held = Held { claims, acted: false, looked_at: None, look_at: self.now };
        self.claimed.push((key.as_str().to_owned(), held));
    }

    fn compute(&mut self, at: StepAt) -> Result<(), Crash> {
        let step = at.of(&self.state).unwrap();
        let (name, key) =
            (step.name.clone(), format!("{} {} {}", trace::place(&self.state, at), step.name, step.attempt));
        self.say(format!("compute {}", trace::name(&self.state, at)));
        let (outcome, _) = self.world.call(&Call { step: &name, key: &key, mode: None, now: self.now });
        self.may_crash()?;
        self.record_outcome(at, outcome);
        Ok(())
    }

    fn perform(&mut self, task: Task) -> Result<(), Crash> {
        let Task { at, key, mode } = &task;
        let step = at.of(&self.state).unwrap();
        let name = step.name.clone();
        let verb = match mode {
            Mode::Act => {
                assert_eq!(self.held[key].claims, step.claims, "an effect runs only under a claim of this process");
                let is_first = self.acted.insert((key.clone(), step.claims));
                assert!(is_first || !self.world.is_sound(), "a claim gives the right to act once");
                assert_eq!(at.of(self.stored.last().unwrap()), Some(step), "the claim is persisted before its effect");
                "act"
            }
            Mode::Look => "look",
            Mode::Undo => {
                assert_eq!(at.of(self.stored.last().unwrap()), Some(step), "what is taken back is persisted before");
                "undo"
            }
        };
        self.say(format!("{verb} {}", trace::name(&self.state, *at)));
        let (outcome, takes) = self.world.call(&Call { step: &name, key, mode: Some(*mode), now: self.now });
        if self.world.crashes(&self.last) {
            self.now += takes;
            return Err(Crash);
        }
        self.under_way.push((self.now + takes, task, outcome));
        Ok(())
    }

    /// The task that ends first, if one has ended by now.
    fn ended_task(&mut self) -> Option<(Task, Outcome)> {
        let first = (0..self.under_way.len()).min_by_key(|index| self.under_way[*index].0)?;
        let has_ended = self.under_way[first].0 <= self.now;
        has_ended.then(|| self.under_way.remove(first)).map(|(_, task, outcome)| (task, outcome))
    }

    /// Records what came of a task. Its place may have changed meanwhile; its key has not.
    fn take(&mut self, (task, outcome): (Task, Outcome)) -> Result<(), Crash> {
        let at = self.state.place_of(&task.key).unwrap();
        if task.mode == Mode::Undo {
            self.record(Event::Undone(at, undone(outcome)));
        } else {
            self.note_look(&task.key, task.mode, &outcome);
            self.record_outcome(at, outcome);
        }
        Ok(())
    }

    fn note_look(&mut self, key: &str, mode: Mode, outcome: &Outcome) {
        let Outcome::Waiting { look_at, act_again, .. } = outcome else { return };
        let none = Held { claims: 0, acted: false, looked_at: None, look_at: self.now };
        let held = self.held.entry(key.to_owned()).or_insert(none);
        held.look_at = *look_at;
        held.looked_at = Some(self.now);
        held.acted = (held.acted || mode == Mode::Act) && !*act_again;
        if *act_again {
            let claim = (key.to_owned(), held.claims);
            self.acted.remove(&claim);
        }
    }

    fn record_outcome(&mut self, at: StepAt, outcome: Outcome) {
        match outcome {
            Outcome::Succeeded(outputs) => self.record(Event::Succeeded { at, outputs }),
            Outcome::Waiting { message, progress, .. } => self.record(Event::Progressed { at, message, progress }),
            Outcome::Failed(failure) => self.fail(at, failure),
        }
    }

    fn fail(&mut self, at: StepAt, failure: Failure) {
        let retry = self.world.judge(&failure);
        self.record(Event::Failed { at, failure, retry });
    }

    fn persist_changes(&mut self) -> Result<(), Crash> {
        if self.stored.last() == Some(&self.state) { Ok(()) } else { self.persist() }
    }

    fn persist(&mut self) -> Result<(), Crash> {
        let json = serde_json::to_string(&self.state).unwrap();
        let read_back: RunState = serde_json::from_str(&json).unwrap();
        assert_eq!(read_back, self.state, "what is persisted reads back equal");
        self.stored.push(read_back);
        let kind = if self.is_dirty { "" } else { " (progress)" };
        self.progress_writes += usize::from(!self.is_dirty);
        self.is_dirty = false;
        self.held.extend(self.claimed.drain(..));
        self.say(format!("write {}{kind}", self.stored.len()));
        self.may_crash()
    }

    /// Applies what has happened outside by now.
    fn let_happen(&mut self) {
        while self.happenings.first().is_some_and(|(time, _)| *time <= self.now) {
            match self.happenings.remove(0).1 {
                Happening::Abort => self.abort = abort(AbortReason::Aborted, "alice asked for it"),
                Happening::Delete => self.abort = abort(AbortReason::Deleted, "the run is being deleted"),
                Happening::Ask(action) => {
                    self.say(format!("{} asks for {:?}", action.by, action.r#type));
                    self.asked.push(action);
                }
                Happening::Suspend(reason) => self.suspended = reason,
                Happening::Unenforced => self.is_enforced = false,
                Happening::Wake(step) => self.wake(&step),
                Happening::Steal(step) => self.steal(&step),
                Happening::Lose(step) => self.lose(&step),
            }
        }
    }

    fn wake(&mut self, step: &str) {
        let state = self.state.steps().find(|state| state.name == step);
        let key = state.and_then(|state| state.key.as_ref());
        if let Some(held) = key.and_then(|key| self.held.get_mut(key)) {
            held.look_at = self.now;
        }
    }

    /// Another replica re-claims the step; this one reads the state that follows.
    fn steal(&mut self, step: &str) {
        let steps = self.state.stages.iter_mut().flat_map(|stage| &mut stage.steps);
        steps.filter(|state| state.name == step).for_each(|state| state.claims += 1);
        self.stored.push(self.state.clone());
        self.say(format!("another replica claims {step}"));
    }

    fn lose(&mut self, step: &str) {
        self.steal(step);
        let key = self.state.steps().find(|state| state.name == step).and_then(|state| state.key.clone());
        let look_at = self.now + SignedDuration::from_secs(10);
        self.held.insert(key.unwrap(), Held { claims: 0, acted: true, looked_at: None, look_at });
    }

    fn advance(&mut self, until: Option<Timestamp>) {
        let happens = self.happenings.first().map(|(time, _)| *time);
        let ends = self.under_way.iter().map(|(time, _, _)| *time).min();
        match until.into_iter().chain(happens).chain(ends).min() {
            Some(wake) => self.now = wake,
            None if self.world.is_generous() => self.give(),
            None => panic!("the run is stuck:\n{}", self.trace()),
        }
    }

    /// People give what the run waits for.
    fn give(&mut self) {
        self.is_enforced = true;
        let entry = |kind| RunAction {
            r#type: kind,
            by: "grace".to_owned(),
            reason: None,
            stage: None,
            item: None,
            step: None,
            attempt: None,
        };
        if self.suspended.take().is_some() {
            return;
        }
        let given = if self.state.paused.is_some() {
            entry(ActionType::Resume)
        } else {
            let awaiting = self.state.stages.iter().find(|stage| stage.awaits_approval());
            let stage = awaiting.unwrap_or_else(|| panic!("the run is stuck:\n{}", self.trace()));
            let by = stage.approval.as_ref().map_or(0, |approval| approval.by.len());
            RunAction {
                by: format!("grace{by}"),
                stage: Some(stage.name.clone()),
                item: stage.item.clone(),
                attempt: Some(stage.attempt),
                ..entry(ActionType::Approve)
            }
        };
        self.say(format!("{} gives {:?}", given.by, given.r#type));
        self.asked.push(given);
        assert!(self.asked.len() < ENOUGH, "what is given helps:\n{}", self.trace());
    }

    fn may_crash(&mut self) -> Result<(), Crash> {
        if self.world.crashes(&self.last) { Err(Crash) } else { Ok(()) }
    }

    /// Goes on as a new process: only what was persisted is left.
    pub(crate) fn restart(&mut self) {
        self.say("crash".to_owned());
        self.held.clear();
        self.claimed.clear();
        self.ask_at = None;
        self.under_way.clear();
        self.is_dirty = false;
        self.state = self.stored.last().cloned().unwrap_or_else(|| self.begun.clone());
    }

    /// What the text of a condition says; a number is that of the first iteration in which it is true.
    fn answer(&self, question: Question, condition: &Condition) -> Result<bool, Failure> {
        let iteration = match question {
            Question::StageUntil(stage) => self.state.stages[stage].iteration,
            Question::StageWhen(_) | Question::StepWhen(_) => 1,
        };
        match condition.0.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            text => match text.parse::<i32>() {
                Ok(first) => Ok(iteration >= first),
                Err(_) => Err(Failure::definite("ConditionFailed", "no such key: version")),
            },
        }
    }

    fn number_of(&mut self, key: &Key) -> usize {
        let known = self.keys.iter().position(|known| known == key.as_str());
        known.unwrap_or_else(|| {
            self.keys.push(key.as_str().to_owned());
            self.keys.len() - 1
        }) + 1
    }

    fn say(&mut self, line: String) {
        let seconds = self.now.duration_since(START).as_secs();
        self.lines.push(format!("{seconds}s {line}"));
        self.last = line;
    }
}

fn abort(reason: AbortReason, message: &str) -> Option<Abort> {
    Some(Abort { reason, message: message.to_owned() })
}

/// The list that this text is.
fn list(items: &Condition) -> Result<Vec<Value>, Failure> {
    match items.0.as_str() {
        "error" => Err(Failure::definite("ListFailed", "no such key: regions")),
        "-" => Ok(Vec::new()),
        text => Ok(text.split(',').map(|item| serde_json::from_str(item).unwrap_or_else(|_| json!(item))).collect()),
    }
}

fn undone(outcome: Outcome) -> Result<Undone, Failure> {
    match outcome {
        Outcome::Waiting { message, .. } => Ok(Undone::NotYet { message: message.unwrap_or_default() }),
        outcome => result(outcome).map(|_| Undone::Done),
    }
}

fn result(outcome: Outcome) -> Result<Outputs, Failure> {
    match outcome {
        Outcome::Succeeded(outputs) => Ok(outputs),
        Outcome::Failed(failure) => Err(failure),
        Outcome::Waiting { .. } => panic!("it neither succeeds nor fails"),
    }
}
