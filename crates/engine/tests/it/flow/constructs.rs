//! What each construct does.

use sluice_engine::flow::Next;

use super::support::{World, act, apply, ask, flow, run};

#[test]
fn steps_are_done_in_order_one_an_apply() {
    let flow = flow(|flow| flow.step("a", act("a")).step("b", act("b")));
    let mut world = World::default();
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!((world.news().as_str(), state.position(), state.next()), ("a", Some("b"), Next::Apply));
    let state = apply(&flow, &mut world, &state).unwrap();
    assert_eq!((world.news().as_str(), state.position(), state.next()), ("b", None, Next::Nothing));
}

#[test]
fn what_is_finished_stays_finished() {
    let flow = flow(|flow| flow.step("a", act("a")));
    let mut world = World::default();
    let state = run(&flow, &mut world, flow.start());
    assert!(state.is_finished());
    assert_eq!(apply(&flow, &mut world, &state).unwrap(), state);
    assert_eq!(world.news(), "a");
}

#[test]
fn a_wait_holds_its_position_until_it_is_over() {
    let flow = flow(|flow| flow.step("a", act("a")).wait_for("w", ask("w")).step("b", act("b")));
    let mut world = World::default();
    let state = run(&flow, &mut world, flow.start());
    assert_eq!((state.position(), state.next()), (Some("w"), Next::Wait));
    assert_eq!(apply(&flow, &mut world, &state).unwrap(), state);
    assert_eq!(world.news(), "a w w");
    world.yes.insert("w");
    assert!(run(&flow, &mut world, state).is_finished());
    assert_eq!(world.news(), "w b");
}

#[test]
fn an_answer_is_saved_before_anything_is_done_on_account_of_it() {
    let flow = flow(|flow| {
        flow.wait_for("w", ask("w"))
            .case("no", ask("no"), |no| no.step("a", act("a")))
            .case("yes", ask("yes"), |yes| yes.step("b", act("b")))
    });
    let mut world = World { yes: ["w", "yes"].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!((world.news().as_str(), state.position()), ("w no yes", Some("yes/b")));
    world.yes.clear();
    assert!(run(&flow, &mut world, state).is_finished());
    assert_eq!(world.news(), "b");
}

#[test]
fn a_case_that_does_not_hold_is_passed() {
    let flow = flow(|flow| flow.case("c", ask("c"), |case| case.step("a", act("a"))).step("b", act("b")));
    let mut world = World::default();
    assert!(run(&flow, &mut world, flow.start()).is_finished());
    assert_eq!(world.news(), "c b");
}

#[test]
fn a_case_at_the_end_of_which_nothing_holds_is_the_end() {
    let flow = flow(|flow| flow.case("c", ask("c"), |case| case.step("a", act("a"))));
    assert!(apply(&flow, &mut World::default(), &flow.start()).unwrap().is_finished());
}

#[test]
fn a_group_gives_its_name_to_the_positions_in_it() {
    let flow = flow(|flow| {
        flow.steps("outer", |outer| outer.steps("inner", |inner| inner.step("a", act("a"))).step("a", act("a2")))
            .step("a", act("a3"))
    });
    let mut world = World::default();
    let first = flow.start();
    let second = apply(&flow, &mut world, &first).unwrap();
    let third = apply(&flow, &mut world, &second).unwrap();
    let positions = [&first, &second, &third].map(|state| state.position());
    assert_eq!(positions, [Some("outer/inner/a"), Some("outer/a"), Some("a")]);
    assert!(run(&flow, &mut world, third).is_finished());
    assert_eq!(world.news(), "a a2 a3");
}

#[test]
fn a_loop_is_done_once_and_again_until_its_condition_is_true() {
    let flow = flow(|flow| flow.loop_until("l", ask("l"), |l| l.step("a", act("a"))).step("b", act("b")));
    let mut world = World::default();
    let mut state = flow.start();
    let mut positions = Vec::new();
    for apply_number in 0..6 {
        if apply_number == 5 {
            world.yes.insert("l");
        }
        positions.push(state.position().unwrap_or_default().to_owned());
        state = apply(&flow, &mut world, &state).unwrap();
    }
    assert_eq!(positions, ["l[1]/a", "l[1]", "l[2]/a", "l[2]", "l[3]/a", "l[3]"]);
    assert!(run(&flow, &mut world, state).is_finished());
    assert_eq!(world.news(), "a l a l a l b");
}

#[test]
fn an_iteration_in_which_nothing_is_done_is_followed_by_a_wait() {
    let flow = flow(|flow| {
        flow.loop_until("l", ask("l"), |l| {
            l.case("c", ask("c"), |case| case.step("a", act("a"))).wait_for("w", ask("w"))
        })
    });
    let mut world = World { yes: ["w"].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    assert_eq!((world.news().as_str(), state.position(), state.next()), ("c w l", Some("l[2]/c"), Next::Wait));
    world.yes.extend(["c", "l"]);
    assert!(run(&flow, &mut world, state).is_finished());
    assert_eq!(world.news(), "c a w l");
}

#[test]
fn an_iteration_in_which_something_is_done_is_followed_at_once() {
    let flow = flow(|flow| flow.loop_until("l", ask("l"), |l| l.step("a", act("a")).wait_for("w", ask("w"))));
    let mut world = World { yes: ["w"].into(), ..World::default() };
    let state = apply(&flow, &mut world, &flow.start()).unwrap();
    let state = apply(&flow, &mut world, &state).unwrap();
    assert_eq!((world.news().as_str(), state.position(), state.next()), ("a w l", Some("l[2]/a"), Next::Apply));
}

#[test]
fn loops_in_loops_count_for_themselves() {
    let flow = flow(|flow| {
        flow.loop_until("outer", ask("outer"), |outer| {
            outer.loop_until("inner", ask("inner"), |inner| inner.step("a", act("a")))
        })
    });
    let mut world = World::default();
    let mut state = flow.start();
    let mut positions = Vec::new();
    for inner in [false, true, true] {
        if inner {
            world.yes.insert("inner");
        }
        positions.push(state.position().unwrap().to_owned());
        state = apply(&flow, &mut world, &state).unwrap();
        positions.push(state.position().unwrap().to_owned());
        state = apply(&flow, &mut world, &state).unwrap();
    }
    let expected = [
        "outer[1]/inner[1]/a",
        "outer[1]/inner[1]",
        "outer[1]/inner[2]/a",
        "outer[1]/inner[2]",
        "outer[2]/inner[1]/a",
        "outer[2]/inner[1]",
    ];
    assert_eq!(positions, expected);
}

#[test]
fn a_flow_can_be_applied_on_any_thread() {
    fn movable<T: Send>(it: T) -> T {
        it
    }
    let flow = flow(|flow| flow.step("a", act("a")));
    let start = flow.start();
    let (shared, mut world) = (std::sync::Arc::new(flow), World::default());
    let state = futures::executor::block_on(movable(shared.apply(&mut world, &start))).unwrap();
    assert!(state.is_finished());
}
