//! `sluice lint` by the real binary: for each code a manifest that has it, and what is said about it.
//!
//! `lint/CODE.yaml` is the manifest, `lint/CODE.txt` the answer; `UPDATE_EXPECT=1` writes the answers anew.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use expect_test::{expect, expect_file};
use serde_json::Value;
use sluice_api::Code;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lint");

/// A defect of the parser has no text that shows it.
const WITHOUT_EXAMPLE: Code = Code::Expression(sluice_expr::Code::Internal);

fn lint(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.arg("lint").args(arguments).current_dir(DIRECTORY);
    command.env("COLUMNS", "100").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Where it does not read its input, it may have ended already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The findings as objects.
fn findings(arguments: &[&str], input: &str) -> Vec<Value> {
    let output = lint(&[arguments, &["--output", "json"]].concat(), input);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_code_has_a_manifest_and_what_is_said_teaches() {
    for code in Code::all().filter(|code| *code != WITHOUT_EXAMPLE) {
        let file = format!("{code}.yaml");
        assert!(Path::new(DIRECTORY).join(&file).exists(), "no example of {code}: write {DIRECTORY}/{file}");
        let output = lint(&[&file, "--local"], "");
        expect_file![format!("{DIRECTORY}/{code}.txt")].assert_eq(&said(&output));
        let findings = findings(&[&file, "--local"], "");
        let of_code: Vec<&Value> = findings.iter().filter(|finding| finding["code"] == code.as_str()).collect();
        assert!(!of_code.is_empty(), "{file} does not have the code");
        let is_error = findings.iter().any(|finding| finding["severity"] == "error");
        assert_eq!(output.status.code(), Some(i32::from(is_error)), "{file}");
    }
}

#[test]
fn no_file_is_left_of_a_code_that_went() {
    let known: Vec<String> = Code::all().map(|code| code.to_string()).collect();
    for entry in std::fs::read_dir(DIRECTORY).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(known.contains(&stem), "{}", path.display());
    }
}

#[test]
fn machines_get_every_finding_with_its_place() {
    let output = lint(&["unknown-field.yaml", "-o", "json"], "");
    expect![[r#"
        [
          {
            "code": "unknown-field",
            "end": {
              "column": 32,
              "line": 3
            },
            "file": "unknown-field.yaml",
            "help": "did you mean `labels`?",
            "message": "`metadata` has no field `lables`",
            "object": "Pipeline deploy",
            "path": "metadata.lables",
            "refused": true,
            "severity": "error",
            "start": {
              "column": 26,
              "line": 3
            }
          },
          {
            "code": "unknown-field",
            "end": {
              "column": 13,
              "line": 11
            },
            "file": "unknown-field.yaml",
            "help": "did you mean `timeout`?",
            "message": "an item of `steps` has no field `timout`",
            "object": "Pipeline deploy",
            "path": "spec.stages[0].steps[0].timout",
            "refused": true,
            "severity": "error",
            "start": {
              "column": 7,
              "line": 11
            }
          },
          {
            "code": "unknown-field",
            "end": {
              "column": 45,
              "line": 12
            },
            "file": "unknown-field.yaml",
            "help": "did you mean `method`?",
            "message": "`http` has no field `methd`",
            "object": "Pipeline deploy",
            "path": "spec.stages[0].steps[0].http.methd",
            "refused": true,
            "severity": "error",
            "start": {
              "column": 40,
              "line": 12
            }
          },
          {
            "code": "unknown-field",
            "end": {
              "column": 58,
              "line": 12
            },
            "file": "unknown-field.yaml",
            "help": "it has body, delivery, headers, json, method, requestTimeout, successWhen, url",
            "message": "`http` has no field `colour`",
            "object": "Pipeline deploy",
            "path": "spec.stages[0].steps[0].http.colour",
            "refused": true,
            "severity": "error",
            "start": {
              "column": 52,
              "line": 12
            }
          }
        ]
    "#]]
    .assert_eq(&said(&output));
}

#[test]
fn standard_input_is_read_and_json_manifests_have_places_too() {
    let manifest = "{\"apiVersion\": \"sluice.dev/v1alpha1\", \"kind\": \"ScmProvider\",\n \"metadata\": {\"name\": \"Git\"},\n \
                    \"spec\": {\"gitea\": {\"url\": \"https://git.example\"}, \"secretRef\": {\"name\": 7}}}";
    expect![[r#"
        invalid-metadata

          x `Git` is no name of an object
           ,-[<stdin>:2:23]
         1 | {"apiVersion": "sluice.dev/v1alpha1", "kind": "ScmProvider",
         2 |  "metadata": {"name": "Git"},
           :                       ^^|^^
           :                         `-- ScmProvider Git: metadata.name
         3 |  "spec": {"gitea": {"url": "https://git.example"}, "secretRef": {"name": 7}}}
           `----
          help: use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most

        wrong-type

          x `name` is the number 7, and has to be a text
           ,-[<stdin>:3:74]
         2 |  "metadata": {"name": "Git"},
         3 |  "spec": {"gitea": {"url": "https://git.example"}, "secretRef": {"name": 7}}}
           :                                                                          |
           :                                                                          `-- ScmProvider Git: spec.secretRef.name
           `----
          help: put it in quotes, so that it stays as it is written

        1 object: 2 errors
    "#]].assert_eq(&said(&lint(&["-"], manifest)));
}

#[test]
fn what_is_right_is_passed_and_other_kinds_are_passed_over() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let output = lint(&["-R", examples], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = lint(&["-"], "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: 1\n");
    assert_eq!((said(&output).as_str(), output.status.code()), ("1 object: no mistakes\n", Some(0)));
}

#[test]
fn what_cannot_be_read_at_all_ends_with_2() {
    for (arguments, reason) in [
        (&["missing.yaml"][..], "failed to read missing.yaml"),
        (&["../../src/manifest"], "holds no file"),
        (&[], "required"),
        (&["a.yaml", "--cluster"], "cannot be used with"),
        (&["-A", "a.yaml"], "--cluster"),
    ] {
        let output = lint(arguments, "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(reason), "{arguments:?}: {error}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [&["lint", "unknown-field.yaml"][..], &["schema"], &["crds"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command.args(arguments).current_dir(DIRECTORY).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(arguments[0] == "lint")), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[test]
fn a_line_that_is_too_long_is_shown_around_what_is_meant() {
    let labels = "a, ".repeat(1000);
    let run = "apiVersion: sluice.dev/v1alpha1, kind: PipelineRun, metadata: {name: a}";
    let manifest = format!("{{labels: [{labels}], {run}, spec: {{pipelineRef: {{name: 7}}}}, more: [{labels}]}}\n");
    let said = said(&lint(&["-"], &manifest));
    assert!(said.contains("...") && said.contains("spec: {pipelineRef: {name: 7}}"), "{said}");
    assert!(said.lines().all(|line| line.len() < 230), "{said}");
}

/// The word that no answer may hold.
const VALUE: &str = "hunter2";

#[test]
fn nothing_of_a_secret_is_printed() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\n";
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\",\n \"metadata\": {\"name\": \"t\"},\n";
    let pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
    let pipeline = "{apiVersion: sluice.dev/v1alpha1, kind: Pipelin, metadata: {name: a}}";
    for manifest in [
        format!("{secret}stringData:\n  token: hunter2\n  token: hunter2\n"),
        format!("{secret}stringData: {{token: \"hunter2\", pw: hunt: hunter2}}\n"),
        format!("{secret}stringData: {{a: [hunter2]}}\ndata: {{b: hunter2}}\ntype: [hunter2]\nimmutable: hunter2\n"),
        format!("{secret}stringData: hunter2\ndata: [hunter2]\n"),
        format!("{secret}stringData:\n  key: |\n{pem}"),
        format!("{secret}data: {{a: !!int hunter2}}\n"),
        format!("{secret}data: {{a: *hunter2}}\n"),
        format!("{secret}data: \"hunter2\n"),
        format!("{secret}data:\n\t a: hunter2\n"),
        "kind: &a\n  Secret\ndata: {\n  hunter2\n".to_owned(),
        format!("{json} \"data\": {{\"a\": hunter2}}}}\n"),
        format!("{json} \"data\": {{\"a\": \"hunter2\", \"a\": \"hunter2\"}}}}\n"),
        format!("{json} \"stringData\": {{\"a\": [\"hunter2\"]}}}}\n"),
        "{\"apiVersion\": \"v1\", \"kind\": \"\\u0053ecret\",\n \"data\": {\"a\": \"hunter2\"}}\n".to_owned(),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {pipeline}\n- kind: Secret\n  apiVersion: v1\n  data: {{a: hunter2}}\n"
        ),
    ] {
        for output in ["text", "json"] {
            let output = lint(&["-", "-o", output], &manifest);
            let (out, error) = (said(&output), String::from_utf8(output.stderr).unwrap());
            assert!(!out.contains(VALUE) && !error.contains(VALUE), "{manifest}\n{out}{error}");
            assert!(out.contains("rror") || out.contains("arning"), "{manifest}\n{out}{error}");
        }
    }
}

#[test]
fn the_shape_of_a_secret_is_told_without_its_values() {
    let manifest = "\
apiVersion: v1
kind: Secret
metadata: {name: t}
stringdata: {}
data: {a: \"not base64\"}
stringData: {pin: 12345678}
---
{apiVersion: v1, kind: Secret, metadata: {name: u}, type: Opaque, immutable: true, data: {a: aHVudGVyMg==}}
";
    expect![[r#"
        unknown-field

          x a Secret has no field `stringdata`
           ,-[<stdin>:4:1]
         4 | (Secrets are not shown)
           : ^
           : `-- Secret t: stringdata
           `----
          help: did you mean `stringData`?

        wrong-pattern

          x `a` is not written in base64
           ,-[<stdin>:5:11]
         5 | (Secrets are not shown)
           : ^
           : `-- Secret t: data.a
           `----
          help: write it in base64, or in `stringData`, which takes texts as they are

        wrong-type

          x `pin` has to be a text
           ,-[<stdin>:6:19]
         6 | (Secrets are not shown)
           : ^
           : `-- Secret t: stringData.pin
           `----
          help: put it in quotes, so that it stays as it is written

        2 objects: 3 errors
    "#]]
    .assert_eq(&said(&lint(&["-"], manifest)));
}

#[test]
fn a_mistake_hides_no_other() {
    let manifest = "\
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: deploy}
spec:
  serviceAcountName: deployer
  stages:
  - name: build
    timeout: 5
    steps:
    - {name: a, http: {url: 7}}
    - {name: b, when: steps.a.outputs.statsu == 200, set: {value: {}}}
    - {name: c, set: {values: {x: \"${{ steps.b.outputs.y }} ${{ steps.d.outputs.z }}\"}}}
";
    let findings = findings(&["-"], manifest);
    let found: Vec<String> = findings.iter().map(|it| format!("{} {}", it["code"], it["path"])).collect();
    expect![[r#"
        "missing-field" "spec.serviceAccountName"
        "unknown-field" "spec.serviceAcountName"
        "wrong-type" "spec.stages[0].timeout"
        "wrong-type" "spec.stages[0].steps[0].http.url"
        "unknown-member" "spec.stages[0].steps[1].when"
        "missing-field" "spec.stages[0].steps[1].set.values"
        "unknown-field" "spec.stages[0].steps[1].set.value"
        "unknown-member" "spec.stages[0].steps[2].set.values.x"
        "unknown-member" "spec.stages[0].steps[2].set.values.x""#]]
    .assert_eq(&found.join("\n"));
}

/// What is reported is held against the Environments, and those against the pipelines.
#[test]
fn reports_are_of_environments_and_components_that_are_there() {
    let manifest = "\
apiVersion: sluice.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec:
  components: [{name: web, onUpdate: {deploy: {pipelineRef: {name: deploy-component}}}}, {name: api}]
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: deploy-components}
spec: {serviceAccountName: deployer, stages: [{name: a, steps: [{name: b, delay: {duration: 1s}}]}]}
---
apiVersion: sluice.dev/v1alpha1
kind: Receiver
metadata: {name: builds}
spec:
  component: {environments: [staging, stagin]}
  serviceAccountName: Receiver
  secretRef: {name: builds}
---
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
metadata: {name: a}
spec: {environment: staging, component: wep, version: 1.2.3, sequence: 1, id: one}
---
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
metadata: {name: b}
spec: {environment: production, component: web, sequence: 1, id: one}
---
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
metadata: {name: c}
spec: {environment: staging, component: api, sha: abc, sequence: 1, id: one}
";
    let findings = findings(&["-"], manifest);
    let found: Vec<String> = findings
        .iter()
        .map(|it| {
            let [severity, code, object, path, message, help] =
                ["severity", "code", "object", "path", "message", "help"]
                    .map(|member| it[member].as_str().unwrap_or("-"));
            format!("{severity} {code}: {object} {path}: {message}; {help}")
        })
        .collect();
    expect![[r#"
        warning missing-object: Environment staging spec.components[0].onUpdate.deploy.pipelineRef.name: there is no Pipeline `deploy-component` among these manifests; did you mean `deploy-components`?
        warning missing-object: Receiver builds spec.component.environments[1]: there is no Environment `stagin` among these manifests; did you mean `staging`?
        error invalid-value: Receiver builds spec.serviceAccountName: "Receiver" is no name of a service account; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
        error missing-object: ComponentUpdate a spec.component: Environment `staging` has no component `wep`; did you mean `web`?
        error broken-rule: ComponentUpdate b spec: the fields of `spec` do not go together; say which version it is, or which sha
        warning missing-object: ComponentUpdate b spec.environment: there is no Environment `production` among these manifests; it has to be in the cluster then"#]].assert_eq(&found.join("\n"));
}
