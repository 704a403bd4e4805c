//! How a run ends, and what never begins: exit codes, and what is said about wrong input.

use std::fs;

use expect_test::{Expect, expect};

use crate::support::{Place, Running, pipeline};

const GREETS: &str = r#"  params:
  - {name: who, required: true}
  - {name: times, type: Integer, default: 1}
  stages:
  - name: greet
    steps:
    - name: greeting
      set: {values: {text: "Hello, ${{ params.who }}"}}
  - name: fails
    when: params.who == "nobody"
    steps: [{name: stop, fail: {message: "there is nobody to greet"}}]
"#;

#[expect(clippy::needless_pass_by_value, reason = "so that the macro may stand in the call")]
fn refused(place: &Place, arguments: &[&str], expected: Expect) {
    let said = place.sluice(arguments);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
    expected.assert_eq(&said.err);
}

#[test]
fn a_run_that_succeeds_ends_with_0_and_one_that_fails_with_1() {
    let place = Place::with(&pipeline(GREETS));
    let said = place.sluice(&["run", "-f", "p.yaml", "--param", "who=Ada"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(place.run("p-1")["status"]["stages"][0]["steps"][0]["outputs"]["text"], "Hello, Ada");
    let said = place.sluice(&["run", "-f", ".", "--param", "who=nobody"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("run Failed: stage fails: step stop: there is nobody to greet"), "{}", said.out);
    // What has ended keeps its code.
    assert_eq!(place.sluice(&["resume", "p-1"]).code, Some(0));
    assert_eq!(place.sluice(&["resume", "p-2"]).code, Some(1));
    assert_eq!(place.sluice(&["resume"]).code, Some(0));
}

#[test]
fn everything_wrong_with_parameters_is_said_at_once() {
    let place = Place::with(&pipeline(GREETS));
    refused(
        &place,
        &["run", "-f", "p.yaml", "--param", "times=many", "-p", "hwo=Ada"],
        expect![[r#"
            error: parameter who: is required and missing: add it to the run
            error: parameter times: must be a whole number, not "many"
            error: parameter hwo: the pipeline has no such parameter; did you mean "who"?
        "#]],
    );
    assert!(!place.path(".sluice").exists());
}

#[test]
fn a_pipeline_with_mistakes_does_not_begin() {
    let place = Place::with(&pipeline(
        "  stages: [{name: s, steps: [{name: a, set: {values: {x: \"${{ params.gone }}\"}}}, {name: b, when: steps.c.outputs, fail: {message: m}}]}]\n",
    ));
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("gone") && said.err.contains("has no `c`"), "{}", said.err);
    assert!(!place.path(".sluice").exists());
}

#[test]
fn a_step_that_needs_a_cluster_is_said_before_anything_begins() {
    let place = Place::with(&pipeline(
        r"  stages:
  - name: look
    steps:
    - name: account
      resource: {apiVersion: v1, kind: ServiceAccount, name: default}
    - name: wait
      waitFor: {sources: {pod: {resource: {apiVersion: v1, kind: Pod, name: x}}}, condition: pod.object != null}
",
    ));
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("look/account") && said.err.contains("look/wait"), "{}", said.err);
    assert!(said.err.contains("KUBECONFIG") && !place.path(".sluice").exists(), "{}", said.err);
}

/// A kubeconfig that can be read. Nobody answers there.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: \"http://127.0.0.1:9\"}}]
users: [{name: u, user: {}}]
";

const RESTS: &str = "  stages:\n  - name: s\n    steps:\n    - {name: rest, delay: {duration: 1h}}\n";

/// Begins the run `p-1` and leaves it in its first step.
fn begin_and_kill(place: &Place, arguments: &[&str]) {
    let mut command = place.command(arguments);
    command.env("KUBECONFIG", place.path("kubeconfig")).stdout(std::process::Stdio::null());
    let running = Running::of(&mut command);
    place.wait_for("p-1", |status| status["stages"][0]["steps"][0]["phase"] == "Running");
    running.kill();
}

#[test]
fn a_run_whose_steps_need_a_cluster_does_not_go_on_without_one() {
    let place = Place::with(&pipeline(&format!(
        "{RESTS}    - {{name: look, resource: {{apiVersion: v1, kind: Pod, name: x}}}}\n"
    )));
    fs::write(place.path("kubeconfig"), KUBECONFIG).unwrap();
    begin_and_kill(&place, &["run", "-f", "p.yaml"]);
    let before = place.run("p-1");
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains("s/look") && said.err.contains("KUBECONFIG"), "{said:?}");
    assert_eq!(place.run("p-1"), before);
}

#[test]
fn a_provider_that_is_nowhere_is_said_before_a_run_begins_and_before_it_goes_on() {
    let place = Place::new();
    fs::create_dir(place.path("m")).unwrap();
    let change = "{providerRef: {name: git}, repository: a/b, title: t, edits: [{file: f, set: {path: p, value: 1}}]}";
    let manifest = pipeline(&format!("{RESTS}    - {{name: open, pullRequest: {change}}}\n"));
    fs::write(place.path("m/p.yaml"), manifest).unwrap();
    let missing = "there is no ScmProvider \"git\" among the manifests";
    let said = place.sluice(&["run", "-f", "m", "--state", "state"]);
    assert!(said.code == Some(2) && said.err.contains(missing), "{said:?}");
    assert!(!place.path("state").exists());
    let provider =
        "apiVersion: sluice.dev/v1alpha1\nkind: ScmProvider\nmetadata: {name: git}\nspec: {local: {path: r}}\n";
    fs::write(place.path("m/git.yaml"), provider).unwrap();
    begin_and_kill(&place, &["run", "-f", "m", "--state", ".sluice"]);
    fs::remove_file(place.path("m/git.yaml")).unwrap();
    let before = place.run("p-1");
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains(missing), "{said:?}");
    assert_eq!(place.run("p-1"), before);
}

#[test]
fn a_kubeconfig_with_a_mistake_is_not_taken_for_none() {
    let place = Place::with(&pipeline(
        "  stages: [{name: s, steps: [{name: look, resource: {apiVersion: v1, kind: Pod, name: x}}]}]\n",
    ));
    fs::write(place.path("no-kubeconfig"), "clusters: 3\n").unwrap();
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    assert!(said.code == Some(2) && said.err.contains("the kubeconfig cannot be used: "), "{said:?}");
    assert!(!said.err.contains("there is no kubeconfig"), "{said:?}");
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::with(&pipeline(GREETS));
    let said = place.sluice(&["run", "-f", "gone.yaml"]);
    assert!(said.code == Some(2) && said.err.contains("gone.yaml"), "{said:?}");
    refused(
        &place,
        &["resume", "gone"],
        expect![[r#"
            error: there is no run "gone" in .sluice: it holds none
        "#]],
    );
    let said = place.sluice(&["run", "-f", "p.yaml", "--param", "who"]);
    assert!(said.code == Some(2) && said.err.contains("NAME=VALUE"), "{said:?}");
}

#[test]
fn the_help_explains_exit_codes_and_signals() {
    let place = Place::new();
    for command in ["run", "resume", "demo"] {
        let said = place.sluice(&[command, "--help"]);
        assert_eq!(said.code, Some(0));
        for words in ["Exit codes", "130, 143", "SIGTERM", "sluice resume"] {
            assert!(said.out.contains(words), "{command} --help does not say {words:?}:\n{}", said.out);
        }
    }
    let said = place.sluice(&["lint", "--help"]);
    assert!(said.out.contains("Exit codes:\n  0  there is no error"), "{}", said.out);
}

#[test]
fn no_value_of_a_secret_is_printed_when_a_run_is_refused() {
    for data in
        ["stringData: {token: 12345678}", "data: {token: 12345678}", "immutable: \"12345678\"", "data: {a: : 12345678}"]
    {
        let secret = format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\n{data}\n");
        let place = Place::with(&(pipeline(GREETS) + &secret));
        let said = place.sluice(&["run", "-f", "p.yaml"]);
        assert_eq!(said.code, Some(2), "{data}");
        assert!(!format!("{}{}", said.out, said.err).contains("12345678"), "{}{}", said.out, said.err);
    }
}

#[test]
fn a_run_among_the_manifests_keeps_its_name_and_begins_once() {
    let run = "---\napiVersion: sluice.dev/v1alpha1\nkind: PipelineRun\nmetadata: {name: first}\nspec: {pipelineRef: {name: p}, params: {who: Ada}}\n";
    let place = Place::with(&(pipeline(GREETS) + run));
    assert_eq!(place.sluice(&["run", "-f", "p.yaml"]).code, Some(0));
    assert_eq!(place.run("first")["spec"]["requestedBy"], "ada");
    refused(
        &place,
        &["run", "-f", "p.yaml"],
        expect![[r#"
            error: there is a run "first" already: start another one with --name first-2
        "#]],
    );
    assert_eq!(place.sluice(&["run", "-f", "p.yaml", "--name", "first-2", "--param", "who=Bea"]).code, Some(0));
    assert_eq!(place.run("first-2")["status"]["stages"][0]["steps"][0]["outputs"]["text"], "Hello, Bea");
}

#[test]
fn secrets_are_taken_from_the_manifests_and_kept_nowhere() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {value: s3cret}\n";
    let steps = r"  stages:
  - name: call
    steps:
    - name: request
      retry: {limit: 0}
      http:
        url: http://127.0.0.1:9/
        headers: [{name: Authorization, valueFrom: {secretKeyRef: {name: token, key: value}}}]
";
    let place = Place::with(&(pipeline(steps) + secret));
    fs::write(place.path("bare.yaml"), pipeline(steps)).unwrap();
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    // Closed addresses are closed here, too.
    assert!(said.code == Some(1) && said.out.contains("127.0.0.1"), "{said:?}");
    assert_eq!(place.run("p-1")["status"]["stages"][0]["steps"][0]["reason"], "AddressForbidden");
    let said = place.sluice(&["run", "-f", "p.yaml", "--allow-http-to", "127.0.0.0/8"]);
    let run = place.run("p-2");
    assert_ne!(run["status"]["stages"][0]["steps"][0]["reason"], "AddressForbidden", "{said:?}");
    let said = place.sluice(&["run", "-f", "bare.yaml", "--state", "bare"]);
    let missing = "there is no secret \"token\" among the manifests: add a Secret to them (there is no kubeconfig";
    assert!(said.code == Some(1) && said.out.contains(missing), "{said:?}");
    assert!(!run.to_string().contains("s3cret") && !said.out.contains("s3cret"), "{run}");
}
