//! Every end-to-end test of the workspace, against the real test cluster.

mod gitea;
mod harness;
