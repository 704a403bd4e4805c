//! Waiting for a person or a lock stops the clocks of timeouts.

use expect_test::expect;

use crate::support::check;

#[test]
fn waiting_for_a_person_does_not_count_towards_any_timeout() {
    check(
        "timeout 30s
         stage deploy timeout=20s
           reads sign timeout=10s
           reads apply",
        "approval sign
         sign: wait 1000s; ok
         apply: wait 15s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim sign under key 1
            0s write 1
            0s look sign
            1000s look sign
            1000s sign Succeeded
            1000s claim apply under key 2
            1000s write 2
            1000s look apply
            1015s look apply
            1015s apply Succeeded
            1015s stage deploy Succeeded
            1015s ending Succeeded
            1015s run Succeeded
            1015s write 3
        "#]],
    );
}

#[test]
fn the_clock_of_a_stage_goes_on_while_something_else_in_it_is_under_way() {
    check(
        "stage deploy timeout=20s parallel
           reads sign
           reads apply",
        "approval sign
         sign: wait 1000s; ok
         apply: wait 1000s; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim sign under key 1
            0s claim apply under key 2
            0s write 1
            0s look sign
            0s look apply
            20s look sign
            20s look apply
            20s sign Succeeded
            20s apply Succeeded
            20s stage deploy Succeeded
            20s ending Succeeded
            20s run Succeeded
            20s write 2
        "#]],
    );
}
