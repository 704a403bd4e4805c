//! Flows: every construct, what is saved, and what a restart changes (nothing).

mod built;
mod constructs;
#[path = "../../../examples/deploy_v1.rs"]
mod deploy_v1;
mod diagram;
mod property;
mod retried;
mod saved;
mod support;

#[test]
fn the_example_of_deploy_v1_reaches_its_end() {
    deploy_v1::main().unwrap();
}
