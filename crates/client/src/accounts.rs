//! Clients that act as service accounts.
//!
//! Secrets, Applications and everything else outside Sluice's own kinds are read as the account that a pipeline or a Receiver
//! names, by impersonation. A Role in the account's namespace allows that, account by account.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client, Config};

use crate::lean;

/// A client is used for this long before it is checked again that the account exists.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// An account that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server would let us impersonate an account that does not exist.
    #[error(
        "there is no service account {name:?} in namespace {namespace:?}: create it, or correct spec.serviceAccountName of {of}"
    )]
    NotFound {
        /// Where it is not.
        namespace: String,
        /// What it would be called.
        name: String,
        /// Who names it.
        of: String,
    },
    /// Nobody says whether it exists.
    #[error("failed to look for service account {name:?}")]
    Read {
        /// What it is called.
        name: String,
        /// Why.
        source: kube::Error,
    },
    /// The client could not be made.
    #[error("failed to make a client for service account {name:?}")]
    Client {
        /// What the account is called.
        name: String,
        /// Why.
        source: kube::Error,
    },
}

/// The clients by account.
pub struct Accounts {
    own: Client,
    config: Config,
    clients: Mutex<HashMap<(String, String), (Client, Instant)>>,
}

impl Accounts {
    /// They are made from `config`, that of the client `own`.
    pub fn new(own: Client, config: Config) -> Self {
        Self { own, config, clients: Mutex::default() }
    }

    /// A client that acts as this account, which `of` names: a pipeline, say.
    ///
    /// # Errors
    /// When there is no such account, or nobody says so.
    pub async fn client(&self, namespace: &str, name: &str, of: &str) -> Result<Client, Error> {
        let key = (namespace.to_owned(), name.to_owned());
        let known = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((client, checked)) = &known
            && checked.elapsed() < CHECK_EVERY
        {
            return Ok(client.clone());
        }
        if !self.exists(namespace, name).await? {
            return Err(Error::NotFound { namespace: key.0, name: key.1, of: of.to_owned() });
        }
        let client = match known {
            Some((client, _)) => client,
            None => self.impersonate(namespace, name)?,
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key, (client.clone(), Instant::now()));
        Ok(client)
    }

    /// Whether there is such an account, now.
    ///
    /// # Errors
    /// When nobody says so.
    pub async fn exists(&self, namespace: &str, name: &str) -> Result<bool, Error> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.own.clone(), namespace);
        let found = accounts.get_metadata_opt(name).await;
        let found = found.map_err(|source| Error::Read { name: name.to_owned(), source })?;
        Ok(found.is_some())
    }

    fn impersonate(&self, namespace: &str, name: &str) -> Result<Client, Error> {
        let mut config = self.config.clone();
        // The API server adds the groups of a service account by itself.
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{namespace}:{name}"));
        config.auth_info.impersonate_groups = None;
        lean::client(config).map_err(|source| Error::Client { name: name.to_owned(), source })
    }
}
