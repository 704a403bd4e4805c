//! The status of Environments: the condition `Ready`, what was reported of components, and what successful runs brought there.
//!
//! One write at a time for each Environment, from what the watch shows: whoever comes later, a run or another controller, is
//! refused by the version and looks again.

mod records;
mod status;

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use kube_runtime::{controller::Action, reflector::ObjectRef};
use sluice_api::{Environment, EnvironmentStatus, Truth, Verdict, check};
use sluice_steps::Report;

pub(crate) use self::records::{Record, Records, succeeded};
use crate::{
    accounts,
    causes::in_one_line,
    context::{Context, now},
    controllers::Panicked,
    guarded::Guarded,
    patch::{self, Member, Version},
    quarantine,
    refusals::why_final,
    updates::{self, Inbox},
};

/// Names an Environment.
pub(crate) type EnvironmentRef = ObjectRef<Guarded<Environment>>;

/// How often it is seen whether a service account has come or gone: those are not watched.
const LOOK_AT_ACCOUNT: Duration = Duration::from_secs(60);

/// After something failed, or somebody else wrote.
const AGAIN: Duration = Duration::from_secs(5);

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to write the status of Environment {name:?}")]
    Write { name: String, source: kube::Error },
    #[error("failed to read the pipelines of the components of Environment {name:?}")]
    Pipelines { name: String, source: kube::Error },
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// Judges one Environment, and writes what successful runs brought there.
pub(crate) async fn reconcile(guarded: Arc<Guarded<Environment>>, context: Arc<Context>) -> Result<Action, Error> {
    let environment = match &guarded.0 {
        Ok(environment) => environment,
        Err(invalid) => {
            quarantine::definition::<Environment>(&context.client, &invalid.metadata, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    if context.updates.written.is_newer_than(environment) {
        // What our own last write made is on its way.
        return Ok(Action::requeue(AGAIN));
    }
    let this = EnvironmentRef::from_obj(guarded.as_ref());
    let (name, namespace) = (environment.name_any(), environment.namespace().unwrap_or_default());
    let inbox = updates::inbox(&context, &namespace, &name, Some(&environment.spec)).await;
    let mut inbox = inbox.map_err(|source| Error::Pipelines { name, source })?;
    let before = environment.status.clone().unwrap_or_default();
    let records = context.records.of(&this);
    let mut after = status::of(&environment.spec, before.clone(), &records);
    let recorded = inbox.record(&environment.spec, &mut after).await;
    let pause = match judge(environment, &inbox, &context).await {
        Ok(verdict) => {
            let generation = environment.metadata.generation;
            after.conditions = vec![verdict.at(now(), generation, &before.conditions)];
            after.observed_generation = generation;
            environment.spec.service_account_name.as_ref().map(|_| LOOK_AT_ACCOUNT)
        }
        Err(error) => {
            tracing::warn!(environment = %environment.name_any(), error = %in_one_line(&error), "an Environment was not judged");
            Some(AGAIN)
        }
    };
    if after != before {
        match write(environment, &after, &context).await {
            Ok(true) => {}
            // Its event is on its way, with what somebody else wrote.
            Ok(false) => return Ok(Action::requeue(AGAIN)),
            Err(error) => {
                if let Error::Write { source, .. } = &error
                    && let Some(why) = why_final(source)
                {
                    inbox.refused(&recorded, why).await;
                }
                return Err(error);
            }
        }
    }
    let news = records.iter().filter(|record| record.is_last_in(&after) && !record.is_last_in(&before));
    news.for_each(|record| tell(record, environment, &context));
    context.records.forget(&this, &records);
    let again = (!inbox.follow(Some(&environment.spec), &after).await).then_some(AGAIN);
    Ok(again.or(pause).map_or_else(Action::await_change, Action::requeue))
}

/// Writes the status, unless the Environment changed or went since it was read.
async fn write(environment: &Environment, status: &EnvironmentStatus, context: &Context) -> Result<bool, Error> {
    let (name, namespace) = (environment.name_any(), environment.namespace().unwrap_or_default());
    let version = environment.resource_version().unwrap_or_default();
    let version = Version { namespace: &namespace, name: &name, resource_version: &version };
    match patch::set::<Environment>(&context.client, version, Member::Status, status).await {
        Ok(version) => {
            context.updates.written.note(environment, &version);
            Ok(true)
        }
        Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(false),
        Err(source) => Err(Error::Write { name, source }),
    }
}

/// Tries again later.
pub(crate) fn error_policy(_: Arc<Guarded<Environment>>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(error = %in_one_line(error), "the status of an Environment was not written; it is tried again");
    Action::requeue(AGAIN)
}

async fn judge(environment: &Environment, inbox: &Inbox<'_>, context: &Context) -> Result<Verdict, accounts::Error> {
    let mistakes = check::environment(&environment.spec);
    if !mistakes.is_empty() {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        return Ok(Verdict::ready(Truth::False, "Invalid", all.join("\n")));
    }
    if let Some(account) = &environment.spec.service_account_name {
        let namespace = environment.namespace().unwrap_or_default();
        if !context.accounts.exists(&namespace, account).await? {
            let message = format!(
                "there is no service account {account:?} in namespace {namespace:?}: create it, or correct \
                 spec.serviceAccountName"
            );
            return Ok(Verdict::ready(Truth::False, "ServiceAccountNotFound", message));
        }
    }
    if let Some(verdict) = inbox.unfit(&environment.spec) {
        return Ok(verdict);
    }
    Ok(match environment.spec.allowed_pipelines.is_empty() {
        true => Verdict::ready(Truth::True, "Closed", "no pipeline may use it: spec.allowedPipelines names none"),
        false => Verdict::ready(Truth::True, "Valid", "stages of the pipelines that it allows can be bound to it"),
    })
}

/// Says of a run what of it was not written down, and why.
fn tell(record: &Record, environment: &Environment, context: &Context) {
    if let Some(message) = record.unwritten(environment) {
        let report = Report { reason: "ComponentNotRecorded".to_owned(), message, warning: true };
        context.reports.send(&record.run, report);
    }
}

/// Where an Environment is, for messages and the watch.
pub(crate) fn reference(namespace: &str, name: &str) -> EnvironmentRef {
    EnvironmentRef::new(name).within(namespace)
}
