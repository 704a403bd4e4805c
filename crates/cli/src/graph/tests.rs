//! What a chart shows of each construct.

use expect_test::{Expect, expect};

use super::*;

/// The chart of a pipeline with these stages, hooks and so on.
fn chart(spec: &str) -> String {
    let spec: PipelineSpec = serde_saphyr::from_str(&format!("serviceAccountName: deployer\n{spec}")).unwrap();
    of("deploy-web", &spec)
}

#[expect(clippy::needless_pass_by_value, reason = "so that the macro may stand in the call")]
fn check(spec: &str, expected: Expect) {
    let chart = chart(spec);
    assert_whole(&chart);
    expected.assert_eq(&chart);
}

/// Whatever an edge joins is there, and each frame is closed.
fn assert_whole(chart: &str) {
    let lines = || chart.lines().map(str::trim).skip(1);
    let opened = lines().filter(|line| line.starts_with("subgraph ")).count();
    assert_eq!(opened, lines().filter(|line| *line == "end").count(), "{chart}");
    let of_node = |line: &str| line.trim_start_matches("subgraph ").split(['[', '(', '{']).next().map(str::to_owned);
    let is_edge = |line: &&str| line.contains("-->") || line.contains("-.->");
    let nodes: Vec<String> = lines().filter(|line| !is_edge(line)).filter_map(of_node).collect();
    for edge in lines().filter(is_edge) {
        let (from, to) = (edge.split(' ').next(), edge.rsplit(' ').next());
        for end in [from, to].into_iter().flatten() {
            assert!(nodes.iter().any(|node| node == end), "{end} of {edge}\n{chart}");
        }
    }
}

#[test]
fn stages_are_frames_around_steps_one_after_the_other() {
    check(
        "
stages:
- name: build
  steps:
  - {name: ask, http: {url: https://ci.example/build}}
  - {name: built, waitFor: {condition: 'true'}}
- name: deploy
  steps: [{name: done, set: {values: {x: 1}}}]
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_build["build"]
                    direction LR
                    step_ask["ask<br/>http"]
                    step_built(["built<br/>waitFor"])
                    step_ask --> step_built
                end
                subgraph stage_deploy["deploy"]
                    direction LR
                    step_done["done<br/>set"]
                end
                start --> stage_build
                stage_build --> stage_deploy
        "#]],
    );
}

#[test]
fn needs_make_a_diamond() {
    check(
        "
stages:
- {name: build, steps: [{name: a, set: {values: {x: 1}}}]}
- {name: test, steps: [{name: b, set: {values: {x: 1}}}]}
- {name: scan, needs: [build], steps: [{name: c, set: {values: {x: 1}}}]}
- {name: lint, needs: [], steps: [{name: d, set: {values: {x: 1}}}]}
- {name: deploy, needs: [test, scan, gone], steps: [{name: e, set: {values: {x: 1}}}]}
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_build["build"]
                    direction LR
                    step_a["a<br/>set"]
                end
                subgraph stage_test["test"]
                    direction LR
                    step_b["b<br/>set"]
                end
                subgraph stage_scan["scan"]
                    direction LR
                    step_c["c<br/>set"]
                end
                subgraph stage_lint["lint"]
                    direction LR
                    step_d["d<br/>set"]
                end
                subgraph stage_deploy["deploy"]
                    direction LR
                    step_e["e<br/>set"]
                end
                start --> stage_build
                stage_build --> stage_test
                stage_build --> stage_scan
                start --> stage_lint
                stage_test --> stage_deploy
                stage_scan --> stage_deploy
        "#]],
    );
}

#[test]
fn conditions_are_hexagons_of_stages_and_lines_of_steps() {
    check(
        "
stages:
- name: deploy
  when: params.version != ''
  steps:
  - {name: a, when: steps.x.outputs.n > 1 && params.y == \"z\", set: {values: {x: 1}}}
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_deploy["deploy"]
                    direction LR
                    stage_deploy_when{{"when params.version != ''"}}
                    step_a["a<br/>set<br/>when steps.x.outputs.n #62; 1 #38;#38; params.y == #34;z#34;"]
                    stage_deploy_when --> step_a
                end
                start --> stage_deploy
        "#]],
    );
}

#[test]
fn parallel_steps_stand_side_by_side_and_meet_only_where_they_are_repeated() {
    check(
        "
stages:
- name: checks
  when: params.checks == 'true'
  parallel: true
  steps: [{name: a, set: {values: {x: 1}}}, {name: b, set: {values: {x: 1}}}]
- name: again
  parallel: true
  retry: {limit: 1}
  steps: [{name: c, set: {values: {x: 1}}}, {name: d, set: {values: {x: 1}}}]
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_checks["checks"]
                    direction TB
                    stage_checks_when{{"when params.checks == 'true'"}}
                    step_a["a<br/>set"]
                    stage_checks_when --> step_a
                    step_b["b<br/>set"]
                    stage_checks_when --> step_b
                end
                subgraph stage_again["again"]
                    direction TB
                    stage_again_fork((" "))
                    step_c["c<br/>set"]
                    stage_again_fork --> step_c
                    step_d["d<br/>set"]
                    stage_again_fork --> step_d
                    stage_again_join((" "))
                    step_c --> stage_again_join
                    step_d --> stage_again_join
                    stage_again_join -.->|"retry once"| stage_again_fork
                end
                start --> stage_checks
                stage_checks --> stage_again
        "#]],
    );
}

#[test]
fn a_stage_for_each_item_says_of_which_list() {
    check(
        "
stages:
- name: rollout
  forEach: {in: \"['eu', 'us']\", as: region, maxParallel: 2}
  steps: [{name: a, set: {values: {x: 1}}}, {name: b, set: {values: {x: 1}}}]
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_rollout["rollout"]
                    direction LR
                    stage_rollout_each[/"for each region in #91;'eu', 'us'#93; (max 2)"/]
                    step_a["a<br/>set"]
                    stage_rollout_each --> step_a
                    step_b["b<br/>set"]
                    step_a --> step_b
                end
                start --> stage_rollout
        "#]],
    );
}

#[test]
fn loops_and_retries_lead_back() {
    check(
        "
stages:
- name: drain
  until: {condition: steps.left.outputs.n == 0, interval: 30s, limit: 20}
  retry: {limit: 2, backoff: {initial: 5s, max: 5m}, when: failure.transient}
  steps:
  - {name: cordon, set: {values: {x: 1}}}
  - {name: left, retry: {limit: 3}, http: {url: https://web.example}}
- name: plain
  retry: {limit: 0}
  steps: [{name: a, retry: {limit: 0}, set: {values: {x: 1}}}]
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_drain["drain"]
                    direction LR
                    step_cordon["cordon<br/>set"]
                    step_left["left<br/>http<br/>retry up to 3 times"]
                    step_cordon --> step_left
                    stage_drain_until{{"until steps.left.outputs.n == 0"}}
                    step_left --> stage_drain_until
                    stage_drain_until -->|"no, again after 30s, up to 20 times in all"| step_cordon
                    stage_drain_until -.->|"retry up to 2 times<br/>pauses 5s to 5m<br/>when failure.transient"| step_cordon
                end
                subgraph stage_plain["plain"]
                    direction LR
                    step_a["a<br/>set"]
                end
                start --> stage_drain
                stage_drain --> stage_plain
        "#]],
    );
}

#[test]
fn people_places_and_locks_are_shown() {
    check(
        "
concurrency: {group: \"web-${{ params.place }}\", policy: Forbid, unlock: OnSuccess}
suspend: {reason: quarter end}
stages:
- name: begin
  approval: {}
  steps: [{name: a, set: {values: {x: 1}}}]
- name: rollout
  when: params.place != ''
  environment: ${{ params.place }}
  approval: {required: 2, restricted: true}
  forEach: {in: environment.targets, as: target}
  steps: [{name: b, set: {values: {x: 1}}}]
",
        expect![[r#"
            flowchart TD
                start(["deploy-web<br/>suspended#58; quarter end<br/>one run at a time in web-#36;#123;#123; params.place #125;#125;<br/>another one ends<br/>locked until it succeeds"])
                subgraph stage_begin["begin"]
                    direction LR
                    stage_begin_approval(["approved by a person"])
                    step_a["a<br/>set"]
                    stage_begin_approval --> step_a
                end
                subgraph stage_rollout["rollout (environment #36;#123;#123; params.place #125;#125;)"]
                    direction LR
                    stage_rollout_when{{"when params.place != ''"}}
                    stage_rollout_approval(["approved by 2 people with a right to this stage"])
                    stage_rollout_when --> stage_rollout_approval
                    stage_rollout_each[/"for each target in environment.targets"/]
                    stage_rollout_approval --> stage_rollout_each
                    step_b["b<br/>set"]
                    stage_rollout_each --> step_b
                end
                start --> stage_begin
                stage_begin --> stage_rollout
        "#]],
    );
    let lock = |concurrency: &str| {
        let chart = chart(&format!("concurrency: {{{concurrency}}}\nstages: [{{name: s, steps: []}}]"));
        chart.lines().nth(1).map(|line| line.trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(lock(""), "start([\"deploy-web<br/>one run at a time in deploy-web\"])");
    assert_eq!(lock("policy: Parallel"), "start([\"deploy-web\"])");
}

#[test]
fn child_runs_name_their_pipeline() {
    check(
        "
stages:
- name: release
  steps:
  - {name: build, pipelineRun: {pipelineRef: {name: build-image}}}
  - {name: report, pipelineRun: {pipelineRef: {name: report}, mode: Detached}}
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_release["release"]
                    direction LR
                    step_build[["build<br/>pipelineRun build-image"]]
                    step_report[["report<br/>pipelineRun report, detached"]]
                    step_build --> step_report
                end
                start --> stage_release
        "#]],
    );
}

#[test]
fn hooks_hang_at_their_subject() {
    check(
        "
stages:
- name: deploy
  steps: [{name: a, set: {values: {x: 1}}}]
hooks:
- {name: begun, events: [Started], steps: [{name: tell, http: {url: https://chat.example}}]}
- name: alert
  events: [Failure, Abortion]
  for: {stage: deploy}
  steps: [{name: tell, http: {url: https://chat.example}}, {name: wait, delay: {duration: 1s}}]
- {name: tidy, events: [Success], for: {step: a}, steps: [{name: tell, http: {url: https://chat.example}}]}
- {name: lost, events: [Success], for: {step: gone}, steps: [{name: tell, http: {url: https://chat.example}}]}
",
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_deploy["deploy"]
                    direction LR
                    step_a["a<br/>set"]
                end
                subgraph hook_begun["hook begun"]
                    direction LR
                    hook_begun_tell["tell<br/>http"]
                end
                subgraph hook_alert["hook alert"]
                    direction LR
                    hook_alert_tell["tell<br/>http"]
                    hook_alert_wait(["wait<br/>delay"])
                    hook_alert_tell --> hook_alert_wait
                end
                subgraph hook_tidy["hook tidy"]
                    direction LR
                    hook_tidy_tell["tell<br/>http"]
                end
                subgraph hook_lost["hook lost"]
                    direction LR
                    hook_lost_tell["tell<br/>http"]
                end
                start --> stage_deploy
                start -.->|"Started"| hook_begun
                stage_deploy -.->|"Failure<br/>Abortion"| hook_alert
                stage_deploy -.->|"Success of a"| hook_tidy
        "#]],
    );
}

#[test]
fn whatever_a_label_says_it_stays_a_label() {
    let long = "x".repeat(90);
    check(
        &format!(
            "
stages:
- name: end
  when: |
    a[\"]\"] == '`*b*`' && %%{{init: 1}}%% <b>#35; fa:fa-x
  steps:
  - {{name: style, when: {long}, set: {{values: {{x: 1}}}}}}
"
        ),
        expect![[r#"
            flowchart TD
                start(["deploy-web"])
                subgraph stage_end["end"]
                    direction LR
                    stage_end_when{{"when a#91;#34;#93;#34;#93; == '#96;#42;b#42;#96;' #38;#38; #37;#37;#123;init#58; 1#125;#37;#37; #60;b#62;#35;35#59; fa#58;fa-x"}}
                    step_style["style<br/>set<br/>when xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"]
                    stage_end_when --> step_style
                end
                start --> stage_end
        "#]],
    );
}

#[test]
fn many_steps_stand_below_each_other() {
    let steps =
        |count: i32| (0..count).map(|step| format!("{{name: s{step}, set: {{values: {{x: 1}}}}}}")).collect::<Vec<_>>();
    let of = |count| chart(&format!("stages: [{{name: a, steps: [{}]}}]", steps(count).join(", ")));
    assert!(of(4).contains("direction LR") && of(5).contains("direction TB"));
}

#[test]
fn a_name_that_no_pipeline_may_have_breaks_nothing() {
    let chart = of(
        "a\"b",
        &PipelineSpec {
            stages: vec![Stage { name: "x y]\"\n".to_owned(), ..Stage::default() }],
            ..PipelineSpec::default()
        },
    );
    assert_whole(&chart);
    assert!(chart.contains("subgraph stage_x_y___[\"x y#93;#34;\"]"), "{chart}");
}
