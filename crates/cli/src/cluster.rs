//! How a command reaches a cluster: by the kubeconfig, with the options that kubectl has for it.

mod error;
mod objects;

use std::{error::Error as _, io, ops::Not, path::PathBuf, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use sluice_expr::closest;

use crate::shell;

pub(crate) use error::RequestError;
pub(crate) use objects::Objects;

/// Which cluster, and what of it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The kubeconfig; those of KUBECONFIG, or ~/.kube/config, unless set.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig; its current one unless set.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace in the cluster; that of the context unless set.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// Ask as this user, such as ada or system:serviceaccount:shop:robot; it takes the right to impersonate them.
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Ask as a member of this group. May be repeated.
    #[arg(long = "as-group", value_name = "GROUP", requires = "user")]
    pub(crate) groups: Vec<String>,
}

/// A cluster that can be asked.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// Where objects are looked for.
    pub(crate) namespace: String,
    /// From which `client` was made.
    pub(crate) config: Config,
}

impl Cluster {
    /// A client for watches that send nothing for as long as that.
    ///
    /// # Errors
    /// What is wrong with the kubeconfig.
    pub(crate) fn watch_client(&self, silence: Duration) -> Result<Client, Error> {
        let client = sluice_client::client::watch_client(self.config.clone(), silence);
        client.map_err(|error| Error::Unusable { why: error.to_string() })
    }
}

/// Why there is no cluster to ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no kubeconfig: set KUBECONFIG, or name one with --kubeconfig")]
    Missing,
    #[error("there is no file {}: correct --kubeconfig", path.display())]
    NoFile { path: PathBuf },
    #[error("there is no context {name:?} in the kubeconfig{hint}")]
    NoContext { name: String, hint: String },
    #[error("the kubeconfig cannot be used: {why}; mend it, or name another one with --kubeconfig")]
    Unusable { why: String },
}

impl Options {
    /// Whether any of them was given.
    pub(crate) fn is_any_given(&self) -> bool {
        let Self { kubeconfig, context, namespace, user, groups } = self;
        kubeconfig.is_some() || context.is_some() || namespace.is_some() || user.is_some() || !groups.is_empty()
    }

    /// The same options, to be typed behind another command.
    pub(crate) fn to_arguments(&self) -> String {
        let Self { kubeconfig, context, namespace, user, groups } = self;
        let kubeconfig = kubeconfig.as_ref().map(|path| ("--kubeconfig", path.display().to_string()));
        let context = context.as_ref().map(|name| ("--context", name.clone()));
        let namespace = namespace.as_ref().map(|name| ("-n", name.clone()));
        let user = user.as_ref().map(|name| ("--as", name.clone()));
        let groups = groups.iter().map(|name| ("--as-group", name.clone()));
        let given = [kubeconfig, context, namespace, user].into_iter().flatten().chain(groups);
        given.map(|(option, value)| format!(" {option} {}", shell::quoted(&value))).collect()
    }

    /// The cluster that is meant. Nothing is asked of it yet.
    ///
    /// # Errors
    /// What is wrong with the kubeconfig.
    pub(crate) async fn connect(&self) -> Result<Cluster, Error> {
        // Installed twice is fine.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let mut config = self.config().await?;
        if let Some(user) = &self.user {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = Some(self.groups.clone()).filter(|groups| !groups.is_empty());
        }
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let unusable = |error: kube::Error| Error::Unusable { why: error.to_string() };
        let client = sluice_client::client::request_client(config.clone()).map_err(unusable)?;
        Ok(Cluster { client, namespace, config })
    }

    async fn config(&self) -> Result<Config, Error> {
        if self.kubeconfig.is_none() && self.context.is_none() {
            // In a pod there is none, but an account.
            let inferred = Config::infer().await;
            return inferred.map_err(|error| match error.source().and_then(|cause| cause.downcast_ref()) {
                Some(cause) => unusable(cause),
                None => Error::Unusable { why: error.to_string() },
            });
        }
        let kubeconfig = match &self.kubeconfig {
            Some(path) if !path.exists() => return Err(Error::NoFile { path: path.clone() }),
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(|error| unusable(&error))?;
        if let Some(name) = &self.context {
            let known: Vec<&str> = kubeconfig.contexts.iter().map(|context| &*context.name).collect();
            if !known.contains(&&**name) {
                return Err(Error::NoContext { name: name.clone(), hint: hint(name, &known) });
            }
        }
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))
    }
}

/// Whether there is neither a kubeconfig nor the account of a pod.
pub(crate) fn is_missing() -> bool {
    let is_there = |error| !matches!(unusable(&error), Error::Missing);
    Kubeconfig::read().map_or_else(is_there, |_| true).not() && Config::incluster().is_err()
}

fn unusable(error: &KubeconfigError) -> Error {
    match error {
        KubeconfigError::FindPath => Error::Missing,
        KubeconfigError::ReadConfig(cause, _) if cause.kind() == io::ErrorKind::NotFound => Error::Missing,
        KubeconfigError::CurrentContextNotSet => {
            Error::Unusable { why: "it has no current context, and none is named with --context".to_owned() }
        }
        error => Error::Unusable { why: error.to_string() },
    }
}

/// What may have been meant.
pub(crate) fn hint(name: &str, known: &[impl AsRef<str>]) -> String {
    /// More of them would not be read.
    const FEW: usize = 8;
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    match closest(name, known.iter().copied()) {
        Some(meant) => format!("; did you mean {meant:?}?"),
        None if known.is_empty() || known.len() > FEW => String::new(),
        None => format!("; there is {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "live",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}], "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "live", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                     {"name": "test", "context": {"cluster": "c", "user": "u"}}]}"#;

    async fn namespace(kubeconfig: &str, context: Option<&str>, namespace: Option<&str>) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        std::fs::write(&path, kubeconfig).unwrap();
        let text = |text: Option<&str>| text.map(str::to_owned);
        let options = Options {
            kubeconfig: Some(path),
            context: text(context),
            namespace: text(namespace),
            ..Options::default()
        };
        let connected = options.connect().await;
        connected.map(|cluster| cluster.namespace).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_namespace_is_the_given_one_or_that_of_the_context() {
        for (context, given, expected) in [
            (None, None, "shop"),
            (Some("live"), None, "shop"),
            (Some("test"), None, "default"),
            (Some("test"), Some("mine"), "mine"),
        ] {
            assert_eq!(namespace(TWO, context, given).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said_with_a_remedy() {
        let refusal = namespace(TWO, Some("tset"), None).await.unwrap_err();
        assert_eq!(refusal, "there is no context \"tset\" in the kubeconfig; did you mean \"test\"?");
        let refusal = namespace(TWO, Some("elsewhere"), None).await.unwrap_err();
        assert_eq!(refusal, "there is no context \"elsewhere\" in the kubeconfig; there is live, test");
        let refusal = namespace("{}", None, None).await.unwrap_err();
        assert!(refusal.contains("no current context") && refusal.contains("--context"), "{refusal}");
        let refusal = namespace("[", None, None).await.unwrap_err();
        assert!(refusal.starts_with("the kubeconfig cannot be used: failed to parse"), "{refusal}");
        let gone = Options { kubeconfig: Some("/no/such/file".into()), ..Options::default() };
        let refusal = gone.connect().await.err().unwrap().to_string();
        assert_eq!(refusal, "there is no file /no/such/file: correct --kubeconfig");
    }
}
