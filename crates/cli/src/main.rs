//! The one binary: the controller, the definitions, the kubectl plugin.
fn main() {}
