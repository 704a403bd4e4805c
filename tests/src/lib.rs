//! The real test cluster, and what end-to-end tests need of it.
//!
//! The program `cluster` (`up`, `down`, `with -- COMMAND`) runs etcd, kube-apiserver, kube-controller-manager, Gitea, Argo CD
//! and Prometheus as child processes, and itself plays the kubelet and a few small HTTP services. Tests share the cluster and
//! take a namespace, and if need be a repository and an Application, each. Without a cluster they fail.
//!
//! | for | there is |
//! |---|---|
//! | a connection | [`Cluster::connect`]: `admin()`, `user(name)`, `service_account(ns, name)`, `kubectl(&[..])`, `audit(ns)` |
//! | kinds of one's own | [`cluster::OwnKubernetes::start`]: another API server, for tests that install and remove kinds |
//! | Helm | [`Cluster::helm`] |
//! | a place of one's own | [`TestNamespace::new`]: `name()`, `apply(yaml)`, `api::<K>()`; deleted on drop |
//! | the admission policies in force | [`TestNamespace::with_policies`], [`fixture::Team::open_with_policies`]; elsewhere tests write any status |
//! | waiting | [`eventually`]: polls until `Ok`, panics with the last `Err` |
//! | git | [`Cluster::gitea`]: [`gitea::Gitea`] is a person, [`gitea::Repo`] what they do in a repository |
//! | GitHub | [`github::GitHub::shared`]: a stateful double behind Prism, which holds it and us against GitHub's own description; [`github::Repo`] is what people do there |
//! | Argo CD | [`Application::create`]: `refresh()`, `wait(sync, health, revision)` |
//! | what pipelines call | [`Facts::services_url`]: `/collections`, `/alerts`, `/echo`, `/status/{code}`, `/slow/{ms}`, `/big/{bytes}`, `/redirect?to=`; read them with [`Cluster::services`] |
//! | measurements | [`Cluster::set_metric`], asked for at [`Facts::prometheus_url`] |
//! | the controller | [`Controller::start`]: `kill9()`, `restart()`, `terminate()`, `log()`, `usage()` |
//! | the server | [`Server::start`]: `url_of(ns, receiver)`, and the same; [`fixture::Team::receive`] makes a Receiver with its Secret |
//! | pipelines and runs | [`fixture::Team`]: a namespace with the account `deployer`: `apply_value(..)`, `controller()`, `succeeded(run)` |
//! | a whole world for `deploy-v1` | [`fixture::Plan`] makes a [`fixture::Shop`]: a team, a repository, an environment, an Application |
//! | its crashes | [`faults::Faults`]: counts its writes to all upstreams and kills it at any of them |
//!
//! ```no_run
//! # use std::time::Duration;
//! # use sluice_tests::{Cluster, Controller, TestNamespace, controller::Options, faults::{Faults, Position}};
//! # async fn crash() -> anyhow::Result<()> {
//! let cluster = Cluster::connect().await;
//! let test = TestNamespace::new(&cluster, "crash").await;
//! let faults = Faults::new();
//! let options = Options { api_url: Some(faults.api(&cluster).await?), ..Options::in_namespace(test.name()) };
//! let controller = Controller::start(&cluster, options).await?;
//! faults.kill_at(3, Position::AfterSent, controller.killer());
//! test.apply("...");
//! faults.kills(1).await;
//! controller.restart()?;
//! # Ok(())
//! # }
//! ```
//!
//! What happens to Pods is said by their images and annotations:
//!
//! | what | effect |
//! |---|---|
//! | an image that contains `broken` | never starts: `ImagePullBackOff` |
//! | an image that contains `crash` | `CrashLoopBackOff`; in a Job the Pod fails with exit code 1 |
//! | annotation `kubelet.test/after-ms` | how long until it is ready or, in a Job, ends; `never` is possible |
//! | annotation `kubelet.test/message` | the termination message (Jobs) |
//! | annotation `kubelet.test/exit-code` | the exit code (Jobs); anything but 0 fails the Pod |
//! | annotation `kubelet.test/reason` | why it failed (Jobs): `OOMKilled`, `Evicted`, or any other |
//!
//! Annotations are read anew whenever the Pod changes: removing `never` lets it go on.

pub mod application;
pub mod cluster;
mod connect;
pub mod controller;
mod eventually;
mod facts;
pub mod faults;
pub mod fixture;
pub mod gitea;
pub mod github;
pub mod helm;
mod kubelet;
pub mod namespace;
pub mod paths;
pub mod process;
mod program;
pub mod server;
mod services;

pub use application::Application;
pub use connect::{Cluster, kubeconfig_text};
pub use controller::Controller;
pub use eventually::eventually;
pub use facts::{Facts, Lock};
pub use namespace::TestNamespace;
pub use server::Server;
