//! Every end-to-end test of the workspace, against the real test cluster.

mod deploy_v1;
mod gitea;
mod harness;
