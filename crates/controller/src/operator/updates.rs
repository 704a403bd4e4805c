//! The controller of ComponentUpdates, which hands them to their Environments. A cluster of an older installation may not have the
//! kind: then this watch alone is tried again.

use futures::channel::mpsc;
use sluice_api::ComponentUpdate;

use super::Common;
use crate::{
    controllers::{Kept, controller},
    updates::{UpdateRef, error_policy, reconcile},
};

/// How many are looked at at the same time.
const AT_ONCE: u16 = 4;

/// What it is told by.
pub(super) struct Ends {
    pub(super) kept: Kept<ComponentUpdate>,
    pub(super) woken: mpsc::UnboundedReceiver<UpdateRef>,
}

pub(super) async fn drive(common: &Common, Ends { kept, woken }: Ends) {
    let context = common.context.clone();
    let updates = controller(common.all(), kept, AT_ONCE, move |change| context.updates.keep(change));
    common.drive(updates.reconcile_on(woken), reconcile, error_policy).await;
}
