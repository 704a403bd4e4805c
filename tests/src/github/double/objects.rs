//! Git's objects and references over the API.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Reply, overlay};
use super::git::Commit;
use super::{Repository, Request};
use crate::github::contract::Contract;

impl Repository {
    pub(crate) fn post_blob(&mut self, contract: &Contract, request: &Request) -> Reply {
        let content = request.text("content");
        let content = match request.text("encoding").as_str() {
            "base64" => BASE64_STANDARD.decode(content).ok(),
            _ => Some(content.into_bytes()),
        };
        let Some(content) = content else { return Reply::refusal(422, "content is not valid Base64") };
        let sha = self.git.write_blob(content);
        let mut answer = contract.example("post", "/repos/{owner}/{repo}/git/blobs");
        overlay(&mut answer, json!({"sha": sha}));
        Reply::created(answer)
    }

    pub(crate) fn get_blob(&self, contract: &Contract, sha: &str) -> Reply {
        let Some(content) = self.git.blobs.get(sha) else { return Reply::missing() };
        // GitHub breaks the text into lines.
        let encoded = BASE64_STANDARD.encode(content);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(60).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/git/blobs/{file_sha}");
        let content_lines = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        overlay(
            &mut answer,
            json!({"sha": sha, "size": content.len(), "encoding": "base64", "content": content_lines}),
        );
        Reply::ok(answer)
    }

    pub(crate) fn post_tree(&mut self, contract: &Contract, request: &Request) -> Reply {
        let base = request.text("base_tree");
        if !base.is_empty() && !self.git.trees.contains_key(&base) {
            return Reply::refusal(422, "base_tree is not a valid tree oid");
        }
        let mut files = self.git.files(&base);
        for entry in request.body["tree"].as_array().into_iter().flatten() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            if !self.git.blobs.contains_key(&text("sha")) {
                return Reply::refusal(422, "tree.sha is not a valid blob");
            }
            files.insert(text("path"), (text("mode"), text("sha")));
        }
        let sha = self.git.write_tree(&files);
        let mut answer = self.tree(contract, &sha);
        answer.status = super::status_of(201);
        answer
    }

    pub(crate) fn get_tree(&self, contract: &Contract, sha: &str) -> Reply {
        if self.git.trees.contains_key(sha) { self.tree(contract, sha) } else { Reply::missing() }
    }

    fn tree(&self, contract: &Contract, sha: &str) -> Reply {
        let api = format!("https://api.github.com/repos/{}/git", self.full_name);
        let entry = |(name, (mode, object)): (&String, &(String, String))| {
            let (kind, place) = match mode.as_str() {
                "040000" => ("tree", "trees"),
                "160000" => ("commit", "commits"),
                _ => ("blob", "blobs"),
            };
            let mut entry = json!({
                "path": name, "mode": mode, "type": kind, "sha": object, "url": format!("{api}/{place}/{object}"),
            });
            if let Some(blob) = self.git.blobs.get(object) {
                entry["size"] = blob.len().into();
            }
            entry
        };
        let entries: Vec<Value> = self.git.trees.get(sha).into_iter().flatten().map(entry).collect();
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/git/trees/{tree_sha}");
        overlay(&mut answer, json!({"sha": sha, "tree": entries, "truncated": false}));
        Reply::ok(answer)
    }

    pub(crate) fn post_commit(&mut self, contract: &Contract, request: &Request) -> Reply {
        let parents = request.body["parents"].as_array().into_iter().flatten();
        let commit = Commit {
            tree: request.text("tree"),
            parents: parents.filter_map(|parent| parent.as_str().map(str::to_owned)).collect(),
            message: request.text("message"),
            by: request.login.clone(),
            at: Timestamp::now(),
        };
        let is_whole = self.git.trees.contains_key(&commit.tree)
            && commit.parents.iter().all(|parent| self.git.commits.contains_key(parent));
        if !is_whole {
            return Reply::refusal(422, "Tree SHA or parent does not exist");
        }
        let sha = self.git.write_commit(commit);
        let mut answer = self.get_commit(contract, &sha);
        answer.status = super::status_of(201);
        answer
    }

    pub(crate) fn get_commit(&self, contract: &Contract, sha: &str) -> Reply {
        let Some(commit) = self.git.commits.get(sha) else { return Reply::missing() };
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/git/commits/{commit_sha}");
        overlay(&mut answer, self.described(sha, commit));
        answer["parents"] = self.parents(commit);
        Reply::ok(answer)
    }

    fn described(&self, sha: &str, commit: &Commit) -> Value {
        let Commit { tree, message, by, at, .. } = commit;
        let at = to_the_second(*at);
        let person = json!({"name": by, "email": format!("{by}@example.invalid"), "date": at});
        json!({"sha": sha, "message": message, "author": person, "committer": person, "tree": {"sha": tree}})
    }

    fn parents(&self, commit: &Commit) -> Value {
        let place = |kind: &str, parent: &str| format!("https://{kind}/{}/commit/{parent}", self.full_name);
        let parent = |parent: &String| json!({"sha": parent, "url": place("api.github.com/repos", parent), "html_url": place("github.com", parent)});
        commit.parents.iter().map(parent).collect()
    }

    /// A commit as the API of commits shows it, in the place of an example.
    fn show(&self, example: &Value, sha: &str) -> Value {
        let mut shown = example.clone();
        if let Some(commit) = self.git.commits.get(sha) {
            let mut described = self.described(sha, commit);
            described["sha"].take();
            described.as_object_mut().map(|members| members.remove("sha"));
            overlay(&mut shown, json!({"sha": sha, "commit": described}));
            shown["parents"] = self.parents(commit);
        }
        shown
    }

    pub(crate) fn branch(&self, contract: &Contract, branch: &str) -> Reply {
        let Some(head) = self.git.branches.get(branch) else { return Reply::refusal(404, "Branch not found") };
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/branches/{branch}");
        let commit = self.show(&answer["commit"], head);
        let (is_protected, protection) = self.shown_protection(branch);
        answer["protection"] = protection;
        overlay(&mut answer, json!({"name": branch, "protected": is_protected, "commit": commit}));
        Reply::ok(answer)
    }

    pub(crate) fn list_commits(&self, contract: &Contract, request: &Request) -> Reply {
        let start = request.query.get("sha").cloned().unwrap_or_default();
        let start = self.git.branches.get(&start).cloned().unwrap_or(start);
        let since: Option<Timestamp> = request.query.get("since").and_then(|since| since.parse().ok());
        let mut all: Vec<(&Commit, String)> = self
            .git
            .history(&start)
            .into_iter()
            .filter_map(|sha| Some((self.git.commits.get(&sha)?, sha)))
            .filter(|(commit, _)| since.is_none_or(|since| commit.at >= since))
            .collect();
        all.sort_by_key(|(commit, _)| std::cmp::Reverse(commit.at));
        let example = contract.example("get", "/repos/{owner}/{repo}/commits");
        let shown = request.page(all).into_iter().map(|(_, sha)| self.show(&example[0], &sha));
        Reply::ok(shown.collect())
    }

    pub(crate) fn compare(&self, contract: &Contract, range: &str, request: &Request) -> Reply {
        let Some((base, head)) = range.split_once("...") else { return Reply::missing() };
        if ![base, head].iter().all(|commit| self.git.commits.contains_key(*commit)) {
            return Reply::missing();
        }
        let Some(merge_base) = self.git.merge_base(base, head) else {
            return Reply::refusal(404, &format!("No common ancestor between {base} and {head}."));
        };
        let (of_base, of_head) = (self.git.history(base), self.git.history(head));
        let ahead: Vec<String> = of_head.difference(&of_base).cloned().collect();
        let behind = of_base.difference(&of_head).count();
        let status = match (ahead.len(), behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/compare/{basehead}");
        let example = answer["base_commit"].clone();
        let total = ahead.len();
        let commits: Vec<Value> = request.page(ahead).iter().map(|sha| self.show(&example, sha)).collect();
        overlay(
            &mut answer,
            json!({
                "status": status, "ahead_by": total, "behind_by": behind, "total_commits": total,
                "base_commit": self.show(&example, base), "merge_base_commit": self.show(&example, &merge_base),
                "commits": commits, "files": [],
            }),
        );
        Reply::ok(answer)
    }

    pub(crate) fn get_ref(&self, contract: &Contract, name: &str) -> Reply {
        match name.strip_prefix("heads/").and_then(|branch| Some((branch, self.git.branches.get(branch)?))) {
            Some((branch, head)) => Reply::ok(self.reference(contract, branch, head)),
            None => Reply::missing(),
        }
    }

    pub(crate) fn post_ref(&mut self, contract: &Contract, request: &Request) -> Reply {
        let (name, sha) = (request.text("ref"), request.text("sha"));
        let Some(branch) = name.strip_prefix("refs/heads/") else {
            return Reply::refusal(422, "Reference name must start with 'refs/heads/' or 'refs/tags/'.");
        };
        if !self.git.commits.contains_key(&sha) {
            return Reply::refusal(422, "Object does not exist");
        }
        if self.git.branches.contains_key(branch) {
            return Reply::refusal(422, "Reference already exists");
        }
        self.git.branches.insert(branch.to_owned(), sha.clone());
        Reply::created(self.reference(contract, branch, &sha))
    }

    pub(crate) fn patch_ref(&mut self, contract: &Contract, name: &str, request: &Request) -> Reply {
        let branch = name.strip_prefix("heads/").unwrap_or_default();
        let sha = request.text("sha");
        let Some(head) = self.git.branches.get(branch) else { return Reply::refusal(422, "Reference does not exist") };
        if self.rules.is_of(branch) {
            let message = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n";
            return Reply::refusal(422, message);
        }
        if request.body["force"] != true && !self.git.history(&sha).contains(head) {
            return Reply::refusal(422, "Update is not a fast forward");
        }
        self.push(branch, &sha);
        Reply::ok(self.reference(contract, branch, &sha))
    }

    pub(crate) fn delete_ref(&mut self, name: &str) -> Reply {
        let branch = name.strip_prefix("heads/").unwrap_or_default();
        if self.git.branches.remove(branch).is_none() {
            return Reply::refusal(422, "Reference does not exist");
        }
        self.branch_is_gone(branch);
        Reply::new(204, Value::Null)
    }

    fn reference(&self, contract: &Contract, branch: &str, sha: &str) -> Value {
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/git/ref/{ref}");
        overlay(&mut answer, json!({"ref": format!("refs/heads/{branch}"), "object": {"sha": sha}}));
        answer
    }
}

pub(crate) fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
