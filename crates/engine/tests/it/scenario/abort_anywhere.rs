//! An abort wherever a run may stand: the hooks of everything under way follow, nearest first, and each only once.

use expect_test::expect;

use crate::support::check;

const PLAN: &str = "
    timeout 1h
    stage deploy retry=2 backoff=1m until=3 every=1m
      acts apply retry=1 backoff=1m
      acts verify
    stage notify
      acts tell
    hook ofRun on Abortion
      pure post
    hook ofDeploy on Abortion for stage/deploy
      pure post
    hook ofApply on Abortion for step/apply
      pure post
    hook ofVerify on Abortion for step/verify
      pure post
    hook ofNotify on Abortion for stage/notify
      pure post";

#[test]
fn in_the_pause_before_a_steps_next_attempt() {
    check(
        PLAN,
        "apply: away HostAway
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 60s (HostAway: it broke)
            0s write 2
            12s apply Aborted (HostAway: it broke)
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofApply starts (Abortion step/apply)
            12s compute ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s compute ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn in_the_pause_before_a_stages_next_attempt() {
    check(
        PLAN,
        "apply: fail Refused
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s stage deploy again at 60s: attempt 2, iteration 1
            0s write 2
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s compute ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn in_the_pause_between_two_iterations() {
    check(
        PLAN,
        "abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s claim verify under key 2
            0s write 2
            0s act verify
            0s verify Succeeded
            0s stage deploy Succeeded
            0s stage deploy again at 60s: attempt 1, iteration 2
            0s write 3
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s compute ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s write 4
        "#]],
    );
}

#[test]
fn in_the_second_iteration() {
    check(
        PLAN,
        "apply: ok; wait 1h
         abort 62s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s claim verify under key 2
            0s write 2
            0s act verify
            0s verify Succeeded
            0s stage deploy Succeeded
            0s stage deploy again at 60s: attempt 1, iteration 2
            0s write 3
            60s claim apply under key 3
            60s write 4
            60s act apply
            62s apply Aborted
            62s stage deploy Aborted (Aborted: alice asked for it)
            62s ending Aborted (Aborted: alice asked for it)
            62s hook ofApply starts (Abortion step/apply)
            62s compute ofApply/post
            62s ofApply/post Succeeded
            62s hook ofApply Succeeded
            62s hook ofDeploy starts (Abortion stage/deploy)
            62s compute ofDeploy/post
            62s ofDeploy/post Succeeded
            62s hook ofDeploy Succeeded
            62s hook ofRun starts (Abortion pipeline)
            62s compute ofRun/post
            62s ofRun/post Succeeded
            62s hook ofRun Succeeded
            62s stage notify Omitted
            62s run Aborted
            62s write 5
        "#]],
    );
}

#[test]
fn by_deletion() {
    check(
        PLAN,
        "verify: wait 1h
         delete 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s claim verify under key 2
            0s write 2
            0s act verify
            12s verify Aborted
            12s stage deploy Aborted (Deleted: the run is being deleted)
            12s ending Aborted (Deleted: the run is being deleted)
            12s hook ofVerify starts (Abortion step/verify)
            12s compute ofVerify/post
            12s ofVerify/post Succeeded
            12s hook ofVerify Succeeded
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s compute ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage notify Omitted
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn by_the_runs_timeout_in_the_pause_before_a_steps_next_attempt() {
    check(
        "timeout 25s
         stage deploy
           acts apply retry=1 backoff=1m
         hook ofApply on Abortion for step/apply
           pure post",
        "apply: away HostAway",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply attempt 2 at 60s (HostAway: it broke)
            0s write 2
            25s apply Aborted (HostAway: it broke)
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook ofApply starts (Abortion step/apply)
            25s compute ofApply/post
            25s ofApply/post Succeeded
            25s hook ofApply Succeeded
            25s run Aborted
            25s write 3
        "#]],
    );
}

#[test]
fn by_the_runs_timeout_in_the_pause_before_a_stages_next_attempt() {
    check(
        "timeout 25s
         stage deploy retry=1 backoff=1m
           acts apply
         hook ofDeploy on Abortion for stage/deploy
           pure post",
        "apply: fail Refused",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s stage deploy again at 60s: attempt 2, iteration 1
            0s write 2
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook ofDeploy starts (Abortion stage/deploy)
            25s compute ofDeploy/post
            25s ofDeploy/post Succeeded
            25s hook ofDeploy Succeeded
            25s run Aborted
            25s write 3
        "#]],
    );
}

#[test]
fn by_the_runs_timeout_in_the_pause_between_two_iterations() {
    check(
        "timeout 25s
         stage deploy until=3 every=1m
           acts apply
         hook ofDeploy on Abortion for stage/deploy
           pure post",
        "",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s stage deploy Succeeded
            0s stage deploy again at 60s: attempt 1, iteration 2
            0s write 2
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook ofDeploy starts (Abortion stage/deploy)
            25s compute ofDeploy/post
            25s ofDeploy/post Succeeded
            25s hook ofDeploy Succeeded
            25s run Aborted
            25s write 3
        "#]],
    );
}

#[test]
fn by_the_runs_timeout_while_a_hook_runs() {
    check(
        "timeout 25s
         stage deploy
           acts apply
         hook warn on Started for stage/deploy
           reads quiet
         hook ofDeploy on Abortion for stage/deploy
           pure post",
        "quiet: wait 1h",
        expect![[r#"
            0s stage deploy starts
            0s hook warn starts (Started stage/deploy)
            0s claim warn/quiet under key 1
            0s write 1
            0s look warn/quiet
            25s warn/quiet Aborted
            25s hook warn Aborted
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s hook ofDeploy starts (Abortion stage/deploy)
            25s compute ofDeploy/post
            25s ofDeploy/post Succeeded
            25s hook ofDeploy Succeeded
            25s run Aborted
            25s write 2
        "#]],
    );
}

#[test]
fn by_the_runs_timeout_while_effects_are_taken_back_before_a_retry() {
    check(
        "timeout 25s
         stage deploy retry=1
           acts openPr undo
           acts apply
         hook ofDeploy on Abortion for stage/deploy
           pure post",
        "apply: fail Refused
         undo openPr: away Busy after=20s; away Busy after=20s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim apply under key 2
            0s write 2
            0s act apply
            0s apply Failed (Refused: it broke)
            0s stage deploy Failed (Refused: step apply: it broke)
            0s write 3
            0s undo openPr
            0s openPr undo again at 20s (it broke)
            0s write 4
            20s undo openPr
            20s openPr undo again at 40s (it broke)
            20s write 5
            25s stage deploy Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s ending Aborted (RunTimeout: the run took longer than its timeout of 25s)
            25s write 6
            25s undo openPr
            25s openPr undone
            25s hook ofDeploy starts (Abortion stage/deploy)
            25s compute ofDeploy/post
            25s ofDeploy/post Succeeded
            25s hook ofDeploy Succeeded
            25s run Aborted
            25s write 7
        "#]],
    );
}

#[test]
fn a_second_abort_while_the_hooks_of_the_first_run_changes_nothing() {
    check(
        "stage deploy
           acts apply
         hook ofDeploy on Abortion for stage/deploy
           reads drain
         hook ofRun on Abortion
           pure post",
        "apply: wait 1h
         drain: wait 10s; wait 10s; ok
         abort 5s
         delete 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            5s apply Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s hook ofDeploy starts (Abortion stage/deploy)
            5s claim ofDeploy/drain under key 2
            5s write 2
            5s look ofDeploy/drain
            15s look ofDeploy/drain
            25s look ofDeploy/drain
            25s ofDeploy/drain Succeeded
            25s hook ofDeploy Succeeded
            25s hook ofRun starts (Abortion pipeline)
            25s compute ofRun/post
            25s ofRun/post Succeeded
            25s hook ofRun Succeeded
            25s run Aborted
            25s write 3
        "#]],
    );
}

#[test]
fn a_failure_that_came_before_the_abort_still_has_its_hook() {
    check(
        "stage left
           acts a
         stage right needs=
           acts b
         hook failed on Failure for step/a
           pure post
         hook ofLeft on Failure,Abortion for stage/left
           pure post
         hook ofRight on Abortion for stage/right
           pure post",
        "a: +5s fail Refused
         b: +5s ok
         abort 3s",
        expect![[r#"
            0s stage left starts
            0s claim a under key 1
            0s stage right starts
            0s claim b under key 2
            0s write 1
            0s act a
            0s act b
            5s a Failed (Refused: it broke)
            5s b Succeeded
            5s stage left Aborted (Aborted: alice asked for it)
            5s stage right Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s hook failed starts (Failure step/a)
            5s compute failed/post
            5s failed/post Succeeded
            5s hook failed Succeeded
            5s hook ofLeft starts (Abortion stage/left)
            5s compute ofLeft/post
            5s ofLeft/post Succeeded
            5s hook ofLeft Succeeded
            5s hook ofRight starts (Abortion stage/right)
            5s compute ofRight/post
            5s ofRight/post Succeeded
            5s hook ofRight Succeeded
            5s run Aborted
            5s write 2
        "#]],
    );
}

#[test]
fn while_a_success_hook_runs_it_is_aborted_with_its_stage() {
    check(
        "stage deploy
           acts apply
           acts verify
         hook applied on Success for step/apply
           reads quiet
         hook ofDeploy on Abortion for stage/deploy
           pure post",
        "quiet: wait 1h
         abort 12s",
        expect![[r#"
            0s stage deploy starts
            0s claim apply under key 1
            0s write 1
            0s act apply
            0s apply Succeeded
            0s hook applied starts (Success step/apply)
            0s claim applied/quiet under key 2
            0s write 2
            0s look applied/quiet
            12s applied/quiet Aborted
            12s hook applied Aborted
            12s stage deploy Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofDeploy starts (Abortion stage/deploy)
            12s compute ofDeploy/post
            12s ofDeploy/post Succeeded
            12s hook ofDeploy Succeeded
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn with_several_stages_under_way_each_is_followed_by_its_own_hooks_and_the_run_by_the_last() {
    check(
        "stage left
           reads a
         stage right needs=
           reads b
           reads never
         hook ofRun on Abortion
           pure post
         hook ofRight on Abortion for stage/right
           pure post
         hook ofLeft on Abortion for stage/left
           pure post
         hook ofB on Abortion for step/b
           pure post
         hook ofNever on Abortion for step/never
           pure post
         hook ofA on Abortion for step/a
           pure post",
        "a: wait 1h
         b: wait 1h
         abort 12s",
        expect![[r#"
            0s stage left starts
            0s claim a under key 1
            0s stage right starts
            0s claim b under key 2
            0s write 1
            0s look a
            0s look b
            12s a Aborted
            12s stage left Aborted (Aborted: alice asked for it)
            12s b Aborted
            12s stage right Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofA starts (Abortion step/a)
            12s compute ofA/post
            12s ofA/post Succeeded
            12s hook ofA Succeeded
            12s hook ofLeft starts (Abortion stage/left)
            12s compute ofLeft/post
            12s ofLeft/post Succeeded
            12s hook ofLeft Succeeded
            12s hook ofB starts (Abortion step/b)
            12s compute ofB/post
            12s ofB/post Succeeded
            12s hook ofB Succeeded
            12s hook ofRight starts (Abortion stage/right)
            12s compute ofRight/post
            12s ofRight/post Succeeded
            12s hook ofRight Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s run Aborted
            12s write 2
        "#]],
    );
}

#[test]
fn every_step_of_a_parallel_stage_that_is_under_way_has_its_hook() {
    check(
        "stage all parallel
           reads a
           acts b retry=1 backoff=1m
           reads c
         hook ofA on Success,Abortion for step/a
           pure post
         hook ofB on Success,Failure,Abortion for step/b
           pure post
         hook ofC on Abortion for step/c
           pure post
         hook ofAll on Abortion for stage/all
           pure post",
        "b: away HostAway
         c: wait 1h
         abort 12s",
        expect![[r#"
            0s stage all starts
            0s claim a under key 1
            0s claim b under key 2
            0s claim c under key 3
            0s write 1
            0s look a
            0s act b
            0s look c
            0s a Succeeded
            0s b attempt 2 at 60s (HostAway: it broke)
            0s hook ofA starts (Success step/a)
            0s compute ofA/post
            0s ofA/post Succeeded
            0s hook ofA Succeeded
            0s write 2
            12s b Aborted (HostAway: it broke)
            12s c Aborted
            12s stage all Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofB starts (Abortion step/b)
            12s compute ofB/post
            12s ofB/post Succeeded
            12s hook ofB Succeeded
            12s hook ofC starts (Abortion step/c)
            12s compute ofC/post
            12s ofC/post Succeeded
            12s hook ofC Succeeded
            12s hook ofAll starts (Abortion stage/all)
            12s compute ofAll/post
            12s ofAll/post Succeeded
            12s hook ofAll Succeeded
            12s run Aborted
            12s write 3
        "#]],
    );
}

#[test]
fn every_item_under_way_has_its_hooks_and_one_that_never_started_has_none() {
    check(
        "stage roll each=eu,us,asia max=2
           reads apply
         hook ofRoll on Abortion for stage/roll
           pure post
         hook ofApply on Abortion for step/apply
           pure post
         hook ofRun on Abortion
           pure post",
        "apply: wait 1h; wait 1h
         abort 12s",
        expect![[r#"
            0s stage roll starts
            0s stage roll[eu] is listed
            0s stage roll[us] is listed
            0s stage roll[asia] is listed
            0s stage roll[eu] starts
            0s claim eu/apply under key 1
            0s stage roll[us] starts
            0s claim us/apply under key 2
            0s write 1
            0s look eu/apply
            0s look us/apply
            12s eu/apply Aborted
            12s stage roll[eu] Aborted (Aborted: alice asked for it)
            12s us/apply Aborted
            12s stage roll[us] Aborted (Aborted: alice asked for it)
            12s ending Aborted (Aborted: alice asked for it)
            12s hook ofApply starts (Abortion step/apply[eu])
            12s compute ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s hook ofRoll starts (Abortion stage/roll[eu])
            12s compute ofRoll/post
            12s ofRoll/post Succeeded
            12s hook ofRoll Succeeded
            12s hook ofApply starts (Abortion step/apply[us])
            12s compute ofApply/post
            12s ofApply/post Succeeded
            12s hook ofApply Succeeded
            12s hook ofRoll starts (Abortion stage/roll[us])
            12s compute ofRoll/post
            12s ofRoll/post Succeeded
            12s hook ofRoll Succeeded
            12s hook ofRun starts (Abortion pipeline)
            12s compute ofRun/post
            12s ofRun/post Succeeded
            12s hook ofRun Succeeded
            12s stage roll[asia] Omitted
            12s run Aborted
            12s write 2
        "#]],
    );
}

#[test]
fn nothing_of_an_abort_is_lost_when_the_process_dies_while_it_takes_effects_back_and_runs_hooks() {
    check(
        "stage deploy
           acts openPr undo
           reads merged
         hook ofDeploy on Abortion for stage/deploy
           acts post
         hook ofRun on Abortion
           acts post",
        "merged: wait 1h
         abort 5s
         crash after ending Aborted (Aborted: alice asked for it)
         crash after openPr undone
         crash after claim ofDeploy/post under key 3
         crash after hook ofDeploy Succeeded
         crash after act ofRun/post",
        expect![[r#"
            0s stage deploy starts
            0s claim openPr under key 1
            0s write 1
            0s act openPr
            0s openPr Succeeded
            0s claim merged under key 2
            0s write 2
            0s look merged
            5s merged Aborted
            5s stage deploy Aborted (Aborted: alice asked for it)
            5s ending Aborted (Aborted: alice asked for it)
            5s write 3
            5s undo openPr
            5s openPr undone
            5s crash
            5s undo openPr
            5s openPr undone
            5s hook ofDeploy starts (Abortion stage/deploy)
            5s claim ofDeploy/post under key 3
            5s crash
            5s undo openPr
            5s openPr undone
            5s hook ofDeploy starts (Abortion stage/deploy)
            5s claim ofDeploy/post under key 3
            5s write 4
            5s act ofDeploy/post
            5s ofDeploy/post Succeeded
            5s hook ofDeploy Succeeded
            5s crash
            5s claim ofDeploy/post under key 3 (2)
            5s write 5
            5s act ofDeploy/post
            5s ofDeploy/post Succeeded
            5s hook ofDeploy Succeeded
            5s hook ofRun starts (Abortion pipeline)
            5s claim ofRun/post under key 4
            5s write 6
            5s act ofRun/post
            5s crash
            5s claim ofRun/post under key 4 (2)
            5s write 7
            5s act ofRun/post
            5s ofRun/post Succeeded
            5s hook ofRun Succeeded
            5s run Aborted
            5s write 8
        "#]],
    );
}
