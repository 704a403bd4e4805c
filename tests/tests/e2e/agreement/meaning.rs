//! What only the check of the meaning sees: expressions and references.

use super::mutation::{ARGOCD_WAIT, DELAY, DEPLOY, HELLO, HTTP, MERGE, Mutation, VALIDATE, WAIT_FOR};

pub(super) fn mutations() -> Vec<Mutation> {
    [expressions(), interpolations(), references(), flow(), values()].into_iter().flatten().collect()
}

fn expressions() -> Vec<Mutation> {
    let when = |source: &str| format!("when: {source}");
    let whom = "when: params.who != ''";
    let not_ready = [
        "params.whom != ''",
        "param.who != ''",
        "params.who !=",
        "params.who",
        "\"1\"",
        "params.who == 1",
        "params.who.size() > 1 &&",
        "size(params.who, 1) > 0",
        "nothing(params.who)",
        "steps.greeting.outputs.text == ''",
        "steps.breathe.outputs.x == 1",
        "steps.account.outputs.name == ''",
        "failure.message == ''",
        "(params.who != ''",
        "params.who.matches('(')",
        "\"'${{ params.who }}' == 'x' ? 1 : 2\"",
        "\"'\"",
        "\"true # {\"",
        "\"params.who != '\\n'\"",
        "timestamp('yesterday') > run.startedAt",
        "params.who = 'x'",
        "params.who not in ['a']",
        "\"a ? b\"",
    ];
    let accepted = [
        "params.who.size() > 1",
        "params.who in ['a', 'b']",
        "\"true\"",
        "\"params['who'] != ''\"",
        "steps.account.outputs.uid != ''",
        "params.who.matches('^[a-z]+$')",
        "has(params.who)",
        "\"!(params.who == '')\"",
        "run.name.startsWith('a') || true",
        "\"[1, 2].exists(x, x == 1)\"",
        "isSemver(params.who)",
    ];
    let not_ready = not_ready.map(|source| HELLO.not_ready(&format!("when: {source}"), whom, when(source)));
    let accepted = accepted.map(|source| HELLO.accepted(&format!("when: {source}"), whom, when(source)));
    let long = |terms: usize| when(&format!("\"true{}\"", " || true".repeat(terms)));
    let nested = |depth: usize| when(&format!("\"{}true{}\"", "(".repeat(depth), ")".repeat(depth)));
    let others = vec![
        HELLO.refused("a condition that is a boolean", whom, when("true")),
        HELLO.refused("a condition that is a list", whom, when("[params.who]")),
        HELLO.refused("a condition of 5000 characters", whom, when(&format!("\"'{}' == ''\"", "x".repeat(5000)))),
        HELLO.accepted("a condition of many terms", whom, long(20)),
        HELLO.not_ready("a condition of many parentheses", whom, nested(500)),
    ];
    [not_ready.to_vec(), accepted.to_vec(), others].concat()
}

fn interpolations() -> Vec<Mutation> {
    let text = |text: &str| format!("{{text: {text:?}}}");
    let hello = r#"{text: "Hello, ${{ params.who }}, from ${{ steps.account.outputs.uid }}"}"#;
    let not_ready = [
        "${{ params.whom }}",
        "${{ }}",
        "${{ params.who",
        "a ${{ 1 + }} b",
        "${{ steps.greeting.outputs.text }}",
        "${{ params.who + 1 }}",
    ];
    let accepted = [
        "${{ params.who }}",
        "$${{ params.who }}",
        "${ params.who }",
        "}} {{",
        "${{ '}}' }}",
        "${{params.who}}${{params.who}}",
        "$ {{ params.who }}",
        "${{ {'a': 1} }}",
    ];
    let not_ready = not_ready.map(|it| HELLO.not_ready(&format!("the text {it}"), hello, text(it)));
    let accepted = accepted.map(|it| HELLO.accepted(&format!("the text {it}"), hello, text(it)));
    [not_ready.to_vec(), accepted.to_vec()].concat()
}

fn references() -> Vec<Mutation> {
    vec![
        MERGE.not_ready("a step that there is not", "from: open", "from: opened"),
        MERGE.not_ready("a step that waits for itself", "from: open", "from: merged"),
        MERGE.refused("a step without a name", "from: open", "from: ''"),
        ARGOCD_WAIT.not_ready("a step that there is not, for a commit", "commitFrom: bump", "commitFrom: bumped"),
        ARGOCD_WAIT.accepted("no commit", "        commitFrom: bump\n", ""),
        DEPLOY.not_ready(
            "a step of another type",
            "commitFrom: waitForAcceptedDeployRequest",
            "commitFrom: createDeployRequest",
        ),
        DEPLOY.not_ready("a stage that there is not", "for: {stage: shouldDeploy}", "for: {stage: shouldDploy}"),
        DEPLOY.not_ready(
            "a step that there is not, for a hook",
            "for: {stage: shouldDeploy}",
            "for: {step: createDeploy}",
        ),
        DEPLOY.accepted("a hook of a step", "for: {stage: shouldDeploy}", "for: {step: createDeployRequest}"),
        DEPLOY.accepted("a hook of the whole pipeline", "    for: {stage: shouldDeploy}\n", ""),
        DEPLOY.not_ready("the same name in another stage", "- name: getPostActualState", "- name: getPreActualState"),
        DEPLOY.not_ready(
            "a later step",
            "url: http://127.0.0.1:8080/collections\n",
            "url: \"http://a/${{ steps.getPostActualState.outputs.json.id }}\"\n",
        ),
        DEPLOY.accepted("a failure in a hook", "why: \"${{ failure.message }}\"", "why: \"${{ failure.reason }}\""),
        DEPLOY.not_ready(
            "a misspelt part of a failure",
            "why: \"${{ failure.message }}\"",
            "why: \"${{ failure.mesage }}\"",
        ),
        VALIDATE.not_ready("a source that is called as a variable", "          errors:\n", "          params:\n"),
        VALIDATE.not_ready("a source that no expression names", "          errors:\n", "          my-errors:\n"),
        VALIDATE.not_ready("a source that there is not", "errors.value < 0.1", "error.value < 0.1"),
        WAIT_FOR.not_ready(
            "an output that there is not",
            "rollout.available == rollout.desired",
            "rollout.availble == rollout.desired",
        ),
    ]
}

fn flow() -> Vec<Mutation> {
    let greet = "  - name: greet\n";
    let look = "  - name: look\n";
    let with = |stage: &str, field: &str| format!("{stage}    {field}\n");
    let accepted = [
        "needs: [look]",
        "parallel: true",
        "forEach: {in: \"['a', 'b']\", as: whom, maxParallel: 1}",
        "forEach: {in: \"[1].map(n, n + 1)\", as: account}",
        "until: {condition: steps.greeting.outputs.text != '', interval: 1s, limit: 3}",
        "retry: {limit: 1, when: failure.transient && steps.greeting.outputs.text == ''}",
    ];
    let not_ready = [
        "needs: [lok]",
        "needs: [account]",
        "needs: [greet]",
        "needs: []",
        "forEach: {in: params.who, as: whom}",
        "forEach: {in: \"[]\", as: whom}",
        "forEach: {in: \"['a']\", as: params}",
        "until: {condition: params.who == '', limit: 3}",
        "until: {condition: size(steps.greeting.outputs.text), limit: 3}",
        "retry: {limit: 1, when: failure.text == ''}",
    ];
    let refused = [
        "needs: look",
        "needs: [look, look]",
        "forEach: {in: \"['a']\", as: Whom}",
        "forEach: {in: \"['a']\"}",
        "forEach: {in: \"['a']\", as: whom, maxParallel: 0}",
        "until: {condition: steps.greeting.outputs.text != ''}",
        "until: {condition: steps.greeting.outputs.text != '', limit: 0}",
        "parallel: sometimes",
    ];
    let accepted = accepted.map(|field| HELLO.accepted(&format!("a stage with {field}"), greet, with(greet, field)));
    let not_ready = not_ready.map(|field| HELLO.not_ready(&format!("a stage with {field}"), greet, with(greet, field)));
    let refused = refused.map(|field| HELLO.refused(&format!("a stage with {field}"), greet, with(greet, field)));
    let each = "forEach: {in: \"['a']\", as: whom}";
    let outputs = |step: &str| format!("  outputs: {{text: \"${{{{ steps.{step}.outputs.text }}}}\"}}\n  stages:\n");
    let others = vec![
        HELLO.not_ready("a circle of stages", look, with(look, "needs: [greet]")),
        HELLO.not_ready("one of many outputs", look, with(look, each)),
        HELLO.not_ready("an item where there is no list", "params.who != ''", "params.who != whom"),
        HELLO.accepted("an output of the pipeline", "  stages:\n", outputs("greeting")),
        HELLO.not_ready("an output of a step that there is not", "  stages:\n", outputs("greting")),
    ];
    [accepted.to_vec(), not_ready.to_vec(), refused.to_vec(), others].concat()
}

fn values() -> Vec<Mutation> {
    let params = "  params:\n";
    let default = |kind: &str, value: &str| format!("  params:\n  - {{name: other, type: {kind}, default: {value}}}\n");
    vec![
        HELLO.not_ready("a default that is no integer", params, default("Integer", "many")),
        HELLO.accepted("a default that is an integer as a text", params, default("Integer", "'12'")),
        HELLO.not_ready("a default that is no boolean", params, default("Boolean", "maybe")),
        HELLO.accepted("a default that is a boolean as a text", params, default("Boolean", "'true'")),
        HTTP.not_ready("two bodies of a request", "        method: POST\n", "        method: POST\n        body: x\n"),
        HTTP.not_ready(
            "success by something that is no condition",
            "successWhen: response.status == 201 && response.json.id != ''",
            "successWhen: response.status",
        ),
        HTTP.not_ready(
            "success by what there is not",
            "successWhen: response.status == 201",
            "successWhen: response.code == 201",
        ),
        DELAY.not_ready("a delay of no duration", "{duration: \"${{ params.soakFor }}\"}", "{duration: soon}"),
        DELAY.accepted("a delay to a time", "{duration: \"${{ params.soakFor }}\"}", "{until: '2030-01-01T00:00:00Z'}"),
        DELAY.not_ready("a delay to no time", "{duration: \"${{ params.soakFor }}\"}", "{until: tomorrow}"),
    ]
}
