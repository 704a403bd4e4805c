//! Which updates of a component are deleted. Pure.

use std::cmp::Reverse;

use sluice_api::{ComponentUpdate, EnvironmentSpec};

use super::seen::{is_open, order};

/// How many are kept of each component unless the Environment says so.
const DEFAULT: usize = 20;

/// How many are kept of each component.
pub(super) fn limit(spec: &EnvironmentSpec) -> usize {
    spec.update_history_limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT)
}

/// Those of one component that go: of those for which nothing is left to do the newest stay. `is_busy` says of an update whether its
/// run has not ended, since a person had it tried again.
pub(super) fn too_old<'a>(
    limit: usize,
    updates: &[&'a ComponentUpdate],
    is_busy: impl Fn(&ComponentUpdate) -> bool,
) -> Vec<&'a ComponentUpdate> {
    let mut closed: Vec<_> = updates.iter().copied().filter(|update| !is_open(update) && !is_busy(update)).collect();
    closed.sort_by_key(|update| Reverse(order(update)));
    closed.split_off(limit.min(closed.len()))
}
