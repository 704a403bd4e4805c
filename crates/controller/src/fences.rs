//! What Environments say now, to those who want to use one.
//!
//! The watch of Environments is no answer here: while it is broken it would go on allowing what was taken back. So they are read
//! live; what was read allows the use of an account for a moment longer, since a run that waits uses it again and again.
//!
//! # Guarantees
//! - A pipeline that is taken off an Environment uses its account no longer than [`TRUSTED_FOR`] after that.
//! - Nothing is refused by what is remembered: before that it is read anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use kube::{Api, Client};
use sluice_api::{Environment, EnvironmentSpec};
use sluice_engine::Failure;

use crate::{guarded::Guarded, shared::Shared};

/// How long what was read may be used.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// Namespace and name of an Environment.
type Name = (String, String);

type Read = Result<Arc<EnvironmentSpec>, Failure>;

/// What Environments say.
#[derive(Default)]
pub(crate) struct Fences {
    /// Those that are being read, so that many who ask at the same time make one request.
    reads: Shared<Name, Read>,
    /// What was read, and when that began.
    known: Mutex<HashMap<Name, (Instant, Arc<EnvironmentSpec>)>>,
}

impl Fences {
    /// What the Environment says at this moment.
    pub(crate) async fn now(&self, client: &Client, namespace: &str, name: &str) -> Read {
        let key = (namespace.to_owned(), name.to_owned());
        let began = Instant::now();
        let spec = self.reads.get(&key, read(client, namespace, name)).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| at.elapsed() < TRUSTED_FOR);
        known.insert(key, (began, spec.clone()));
        Ok(spec)
    }

    /// What it says, or said a moment ago when that allowed the pipeline.
    pub(crate) async fn lately(&self, client: &Client, namespace: &str, name: &str, pipeline: &str) -> Read {
        match self.remembered(namespace, name).filter(|spec| spec.allows(pipeline)) {
            Some(spec) => Ok(spec),
            None => self.now(client, namespace, name).await,
        }
    }

    fn remembered(&self, namespace: &str, name: &str) -> Option<Arc<EnvironmentSpec>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, spec) = known.get(&(namespace.to_owned(), name.to_owned()))?;
        (at.elapsed() < TRUSTED_FOR).then(|| spec.clone())
    }
}

async fn read(client: &Client, namespace: &str, name: &str) -> Read {
    let environments: Api<Guarded<Environment>> = Api::namespaced(client.clone(), namespace);
    match environments.get_opt(name).await {
        Ok(Some(Guarded(Ok(environment)))) => Ok(Arc::new(environment.spec)),
        Ok(Some(Guarded(Err(invalid)))) => {
            let message = format!("Environment {name:?} cannot be read: {}", invalid.error);
            Err(Failure::definite("EnvironmentMalformed", message))
        }
        Ok(None) => {
            let message = format!(
                "there is no Environment {name:?} in namespace {namespace:?}: create it, or correct the stage's environment"
            );
            Err(Failure::definite("EnvironmentNotFound", message))
        }
        Err(error) => {
            let message = format!("failed to read Environment {name:?}: {error}");
            Err(Failure::transient("KubernetesUnavailable", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// An API server with one Environment, and how often it was asked.
    fn server(spec: &Arc<Mutex<Value>>) -> (Client, Arc<AtomicUsize>) {
        let (spec, asked) = (spec.clone(), Arc::new(AtomicUsize::new(0)));
        let count = asked.clone();
        let answer = move |_: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            let spec = spec.lock().unwrap().clone();
            let metadata = json!({"name": "production"});
            let object =
                json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": metadata, "spec": spec});
            async move { Ok::<_, Infallible>(Response::new(Body::from(object.to_string().into_bytes()))) }
        };
        (Client::new(tower::service_fn(answer), "shop"), asked)
    }

    #[tokio::test]
    async fn what_allows_a_pipeline_is_read_once_in_a_while_and_what_does_not_each_time() {
        let spec = Arc::new(Mutex::new(json!({"allowedPipelines": ["deploy"], "serviceAccountName": "a"})));
        let (client, asked) = server(&spec);
        let fences = Fences::default();
        let lately = async |pipeline: &str| fences.lately(&client, "shop", "production", pipeline).await.unwrap();
        for _ in 0..3 {
            assert!(lately("deploy").await.allows("deploy"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // Somebody allows another pipeline: it need not wait.
        *spec.lock().unwrap() = json!({"allowedPipelines": ["deploy", "hotfix"]});
        assert!(lately("hotfix").await.allows("hotfix"));
        assert!(!lately("other").await.allows("other"));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_stage_that_starts_reads_it_anew() {
        let spec = Arc::new(Mutex::new(json!({"targets": [{"name": "eu"}]})));
        let (client, asked) = server(&spec);
        let fences = Fences::default();
        for number in 1..3 {
            assert_eq!(fences.now(&client, "shop", "production").await.unwrap().targets.len(), 1);
            assert_eq!(asked.load(Ordering::Relaxed), number);
        }
    }
}
