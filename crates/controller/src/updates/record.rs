//! What is to be recorded next in an Environment's status, and what that makes of each update. Pure.
//!
//! Of each component one update is recorded in a write, the one of the lowest sequence, and the next one only when the update itself
//! says that it was: so whoever comes after a crash knows, of each, whether it stood.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kube::ResourceExt;
use sluice_api::{
    ComponentStatus, ComponentUpdate, EnvironmentSpec, EnvironmentStatus, Recorded, Truth, UpdateName, Verdict,
};

use super::seen::{is_recorded, name, order, uid};

/// What an Environment's status lacks.
#[derive(Debug, Default)]
pub(super) struct Open<'a> {
    /// These are recorded, one of each component.
    pub(super) next: Vec<&'a ComponentUpdate>,
    /// These are what is recorded, and the watch does not show them. Before another one takes the place of such a one, it has to
    /// say itself that it was recorded, if it is there.
    pub(super) unseen: Vec<UpdateName>,
}

/// What is to be recorded next. `gone` are the UIDs of updates that a live read did not find.
pub(super) fn open<'a>(
    spec: &EnvironmentSpec,
    status: &EnvironmentStatus,
    updates: &[&'a ComponentUpdate],
    gone: &HashSet<String>,
) -> Open<'a> {
    let mut open = Open::default();
    let mut by_component: HashMap<&str, Vec<&'a ComponentUpdate>> = HashMap::new();
    for &update in updates {
        by_component.entry(&update.spec.component).or_default().push(update);
    }
    for component in &spec.components {
        let Some(of) = by_component.get(component.name.as_str()) else { continue };
        let of = of.iter().copied();
        let Some(recorded) = recorded(status, &component.name) else {
            // One that was recorded while the Environment or its declaration of the component was another one still stands.
            let before = of.clone().filter(|update| is_recorded(update)).max_by_key(|update| order(update));
            open.next.extend(before.or_else(|| of.filter(|update| !is_recorded(update)).min_by_key(|it| order(it))));
            continue;
        };
        let higher = of.clone().filter(|it| !is_recorded(it) && it.spec.sequence > recorded.sequence);
        let Some(next) = higher.min_by_key(|update| order(update)) else { continue };
        match of.clone().find(|update| uid(update) == recorded.update_ref.uid) {
            Some(last) if is_recorded(last) => open.next.push(next),
            Some(_) => {}
            None if gone.contains(&recorded.update_ref.uid) => open.next.push(next),
            None => open.unseen.push(recorded.update_ref.clone()),
        }
    }
    open
}

/// Records an update. Nothing else in the status changes.
pub(super) fn put(components: &mut [ComponentStatus], update: &ComponentUpdate) {
    let spec = &update.spec;
    let at = update.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    if let Some(component) = components.iter_mut().find(|component| component.name == spec.component) {
        component.recorded = Some(Recorded {
            version: spec.version.clone(),
            sha: spec.sha.clone(),
            by: spec.by.clone(),
            at,
            sequence: spec.sequence,
            update_ref: name(update),
        });
    }
}

/// What became of an update that does not say yet that it was recorded; `None` while its turn has not come. `status` is what is
/// written. Without a `spec` there is no Environment.
pub(super) fn outcome(
    update: &ComponentUpdate,
    spec: Option<&EnvironmentSpec>,
    status: &EnvironmentStatus,
) -> Option<Vec<Verdict>> {
    let (environment, component) = (&update.spec.environment, &update.spec.component);
    let Some(spec) = spec else {
        let message = format!("there is no Environment {environment:?} in this namespace: create it");
        return Some(vec![Verdict::recorded(Truth::False, "EnvironmentNotFound", message)]);
    };
    let Some(declared) = spec.components.iter().find(|declared| declared.name == *component) else {
        let message = format!(
            "Environment {environment:?} does not declare component {component:?}: add it to its spec.components"
        );
        return Some(vec![Verdict::recorded(Truth::False, "ComponentUnknown", message)]);
    };
    let recorded = recorded(status, component)?;
    if recorded.update_ref.uid == uid(update) {
        let message = format!("status.components of Environment {environment:?} has it");
        let mut verdicts = vec![Verdict::recorded(Truth::True, "Recorded", message)];
        if declared.on_update.is_some() {
            verdicts.push(Verdict::deployed(Truth::Unknown, "Queued", "its run waits for its turn"));
        }
        return Some(verdicts);
    }
    (recorded.sequence >= update.spec.sequence).then(|| {
        let message = format!(
            "sequence {} had been recorded before, by update {:?}: nothing follows from this one",
            recorded.sequence, recorded.update_ref.name
        );
        vec![Verdict::recorded(Truth::True, "Superseded", message)]
    })
}

/// What is said of an update that the API server would not have recorded.
pub(super) fn refused(update: &ComponentUpdate, why: &str) -> Verdict {
    let message = format!("the status of Environment {:?} could not be written: {why}", update.spec.environment);
    Verdict::recorded(Truth::False, "RecordFailed", message)
}

fn recorded<'a>(status: &'a EnvironmentStatus, component: &str) -> Option<&'a Recorded> {
    status.components.iter().find(|known| known.name == component)?.recorded.as_ref()
}
