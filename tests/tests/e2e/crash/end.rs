//! How the world ended, without what differs from one world to the next.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use kube::api::ListParams;
use serde_json::{Value, json};
use sluice_tests::fixture::{Shop, web_yaml};

/// Everything that a run leaves behind, by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End(BTreeMap<&'static str, Value>);

impl End {
    pub(super) async fn of(shop: &Shop, run: &str) -> Self {
        let object = shop.run(run).await.expect("the run");
        let mask = Mask::new(shop, &object);
        let pulls = shop.repo.pulls("all").await.expect("the pull requests");
        let commits = shop.repo.commits("main").await.expect("the commits");
        let file = shop.repo.read(&shop.file(), "main").await.expect("the file");
        let collections = shop.cluster().services(&format!("/collections?environment={}", shop.environment())).await;
        let alerts = shop.cluster().services(&format!("/alerts?run={run}")).await.expect("the alerts");
        let end = [
            ("status", masked_status(&object, &mask)),
            ("finalizers", object["metadata"]["finalizers"].clone()),
            ("pull requests", pulls.iter().map(|pull| json!([pull["state"], pull["merged"], pull["title"]])).collect()),
            ("branches", shop.repo.branches().await.expect("the branches").len().into()),
            ("commits", commits.iter().map(|commit| first_line(&commit["commit"]["message"])).collect()),
            ("file as wanted", (file == web_yaml("1.1", false)).into()),
            (
                "collections",
                collections.expect("the collections").iter().map(|it| json!([it["done"], it["version"]])).collect(),
            ),
            ("alerts", alerts.len().into()),
            ("revisions", revisions(shop).await.into()),
            ("image", image(shop).await),
        ];
        Self(end.into_iter().map(|(name, value)| (name, mask.apply(value))).collect())
    }

    /// What a run that nothing disturbs leaves behind.
    pub(super) fn is_good(&self) {
        let Self(end) = self;
        assert_eq!(end["pull requests"].as_array().map(Vec::len), Some(1), "{end:#?}");
        assert_eq!(end["commits"].as_array().map(Vec::len), Some(4), "start, seed, deploy, merge: {end:#?}");
        assert_eq!(end["collections"], json!([[true, "1.0"], [true, "1.1"]]));
        assert_eq!(end["file as wanted"], true);
        assert_eq!(end["alerts"], 0);
        assert_eq!(end["revisions"], 1);
    }

    /// What is not as in the other one.
    pub(super) fn differences(&self, expected: &Self) -> Vec<String> {
        let (leaves, wanted) = (self.leaves(), expected.leaves());
        let missing = wanted.iter().filter(|(path, _)| !leaves.contains_key(*path));
        let missing = missing.map(|(path, value)| format!("{path}: nothing instead of {value}"));
        let differ = leaves.iter().filter(|(path, value)| wanted.get(*path) != Some(value));
        differ
            .map(|(path, value)| format!("{path}: {value} instead of {:?}", wanted.get(path)))
            .chain(missing)
            .collect()
    }

    /// Every value that contains no others, by its path.
    fn leaves(&self) -> BTreeMap<String, Value> {
        fn walk(path: String, value: &Value, found: &mut BTreeMap<String, Value>) {
            match value {
                Value::Object(members) if !members.is_empty() => {
                    members.iter().for_each(|(name, member)| walk(format!("{path}.{name}"), member, found));
                }
                Value::Array(items) if !items.is_empty() => {
                    items.iter().enumerate().for_each(|(at, item)| walk(format!("{path}[{at}]"), item, found));
                }
                leaf => {
                    found.insert(path, leaf.clone());
                }
            }
        }
        let mut found = BTreeMap::new();
        self.0.iter().for_each(|(name, value)| walk((*name).to_owned(), value, &mut found));
        found
    }
}

async fn revisions(shop: &Shop) -> usize {
    let all = shop.home().api::<ControllerRevision>().list(&ListParams::default()).await;
    all.expect("the revisions").items.len()
}

async fn image(shop: &Shop) -> Value {
    let deployment = shop.target().api::<Deployment>().get("web").await.expect("the Deployment");
    json!(deployment.spec.and_then(|spec| spec.template.spec?.containers.into_iter().next()?.image))
}

fn first_line(message: &Value) -> Value {
    message.as_str().and_then(|message| message.lines().next()).unwrap_or_default().into()
}

/// The status without times and claims: a crash costs a claim, and nothing else.
fn masked_status(run: &Value, mask: &Mask) -> Value {
    fn drop_what_varies(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for name in ["claims", "startedAt", "finishedAt", "at", "since", "key", "lastTransitionTime", "headers"]
                {
                    members.remove(name);
                }
                members.values_mut().for_each(drop_what_varies);
            }
            Value::Array(items) => items.iter_mut().for_each(drop_what_varies),
            _ => {}
        }
    }
    let mut status = run["status"].clone();
    drop_what_varies(&mut status);
    mask.apply(status)
}

/// Replaces the names of one world.
struct Mask(Vec<(String, &'static str)>);

impl Mask {
    fn new(shop: &Shop, run: &Value) -> Self {
        let mut names = vec![
            (shop.repo.full_name(), "REPO"),
            (shop.environment().to_owned(), "ENV"),
            (shop.namespace().to_owned(), "NAMESPACE"),
            (run["metadata"]["uid"].as_str().expect("a uid").to_owned(), "UID"),
            // The hash of a pipeline with the addresses of its proxy.
            (run["status"]["pipelineRevision"].as_str().expect("a revision").to_owned(), "REVISION"),
        ];
        let steps = ["stages", "hooks"].iter().flat_map(|group| run["status"][group].as_array().into_iter().flatten());
        let steps = steps.flat_map(|group| group["steps"].as_array().into_iter().flatten());
        names.extend(steps.filter_map(|step| Some((step["key"].as_str()?.to_owned(), "KEY"))));
        Self(names)
    }

    fn apply(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, value)| (name, self.apply(value))).collect(),
            other => other,
        }
    }

    fn text(&self, text: String) -> String {
        let named = self.0.iter().fold(text, |text, (name, mask)| text.replace(name, mask));
        let is_sha = named.len() == 40 && named.chars().all(|c| c.is_ascii_hexdigit());
        let is_collection = named.strip_prefix('c').is_some_and(|rest| !rest.is_empty() && rest.parse::<u64>().is_ok());
        let is_person = named.starts_with("deployer-");
        match (is_sha, is_collection, is_person) {
            (true, ..) => "SHA".to_owned(),
            (_, true, _) => "COLLECTION".to_owned(),
            (.., true) => "DEPLOYER".to_owned(),
            _ => named,
        }
    }
}
