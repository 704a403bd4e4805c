//! The transitions of a flow, as data and as a diagram.

use expect_test::expect;
use sluice_engine::flow::{Flow, Place, Retry, Transition};

use super::support::{Broken, World, act, ask, flow};

fn sample() -> Flow<World, Broken> {
    flow(|flow| {
        flow.step("say \"hi\" #1", act("a"))
            .case("deploy", ask("c"), |c| {
                c.retry("tries", Retry::limit(1), |r| r.step("open", act("o")).wait_for("merged", ask("m")))
            })
            .loop_until("rollout", ask("l"), |l| l.steps("batch", |b| b.step("raise", act("r"))))
    })
}

#[test]
fn the_transitions_are_data() {
    let place = |place: &Place| match place {
        Place::Start => "(start)".to_owned(),
        Place::At(path) => path.clone(),
        Place::End => "(end)".to_owned(),
    };
    let line = |it: &Transition| format!("{} {:?} {}\n", place(&it.from), it.when, place(&it.to));
    let text: String = sample().transitions().iter().map(line).collect();
    expect![[r#"
        (start) Started say "hi" #1
        say "hi" #1 Done deploy
        deploy Yes deploy/tries/open
        deploy No rollout/batch/raise
        deploy/tries/open Done deploy/tries/merged
        deploy/tries/open Failed deploy/tries/open
        deploy/tries/merged Over rollout/batch/raise
        deploy/tries/merged NotYet deploy/tries/merged
        deploy/tries/merged Failed deploy/tries/open
        rollout Yes (end)
        rollout No rollout/batch/raise
        rollout/batch/raise Done rollout
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_transition_serializes() {
    let first = serde_json::to_value(&sample().transitions()[..2]).unwrap();
    let expected = serde_json::json!([
        {"from": "Start", "when": "Started", "to": {"At": "say \"hi\" #1"}},
        {"from": {"At": "say \"hi\" #1"}, "when": "Done", "to": {"At": "deploy"}},
    ]);
    assert_eq!(first, expected);
}

#[test]
fn the_flow_prints_as_mermaid() {
    expect![[r#"
        flowchart TD
            start((" "))
            n0["say #34;hi#34; #35;1"]
            n1{"deploy?"}
            subgraph g1["deploy"]
                subgraph g2["tries"]
                    n3["open"]
                    n4(["merged"])
                end
            end
            subgraph g5["rollout"]
                subgraph g6["batch"]
                    n7["raise"]
                end
                n5{"until rollout?"}
            end
            finish(((" ")))
            start --> n0
            n0 --> n1
            n1 -->|yes| n3
            n1 -->|no| n7
            n3 --> n4
            n3 -.->|failed| n3
            n4 --> n7
            n4 -.->|not yet| n4
            n4 -.->|failed| n3
            n5 -->|yes| finish
            n5 -->|no| n7
            n7 --> n5
    "#]]
    .assert_eq(&sample().mermaid());
}
