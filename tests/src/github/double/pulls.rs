//! Pull requests over the API.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Reply, overlay};
use super::git::Commit;
use super::objects::to_the_second;
use super::{Repository, Request};
use crate::github::contract::Contract;

#[derive(Clone, Debug)]
pub(crate) struct PullRecord {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) base: String,
    /// Its repository, if it is a fork.
    pub(crate) fork: Option<u64>,
    pub(crate) head_sha: String,
    pub(crate) is_open: bool,
    pub(crate) is_draft: bool,
    pub(crate) opened_at: Timestamp,
    /// The commit, by whom, and when.
    pub(crate) merged: Option<(String, String, Timestamp)>,
    /// Who said what, oldest first.
    pub(crate) reviews: Vec<(String, String)>,
    /// GitHub works out only when it is asked whether it merges.
    pub(crate) is_worked_out: bool,
}

impl Repository {
    pub(crate) fn post_pull(&mut self, contract: &Contract, request: &Request) -> Reply {
        let (head, base) = (request.text("head"), request.text("base"));
        for (field, branch) in [("head", &head), ("base", &base)] {
            if !self.git.branches.contains_key(branch) {
                return Reply::invalid(json!({"resource": "PullRequest", "field": field, "code": "invalid"}));
            }
        }
        let custom =
            |message: String| Reply::invalid(json!({"resource": "PullRequest", "code": "custom", "message": message}));
        if self.pulls.iter().any(|pull| pull.is_open && pull.head == head && pull.base == base) {
            return custom(format!("A pull request already exists for {}:{head}.", self.owner()));
        }
        let (of_head, of_base) = (self.git.branches[&head].clone(), self.git.branches[&base].clone());
        if self.git.history(&of_base).contains(&of_head) {
            return custom(format!("No commits between {base} and {head}"));
        }
        let number = self.open(&request.text("title"), &request.text("body"), &head, &base, None);
        let mut reply = self.get_pull(contract, &number.to_string());
        reply.status = super::status_of(201);
        reply
    }

    pub(crate) fn open(&mut self, title: &str, body: &str, head: &str, base: &str, fork: Option<u64>) -> u64 {
        let number = self.pulls.len() as u64 + 1;
        self.pulls.push(PullRecord {
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            head: head.to_owned(),
            base: base.to_owned(),
            fork,
            head_sha: self.git.branches.get(head).cloned().unwrap_or_default(),
            is_open: true,
            is_draft: false,
            opened_at: Timestamp::now(),
            merged: None,
            reviews: vec![],
            is_worked_out: false,
        });
        number
    }

    pub(crate) fn list_pulls(&self, contract: &Contract, request: &Request) -> Reply {
        let label = |pull: &PullRecord| match pull.fork {
            Some(_) => format!("stranger:{}", pull.head),
            None => format!("{}:{}", self.owner(), pull.head),
        };
        let wanted = request.query.get("head");
        let state = request.query.get("state").map_or("open", String::as_str);
        let fits = |pull: &&PullRecord| {
            wanted.is_none_or(|wanted| *wanted == label(pull)) && (state == "all" || (state == "open") == pull.is_open)
        };
        let mut found: Vec<&PullRecord> = self.pulls.iter().filter(fits).collect();
        found.reverse();
        let example = contract.example("get", "/repos/{owner}/{repo}/pulls");
        Reply::ok(request.page(found).into_iter().map(|pull| self.show_pull(&example[0], pull)).collect())
    }

    pub(crate) fn get_pull(&mut self, contract: &Contract, number: &str) -> Reply {
        let Some(at) = self.at(number) else { return Reply::missing() };
        let pull = self.pulls[at].clone();
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/pulls/{pull_number}");
        answer = self.show_pull(&answer, &pull);
        let (mergeable, state) = self.mergeability(&pull);
        let merged_by = match &pull.merged {
            Some((_, by, _)) => {
                let mut person = answer["user"].clone();
                overlay(&mut person, json!({"login": by}));
                person
            }
            None => Value::Null,
        };
        answer["merged_by"] = merged_by;
        overlay(
            &mut answer,
            json!({"merged": pull.merged.is_some(), "mergeable": mergeable, "mergeable_state": state}),
        );
        self.pulls[at].is_worked_out = true;
        Reply::ok(answer)
    }

    fn mergeability(&self, pull: &PullRecord) -> (Option<bool>, &'static str) {
        if !pull.is_open || !pull.is_worked_out {
            return (None, "unknown");
        }
        let base = self.git.branches.get(&pull.base).cloned().unwrap_or_default();
        match self.git.merged(&base, &pull.head_sha) {
            None => (Some(false), "dirty"),
            Some(_) if pull.is_draft => (Some(true), "draft"),
            Some(_) if self.lacks(pull).is_some() => (Some(true), "blocked"),
            Some(_) => (Some(true), "clean"),
        }
    }

    fn show_pull(&self, example: &Value, pull: &PullRecord) -> Value {
        let mut shown = example.clone();
        let name = &self.full_name;
        let when = |at: Timestamp| to_the_second(at);
        let head = json!({"ref": pull.head, "label": format!("{}:{}", self.owner(), pull.head), "sha": pull.head_sha});
        let base_sha = self.git.branches.get(&pull.base).cloned().unwrap_or_default();
        let base = json!({"ref": pull.base, "label": format!("{}:{}", self.owner(), pull.base), "sha": base_sha});
        overlay(
            &mut shown,
            json!({
                "number": pull.number, "title": pull.title, "body": pull.body, "draft": pull.is_draft,
                "state": if pull.is_open { "open" } else { "closed" },
                "html_url": format!("https://github.com/{name}/pull/{}", pull.number),
                "url": format!("https://api.github.com/repos/{name}/pulls/{}", pull.number),
                "created_at": when(pull.opened_at), "updated_at": when(pull.opened_at),
                "closed_at": if pull.is_open { Value::Null } else { when(Timestamp::now()).into() },
                "merged_at": pull.merged.as_ref().map(|(_, _, at)| when(*at)),
                "merge_commit_sha": pull.merged.as_ref().map(|(commit, _, _)| commit.clone()),
                // The example's teams lack their type.
                "auto_merge": null, "requested_teams": [], "head": head, "base": base,
            }),
        );
        for side in ["head", "base"] {
            self.name_in(&mut shown[side]["repo"]);
        }
        if let Some(fork) = pull.fork {
            overlay(&mut shown["head"], json!({"label": format!("stranger:{}", pull.head), "repo": {"id": fork}}));
        }
        shown
    }

    pub(crate) fn patch_pull(&mut self, contract: &Contract, number: &str, request: &Request) -> Reply {
        let Some(at) = self.at(number) else { return Reply::missing() };
        if request.text("state") == "closed" {
            self.pulls[at].is_open = false;
        }
        self.get_pull(contract, number)
    }

    pub(crate) fn put_merge(&mut self, contract: &Contract, number: &str, request: &Request) -> Reply {
        let Some(at) = self.at(number) else { return Reply::missing() };
        let pull = self.pulls[at].clone();
        let sha = request.text("sha");
        let method = request.text("merge_method");
        if !pull.is_open || pull.is_draft {
            return Reply::refusal(405, "Pull Request is not mergeable");
        }
        if !sha.is_empty() && sha != pull.head_sha {
            return Reply::refusal(409, "Head branch was modified. Review and try the merge again.");
        }
        if method == "merge" && !self.merge_commits {
            return Reply::refusal(405, "Merge commits are not allowed on this repository.");
        }
        if let Some(lack) = self.lacks(&pull) {
            return Reply::refusal(405, &lack);
        }
        let Some(commit) = self.merge(at, &method, &request.login) else {
            return Reply::refusal(405, "Pull Request is not mergeable");
        };
        let mut answer = contract.example("put", "/repos/{owner}/{repo}/pulls/{pull_number}/merge");
        overlay(&mut answer, json!({"sha": commit, "merged": true}));
        Reply::ok(answer)
    }

    /// Merges, and returns the commit; `None` for a conflict.
    pub(crate) fn merge(&mut self, at: usize, method: &str, by: &str) -> Option<String> {
        let pull = self.pulls[at].clone();
        let base = self.git.branches.get(&pull.base)?.clone();
        let files = self.git.merged(&base, &pull.head_sha)?;
        let tree = self.git.write_tree(&files);
        let (parents, message) = match method {
            "squash" | "rebase" => (vec![base], pull.title.clone()),
            _ => (vec![base, pull.head_sha.clone()], format!("Merge pull request #{}", pull.number)),
        };
        let commit = Commit { tree, parents, message, by: by.to_owned(), at: Timestamp::now() };
        let commit = self.git.write_commit(commit);
        self.push(&pull.base, &commit);
        self.pulls[at].is_open = false;
        self.pulls[at].merged = Some((commit.clone(), by.to_owned(), Timestamp::now()));
        Some(commit)
    }

    /// Moves a branch, and the heads of the open pull requests from it.
    pub(crate) fn push(&mut self, branch: &str, to: &str) {
        self.git.branches.insert(branch.to_owned(), to.to_owned());
        for pull in self.pulls.iter_mut().filter(|pull| pull.is_open) {
            if pull.head == branch && pull.fork.is_none() {
                to.clone_into(&mut pull.head_sha);
            }
            pull.is_worked_out = false;
        }
    }

    /// GitHub closes the pull requests from a branch that is deleted.
    pub(crate) fn branch_is_gone(&mut self, branch: &str) {
        self.pulls
            .iter_mut()
            .filter(|pull| pull.head == branch && pull.fork.is_none())
            .for_each(|pull| pull.is_open = false);
    }

    pub(crate) fn at(&self, number: &str) -> Option<usize> {
        self.pulls.iter().position(|pull| pull.number.to_string() == number)
    }
}
