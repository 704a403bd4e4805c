//! The controller of Environments, which runs that have succeeded and ComponentUpdates bring back.

use futures::channel::mpsc;
use kube_runtime::watcher::Event;
use sluice_api::Environment;

use super::Common;
use crate::{
    controllers::{Kept, controller},
    environments::{EnvironmentRef, error_policy, reconcile},
};

/// How many are looked at at the same time.
const AT_ONCE: u16 = 4;

/// What it is told by.
pub(super) struct Ends {
    pub(super) kept: Kept<Environment>,
    pub(super) woken: mpsc::UnboundedReceiver<EnvironmentRef>,
}

pub(super) async fn drive(common: &Common, Ends { kept, woken }: Ends) {
    let context = common.context.clone();
    let environments = controller(common.all(), kept, AT_ONCE, move |change| {
        context.updates.environment_changed(change);
        if let Event::Delete(environment) = change {
            context.updates.environment_gone(environment);
        }
    });
    common.drive(environments.reconcile_on(woken), reconcile, error_policy).await;
}
