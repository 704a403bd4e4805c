//! GitHub Apps: who signs with which key, where they are installed, and the tokens they fetch.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answers::{Reply, overlay};
use super::{Token, World};

const NOT_INSTALLED: &str =
    "There is at least one repository that does not exist or is not accessible to the parent installation.";

/// A GitHub App with an installation.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id.
    pub id: u64,
    /// Its private key, RSA in PEM.
    pub private_key: String,
    /// The id of its installation.
    pub installation: u64,
}

#[derive(Debug)]
pub(crate) struct AppRecord {
    pub(crate) public_key: Vec<u8>,
    pub(crate) installation: u64,
    pub(crate) repositories: Vec<u64>,
    /// How long its tokens live.
    pub(crate) life: SignedDuration,
    /// The tokens it fetched.
    pub(crate) tokens: Vec<String>,
}

impl World {
    pub(crate) fn fetch_token(&mut self, jwt: &str, installation: &str, wanted: &Value) -> Reply {
        let app = match self.signed_in(jwt) {
            Ok(app) => app,
            Err(why) => return Reply::refusal(401, why),
        };
        let secret = format!("ghs_{}", self.id());
        let Some(record) = self.apps.get_mut(&app).filter(|record| record.installation.to_string() == installation)
        else {
            return Reply::missing();
        };
        let mut repos = record.repositories.clone();
        if let Some(names) = wanted["repositories"].as_array() {
            let named = |name: &Value| {
                let is_it = |full_name: &str| full_name.rsplit('/').next() == name.as_str();
                self.repos.iter().find(|(full_name, repo)| repos.contains(&repo.id) && is_it(full_name))
            };
            match names.iter().map(|name| named(name).map(|(_, repo)| repo.id)).collect() {
                Some(ids) => repos = ids,
                None => return Reply::refusal(422, NOT_INSTALLED),
            }
        }
        record.tokens.push(secret.clone());
        let expires_at = Timestamp::now() + record.life;
        let token = Token { login: format!("app-{app}[bot]"), repos, may_write: true, expires_at: Some(expires_at) };
        self.tokens.insert(secret.clone(), token);
        let mut answer = self.contract.example("post", "/app/installations/{installation_id}/access_tokens");
        if let Value::Object(members) = &mut answer {
            members.remove("repositories");
        }
        overlay(&mut answer, json!({"token": secret, "expires_at": super::objects::to_the_second(expires_at)}));
        Reply::created(answer)
    }

    pub(crate) fn find_installation(&mut self, jwt: &str, repo: &str) -> Reply {
        let app = match self.signed_in(jwt) {
            Ok(app) => app,
            Err(why) => return Reply::refusal(401, why),
        };
        if let Some(now) = self.moved.get(repo) {
            let to = format!("/repos/{now}/installation");
            return Reply::refusal(301, "Moved Permanently").with_header("location", &to);
        }
        let repository = self.repos.get(repo).map(|repo| repo.id);
        let has = |record: &&AppRecord| repository.is_some_and(|id| record.repositories.contains(&id));
        let Some(record) = self.apps.get(&app).filter(has) else { return Reply::missing() };
        let mut answer = self.contract.example("get", "/repos/{owner}/{repo}/installation");
        overlay(&mut answer, json!({"id": record.installation, "app_id": app}));
        Reply::ok(answer)
    }

    /// The App that signed a token, as "Generating a JSON Web Token for a GitHub App" has it.
    fn signed_in(&self, jwt: &str) -> Result<u64, &'static str> {
        let undecodable = "A JSON web token could not be decoded";
        let (signed, signature) = jwt.rsplit_once('.').ok_or(undecodable)?;
        let (_, claims) = signed.split_once('.').ok_or(undecodable)?;
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| undecodable);
        let claims: Value = serde_json::from_slice(&decode(claims)?).map_err(|_| undecodable)?;
        let app = claims["iss"].as_u64().ok_or("'Issuer' claim ('iss') must be an Integer")?;
        let record = self.apps.get(&app).ok_or("Integration not found")?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &record.public_key)
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| undecodable)?;
        let now = Timestamp::now().as_second();
        let claim = |name: &str| claims[name].as_i64().unwrap_or_default();
        if claim("iat") > now || claim("exp") <= now {
            return Err("'Expiration time' claim ('exp') must be a numeric value representing the future time");
        }
        if claim("exp") > now + 600 {
            return Err("'Expiration time' claim ('exp') is too far in the future");
        }
        Ok(app)
    }
}
