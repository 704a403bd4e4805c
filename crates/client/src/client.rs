//! The client for the API server.

use std::time::Duration;

use k8s_openapi::{NamespaceResourceScope, api::authentication::v1::SelfSubjectReview};
use kube::{Api, Client, Config, Resource, api::PostParams};

/// How long one request may take. A watch is not bound by it: it is ended and taken up again by its own timeout.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The API server's address and our credentials, with what all processes need.
pub fn configure(mut config: Config) -> Config {
    // The library would send a request again after a 429, 503 or 504, a POST included (kube #2082): then a create
    // could happen twice. What is to be sent again is decided here, where it is known whether it may.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.write_timeout = Some(REQUEST_TIMEOUT);
    config
}

/// The same for requests that are answered at once: nothing is waited for longer than it may take.
pub fn for_requests(mut config: Config) -> Config {
    config.read_timeout = Some(REQUEST_TIMEOUT);
    // Without it, a connection that lay idle would count as one that does not answer.
    config.reset_reader_on_write = true;
    config
}

/// A client for requests that are answered at once, none of which is sent again by itself.
///
/// # Errors
/// When the configuration makes no client.
pub fn request_client(config: Config) -> Result<Client, kube::Error> {
    Client::try_from(for_requests(configure(config)))
}

/// A client for watches; a connection on which nothing came for as long as `silence` counts as lost.
///
/// # Errors
/// When the configuration makes no client.
pub fn watch_client(config: Config, silence: Duration) -> Result<Client, kube::Error> {
    let mut config = configure(config);
    config.read_timeout = Some(silence);
    Client::try_from(config)
}

/// A client with the in-cluster account, or with the kubeconfig.
///
/// # Errors
/// When there is neither.
pub async fn client() -> Result<Client, kube::Error> {
    let config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    Client::try_from(configure(config))
}

/// The name by which the API server knows whoever asks with this client; `None` when it knows nobody.
///
/// # Errors
/// When it does not answer.
pub async fn user(client: &Client) -> Result<Option<String>, kube::Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    Ok(review.status.and_then(|status| status.user_info).and_then(|user| user.username))
}

/// All objects of one namespace, or of all.
pub fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}
