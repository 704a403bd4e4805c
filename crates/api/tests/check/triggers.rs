//! Triggers: schedules, and the parameters of the runs that they start.

use expect_test::{Expect, expect};

use crate::check;

#[track_caller]
fn triggers(triggers: &str, expected: &Expect) {
    check(&format!("\n- {{name: only, steps: [{{name: a, set: {{values: {{}}}}}}]}}\ntriggers:{triggers}"), expected);
}

#[test]
fn a_trigger_without_mistakes_has_none() {
    triggers(
        r#"
- {name: morning, cron: {schedule: 15 10 * * 1-5, timeZone: Europe/Rome}, params: {version: "1.2", replicas: 3}}
- {name: often, cron: {schedule: "@hourly", catchUp: Latest, startingDeadline: 30m}, params: {version: latest}}
"#,
        &expect![""],
    );
}

#[test]
fn a_schedule_that_is_none_or_whose_time_never_comes_is_a_mistake() {
    triggers(
        r#"
- {name: seconds, cron: {schedule: 0 15 10 * * 1-5}, params: {version: a}}
- {name: february, cron: {schedule: 0 0 30 2 *}, params: {version: a}}
- {name: nowhere, cron: {schedule: "@daily", timeZone: Europe/Roma}, params: {version: a}}
"#,
        &expect![[r#"
            spec.triggers[0].cron.schedule: a schedule has 5 fields, this one has 6; there are no seconds: leave the first field out
            spec.triggers[1].cron.schedule: the time never comes: no month that it names has day 30; name a day that there is, or another month
            spec.triggers[2].cron.timeZone: there is no time zone "Europe/Roma"; did you mean "Europe/Rome"?
        "#]],
    );
}

#[test]
fn a_trigger_that_could_start_nothing_is_a_mistake() {
    triggers(
        r#"
- {name: changed, cron: {schedule: "@daily", onlyOnChanges: true}, params: {version: a}}
- {name: late, cron: {schedule: "@daily", catchUp: Latest, startingDeadline: 0s}, params: {version: a}}
"#,
        &expect![[r#"
            spec.triggers[0].cron.onlyOnChanges: the pipeline has no sources that could change; name the pipelines whose good runs are taken in spec.sources, or leave it out
            spec.triggers[1].cron.startingDeadline: no run could start in time; set a longer time, or leave it out
        "#]],
    );
}

#[test]
fn the_runs_of_a_trigger_need_the_parameters_that_the_pipeline_declares() {
    triggers(
        r#"
- {name: none, cron: {schedule: "@daily"}}
- {name: wrong, cron: {schedule: "@daily"}, params: {version: a, replicas: many, verison: b}}
"#,
        &expect![[r#"
            spec.triggers[0].params: the parameter "version" is required, and the trigger gives no value; add one, or give the parameter a default in the place of required
            spec.triggers[1].params.replicas: must be a whole number, not "many"
            spec.triggers[1].params.verison: the pipeline has no such parameter; did you mean "version"?
        "#]],
    );
}
