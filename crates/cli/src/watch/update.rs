//! Waits for the run of a ComponentUpdate: while it is recorded, and while others of its component go first.
//!
//! Nothing is polled: the updates of its component are watched, since those before it say what it waits for.

use std::collections::BTreeMap;

use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject},
};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use serde_json::Value;
use sluice_api::{ComponentUpdate, names};

use super::{
    SILENCE, TIMEOUT,
    connection::{Connection, Trouble},
    follow::{BACK, lost},
};
use crate::{
    actions::{Run, Runs},
    cluster::{Cluster, Error, RequestError},
    command::watch::Stopped,
    local::{End, Signals},
    output::Output,
};

/// What came of waiting.
pub(crate) enum Awaited {
    /// This is its run.
    Run(Box<Run>),
    /// There is no run, and there will be none.
    Over { is_deployed: bool, why: String },
    /// The update was deleted.
    Deleted,
    /// It is left as it is.
    Left(End),
}

/// Waits for the run of an update, and says what it waits for. `reference` is what the update is called.
///
/// # Errors
/// Updates or runs cannot be read.
pub(crate) async fn run_of_update(
    cluster: &Cluster,
    runs: &Runs,
    update: &DynamicObject,
    reference: &str,
    output: &Output,
    signals: &mut Signals,
) -> Result<Awaited, Stopped> {
    let mut component = Component::of(cluster, update)?;
    let mut said = String::new();
    loop {
        let seen = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Some(end) => return Ok(Awaited::Left(end)),
                None => continue,
            },
            seen = component.next() => seen,
        };
        match seen {
            Seen::Now => {}
            Seen::Lost(error) => output.note(&lost(&error)),
            Seen::Back => output.note(BACK),
            Seen::Refused(error) => return Err(error.into()),
        }
        let Some(standing) = component.standing() else { return Ok(Awaited::Deleted) };
        let words = match standing {
            Standing::Waits(words) => words,
            Standing::Over { is_deployed, why } => return Ok(Awaited::Over { is_deployed, why }),
            Standing::Started { run, otherwise } => match (runs.get(&run).await, otherwise) {
                (Ok(run), _) => return Ok(Awaited::Run(Box::new(run))),
                (Err(error), _) if !error.is_absence() => return Err(error.into()),
                (Err(_), Some((is_deployed, why))) => return Ok(Awaited::Over { is_deployed, why }),
                // It was deleted, which its update is about to say.
                (Err(_), None) => continue,
            },
        };
        if words != said {
            output.note(&format!("{reference} {words}"));
            said = words;
        }
    }
}

/// The updates of the component that an update is of.
struct Component {
    events: BoxStream<'static, watcher::Result<Event<DynamicObject>>>,
    connection: Connection,
    name: String,
    namespace: String,
    /// Of the update that is meant, and not of another one under its name.
    uid: Option<String>,
    updates: BTreeMap<String, DynamicObject>,
    /// The updates as a list has them, until the list is complete.
    listed: BTreeMap<String, DynamicObject>,
}

/// What there is to see.
enum Seen {
    /// The updates as they are now.
    Now,
    Lost(RequestError),
    Back,
    Refused(RequestError),
}

/// Where an update stands.
#[derive(Debug, PartialEq)]
enum Standing {
    /// It has no run yet, for this reason.
    Waits(String),
    /// It has this run, unless that is not there any more; then whether it was deployed, and why not, once that is known.
    Started { run: String, otherwise: Option<(bool, String)> },
    /// It will have no run.
    Over { is_deployed: bool, why: String },
}

impl Component {
    /// Watches the updates of the component of this one.
    fn of(cluster: &Cluster, update: &DynamicObject) -> Result<Self, Error> {
        let resource = ApiResource::erase::<ComponentUpdate>(&());
        let client = cluster.watch_client(SILENCE)?;
        let updates: Api<DynamicObject> = Api::namespaced_with(client, &cluster.namespace, &resource);
        let [environment, component] =
            ["environment", "component"].map(|member| selected(text(&update.data["spec"], member)));
        let fields = format!("spec.environment={environment},spec.component={component}");
        let only = watcher::Config::default().fields(&fields).timeout(TIMEOUT);
        Ok(Self {
            events: watcher(updates, only).default_backoff().boxed(),
            connection: Connection::default(),
            name: update.name_any(),
            namespace: cluster.namespace.clone(),
            uid: update.metadata.uid.clone(),
            updates: BTreeMap::from([(update.name_any(), update.clone())]),
            listed: BTreeMap::new(),
        })
    }

    /// What there is to see next. To be called again, also when the future was dropped before.
    async fn next(&mut self) -> Seen {
        while let Some(event) = self.events.next().await {
            let is_back = event.is_ok() && self.connection.is_back();
            let is_news = match event {
                Ok(Event::Init) => {
                    self.listed.clear();
                    false
                }
                Ok(Event::InitApply(update)) => {
                    self.listed.insert(update.name_any(), update);
                    false
                }
                Ok(Event::InitDone) => {
                    self.updates = std::mem::take(&mut self.listed);
                    true
                }
                Ok(Event::Apply(update)) => {
                    self.updates.insert(update.name_any(), update);
                    true
                }
                Ok(Event::Delete(update)) => {
                    self.updates.remove(&update.name_any());
                    true
                }
                Err(error) => match self.connection.failed(error, Timestamp::now()) {
                    Some(Trouble::Lost(source)) => return Seen::Lost(self.error(source)),
                    Some(Trouble::Refused(source)) => return Seen::Refused(self.error(source)),
                    None => false,
                },
            };
            match (is_back, is_news) {
                (true, _) => return Seen::Back,
                (false, true) => return Seen::Now,
                (false, false) => {}
            }
        }
        // The watch has no end.
        std::future::pending().await
    }

    fn error(&self, source: kube::Error) -> RequestError {
        let (name, namespace) = (self.name.clone(), self.namespace.clone());
        RequestError::Object { verb: "watch", what: "ComponentUpdate", name, namespace, source }
    }

    /// Where the update stands; `None` if it is not there any more.
    fn standing(&self) -> Option<Standing> {
        let update = self.updates.get(&self.name).filter(|update| update.metadata.uid == self.uid)?;
        Some(standing(update, self.updates.values()))
    }
}

/// Where an update stands among those of its component.
fn standing<'a>(update: &'a DynamicObject, all: impl Iterator<Item = &'a DynamicObject>) -> Standing {
    let spec = &update.data["spec"];
    let over = |why: String| Standing::Over { is_deployed: false, why };
    let Some(deployed) = condition(update, names::DEPLOYED) else {
        return match condition(update, names::RECORDED) {
            None => Standing::Waits("is not recorded yet".to_owned()),
            Some(it) if it["reason"] == "Superseded" => {
                over(format!("is superseded and starts no run: {}", text(it, "message")))
            }
            // Nothing changes in it.
            Some(it) if it["reason"] == "Malformed" => over(format!("starts no run: {}", why(it))),
            Some(it) if it["status"] == "True" => over(format!(
                "is recorded, and starts no run: component {:?} of Environment {:?} had no onUpdate",
                text(spec, "component"),
                text(spec, "environment")
            )),
            Some(it) => Standing::Waits(format!("is not recorded: {}", why(it))),
        };
    };
    let is_open = deployed["status"] == "Unknown";
    let is_deployed = deployed["status"] == "True";
    if let Some(run) = run_of(update) {
        let why = if is_deployed {
            text(deployed, "message").to_owned()
        } else {
            format!("is not deployed: {}", why(deployed))
        };
        return Standing::Started { run: run.to_owned(), otherwise: (!is_open).then_some((is_deployed, why)) };
    }
    match is_open {
        true => Standing::Waits(format!("is recorded: {}{}", why(deployed), behind(update, all))),
        false => Standing::Over { is_deployed, why: format!("is not deployed: {}", why(deployed)) },
    }
}

/// Which update goes first, if one does: one whose run is under way, or else the first of those that are waiting, too.
fn behind<'a>(update: &'a DynamicObject, all: impl Iterator<Item = &'a DynamicObject>) -> String {
    let is_open = |it: &&DynamicObject| condition(it, names::DEPLOYED).is_some_and(|it| it["status"] == "Unknown");
    let goes_first =
        |it: &&DynamicObject| it.name_any() != update.name_any() && (run_of(it).is_some() || order(it) < order(update));
    let first = all.filter(is_open).filter(goes_first).min_by_key(|it| (run_of(it).is_none(), order(it)));
    let Some(first) = first else { return String::new() };
    let name = first.name_any();
    match (run_of(first), condition(first, names::DEPLOYED)) {
        (None, Some(deployed)) => format!(", behind {name}, which waits: {}", why(deployed)),
        _ => format!(", behind {name}, whose run has not ended"),
    }
}

/// The order among the updates of a component.
fn order(update: &DynamicObject) -> (Option<i64>, Option<Timestamp>, String) {
    (update.data["spec"]["sequence"].as_i64(), update.creation_timestamp().map(|time| time.0), update.name_any())
}

fn run_of(update: &DynamicObject) -> Option<&str> {
    update.data["status"]["runRef"]["name"].as_str()
}

fn condition<'a>(update: &'a DynamicObject, of: &str) -> Option<&'a Value> {
    update.data["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == of)
}

/// The reason and the message of a condition.
fn why(condition: &Value) -> String {
    format!("{}: {}", text(condition, "reason"), text(condition, "message"))
}

/// A value as a field selector has it.
fn selected(value: &str) -> String {
    value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=")
}

fn text<'a>(of: &'a Value, member: &str) -> &'a str {
    of[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An update of a sequence, with these conditions (`Type Status Reason`), and with its run.
    fn update(sequence: u32, conditions: &[&str], run: Option<&str>) -> DynamicObject {
        let condition = |text: &&str| {
            let parts: Vec<&str> = text.split(' ').collect();
            json!({"type": parts[0], "status": parts[1], "reason": parts[2], "message": "so it is"})
        };
        let conditions: Vec<Value> = conditions.iter().map(condition).collect();
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "ComponentUpdate", "metadata": {"name": format!("web-{sequence}")},
            "spec": {"environment": "staging", "component": "web", "sequence": sequence},
            "status": {"conditions": conditions, "runRef": run.map(|name| json!({"name": name}))},
        }))
        .unwrap()
    }

    fn waits(update: &DynamicObject, others: &[DynamicObject]) -> String {
        match standing(update, others.iter().chain([update])) {
            Standing::Waits(words) => words,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn an_update_without_a_run_says_what_it_waits_for() {
        let queued = |sequence| update(sequence, &["Recorded True Recorded", "Deployed Unknown Queued"], None);
        let running = update(1, &["Recorded True Recorded", "Deployed Unknown Running"], Some("web-1"));
        let over = update(1, &["Recorded True Recorded", "Deployed False Failed"], Some("web-1"));
        assert_eq!(waits(&update(3, &[], None), &[]), "is not recorded yet");
        assert_eq!(
            waits(&update(3, &["Recorded False ComponentUnknown"], None), &[]),
            "is not recorded: ComponentUnknown: so it is"
        );
        for (others, behind) in [
            (vec![], ""),
            (vec![over], ""),
            (vec![queued(4)], ""),
            (vec![running.clone(), queued(2)], ", behind web-1, whose run has not ended"),
            (vec![queued(2)], ", behind web-2, which waits: Queued: so it is"),
            (vec![update(9, &["Deployed Unknown Running"], Some("web-9"))], ", behind web-9, whose run has not ended"),
        ] {
            assert_eq!(waits(&queued(3), &others), format!("is recorded: Queued: so it is{behind}"));
        }
    }

    #[test]
    fn an_update_that_will_have_no_run_says_why() {
        for (conditions, expected) in [
            (&["Recorded True Superseded"][..], "is superseded and starts no run: so it is"),
            (
                &["Recorded True Recorded"],
                "is recorded, and starts no run: component \"web\" of Environment \"staging\" had no onUpdate",
            ),
            (&["Recorded False Malformed"], "starts no run: Malformed: so it is"),
            (
                &["Recorded True Recorded", "Deployed False ManualFirstStage"],
                "is not deployed: ManualFirstStage: so it is",
            ),
        ] {
            let update = update(1, conditions, None);
            let over = Standing::Over { is_deployed: false, why: expected.to_owned() };
            assert_eq!(standing(&update, [&update].into_iter()), over);
        }
    }

    #[test]
    fn a_field_selector_takes_any_value() {
        assert_eq!(selected(r"a,b=c\d"), r"a\,b\=c\\d");
    }

    #[test]
    fn an_update_with_a_run_names_it_and_how_it_ended() {
        for (deployed, otherwise) in [
            ("Deployed Unknown Running", None),
            ("Deployed True Succeeded", Some((true, "so it is".to_owned()))),
            ("Deployed False Failed", Some((false, "is not deployed: Failed: so it is".to_owned()))),
        ] {
            let update = update(1, &["Recorded True Recorded", deployed], Some("web-1"));
            let started = Standing::Started { run: "web-1".to_owned(), otherwise };
            assert_eq!(standing(&update, [&update].into_iter()), started);
        }
    }
}
