//! One apply: answers are taken up, or one step is performed.

use super::elements::{Kind, Position};
use super::{Error, Flow, Next, Phase, State};
use crate::limits::cut;

impl<C, E> Flow<C, E> {
    /// Carries a process on, and returns the state to save before the next apply.
    ///
    /// One apply performs at most one step. Where the position is a step, that is performed, and the state behind it returned.
    /// Elsewhere waits and conditions are asked, as long as nothing stands between them, and the state before the next
    /// step is returned: an answer is saved before anything is done on account of it. What waits comes back at the same
    /// position, and [`State::next`] says so; what is finished stays finished.
    ///
    /// # Guarantees
    /// - A step is performed only at the position of the given state, so a process that dies between apply and save
    ///   repeats that one step and no other.
    /// - Nothing is asked twice in one apply, so every apply ends.
    /// - Equal states and equal answers give equal states: there is no clock and no chance in it.
    ///
    /// # Errors
    /// When something fails that no retry takes up, or the state is not one of this flow. The given state still holds: what
    /// has failed is tried again by applying it again.
    pub async fn apply(&self, context: &mut C, state: &State) -> Result<State, Error<E>> {
        let Some(mut at) = self.read(state)? else { return Ok(state.clone()) };
        if let (Next::WaitUntil(time), Some(now)) = (state.next(), self.now(context, &at))
            && now < time
        {
            return Ok(state.clone());
        }
        let mut passed = Vec::new();
        loop {
            let through = match self.elements.kind(at.element) {
                Kind::Step(_) if !passed.is_empty() => return Ok(self.state(state, Phase::Running, Some(at))),
                Kind::Step(act) => act.call(context).await.map(|()| true),
                Kind::Wait(over) => over.call(context).await,
                Kind::Case(condition) | Kind::Loop(condition) => condition.call(context).await,
                // No position is at one of these.
                Kind::Group | Kind::Retry(_) => Ok(true),
            };
            let through = match through {
                Ok(through) => through,
                Err(failure) => return self.failed(context, state, &at, failure),
            };
            passed.push(at.clone());
            let next = match (self.elements.kind(at.element), through) {
                (Kind::Wait(_), false) => return Ok(self.state(state, Phase::Waiting, Some(at))),
                (Kind::Loop(_), false) => return Ok(self.again(state, at, &passed)),
                (Kind::Loop(_), true) => {
                    at.counts.pop();
                    self.elements.after(at.element, at.counts)
                }
                (Kind::Case(_), true) => Some(self.elements.enter_group(at.element, at.counts)),
                (Kind::Step(_), _) => {
                    let next = self.elements.after(at.element, at.counts);
                    return Ok(self.state(state, Phase::Running, next));
                }
                _ => self.elements.after(at.element, at.counts),
            };
            match next {
                Some(next) => at = next,
                None => return Ok(self.state(state, Phase::Running, None)),
            }
        }
    }

    /// The position of a state; none when it is finished.
    fn read(&self, state: &State) -> Result<Option<Position>, Error<E>> {
        let State { flow: saved, phase, at, resume_at: _, failure: _ } = state;
        let flow = || self.name.clone();
        if *saved != self.name {
            return Err(Error::OtherFlow { flow: flow(), saved: saved.clone() });
        }
        match self.elements.read(at) {
            None if *phase == Phase::Finished && at.is_empty() => Ok(None),
            Some(position) if *phase != Phase::Finished => Ok(Some(position)),
            _ => Err(Error::UnknownPosition { flow: flow(), at: at.clone() }),
        }
    }

    /// The time, as the retries around a position know it.
    fn now(&self, context: &C, at: &Position) -> Option<jiff::Timestamp> {
        self.elements.retries(at).find_map(|(_, retry, _)| retry.now(context))
    }

    /// The state at a position, or at the end.
    pub(super) fn state(&self, before: &State, phase: Phase, at: Option<Position>) -> State {
        let flow = self.name.clone();
        let Some(at) = at else {
            return State { flow, phase: Phase::Finished, at: String::new(), resume_at: None, failure: None };
        };
        let is_retried = self.elements.retries(&at).any(|(_, _, counts)| counts.last().is_some_and(|it| *it > 1));
        let failure = before.failure.clone().filter(|_| is_retried);
        State { flow, phase, at: self.elements.write(&at), resume_at: None, failure }
    }

    /// The state at the beginning of a loop's next iteration. If this iteration was one of answers alone, all given at once,
    /// the next one would be the same: it waits, as a wait that is not over does.
    fn again(&self, before: &State, at: Position, passed: &[Position]) -> State {
        let Position { element, mut counts } = at;
        let is_idle = passed.contains(&self.elements.enter_group(element, counts.clone()));
        if let Some(iteration) = counts.last_mut() {
            *iteration = iteration.saturating_add(1);
        }
        let phase = if is_idle { Phase::Waiting } else { Phase::Running };
        self.state(before, phase, Some(self.elements.enter_group(element, counts)))
    }

    /// The state at the beginning of the next attempt, if a retry takes the failure up.
    fn failed(&self, context: &C, before: &State, at: &Position, failure: E) -> Result<State, Error<E>> {
        let path = self.elements.write(at);
        for (group, retry, mut counts) in self.elements.retries(at) {
            let Some(attempt) = counts.last_mut() else { continue };
            if !retry.takes(&failure, *attempt) {
                continue;
            }
            *attempt = attempt.saturating_add(1);
            let resume_at = retry.resume_at(context, *attempt);
            let failure = Some(cut(format!("{path}: {}", retry.text(&failure))));
            let next = self.elements.enter_group(group, counts);
            return Ok(State { resume_at, failure, ..self.state(before, Phase::Waiting, Some(next)) });
        }
        Err(Error::Failed { flow: self.name.clone(), at: path, source: failure })
    }
}
