//! What an Environment's status says once runs have succeeded there. Pure.
//!
//! Newest wins: by when the run ended, then by what tells runs apart. So it does not matter in which order, how often or by how
//! many controllers a run is written down.

use std::cmp::Reverse;

use sluice_api::{ComponentStatus, Deployed, EnvironmentSpec, EnvironmentStatus, LastSucceededRun, LocalReference};

use super::records::{Built, Record};

/// The schema takes no more.
const MAX_RUNS: usize = 100;

/// The status with these records, and with every component that the spec declares.
pub(super) fn of(spec: &EnvironmentSpec, before: EnvironmentStatus, records: &[Record]) -> EnvironmentStatus {
    let EnvironmentStatus { observed_generation, conditions, components: known, last_succeeded_runs: mut runs } =
        before;
    let mut components: Vec<ComponentStatus> = Vec::new();
    for declared in &spec.components {
        let known = known.iter().find(|known| known.name == declared.name).cloned();
        let name = declared.name.clone();
        components.push(known.unwrap_or(ComponentStatus { name, recorded: None, deployed: None }));
    }
    for record in records {
        add_run(&mut runs, record);
        add_component(&mut components, record);
    }
    // Of those that are too many the oldest go.
    runs.sort_by_key(|run| Reverse(run.at));
    runs.truncate(MAX_RUNS);
    runs.sort_by(|one, other| one.pipeline.cmp(&other.pipeline));
    EnvironmentStatus { observed_generation, conditions, components, last_succeeded_runs: runs }
}

/// Whether a record changes anything.
pub(super) fn is_news(spec: &EnvironmentSpec, status: &EnvironmentStatus, record: &Record) -> bool {
    let without = of(spec, status.clone(), &[]);
    of(spec, without.clone(), std::slice::from_ref(record)) != without
}

fn add_run(runs: &mut Vec<LastSucceededRun>, record: &Record) {
    let Record { pipeline, name, uid, at, .. } = record;
    let run = LastSucceededRun { pipeline: pipeline.clone(), name: name.clone(), uid: uid.clone(), at: *at };
    match runs.iter_mut().find(|known| known.pipeline == *pipeline) {
        Some(known) if (known.at, &known.uid) < (run.at, &run.uid) => *known = run,
        Some(_) => {}
        None => runs.push(run),
    }
}

fn add_component(components: &mut [ComponentStatus], record: &Record) {
    let Some(Built { component, version, sha }) = record.built.as_ref().filter(|built| built.says_what()) else {
        return;
    };
    let Some(known) = components.iter_mut().find(|known| known.name == *component) else { return };
    let is_newer = |deployed: &Deployed| (deployed.at, &deployed.run_ref.name) < (record.at, &record.name);
    if known.deployed.as_ref().is_none_or(is_newer) {
        known.deployed = Some(Deployed {
            version: version.clone(),
            sha: sha.clone(),
            by: record.by.clone(),
            at: record.at,
            run_ref: LocalReference { name: record.name.clone() },
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sluice_api::Component;

    use super::*;

    fn record(pipeline: &str, name: &str, second: i64, built: Option<(&str, &str)>) -> Record {
        Record {
            run: Default::default(),
            pipeline: pipeline.to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            at: jiff::Timestamp::from_second(second).unwrap(),
            by: Some("alice".to_owned()),
            built: built.map(|(component, version)| Built {
                component: component.to_owned(),
                version: Some(version.to_owned()),
                sha: None,
            }),
        }
    }

    fn spec(components: &[&str]) -> EnvironmentSpec {
        let components =
            components.iter().map(|name| Component { name: (*name).to_owned(), on_update: None }).collect();
        EnvironmentSpec { components, ..EnvironmentSpec::default() }
    }

    /// `pipeline run` and `component version run`.
    fn told(status: &EnvironmentStatus) -> Value {
        let runs = status.last_succeeded_runs.iter().map(|run| format!("{} {}", run.pipeline, run.name));
        let components = status.components.iter().map(|component| match &component.deployed {
            Some(Deployed { version, run_ref, .. }) => {
                format!("{} {} {}", component.name, version.as_deref().unwrap_or_default(), run_ref.name)
            }
            None => component.name.clone(),
        });
        json!([runs.collect::<Vec<_>>(), components.collect::<Vec<_>>()])
    }

    #[test]
    fn the_newest_run_of_each_pipeline_and_component_wins_in_whatever_order_they_come() {
        let records = [
            record("deploy", "d1", 1, Some(("web", "1"))),
            record("deploy", "d2", 2, Some(("db", "2"))),
            record("hotfix", "h1", 3, Some(("web", "3"))),
            record("deploy", "d3", 2, None),
        ];
        let spec = spec(&["db", "web", "mail"]);
        let expected = json!([["deploy d3", "hotfix h1"], ["db 2 d2", "web 3 h1", "mail"]]);
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]];
        for order in orders {
            let mut status = EnvironmentStatus::default();
            for index in order {
                status = of(&spec, status, &records[index..=index]);
            }
            assert_eq!(told(&status), expected, "{order:?}");
            assert_eq!(status, of(&spec, EnvironmentStatus::default(), &records));
            assert!(records.iter().all(|record| !is_news(&spec, &status, record)));
        }
    }

    #[test]
    fn a_component_that_is_not_declared_or_has_no_version_is_left_alone() {
        let mut without = record("deploy", "d2", 2, Some(("web", "1")));
        without.built = Some(Built { component: "web".to_owned(), version: None, sha: None });
        let records = [record("deploy", "d1", 1, Some(("db", "1"))), without];
        let status = of(&spec(&["web"]), EnvironmentStatus::default(), &records);
        assert_eq!(told(&status), json!([["deploy d2"], ["web"]]));
    }

    #[test]
    fn what_a_component_was_is_gone_with_its_declaration() {
        let status =
            of(&spec(&["web"]), EnvironmentStatus::default(), &[record("deploy", "d1", 1, Some(("web", "1")))]);
        assert_eq!(told(&of(&spec(&["db"]), status, &[])), json!([["deploy d1"], ["db"]]));
    }

    #[test]
    fn of_too_many_pipelines_the_oldest_go_and_do_not_come_back() {
        let records: Vec<Record> = (0..130).map(|number| record(&format!("p{number}"), "run", number, None)).collect();
        let status = of(&spec(&[]), EnvironmentStatus::default(), &records);
        assert_eq!(status.last_succeeded_runs.len(), MAX_RUNS);
        assert!(!is_news(&spec(&[]), &status, &records[29]) && !is_news(&spec(&[]), &status, &records[30]));
    }
}
