//! The real test cluster, and what end-to-end tests need of it.

pub mod application;
pub mod cluster;
mod connect;
pub mod controller;
mod eventually;
mod facts;
pub mod faults;
pub mod gitea;
mod kubelet;
pub mod namespace;
pub mod paths;
pub mod process;
mod services;

pub use application::Application;
pub use connect::{Cluster, kubeconfig_text};
pub use controller::Controller;
pub use eventually::eventually;
pub use facts::{Facts, Lock};
pub use namespace::TestNamespace;
