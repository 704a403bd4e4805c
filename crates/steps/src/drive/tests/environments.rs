//! Stages that are bound to an Environment: whether they may start, what they see of it, and its targets.

use sluice_api::EnvironmentSpec;

use super::*;

const ALLOWED: &str =
    "{allowedPipelines: [deploy], targets: [{name: eu, port: 1}, {name: us, port: 2}, {name: asia, port: 3}]}";

/// A run of these stages to its end, where there is an Environment `staging` like this.
async fn ended(environment: Option<&str>, stages: &str) -> Bench {
    let mut bench = Bench::of(stages);
    if let Some(spec) = environment {
        let spec: EnvironmentSpec = serde_saphyr::from_str(spec).unwrap();
        bench.world.environments.insert("staging".to_owned(), spec);
    }
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    bench
}

fn ending(bench: &Bench) -> (RunPhase, &str, &str) {
    let ending = bench.state().ending.as_ref().unwrap();
    (ending.phase, &ending.reason, ending.message.as_deref().unwrap_or_default())
}

/// A stage that notes what it sees.
fn bound(more: &str, value: &str) -> String {
    format!(
        "- {{name: a, environment: staging{more}, steps: [{{name: one, set: {{values: {{x: '${{{{ {value} }}}}'}}}}}}]}}"
    )
}

#[tokio::test]
async fn a_stage_sees_the_name_of_its_environment() {
    let bench = ended(Some(ALLOWED), &bound(", when: environment.name == 'staging'", "environment.name")).await;
    assert_eq!(bench.step(0, 0).outputs["x"], json!("staging"));
}

#[tokio::test]
async fn a_stage_starts_neither_without_its_environment_nor_in_one_that_does_not_allow_it() {
    let bench = ended(None, &bound("", "environment.name")).await;
    let (phase, reason, message) = ending(&bench);
    assert_eq!((phase, reason), (RunPhase::Failed, "EnvironmentNotFound"));
    assert!(message.starts_with("stage a: there is no Environment"), "{message}");

    for closed in ["{}", "{allowedPipelines: [Deploy, deploy-2]}"] {
        let bench = ended(Some(closed), &bound("", "environment.name")).await;
        let message = "stage a: Environment \"staging\" does not allow pipeline \"deploy\": whoever may change the Environment \
                       adds it to spec.allowedPipelines";
        assert_eq!(ending(&bench), (RunPhase::Failed, "EnvironmentNotAllowed", message));
    }
    let bench = ended(Some("{allowedPipelines: ['*']}"), &bound("", "environment.name")).await;
    assert_eq!(ending(&bench).0, RunPhase::Succeeded);
}

#[tokio::test]
async fn a_stage_that_is_skipped_asks_for_no_environment() {
    let bench = ended(None, &bound(", when: 1 > 2", "environment.name")).await;
    assert_eq!(ending(&bench).0, RunPhase::Succeeded);
}

#[tokio::test]
async fn a_stage_runs_for_each_target() {
    let bench = ended(
        Some(ALLOWED),
        &bound(
            ", forEach: {in: 'environment.targets.filter(t, t.port > 1)', as: target}",
            "target.port + size(target.name)",
        ),
    )
    .await;
    let seen: Vec<_> =
        bench.state().stages.iter().map(|stage| (stage.item.as_deref(), &stage.steps[0].outputs["x"])).collect();
    assert_eq!(seen, [(Some("us"), &json!(4)), (Some("asia"), &json!(7))]);
}

#[tokio::test]
async fn no_targets_are_no_items_and_the_environment_is_named() {
    let for_each = |list: &str| bound(&format!(", forEach: {{in: '{list}', as: target}}"), "size([target])");
    for (environment, list, said) in [
        (
            "{allowedPipelines: [deploy]}",
            "environment.targets",
            "stage a: Environment \"staging\" has no targets: add some to its spec.targets",
        ),
        (
            ALLOWED,
            "environment.targets.filter(t, t.port > 3)",
            "stage a: forEach.in takes none of the 3 targets of Environment \"staging\"; say with `when` where there may be nothing \
             to do",
        ),
        (
            ALLOWED,
            "[environment.name].filter(name, name == \"x\")",
            "stage a: the list of its items is empty; say with `when` where there may be nothing to do",
        ),
    ] {
        let bench = ended(Some(environment), &for_each(list)).await;
        assert_eq!(ending(&bench), (RunPhase::Failed, "NoItems", said));
    }
}

#[test]
fn what_yields_no_name_of_an_environment_fails_before_the_run_starts() {
    for (template, said) in [
        ("${{ run.name + \"/x\" }}", "environment of stage a: \"deploy-1/x\" is no name of an Environment"),
        ("${{ trigger.parent.name }}", "environment of stage a: `trigger.parent` is null"),
    ] {
        let bench = Bench::of(&bound("", "environment.name").replace("staging", &format!("'{template}'")));
        let failure = crate::begin(&bench.program, &bench.world.run, &bench.variables).unwrap_err();
        assert!(failure.message.starts_with(said), "{}", failure.message);
    }
}
