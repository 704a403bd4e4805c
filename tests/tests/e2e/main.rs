//! Every end-to-end test of the workspace, against the real test cluster.

mod abort;
mod agreement;
mod api_rules;
mod argocd;
mod authorization;
mod bad_input;
mod budgets;
mod chart;
mod children;
mod concurrency;
mod crash;
mod deploy_v1;
mod dice;
mod environments;
mod examples;
mod explain;
mod flow;
mod flow_controller;
mod generated;
mod gitea;
mod github;
mod graph;
mod harness;
mod history;
mod hooks;
mod job;
mod kubectl_reads;
mod lint;
mod local_mode;
mod locks;
mod people;
mod pinning;
mod receivers;
mod short;
mod shutdown;
mod sources;
mod status_patches;
mod triggers;
mod two_controllers;
mod updates;
mod verbs;
mod watch;

/// Enough for anything that a cluster does by itself, on a slow machine with many tests at a time.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(240);
