//! Where things are: the workspace, the shared cluster, the programs under test.

use std::path::{Path, PathBuf};

/// The environment variable that names the directory of the cluster to use, instead of `target/cluster`.
pub const CLUSTER: &str = "SLUICE_TEST_CLUSTER";

/// The environment variable that names the `sluice` binary under test.
pub const SLUICE_BIN: &str = "SLUICE_BIN";

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The directory of the cluster that `cluster up` starts and tests use.
pub fn cluster() -> PathBuf {
    std::env::var_os(CLUSTER).map_or_else(|| workspace().join("target/cluster"), PathBuf::from)
}

/// The script that builds the programs of the cluster.
pub fn build_script() -> PathBuf {
    workspace().join("tests/cluster/build")
}

/// The `sluice` binary under test: `$SLUICE_BIN`, or the one beside the running test.
pub fn sluice() -> PathBuf {
    if let Some(path) = std::env::var_os(SLUICE_BIN) {
        return path.into();
    }
    // target/debug/deps/e2e-... and target/debug/cluster both belong to target/debug/sluice.
    let here = std::env::current_exe().unwrap_or_default();
    let beside = here.ancestors().skip(1).take(2).map(|dir| dir.join("sluice"));
    beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| workspace().join("target/debug/sluice"))
}

/// Where the programs that tests need are kept once they are built or installed.
pub(crate) fn program_cache() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let user = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache"))).unwrap_or_default();
    named("SLUICE_CLUSTER_CACHE").unwrap_or_else(|| user().join("sluice/cluster"))
}
