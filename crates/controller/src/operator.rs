//! Puts the controllers together and runs them until they are told to stop. Each kind's is in a file of its own.

mod collect;
mod environments;
mod pipelines;
mod runs;
mod updates;
mod watched;
mod wires;

use std::{
    fmt::Debug,
    hash::Hash,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource};
use kube_runtime::controller::{Action, Controller};
use serde::de::DeserializeOwned;
use sluice_api::names;

use self::{collect::collect, wires::Wires};
use crate::{
    causes::in_one_line,
    client::{configure, for_requests, scoped, user},
    context::Context,
    controllers::{self, Panicked},
    guarded::Guarded,
    lean, locks,
};

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The one namespace to look after; all of them unless set.
    pub namespace: Option<String>,
    /// How many runs are carried on at the same time.
    pub concurrency: u16,
    /// Otherwise closed networks that HTTP of steps may dial.
    pub allow_http_to: Vec<ipnet::IpNet>,
    /// Where health and readiness are served.
    pub listen: SocketAddr,
    /// Names this process in Events: the Pod's name.
    pub instance: String,
}

/// What ended the controller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address of, or no credentials for, the API server.
    #[error("failed to find the API server's address and credentials")]
    Config(#[source] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("failed to make a client for the API server")]
    Client(#[source] kube::Error),
    /// The HTTP client for steps could not be made.
    #[error("failed to make the HTTP client for steps")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Health could not be served.
    #[error("failed to listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Reconciles that are under way get this long to end after a stop was asked for.
const GRACE: Duration = Duration::from_secs(20);

/// How long to wait for an API server that does not answer yet.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Runs the controller until `stop` resolves, and lets what is under way end.
pub async fn run(options: Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let config = configure(Config::infer().await.map_err(Error::Config)?);
    let watching = lean::client(config.clone()).map_err(Error::Client)?;
    let config = for_requests(config);
    let client = lean::client(config.clone()).map_err(Error::Client)?;
    let user = own_user(&client).await;
    let (context, Wires { runs, pipelines, environments, updates, idle_locks }) =
        wires::context(&options, client, config, user)?;
    let common = Common {
        client: watching,
        namespace: options.namespace.clone(),
        context: context.clone(),
        stop: told_to(stop, context.clone()),
    };
    let ready = Arc::new(AtomicBool::new(false));
    let health = sluice_server::health(options.listen, ready.clone(), common.stop.clone());
    let health = health.await.map_err(|source| Error::Listen { address: options.listen, source })?;
    let work = async {
        tokio::join!(
            runs::drive(&common, options.concurrency, runs),
            pipelines::drive(&common, pipelines),
            environments::drive(&common, environments),
            updates::drive(&common, updates),
        )
    };
    let background = async {
        let namespace = options.namespace.as_deref();
        tokio::join!(
            become_ready(&context, &ready),
            collect(&common),
            context.history.keep(&context, &context.updates.pipelines, &context.runs),
            locks::keep(&context.client, namespace, &context.runs, &context.locks, idle_locks),
        );
    };
    let grace = async {
        common.stop.clone().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = work => tracing::info!("stopped"),
        () = grace => tracing::warn!("stopped with reconciles under way; they are taken up again from their status"),
        () = async { background.await; std::future::pending().await } => {}
    }
    health.abort();
    Ok(())
}

/// What every controller is made of.
struct Common {
    /// For watches.
    client: Client,
    namespace: Option<String>,
    context: Arc<Context>,
    stop: Stop,
}

/// Resolves when the process is to end.
type Stop = Shared<BoxFuture<'static, ()>>;

impl Common {
    /// All objects of a kind that are looked after.
    fn all<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        scoped(&self.client, self.namespace.as_deref())
    }

    /// Drives a controller until the process is to end and what is under way has ended.
    async fn drive<K, E, F>(
        &self,
        controller: Controller<Guarded<K>>,
        reconcile: fn(Arc<Guarded<K>>, Arc<Context>) -> F,
        policy: fn(Arc<Guarded<K>>, &E, Arc<Context>) -> Action,
    ) where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        K::DynamicType: Clone + Debug + Eq + Hash + Unpin,
        E: std::error::Error + From<Panicked> + Send + 'static,
        F: Future<Output = Result<Action, E>> + Send + 'static,
    {
        controllers::drive(controller, self.stop.clone(), reconcile, policy, self.context.clone()).await;
    }
}

/// Resolves when `stop` does, and has told so to whatever is under way.
fn told_to(stop: impl Future<Output = ()> + Send + 'static, context: Arc<Context>) -> Stop {
    let told = async move {
        stop.await;
        context.stopping.store(true, Ordering::Relaxed);
    };
    told.boxed().shared()
}

/// The name by which the API server knows this controller. Without an answer nothing can be done anyway: it is asked again.
async fn own_user(client: &Client) -> String {
    loop {
        match user(client).await {
            Ok(user) => return user.unwrap_or_else(|| names::FIELD_MANAGER.to_owned()),
            Err(error) => tracing::warn!(error = %in_one_line(&error), "the API server does not say who we are"),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn become_ready(context: &Context, ready: &AtomicBool) {
    if context.runs.wait_until_ready().await.is_ok() {
        tracing::info!(runs = context.runs.len(), "ready");
        ready.store(true, Ordering::Relaxed);
    }
}
