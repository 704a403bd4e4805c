//! Fields that are missing, unknown, of the wrong type, or do not go together.

use super::mutation::{
    ARGOCD_WAIT, Base, DELAY, DEPLOY, DEPLOY_RUN, HELLO, HELLO_RUN, HTTP, MERGE, Mutation, PROVIDER, VALIDATE, WAIT_FOR,
};

pub(super) fn mutations() -> Vec<Mutation> {
    [missing(), unknown(), wrong_types(), nulls(), together()].into_iter().flatten().collect()
}

fn missing() -> Vec<Mutation> {
    vec![
        HELLO.refused("no spec", &spec(HELLO), ""),
        HELLO.refused("an empty spec", &spec(HELLO), "spec: {}\n"),
        HELLO.refused("no service account", "  serviceAccountName: hello\n", ""),
        HELLO.refused("no name of a step", "    - name: account\n      resource", "    - resource"),
        HELLO.refused("no kind to read", "kind: ServiceAccount, ", ""),
        DEPLOY.refused("no edits", "        edits:\n", "        #\n"),
        DEPLOY.refused(
            "no message to fail with",
            "http: {method: POST, delivery: AtLeastOnce",
            "fail: {#\nhttp: {method",
        ),
        DEPLOY.refused("no value to write", r#", value: "registry.example/web:${{ params.version }}"}"#, "}"),
        DEPLOY.refused("no events of a hook", "    events: [Failure, Abortion]\n", ""),
        DEPLOY_RUN.refused("no pipeline to run", "  pipelineRef: {name: deploy}\n", ""),
        DEPLOY_RUN.refused("no name of the pipeline to run", "{name: deploy}", "{}"),
        PROVIDER.refused("no URL of a host", r#"gitea: {url: "http://127.0.0.1:3000"}"#, "gitea: {}"),
        HELLO.refused("no API version", "apiVersion: sluice.dev/v1alpha1\n", ""),
        HELLO.refused("no kind", "\nkind: Pipeline\n", "\n"),
    ]
}

fn unknown() -> Vec<Mutation> {
    vec![
        HELLO.refused("an unknown field of the spec", "spec:\n", "spec:\n  colour: blue\n"),
        HELLO.refused("an unknown field at the root", "spec:\n", "colour: blue\nspec:\n"),
        HELLO.refused("a misspelt field", "serviceAccountName", "serviceAcountName"),
        HELLO.refused("a field in another case", "serviceAccountName", "serviceaccountname"),
        HELLO.refused("the plural of a field", "      delay:", "      delays:"),
        HELLO.refused("a field at the wrong level", "    - name: breath\n", "    - name: breath\n      duration: 2s\n"),
        DEPLOY.refused("an unknown field far down", "{path: \"spec", "{pth: x, path: \"spec"),
        HELLO_RUN.refused("an unknown field of a run", "spec:\n", "spec:\n  colour: blue\n"),
        PROVIDER.refused("an unknown git host", "gitea: {url", "gitlab: {url"),
        HELLO.refused("an unknown field that is null", "spec:\n", "spec:\n  colour: null\n"),
        HELLO.refused("a kind that does not exist", "kind: Pipeline\n", "kind: Pipelines\n"),
        HELLO.refused("a kind in small letters", "kind: Pipeline\n", "kind: pipeline\n"),
        HELLO.refused("a version that does not exist", "sluice.dev/v1alpha1", "sluice.dev/v1"),
        HELLO.refused("no version behind the group", "sluice.dev/v1alpha1", "sluice.dev"),
        HELLO.refused("a misspelt group", "sluice.dev/v1alpha1", "sluice.io/v1alpha1"),
        HELLO.refused("a status that is none", "spec:\n", "status: {phase: Ready}\nspec:\n"),
        HELLO.accepted("a status that is a text, which is dropped", "spec:\n", "status: Ready\nspec:\n"),
    ]
}

fn wrong_types() -> Vec<Mutation> {
    vec![
        VALIDATE.refused("a text for an integer", "count: 3", "count: \"3\""),
        VALIDATE.refused("a word for an integer", "count: 3", "count: three"),
        HELLO.refused("a number for a text", "description: Whom to greet.", "description: 5"),
        HELLO.refused("a list for a text", "serviceAccountName: hello", "serviceAccountName: [hello]"),
        HELLO.refused("an object for a text", "serviceAccountName: hello", "serviceAccountName: {name: hello}"),
        HELLO.refused("a list for an object", "{duration: 2s}", "[2s]"),
        HELLO.refused("a text for an object", "{duration: 2s}", "2s"),
        HELLO.refused("an object for a list", "stages:\n  - name: look\n    steps:", "stages:\n    steps:"),
        HELLO.refused(
            "a text for a list",
            "    steps:\n    - name: greeting\n",
            "    steps: greeting\n    x:\n    - name: g\n",
        ),
        HELLO.refused("texts for objects in a list", "  stages:\n", "  stages:\n  - look\n"),
        HELLO.refused("a number for a boolean", "default: world", "required: 1"),
        HELLO.refused("a text for a boolean", "default: world", "required: \"true\""),
        HELLO.refused("a number for a duration", "{duration: 2s}", "{duration: 2}"),
        HELLO.refused("a list for the spec", &spec(HELLO), "spec: []\n"),
        HELLO.refused("a list for the metadata", "metadata: {name: hello}", "metadata: [hello]"),
        HELLO_RUN.refused("a number with a point for a parameter", "{who: Ada}", "{who: 1.10}"),
        HELLO_RUN.refused("a boolean for a parameter", "{who: Ada}", "{who: true}"),
        HELLO_RUN.refused("a list for a parameter", "{who: Ada}", "{who: [Ada]}"),
        HELLO_RUN.refused("a list of parameters", "{who: Ada}", "[{name: who, value: Ada}]"),
        HELLO_RUN.refused("a text for a reference", "{name: hello}\n  params", "hello\n  params"),
        PROVIDER.refused("a number for a URL", r#"{url: "http://127.0.0.1:3000"}"#, "{url: 3000}"),
    ]
}

fn nulls() -> Vec<Mutation> {
    vec![
        HELLO.refused("null for what is required", "serviceAccountName: hello", "serviceAccountName:"),
        HELLO.refused("null for the stages", "  stages:\n  - name: look", "  stages: ~\n  x:\n  - name: look"),
        HELLO.refused("null in a list", "  stages:\n", "  stages:\n  - null\n"),
        HELLO.refused("null for a step type", "{duration: 2s}", ""),
        HELLO.accepted("null for what is optional", "    when: params.who != ''", "    when:"),
        HELLO.accepted("null for a list that may be absent", "spec:\n", "spec:\n  hooks:\n"),
        DEPLOY.accepted("null for what has a default", "        method: POST\n", "        method: null\n"),
        DEPLOY.accepted("null for an enum without a default", "        delivery: Idempotent ", "        delivery: "),
        HELLO_RUN.accepted("null for the actions", "spec:\n", "spec:\n  actions:\n"),
        HELLO_RUN.accepted("null for a parameter", "{who: Ada}", "{who: Ada, nobody: null}"),
        HELLO_RUN.accepted("null for the parameters", "{who: Ada}", "null"),
        DEPLOY.accepted(
            "null inside of open JSON",
            r#"json: {application: "#,
            r#"json: {nothing: null, application: "#,
        ),
        HELLO.accepted("null in a map of values", "{values: {", "{values: {nothing: null, "),
        HELLO.accepted("null for the status", "spec:\n", "status:\nspec:\n"),
        DEPLOY.refused(
            "null for what a request needs",
            "        url: http://127.0.0.1:8080/collections\n",
            "        url:\n",
        ),
    ]
}

fn together() -> Vec<Mutation> {
    let source = "{http: {url: \"http://127.0.0.1:8080/collections/";
    vec![
        HELLO.refused(
            "two step types in a step",
            "      delay: {duration: 2s}",
            "      delay: {duration: 2s}\n      fail: {message: no}",
        ),
        HELLO.refused("no step type in a step", "      delay: {duration: 2s}\n", ""),
        HELLO.accepted(
            "a second step type that is null",
            "      delay: {duration: 2s}",
            "      delay: {duration: 2s}\n      fail:",
        ),
        DELAY.refused("a duration and an end", "{duration: ", "{until: '2030-01-01T00:00:00Z', duration: "),
        DELAY.refused("neither a duration nor an end", r#"{duration: "${{ params.soakFor }}"}"#, "{}"),
        HTTP.refused(
            "a value and where it is from",
            "        - name: Authorization\n",
            "        - name: Authorization\n          value: x\n",
        ),
        HTTP.refused(
            "a header without a value",
            "          valueFrom: {prefix: \"Bearer \", secretKeyRef: {name: collector, key: token}}\n",
            "",
        ),
        HELLO.refused("a required parameter with a default", "default: world", "default: world, required: true"),
        HELLO.accepted(
            "a parameter that is not required, with a default",
            "default: world",
            "default: world, required: false",
        ),
        DEPLOY.refused(
            "a hook of a stage and a step",
            "for: {stage: shouldDeploy}",
            "for: {stage: shouldDeploy, step: createDeployRequest}",
        ),
        DEPLOY.refused("a hook of nothing", "for: {stage: shouldDeploy}", "for: {}"),
        ARGOCD_WAIT.refused(
            "a commit and a revision",
            "        commitFrom: bump\n",
            "        commitFrom: bump\n        revision: main\n",
        ),
        VALIDATE.refused(
            "several measurements of nothing",
            "      validate:\n        checks:\n        - name: the last",
            "      validate:\n        count: 2\n        checks:\n        - name: the last",
        ),
        WAIT_FOR.refused(
            "a source of two sorts",
            "            resource:\n",
            "            http: {url: 'http://a'}\n            resource:\n",
        ),
        DEPLOY.refused("a source of no sort", source, "{htp: {url: \"http://127.0.0.1:8080/collections/"),
        PROVIDER.refused("two git hosts", "  gitea: {", "  github: {}\n  gitea: {"),
        PROVIDER.refused("no git host", r#"  gitea: {url: "http://127.0.0.1:3000"}"#, ""),
        PROVIDER.refused(
            "a local host with a secret",
            r#"gitea: {url: "http://127.0.0.1:3000"}"#,
            "local: {path: /srv/git}",
        ),
        PROVIDER.refused("a host without a secret", "  secretRef: {name: gitea-token} ", "  "),
        PROVIDER.accepted("GitHub at its usual address", r#"gitea: {url: "http://127.0.0.1:3000"}"#, "github: {}"),
        DEPLOY.refused("two steps of one name", "- name: waitForAcceptedDeployRequest", "- name: createDeployRequest"),
        DEPLOY.refused("two stages of one name", "- name: shouldDeploy ", "- name: assess "),
        DEPLOY.refused("two parameters of one name", "{name: environment, type", "{name: application, type"),
        DEPLOY.refused("an event twice", "[Failure, Abortion]", "[Failure, Failure]"),
        MERGE.refused("a list of merge policies", "merge: WhenReady", "merge: [WhenReady]"),
        HELLO_RUN.refused(
            "a run that begins with actions",
            "spec:\n",
            "spec:\n  actions: [{type: Abort, by: admin}]\n",
        ),
        HELLO_RUN.accepted("a run with an empty list of actions", "spec:\n", "spec:\n  actions: []\n"),
    ]
}

/// The spec as it is written, to its end.
fn spec(base: Base) -> String {
    let text = base.text();
    let start = text.find("spec:\n").expect("a spec");
    text[start..].to_owned()
}
