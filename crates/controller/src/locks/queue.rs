//! Who waits for which lock, as the watch of the runs tells: the order of each queue, and who is woken when it changes. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sluice_api::PipelineRun;

/// A lock: the runs of a namespace with the same group share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Group {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A place in a queue: who came first is first, of two at the same time the one with the lower UID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) since: Timestamp,
    pub(crate) uid: String,
    /// The run's name.
    pub(crate) run: String,
}

/// How a run stands to locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for its turn, and would go on if it came.
    Waits(Group, Place),
    /// It has the lock, as its status says.
    Holds(Group),
    /// It has not ended: it may have a lock of which its status does not say so yet.
    UnderWay,
    /// It has ended, and has no lock.
    Over,
    /// It is deleted.
    Gone,
}

impl Standing {
    /// How this run stands to locks.
    pub(crate) fn of(run: &PipelineRun) -> Self {
        let Some(state) = run.status.as_ref().map(|status| &status.state) else { return Self::UnderWay };
        let Some(lock) = &state.lock else { return if state.is_finished() { Self::Over } else { Self::UnderWay } };
        let group = Group { namespace: run.metadata.namespace.clone().unwrap_or_default(), name: lock.group.clone() };
        if lock.is_held() {
            return Self::Holds(group);
        }
        if state.is_paused() || state.ending.is_some() || run.is_about_to_end() {
            return Self::UnderWay;
        }
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let (uid, run) = (name(&run.metadata.uid), name(&run.metadata.name));
        Self::Waits(group, Place { since: lock.since, uid, run })
    }
}

/// What follows from a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Woken {
    /// The runs that look again: namespace and name.
    pub(crate) runs: Vec<(String, String)>,
    /// The locks that nobody waits for any more, and whose Leases may be left over.
    pub(crate) idle: Vec<Group>,
}

/// Who is before a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// How many wait before it.
    pub(crate) count: usize,
    /// The name of the first of them.
    pub(crate) first: Option<String>,
    /// Whether the one that has the lock is among them: its status does not say so yet.
    pub(crate) has_holder: bool,
    /// Whether the run's own place in the queue was seen.
    pub(crate) is_seen: bool,
}

/// The queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    by_group: HashMap<Group, BTreeSet<Place>>,
    by_run: HashMap<String, (Group, Place)>,
    /// The runs of which it is known, by their status or by a Lease, that they had a lock when that was seen, by UID.
    holders: HashMap<String, Group>,
    /// How many those are of each lock.
    held: HashMap<Group, usize>,
    /// The UIDs of the runs that may have a lock.
    alive: HashSet<String>,
    /// The UIDs that a list which is under way has named so far.
    listed: Option<HashSet<String>>,
}

impl Queues {
    /// A list of all runs begins.
    pub(crate) fn begin_list(&mut self) {
        self.listed = Some(HashSet::new());
    }

    /// A list of all runs is complete: what it did not name is gone. Returns what follows, and what it named.
    pub(crate) fn end_list(&mut self) -> (Woken, HashSet<String>) {
        let listed = self.listed.take().unwrap_or_default();
        let known = self.alive.iter().chain(self.by_run.keys()).chain(self.holders.keys());
        let gone: BTreeSet<String> = known.filter(|uid| !listed.contains(*uid)).cloned().collect();
        let mut woken = Woken::default();
        gone.iter().for_each(|uid| self.change(uid, Standing::Gone, &mut woken));
        (woken, listed)
    }

    /// A run stands like this now.
    pub(crate) fn set(&mut self, uid: &str, standing: Standing) -> Woken {
        if let Some(listed) = &mut self.listed {
            listed.insert(uid.to_owned());
        }
        let mut woken = Woken::default();
        self.change(uid, standing, &mut woken);
        woken
    }

    fn change(&mut self, uid: &str, standing: Standing, woken: &mut Woken) {
        match &standing {
            Standing::Over | Standing::Gone => self.alive.remove(uid),
            _ => self.alive.insert(uid.to_owned()),
        };
        self.place(uid, &standing, woken);
        match standing {
            Standing::Holds(group) => self.holds(uid, &group),
            Standing::Over | Standing::Gone => {
                if let Some(group) = self.holds_not(uid) {
                    self.wake(&group, woken);
                }
            }
            Standing::Waits(..) | Standing::UnderWay => {}
        }
    }

    /// Moves the run into, out of or within a queue. Whoever becomes the first there looks at the lock.
    fn place(&mut self, uid: &str, standing: &Standing, woken: &mut Woken) {
        let new = match standing {
            Standing::Waits(group, place) => Some((group.clone(), place.clone())),
            _ => None,
        };
        let old = self.by_run.get(uid).cloned();
        if old == new {
            return;
        }
        let changed: BTreeSet<Group> = old.iter().chain(&new).map(|(group, _)| group.clone()).collect();
        let before: Vec<(Group, Option<Place>)> =
            changed.into_iter().map(|group| (group.clone(), self.first(&group).cloned())).collect();
        if let Some((group, place)) = old
            && let Some(places) = self.by_group.get_mut(&group)
        {
            places.remove(&place);
            if places.is_empty() {
                self.by_group.remove(&group);
            }
        }
        self.by_run.remove(uid);
        if let Some((group, place)) = new {
            self.by_group.entry(group.clone()).or_default().insert(place.clone());
            self.by_run.insert(uid.to_owned(), (group, place));
        }
        let has_it = |group: &Group| matches!(standing, Standing::Holds(held) if held == group);
        for (group, before) in before {
            if self.first(&group) != before.as_ref() && !has_it(&group) {
                self.wake(&group, woken);
            }
        }
    }

    /// The first in the queue, if there is one, looks at the lock; else it is looked whether its Lease is left over.
    fn wake(&self, group: &Group, woken: &mut Woken) {
        match self.first(group) {
            Some(first) => {
                let run = (group.namespace.clone(), first.run.clone());
                if !woken.runs.contains(&run) {
                    woken.runs.push(run);
                }
            }
            None if woken.idle.contains(group) => {}
            None => woken.idle.push(group.clone()),
        }
    }

    /// The first in the queue.
    pub(crate) fn first(&self, group: &Group) -> Option<&Place> {
        self.by_group.get(group)?.first()
    }

    /// Who is before this run: all that wait, while its own place was not seen.
    pub(crate) fn ahead(&self, group: &Group, uid: &str, since: Option<Timestamp>) -> Ahead {
        let own = self.by_run.get(uid).filter(|(own, place)| own == group && Some(place.since) == since);
        let places = self.by_group.get(group).into_iter().flatten();
        let is_before = |place: &&Place| own.is_none_or(|(_, own)| *place < own);
        let mut ahead = Ahead { is_seen: own.is_some(), ..Ahead::default() };
        for place in places.take_while(is_before).filter(|place| place.uid != uid) {
            ahead.count += 1;
            ahead.has_holder |= self.holders.get(&place.uid) == Some(group);
            ahead.first.get_or_insert_with(|| place.run.clone());
        }
        ahead
    }

    /// Whether anybody waits for this lock.
    pub(crate) fn is_waited_for(&self, group: &Group) -> bool {
        self.by_group.contains_key(group)
    }

    /// A Lease names the run as the holder: its end wakes whoever waits.
    pub(crate) fn holds(&mut self, uid: &str, group: &Group) {
        if self.holders.get(uid) != Some(group) {
            self.holds_not(uid);
            *self.held.entry(group.clone()).or_default() += 1;
            self.holders.insert(uid.to_owned(), group.clone());
        }
    }

    /// The run has no lock any more; returns the one that it had.
    pub(crate) fn holds_not(&mut self, uid: &str) -> Option<Group> {
        let group = self.holders.remove(uid)?;
        if let Some(holders) = self.held.get_mut(&group) {
            *holders -= 1;
            if *holders == 0 {
                self.held.remove(&group);
            }
        }
        Some(group)
    }

    /// Whether a run is known to have the lock.
    pub(crate) fn is_held(&self, group: &Group) -> bool {
        self.held.contains_key(group)
    }

    /// Whether the run may have a lock, as far as the watch has come.
    pub(crate) fn is_alive(&self, uid: &str) -> bool {
        self.alive.contains(uid)
    }
}

#[cfg(test)]
mod tests;
