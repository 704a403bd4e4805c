//! The double itself: GitHub's state, and what its API answers.

pub(super) mod answers;
pub(crate) mod apps;
pub(crate) mod checks;
pub(crate) mod git;
pub(crate) mod objects;
pub(crate) mod pulls;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use super::contract::Contract;
use answers::Reply;
use apps::AppRecord;
use checks::Rules;
use git::Git;
use pulls::PullRecord;

/// Everything that GitHub knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) contract: Contract,
    /// By full name.
    pub(crate) repos: BTreeMap<String, Repository>,
    /// Old full names.
    pub(crate) moved: BTreeMap<String, String>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) apps: BTreeMap<u64, AppRecord>,
    pub(crate) next_id: u64,
}

/// A token that is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) login: String,
    pub(crate) repos: Vec<u64>,
    pub(crate) may_write: bool,
    pub(crate) expires_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) full_name: String,
    pub(crate) archived: bool,
    pub(crate) merge_commits: bool,
    pub(crate) git: Git,
    pub(crate) pulls: Vec<PullRecord>,
    /// Of `main`.
    pub(crate) rules: Rules,
    /// The next answers to requests of a method whose path contains a text.
    pub(crate) scripted: VecDeque<(Method, String, Reply)>,
    /// Methods and paths of the requests so far.
    pub(crate) requests: Vec<String>,
}

/// A request, taken apart.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) login: String,
}

impl Request {
    /// A text of the body.
    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_default().to_owned()
    }

    /// One page of a list.
    pub(crate) fn page<T>(&self, all: Vec<T>) -> Vec<T> {
        let number = |name: &str, default| self.query.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
        let (size, page): (usize, usize) = (number("per_page", 30), number("page", 1));
        all.into_iter().skip(size * page.saturating_sub(1)).take(size).collect()
    }
}

pub(crate) fn router(world: Arc<Mutex<World>>) -> Router {
    Router::new().fallback(handle).with_state(world)
}

async fn handle(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = world.lock().unwrap_or_else(PoisonError::into_inner).answer(method, &uri, &headers, &body);
    let mut answer = Response::builder().status(reply.status).header(header::DATE, http_date());
    for (name, value) in &reply.headers {
        answer = answer.header(name, value);
    }
    let body = if reply.body.is_null() {
        Body::empty()
    } else {
        answer = answer.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        Body::from(reply.body.to_string())
    };
    answer.body(body).unwrap_or_default()
}

pub(crate) fn http_date() -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).unwrap_or_default()
}

impl World {
    pub(crate) fn new(contract: Contract) -> Self {
        Self {
            contract,
            repos: BTreeMap::new(),
            moved: BTreeMap::new(),
            tokens: BTreeMap::new(),
            apps: BTreeMap::new(),
            next_id: 1000,
        }
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn answer(&mut self, method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
        let Ok(url) = Url::parse(&format!("http://double{uri}")) else { return Reply::refusal(400, "Bad Request") };
        let segments: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if !headers.contains_key(header::USER_AGENT) {
            return Reply::refusal(403, "Request forbidden by administrative rules.");
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let bearer = bearer.unwrap_or_default().to_owned();
        let request = Request {
            method,
            query: url.query_pairs().into_owned().collect(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            login: String::new(),
        };
        match segments[..] {
            ["app", "installations", id, "access_tokens"] => self.fetch_token(&bearer, id, &request.body),
            ["repos", owner, name, "installation"] => self.find_installation(&bearer, &format!("{owner}/{name}")),
            ["repos", owner, name, ref rest @ ..] => {
                let path = uri.path().to_owned();
                self.of_repository(&bearer, &format!("{owner}/{name}"), rest, &path, request)
            }
            _ => Reply::missing(),
        }
    }

    fn of_repository(&mut self, bearer: &str, name: &str, rest: &[&str], path: &str, mut request: Request) -> Reply {
        let token = match self.tokens.get(bearer) {
            Some(token) if token.expires_at.is_none_or(|at| Timestamp::now() < at) => token.clone(),
            _ => return Reply::refusal(401, "Bad credentials"),
        };
        if let Some(now) = self.moved.get(name) {
            let status = if request.method == Method::GET { 301 } else { 307 };
            let to = path.replacen(name, now, 1);
            return Reply::refusal(status, "Moved Permanently").with_header("location", &to);
        }
        let Some(mut repo) = self.repos.remove(name) else { return Reply::missing() };
        let reply = if token.repos.contains(&repo.id) {
            repo.requests.push(format!("{} {path}", request.method));
            request.login.clone_from(&token.login);
            self.permitted(&mut repo, &token, rest, path, &request)
        } else {
            Reply::missing()
        };
        self.repos.insert(name.to_owned(), repo);
        reply
    }

    fn permitted(
        &mut self,
        repo: &mut Repository,
        token: &Token,
        rest: &[&str],
        path: &str,
        request: &Request,
    ) -> Reply {
        let is_next = |(method, part, _): &(Method, String, Reply)| *method == request.method && path.contains(part);
        if let Some(at) = repo.scripted.iter().position(is_next) {
            return repo.scripted.remove(at).map(|(_, _, reply)| reply).unwrap_or_else(Reply::missing);
        }
        if request.method != Method::GET && !token.may_write {
            return Reply::refusal(403, "Resource not accessible by personal access token")
                .with_header("x-accepted-github-permissions", "contents=write");
        }
        if request.method != Method::GET && repo.archived {
            return Reply::refusal(403, "Repository was archived so is read-only.");
        }
        self.operate(repo, rest, request)
    }

    fn operate(&mut self, repo: &mut Repository, rest: &[&str], request: &Request) -> Reply {
        let contract = &self.contract;
        match (request.method.as_str(), rest) {
            ("GET", []) => repo.shown(contract),
            ("GET", ["branches", branch]) => repo.branch(contract, branch),
            ("GET", ["branches", _, "protection"]) => repo.protection(),
            ("GET", ["rules", "branches", branch]) => repo.rules_of(branch),
            ("GET", ["commits"]) => repo.list_commits(contract, request),
            ("GET", ["commits", sha, "check-runs"]) => repo.check_runs(contract, sha, request),
            ("GET", ["commits", sha, "status"]) => repo.combined_status(contract, sha, request),
            ("GET", ["compare", range]) => repo.compare(contract, range, request),
            ("POST", ["git", "blobs"]) => repo.post_blob(contract, request),
            ("GET", ["git", "blobs", sha]) => repo.get_blob(contract, sha),
            ("POST", ["git", "trees"]) => repo.post_tree(contract, request),
            ("GET", ["git", "trees", sha]) => repo.get_tree(contract, sha),
            ("POST", ["git", "commits"]) => repo.post_commit(contract, request),
            ("GET", ["git", "commits", sha]) => repo.get_commit(contract, sha),
            ("GET", ["git", "ref", name]) => repo.get_ref(contract, name),
            ("POST", ["git", "refs"]) => repo.post_ref(contract, request),
            ("PATCH", ["git", "refs", name]) => repo.patch_ref(contract, name, request),
            ("DELETE", ["git", "refs", name]) => repo.delete_ref(name),
            ("GET", ["pulls"]) => repo.list_pulls(contract, request),
            ("POST", ["pulls"]) => repo.post_pull(contract, request),
            ("GET", ["pulls", number]) => repo.get_pull(contract, number),
            ("PATCH", ["pulls", number]) => repo.patch_pull(contract, number, request),
            ("PUT", ["pulls", number, "merge"]) => repo.put_merge(contract, number, request),
            ("GET", ["pulls", number, "reviews"]) => repo.reviews(contract, number, request),
            _ => Reply::missing(),
        }
    }
}

impl Repository {
    pub(crate) fn owner(&self) -> &str {
        self.full_name.split('/').next().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.full_name.split('/').nth(1).unwrap_or_default()
    }

    fn shown(&self, contract: &Contract) -> Reply {
        let mut shown = contract.example("get", "/repos/{owner}/{repo}");
        self.name_in(&mut shown);
        // It is neither a fork nor made from a template; and the example lacks a language.
        if let Value::Object(members) = &mut shown {
            members.retain(|name, _| !matches!(name.as_str(), "parent" | "source" | "template_repository"));
        }
        answers::overlay(
            &mut shown,
            json!({"language": null, "archived": self.archived, "allow_merge_commit": self.merge_commits, "allow_squash_merge": true}),
        );
        Reply::ok(shown)
    }

    /// Puts this repository's name and branch in the place of an example's.
    pub(crate) fn name_in(&self, example: &mut Value) {
        let name = &self.full_name;
        answers::overlay(
            example,
            json!({
                "id": self.id, "name": self.name(), "full_name": name, "default_branch": "main",
                "html_url": format!("https://github.com/{name}"),
                "clone_url": format!("https://github.com/{name}.git"),
                "ssh_url": format!("git@github.com:{name}.git"),
                "url": format!("https://api.github.com/repos/{name}"),
                "owner": {"login": self.owner()},
            }),
        );
    }
}

fn decoded(segment: &str) -> String {
    // A form's decoding, but for the plus.
    let query = format!("http://double/?{}", segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D"));
    let url = Url::parse(&query).ok();
    url.and_then(|url| url.query_pairs().next().map(|(name, _)| name.into_owned())).unwrap_or_default()
}

pub(crate) fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
