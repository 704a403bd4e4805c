//! What stages ask of expressions: their items, whether they are tried again, and the results of the run.

use super::*;

async fn finished(stages: &str, more: &str) -> Bench {
    let mut bench = Bench::with(stages, more);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    bench
}

fn ending(bench: &Bench) -> (RunPhase, &str, &str) {
    let ending = bench.state().ending.as_ref().unwrap();
    (ending.phase, &ending.reason, ending.message.as_deref().unwrap_or_default())
}

const PLAN: &str = "- {name: plan, steps: [{name: list, set: {values: {regions: [eu, us], one: eu}}}]}\n";

#[tokio::test]
async fn each_item_is_seen_by_its_steps_and_their_outputs_are_a_list_afterwards() {
    let bench = finished(
        &format!(
            "{PLAN}\
             - {{name: fan, forEach: {{in: steps.list.outputs.regions, as: region}}, steps: [\
               {{name: name, set: {{values: {{host: 'web.${{{{ region }}}}'}}}}}}, \
               {{name: own, set: {{values: {{again: '${{{{ steps.name.outputs.host }}}}'}}}}}}]}}\n\
             - {{name: join, steps: [{{name: all, set: {{values: {{hosts: '${{{{ steps.own.outputs.map(it, it.again) }}}}'}}}}}}]}}"
        ),
        "",
    )
    .await;
    let items: Vec<_> = bench.state().stages.iter().filter_map(|stage| stage.item.as_deref()).collect();
    assert_eq!(items, ["eu", "us"]);
    assert_eq!(bench.step(3, 0).outputs["hosts"], json!(["web.eu", "web.us"]));
}

#[tokio::test]
async fn what_is_no_list_fails_the_stage_and_names_the_field() {
    let stage =
        "- {name: fan, forEach: {in: steps.list.outputs.one, as: it}, steps: [{name: x, set: {values: {y: 1}}}]}";
    let bench = finished(&format!("{PLAN}{stage}"), "").await;
    let (phase, _, message) = ending(&bench);
    assert!(phase == RunPhase::Failed && message.contains("forEach.in"), "{message}");
}

#[tokio::test]
async fn the_outputs_of_the_run_are_computed_at_its_end_and_a_failing_one_fails_it() {
    let bench = finished(PLAN, "outputs: {first: '${{ steps.list.outputs.regions[0] }}', fixed: 7}").await;
    assert_eq!(json!(bench.state().outputs), json!({"first": "eu", "fixed": 7}));
    let bench = finished(PLAN, "outputs: {third: '${{ steps.list.outputs.regions[2] }}'}").await;
    let (phase, reason, message) = ending(&bench);
    assert_eq!((phase, reason), (RunPhase::Failed, "OutputsFailed"));
    assert!(message.contains("outputs.third"), "{message}");
    assert!(bench.state().outputs.is_empty());
}

/// How many attempts a stage has that always fails, with this condition on its retries.
async fn attempts(when: &str) -> i32 {
    let stage = format!(
        "- {{name: s, retry: {{limit: 2, backoff: {{initial: 0s}}, when: \"{when}\"}}, steps: [\
         {{name: note, set: {{values: {{n: 1}}}}}}, {{name: broken, fail: {{message: on purpose}}}}]}}"
    );
    finished(&stage, "").await.state().stages[0].attempt
}

#[tokio::test]
async fn a_stage_is_tried_again_when_its_condition_says_so() {
    assert_eq!(attempts("failure.step == 'broken' && failure.message == 'on purpose' && !failure.transient").await, 3);
    assert_eq!(attempts("steps.note.outputs.n == 1 && failure.stage == 's'").await, 3);
    assert_eq!(attempts("failure.step == 'note'").await, 1);
    assert_eq!(
        attempts("steps.note.outputs.n / (steps.note.outputs.n - 1) == 1").await,
        1,
        "one that cannot be judged"
    );
}

#[tokio::test]
async fn a_stage_with_several_failures_is_tried_again_when_its_condition_holds_for_each() {
    for (when, attempts) in [("failure.step == 'one'", 1), ("failure.step in ['one', 'two']", 3)] {
        let stage = format!(
            "- {{name: s, parallel: true, retry: {{limit: 2, backoff: {{initial: 0s}}, when: \"{when}\"}}, steps: [\
             {{name: one, fail: {{message: x}}}}, {{name: two, fail: {{message: x}}}}]}}"
        );
        assert_eq!(finished(&stage, "").await.state().stages[0].attempt, attempts, "{when}");
    }
}
