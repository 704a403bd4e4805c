//! The process `deploy/v1`: it brings a version of an application to an environment, and waits for what others do on the way.
//!
//! The program lives for one apply at a time. Each life builds the flow anew, reads the saved state, does what is next, saves,
//! and ends; only the store and the outside world remain. So this is also what happens when a controller is killed
//! between any two steps.
//!
//! ```sh
//! cargo run -p sluice-engine --example deploy_v1
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;

use sluice_engine::flow::{BuildError, Flow, Next, State};

/// The flow. A change of it gets the name `deploy/v2`.
fn deploy() -> Result<Flow<Deploy, Refused>, BuildError> {
    Flow::<Deploy, Refused>::named("deploy/v1")
        .step("getPreActualState", async |deploy| deploy.collect("preDeploy").await)
        .wait_for("waitForPreActualState", async |deploy| deploy.is_collected("preDeploy").await)
        .case("deploy", Deploy::is_needed, |group| {
            group
                .step("createDeployRequest", Deploy::create_request)
                .wait_for("waitForAcceptedDeployRequest", Deploy::is_accepted)
                .wait_for("monitorDeploymentProgress", Deploy::is_live)
                .step("getPostActualState", async |deploy| deploy.collect("postDeploy").await)
                .wait_for("waitForPostActualState", async |deploy| deploy.is_collected("postDeploy").await)
                .step("validatePostDeployActualState", Deploy::validate)
        })
        .build()
}

/// What the steps of one deployment work with.
struct Deploy {
    version: &'static str,
    outside: Outside,
}

/// The outside world does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(&'static str);

impl Deploy {
    /// Has the actual state collected. Asked twice, it is the same collection.
    async fn collect(&mut self, occasion: &'static str) -> Result<(), Refused> {
        let ready_at = self.outside.time + 2;
        if self.outside.collections.insert(occasion, Collection { ready_at, version: self.outside.live }).is_none() {
            self.outside.happened(format!("collects the actual state {occasion}"));
        }
        Ok(())
    }

    async fn is_collected(&mut self, occasion: &'static str) -> Result<bool, Refused> {
        Ok(self.outside.collections.get(occasion).is_some_and(|it| it.ready_at <= self.outside.time))
    }

    async fn is_needed(&mut self) -> Result<bool, Refused> {
        Ok(self.outside.collections.get("preDeploy").is_none_or(|it| it.version != self.version))
    }

    /// Opens the pull request. One that is open already is this one.
    async fn create_request(&mut self) -> Result<(), Refused> {
        if self.outside.outages > 0 {
            self.outside.outages -= 1;
            return Err(Refused("the git host is away"));
        }
        if self.outside.requested_at.is_none() {
            self.outside.requested_at = Some(self.outside.time);
            self.outside.happened(format!("opens a pull request for {}", self.version));
        }
        Ok(())
    }

    async fn is_accepted(&mut self) -> Result<bool, Refused> {
        Ok(self.outside.is_past_request(3))
    }

    async fn is_live(&mut self) -> Result<bool, Refused> {
        Ok(self.outside.live == self.version)
    }

    async fn validate(&mut self) -> Result<(), Refused> {
        let found = self.outside.collections.get("postDeploy").map(|it| it.version);
        self.outside.happened(format!("finds {}", found.unwrap_or("nothing")));
        if found == Some(self.version) { Ok(()) } else { Err(Refused("another version is live")) }
    }
}

/// The outside world: it goes on by itself, and forgets nothing.
struct Outside {
    time: u32,
    live: &'static str,
    collections: BTreeMap<&'static str, Collection>,
    requested_at: Option<u32>,
    outages: u32,
    diary: Vec<String>,
}

struct Collection {
    ready_at: u32,
    version: &'static str,
}

impl Outside {
    fn new() -> Self {
        let collections = BTreeMap::new();
        Self { time: 0, live: "1.0.0", collections, requested_at: None, outages: 1, diary: Vec::new() }
    }

    /// A while after the pull request a person merges it, and a while after that the GitOps agent has applied it.
    fn goes_on(&mut self) {
        self.time += 1;
        if self.is_past_request(5) {
            self.live = "1.1.0";
        }
    }

    fn is_past_request(&self, while_: u32) -> bool {
        self.requested_at.is_some_and(|requested_at| requested_at + while_ <= self.time)
    }

    fn happened(&mut self, what: String) {
        println!("          the outside world {what}");
        self.diary.push(what);
    }
}

/// One life of the program: from the saved state to the next.
async fn live(store: &mut BTreeMap<String, String>, outside: Outside) -> Result<(Outside, Next), Box<dyn Error>> {
    let flow = deploy()?;
    let state: State = match store.get("web") {
        Some(saved) => serde_json::from_str(saved)?,
        None => flow.start(),
    };
    let at = state.position().unwrap_or("the end").to_owned();
    println!("{:>8}  {at}", outside.time);
    let mut context = Deploy { version: "1.1.0", outside };
    let state = match flow.apply(&mut context, &state).await {
        Ok(state) => state,
        // The position is kept: the next life tries it again.
        Err(error) => {
            println!("          {error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
            state
        }
    };
    store.insert("web".to_owned(), serde_json::to_string(&state)?);
    Ok((context.outside, state.next()))
}

/// Runs the example, which ends when the process does.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut store = BTreeMap::new();
    let mut outside = Outside::new();
    println!("{}", deploy()?.mermaid());
    loop {
        let next;
        (outside, next) = futures::executor::block_on(live(&mut store, outside))?;
        if next == Next::Nothing {
            break;
        }
        outside.goes_on();
    }
    println!("{:>8}  {}", outside.time, store["web"]);
    assert_eq!(
        outside.diary,
        [
            "collects the actual state preDeploy",
            "opens a pull request for 1.1.0",
            "collects the actual state postDeploy",
            "finds 1.1.0",
        ]
    );
    Ok(())
}
