//! Every person, every verb, every way: as the roles say, and the same by every way.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::{Value, json};
use sluice_tests::TestNamespace;

use super::ways::{Asker, WAYS, Way, finish};
use super::{Place, failed, failed_early, paused, run, waiting};

const PEOPLE: [&str; 6] = ["bob", "alice", "developer", "approver", "carol", "dave"];

/// How many programs run at a time.
const AT_A_TIME: usize = 8;

/// Something that is asked of a run.
struct Ask {
    kind: &'static str,
    stage: Option<&'static str>,
    status: fn() -> Value,
    /// What it takes.
    right: &'static str,
    /// Who has it.
    may: &'static [&'static str],
}

const ASKS: [Ask; 12] = [
    ask("Approve", Some("staging"), waiting, "approve on pipelines/web", &["approver", "carol"]),
    ask("Approve", Some("production"), waiting, "approve on environments/production", &["approver", "carol"]),
    ask("Approve", Some("secret"), waiting, "approve on stages/web.secret", &["carol", "dave"]),
    ask("Reject", Some("production"), waiting, "approve on environments/production", &["approver", "carol"]),
    ask("Pause", None, waiting, "pause on pipelines/web", &["developer", "carol"]),
    ask("Resume", None, paused, "pause on pipelines/web", &["developer", "carol"]),
    ask("Abort", None, waiting, "abort on pipelines/web", &["developer", "carol"]),
    ask("Retry", None, failed_early, "retry on pipelines/web", &["developer", "carol"]),
    ask("Retry", Some("production"), failed, "retry on environments/production", &["carol"]),
    ask("Skip", Some("staging"), waiting, "skip on pipelines/web", &["carol"]),
    ask("Skip", Some("secret"), waiting, "skip on stages/web.secret", &["carol"]),
    ask("Unlock", None, failed, "unlock on pipelines/web", &["carol"]),
];

const fn ask(
    kind: &'static str,
    stage: Option<&'static str>,
    status: fn() -> Value,
    right: &'static str,
    may: &'static [&'static str],
) -> Ask {
    Ask { kind, stage, status, right, may }
}

/// Who asks what, by which way.
struct Cell {
    person: &'static str,
    ask: &'static Ask,
    way: Way,
    title: String,
    name: String,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for person in PEOPLE {
        for ask in &ASKS {
            for (how, way) in WAYS {
                let name = format!("run-{}", cells.len());
                let title = format!("{person}: {} {} by {how}", ask.kind, ask.stage.unwrap_or("the run"));
                cells.push(Cell { person, ask, way, title, name });
            }
        }
    }
    cells
}

impl Cell {
    fn entry(&self) -> Value {
        let mut entry = json!({"type": self.ask.kind, "by": self.person});
        if let Some(stage) = self.ask.stage {
            entry["stage"] = stage.into();
        }
        entry
    }

    /// Asks; what is wrong with the answer.
    fn judge(&self, test: &TestNamespace, run: &Value) -> Option<String> {
        let (cluster, namespace) = (test.cluster(), test.name());
        let answer = (self.way)(&Asker { cluster, namespace, person: self.person, run }, &self.entry());
        let may = self.ask.may.contains(&self.person);
        let words = match self.person {
            // Whoever may not even change a run is refused before.
            "alice" | "bob" => format!("User \"{}\" cannot ", self.person),
            person => format!("{person} needs the verb {}", self.ask.right),
        };
        match answer {
            Ok(()) if may => None,
            Err(refusal) if !may && refusal.contains(&words) => None,
            other => Some(format!("{}: {other:?}", self.title)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_verb_may_and_nobody_else_by_any_way() {
    let place = Place::open().await;
    let cells: Vec<Cell> = cells();
    assert!(cells.len() >= 60, "{}", cells.len());
    let judged = futures::stream::iter(&cells).map(async |cell| {
        let run = place.run(&cell.name, &(cell.ask.status)()).await;
        let run = serde_json::to_value(run).expect("a run");
        tokio::task::block_in_place(|| cell.judge(&place.test, &run))
    });
    let wrong: Vec<Option<String>> = judged.buffer_unordered(AT_A_TIME).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), cells.len(), wrong.join("\n"));

    // What was accepted is there, word for word but for what the plugin adds, and nothing else.
    let runs = place.runs(place.test.cluster().admin()).list(&Default::default()).await.expect("the runs");
    let asked: BTreeMap<String, Value> = runs
        .into_iter()
        .map(|run| (run.metadata.name.unwrap_or_default(), run.data["spec"]["actions"].clone()))
        .collect();
    for cell in &cells {
        let found = &asked[&cell.name];
        let expected = if cell.ask.may.contains(&cell.person) { vec![cell.entry()] } else { Vec::new() };
        let mut found = found.as_array().cloned().unwrap_or_default();
        found.iter_mut().filter_map(Value::as_object_mut).for_each(|entry| drop(entry.remove("attempt")));
        assert_eq!(found, expected, "{}", cell.title);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_verb_run_starts_a_run_in_their_own_name_by_any_way() {
    let place = Place::open().await;
    let (cluster, namespace) = (place.test.cluster(), place.test.name());
    let ways: [(&str, &[&str]); 3] = [
        ("create", &["create", "-f", "-"]),
        ("apply", &["apply", "-f", "-"]),
        ("apply-server-side", &["apply", "--server-side", "-f", "-"]),
    ];
    let cells: Vec<_> =
        PEOPLE.into_iter().flat_map(|person| ways.map(|(way, arguments)| (person, way, arguments))).collect();
    let judged = futures::stream::iter(cells).map(async |(person, way, arguments)| {
        let name = format!("{person}-{way}");
        let mut command = cluster.kubectl_command(person);
        command.args(["-n", namespace]).args(arguments);
        let answer = tokio::task::block_in_place(|| finish(command, &run(&name).to_string()));
        let is_as_it_should = match person {
            "developer" | "carol" => answer.is_ok(),
            _ => answer.as_ref().is_err_and(|refusal| refusal.contains("cannot ")),
        };
        (!is_as_it_should).then(|| format!("{name}: {answer:?}"))
    });
    let wrong: Vec<Option<String>> = judged.buffer_unordered(AT_A_TIME).collect().await;
    assert_eq!(wrong.into_iter().flatten().collect::<Vec<_>>(), Vec::<String>::new());
    for run in place.runs(cluster.admin()).list(&Default::default()).await.expect("the runs") {
        let by = run.data["spec"]["requestedBy"].as_str().unwrap_or_default();
        let name = run.metadata.name.unwrap_or_default();
        assert!(name.starts_with(&format!("{by}-")) && !by.is_empty(), "{name} is requested by {by:?}");
    }
}

#[tokio::test]
async fn the_right_to_make_runs_is_not_the_right_to_run_a_pipeline() {
    let place = Place::open().await;
    let rules = json!([
        {"apiGroups": ["sluice.dev"], "resources": ["pipelineruns"], "verbs": ["create"]},
        {"apiGroups": ["sluice.dev"], "resources": ["pipelines"], "resourceNames": ["test"], "verbs": ["run"]},
    ]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "test"}, "rules": rules});
    place.test.apply(&format!("{role}\n---\n{}", super::binding("test", "Role", "test", "bob")));
    let runs = place.runs_as("bob").await;
    let create = async |name: &str, pipeline: &str| {
        let mut run = run(name);
        run["spec"]["pipelineRef"]["name"] = pipeline.into();
        super::told(runs.create(&Default::default(), &serde_json::from_value(run).expect("a run")).await)
    };
    sluice_tests::eventually("the Role counts", crate::PATIENCE, async || create("mine", "test").await).await;
    let refusal = create("theirs", "web").await.expect_err("refused");
    assert!(
        refusal.ends_with(
            "bob needs the verb run on pipelines/web: a Role for the apiGroup sluice.dev, the resource pipelines and the \
             resourceName web gives it"
        ),
        "{refusal}"
    );
}
