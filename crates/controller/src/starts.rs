//! Starting a run for something that is no person: a time of a trigger, a good run of a source, a ComponentUpdate.
//!
//! # Guarantees
//! - **One run for each cause.** The name follows from the cause, so whoever starts a run for it (this process again after a crash,
//!   another controller, a request of which nobody knows what came) finds the one that is there.
//! - **None is taken for another's.** A run of the name counts only if pipeline and `spec.trigger` are what would have been
//!   written: only the controller may set that, and labels tell nothing.
//! - **What would be refused again is not tried again.** It says why it started nothing.

mod lock;
mod outcome;

use jiff::Timestamp;
use kube::{Api, Client, ResourceExt, api::PostParams};
use sluice_api::{LocalReference, Pipeline, PipelineRun, PipelineRunSpec, PipelineSpec, SourceStart, Trigger, names};

pub(crate) use self::{
    lock::{Error as LockError, locked},
    outcome::{Dropped, dropped, started},
};
use crate::{context::Context, guarded::Guarded, locks::Making, refusals::why_final, updates::REPORT_AGAIN};

/// What came of starting a run.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    /// It was made just now.
    New(PipelineRun),
    /// It had been made before, by whomever, and may have ended.
    Already(PipelineRun),
    /// Somebody else's run has its name: a message for people.
    NameTaken(String),
}

impl Made {
    /// The run, whoever made it.
    pub(crate) fn into_run(self) -> Result<PipelineRun, Dropped> {
        match self {
            Self::New(run) | Self::Already(run) => Ok(run),
            Self::NameTaken(message) => Err(Dropped { reason: "NameTaken", message }),
        }
    }
}

/// The run of a pipeline that something starts. Its parameters, what it takes and who asked for it are left to be set.
pub(crate) fn run(name: &str, pipeline: &str, trigger: Trigger) -> PipelineRun {
    let spec = PipelineRunSpec {
        pipeline_ref: LocalReference { name: pipeline.to_owned() },
        params: Default::default(),
        from: Vec::new(),
        requested_by: None,
        trigger: Some(trigger),
        actions: Vec::new(),
    };
    let mut run = PipelineRun::new(name, spec);
    run.labels_mut().insert(names::PIPELINE_LABEL.to_owned(), names::label_value(pipeline));
    run
}

/// From when on times and good runs start runs of the pipeline, where nobody has looked at them before: from its creation on, since the first
/// look may come late. One that was changed is not known to have had the trigger, or the source, before now.
pub(crate) fn begins(pipeline: &Pipeline, now: Timestamp) -> Timestamp {
    let is_unchanged = pipeline.metadata.generation == Some(1);
    let created = pipeline.metadata.creation_timestamp.as_ref().filter(|_| is_unchanged);
    created.map_or(now, |created| created.0.min(now))
}

/// Makes the run, unless it is there.
///
/// *Idempotency:* the client sends nothing again by itself; whoever got an error calls this again, with the same run.
pub(crate) async fn create(client: &Client, namespace: &str, run: &PipelineRun) -> Result<Made, kube::Error> {
    let runs: Api<PipelineRun> = Api::namespaced(client.clone(), namespace);
    let params = PostParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match runs.create(&params, run).await {
        Ok(made) => Ok(Made::New(made)),
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            let runs: Api<Guarded<PipelineRun>> = Api::namespaced(client.clone(), namespace);
            Ok(whose(run, runs.get(&run.name_any()).await?))
        }
        Err(error) => Err(error),
    }
}

/// It is not known whether there is a run: what failed may pass by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to start run {name:?}")]
    Create { name: String, source: kube::Error },
    #[error("failed to look for run {name:?}")]
    Find { name: String, source: kube::Error },
}

/// Makes the run, unless it is there, or says why there is none and will be none. `hindered` is what speaks against it, if anything does.
///
/// *Idempotency:* whatever speaks against a run that is there already (it has the lock itself, or the pipeline was suspended since), it
/// was started.
pub(crate) async fn start(
    client: &Client,
    making: &Making,
    namespace: &str,
    run: &PipelineRun,
    hindered: Option<Dropped>,
) -> Result<Result<PipelineRun, Dropped>, Error> {
    let dropped = match hindered {
        Some(dropped) => dropped,
        None => match try_to_start(client, namespace, run).await? {
            Ok(made) => {
                making.made(namespace, &run.name_any());
                return Ok(Ok(made));
            }
            Err(dropped) => dropped,
        },
    };
    if let Some(made) = find(client, namespace, run).await? {
        return Ok(Ok(made));
    }
    making.forget(namespace, &run.name_any());
    Ok(Err(dropped))
}

async fn try_to_start(
    client: &Client,
    namespace: &str,
    run: &PipelineRun,
) -> Result<Result<PipelineRun, Dropped>, Error> {
    match create(client, namespace, run).await {
        Ok(made) => Ok(made.into_run()),
        Err(source) => match why_final(&source) {
            // A quota, a webhook, a namespace that is about to go.
            Some(why) => {
                let message = format!("the API server refused the run: {why}");
                Ok(Err(Dropped { reason: "RunRefused", message }))
            }
            None => Err(Error::Create { name: run.name_any(), source }),
        },
    }
}

/// The run, if it was made before: read live, since the watch may not show it yet.
async fn find(client: &Client, namespace: &str, run: &PipelineRun) -> Result<Option<PipelineRun>, Error> {
    let runs: Api<Guarded<PipelineRun>> = Api::namespaced(client.clone(), namespace);
    let found = runs.get_opt(&run.name_any()).await;
    let found = found.map_err(|source| Error::Find { name: run.name_any(), source })?;
    // Somebody else's run of that name is no reason where there is another one.
    Ok(found.and_then(|found| whose(run, found).into_run().ok()))
}

/// Whether the run that has the name is the one that was to be made.
fn whose(wanted: &PipelineRun, found: Guarded<PipelineRun>) -> Made {
    let name = wanted.name_any();
    match found.0 {
        Ok(found) if is_same(&wanted.spec, &found.spec) => Made::Already(found),
        Ok(_) => Made::NameTaken(format!("there is a run {name:?} that nobody started for this; {}", remedy(wanted))),
        Err(invalid) => Made::NameTaken(format!(
            "there is a run {name:?}, which cannot be read: {}; {}",
            invalid.error,
            remedy(wanted)
        )),
    }
}

/// What to do where no run is made because its name is taken: that is final, so to delete the other run helps nobody.
fn remedy(wanted: &PipelineRun) -> String {
    let PipelineRunSpec { pipeline_ref, trigger, .. } = &wanted.spec;
    match trigger.as_ref() {
        Some(Trigger { source: Some(SourceStart { name, run, .. }), .. }) => format!(
            "the next good run of source {name} starts one again; to take this one: sluice run {} --from {name}={}",
            pipeline_ref.name, run.name
        ),
        Some(Trigger { component_update: Some(_), .. }) => REPORT_AGAIN.to_owned(),
        _ => "nothing is to be done: the next time starts one again".to_owned(),
    }
}

/// No more than this is compared: the pipeline's parameters, or what is good of its sources, may have changed since.
pub(crate) fn is_same(wanted: &PipelineRunSpec, found: &PipelineRunSpec) -> bool {
    wanted.trigger == found.trigger && wanted.pipeline_ref == found.pipeline_ref
}

/// Whether the pipeline begins by hand, by what the watch shows of the Environments. It may lag: then a run is started that waits, or the
/// other way round.
pub(crate) fn begins_by_hand_now(context: &Context, namespace: &str, spec: &PipelineSpec) -> bool {
    spec.begins_by_hand(|environment| context.records.wants_approval(namespace, environment))
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{Arc, Mutex},
    };

    use http::{Method, Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::{Value, json};
    use sluice_api::{Tick, names::run_of_tick};

    use super::*;
    use crate::locks::{Group, Other, Shown};

    fn tick(trigger: &str) -> PipelineRun {
        let at = "2026-11-23T09:15:00Z".parse().unwrap();
        let tick = Tick { name: trigger.to_owned(), at };
        let trigger = Trigger { cron: Some(tick), ..Trigger::default() };
        run(&run_of_tick("qa", "morning", at), "qa", trigger)
    }

    /// An API server that has these runs, and all that was asked of it.
    fn server(runs: Vec<Value>) -> (Client, Arc<Mutex<Vec<Method>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (runs, log) = (Arc::new(Mutex::new(runs)), asked.clone());
        let answer = move |request: Request<Body>| {
            let (runs, log) = (runs.clone(), log.clone());
            async move {
                log.lock().unwrap().push(request.method().clone());
                let is_post = request.method() == Method::POST;
                let sent = request.into_body().collect_bytes().await.unwrap();
                let mut runs = runs.lock().unwrap();
                let (status, body) = match (is_post, runs.first()) {
                    (true, Some(_)) => {
                        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "it is there",
                            "reason": "AlreadyExists", "code": 409});
                        (StatusCode::CONFLICT, status)
                    }
                    (true, None) => {
                        let run: Value = serde_json::from_slice(&sent).unwrap();
                        runs.push(run.clone());
                        (StatusCode::CREATED, run)
                    }
                    (false, run) => (StatusCode::OK, run.cloned().unwrap_or_default()),
                };
                let response = Response::builder().status(status).body(Body::from(body.to_string().into_bytes()));
                Ok::<_, Infallible>(response.unwrap())
            }
        };
        (Client::new(tower::service_fn(answer), "shop"), asked)
    }

    #[tokio::test]
    async fn whoever_starts_it_again_finds_it() {
        let (client, asked) = server(Vec::new());
        assert!(matches!(create(&client, "shop", &tick("morning")).await, Ok(Made::New(_))));
        assert!(matches!(create(&client, "shop", &tick("morning")).await, Ok(Made::Already(_))));
        assert_eq!(*asked.lock().unwrap(), [Method::POST, Method::POST, Method::GET]);
    }

    #[tokio::test]
    async fn a_run_that_somebody_else_made_is_not_taken_for_it() {
        let mut by_hand = tick("morning");
        by_hand.spec.trigger = None;
        let mut other_pipeline = tick("morning");
        other_pipeline.spec.pipeline_ref.name = "deploy".to_owned();
        let unreadable = json!({"metadata": {"name": "a"}, "spec": {"pipelineRef": 7}});
        let value = |run: PipelineRun| serde_json::to_value(run).unwrap();
        for (found, why) in [
            (value(by_hand), "nobody started for this"),
            (value(other_pipeline), "nobody started for this"),
            (value(tick("evening")), "nobody started for this"),
            (unreadable, "spec.pipelineRef"),
        ] {
            let (client, _) = server(vec![found]);
            let Ok(Made::NameTaken(message)) = create(&client, "shop", &tick("morning")).await else {
                panic!("it was taken for it");
            };
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn whoever_finds_the_name_taken_is_told_how_a_run_comes_about_all_the_same() {
        let of = |trigger: Value| run("a", "qa", serde_json::from_value(trigger).unwrap());
        let good = json!({"name": "build-7", "uid": "1"});
        for (trigger, expected) in [
            (json!({"cron": {"name": "morning", "at": "2026-11-23T09:15:00Z"}}), "the next time starts one again"),
            (
                json!({"source": {"name": "build", "run": good, "pipelines": ["build"]}}),
                "to take this one: sluice run qa --from build=build-7",
            ),
            (json!({"componentUpdate": {"name": "a", "uid": "1"}}), REPORT_AGAIN),
        ] {
            let message = remedy(&of(trigger));
            assert!(message.ends_with(expected) && !message.contains("delete"), "{message}");
        }
    }

    /// An API server that has no run, and makes none.
    fn server_that_refuses(answer: StatusCode) -> Client {
        let refuse = move |request: Request<Body>| async move {
            let (code, reason) = match *request.method() {
                Method::GET => (StatusCode::NOT_FOUND, "NotFound"),
                _ => (answer, "Forbidden"),
            };
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "exceeded quota",
                "reason": reason, "code": code.as_u16()});
            let response = Response::builder().status(code).body(Body::from(status.to_string().into_bytes()));
            Ok::<_, Infallible>(response.unwrap())
        };
        Client::new(tower::service_fn(refuse), "shop")
    }

    async fn start_where(answer: StatusCode) -> Result<Result<PipelineRun, Dropped>, Error> {
        start(&server_that_refuses(answer), &Making::default(), "shop", &tick("morning"), None).await
    }

    #[tokio::test]
    async fn what_is_refused_for_good_says_so_and_the_rest_is_tried_again() {
        for code in [StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::PAYLOAD_TOO_LARGE] {
            let dropped = start_where(code).await.unwrap().unwrap_err();
            let message = "the API server refused the run: exceeded quota";
            assert_eq!((dropped.reason, dropped.message.as_str()), ("RunRefused", message));
        }
        for code in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS, StatusCode::NOT_FOUND] {
            assert!(start_where(code).await.is_err(), "{code}");
        }
    }

    fn suspended() -> Dropped {
        Dropped { reason: "Suspended", message: String::new() }
    }

    #[tokio::test]
    async fn a_run_that_is_there_was_started_whatever_speaks_against_it_now() {
        let value = |run: PipelineRun| serde_json::to_value(run).unwrap();
        for (found, is_started) in [(tick("morning"), true), (tick("evening"), false)] {
            let (client, asked) = server(vec![value(found)]);
            let made = start(&client, &Making::default(), "shop", &tick("morning"), Some(suspended())).await.unwrap();
            assert_eq!(made.map_err(|dropped| dropped.reason).is_ok(), is_started);
            assert_eq!(*asked.lock().unwrap(), [Method::GET]);
        }
    }

    #[tokio::test]
    async fn a_run_that_could_not_be_made_keeps_another_one_of_its_lock_waiting_and_not_from_being_made() {
        /// A watch that shows nothing.
        struct Nothing;
        impl Shown for Nothing {
            fn takes(&self, _: &str) -> Option<bool> {
                None
            }

            fn unfinished(&self) -> Option<String> {
                None
            }
        }
        let (making, group) = (Making::default(), Group { namespace: "shop".to_owned(), name: "web".to_owned() });
        let (first, mut second) = (tick("morning"), tick("evening"));
        second.metadata.name = Some("qa-evening".to_owned());
        let claim = |run: &PipelineRun| making.claim(&group, &run.name_any(), &Nothing);
        assert_eq!(claim(&first), Ok(()));
        let away = server_that_refuses(StatusCode::INTERNAL_SERVER_ERROR);
        assert!(start(&away, &making, "shop", &first, None).await.is_err());
        assert_eq!(claim(&second), Err(Other::Claimed(first.name_any())), "it is looked at again");
        // The first one is tried again, and nothing comes of it.
        start(&away, &making, "shop", &first, Some(suspended())).await.unwrap().unwrap_err();
        assert_eq!(claim(&second), Ok(()));
    }

    #[test]
    fn a_run_names_its_pipeline_and_what_started_it() {
        let run = tick("morning");
        assert_eq!(run.labels()["sluice.dev/pipeline"], "qa");
        assert_eq!((run.spec.requested_by.clone(), run.spec.actions.len()), (None, 0));
    }
}
