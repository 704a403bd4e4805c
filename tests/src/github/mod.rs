//! GitHub as tests use it: a stateful double in memory, behind Prism, which holds every request and every answer against
//! GitHub's official OpenAPI description.
//!
//! ```text
//! Sluice ──> front ──> prism proxy --errors ──> double
//!            keeps     answers violations       repositories, pull requests, Apps
//! ```
//!
//! There is one of it a process, started by the first test that needs it; Prism ends with the process, however that ends.
//! Each test takes a repository and accounts of its own.
//!
//! The double knows GitHub's state and refusals; its answers begin as the description's own examples. Prism follows
//! redirects by itself, so what redirects is tried on the double directly: [`GitHub::direct_url`].

mod contract;
mod double;
mod front;
mod prism;
mod repo;

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};

use anyhow::{Context, Result};

pub use double::apps::App;
pub use repo::{Change, Pull, Repo};

use contract::Contract;
use double::World;
use front::Violations;
use prism::Prism;

/// The double, and the proxy before it.
pub struct GitHub {
    world: Arc<Mutex<World>>,
    url: String,
    direct_url: String,
    violations: Violations,
    #[expect(dead_code, reason = "held, not used")]
    prism: Prism,
}

static SHARED: LazyLock<GitHub> =
    LazyLock::new(|| start().unwrap_or_else(|error| panic!("failed to start the double of GitHub: {error:#}")));

impl GitHub {
    /// The one of this process.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        &SHARED
    }

    /// The URL of the API, behind Prism.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the API without Prism, for redirects.
    pub fn direct_url(&self) -> &str {
        &self.direct_url
    }

    /// What was found wrong with the requests to paths that contain a text, and with their answers.
    pub fn violations(&self, path: &str) -> Vec<String> {
        let all = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.path.contains(path)).map(|one| format!("{}: {}", one.path, one.what)).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts everything, with a runtime that outlives those of the tests.
fn start() -> Result<GitHub> {
    let contract = Contract::load()?;
    let (started, result) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                let serving = serve(contract).await;
                let is_serving = serving.is_ok();
                started.send(serving).ok();
                if is_serving {
                    std::future::pending::<()>().await;
                }
            }),
            Err(error) => drop(started.send(Err(error.into()))),
        }
    });
    result.recv().context("the thread of the double ended")?
}

async fn serve(contract: Contract) -> Result<GitHub> {
    let description = contract.file.clone();
    let program = contract.prism.clone();
    let world = Arc::new(Mutex::new(World::new(contract)));
    let direct_url = listen(double::router(world.clone())).await?;
    let prism = Prism::start(&program, &description, &direct_url).await?;
    let violations = Violations::default();
    let url = listen(front::router(prism.url().to_owned(), violations.clone())?).await?;
    Ok(GitHub { world, url, direct_url, violations, prism })
}

async fn listen(router: axum::Router) -> Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}
