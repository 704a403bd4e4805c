//! Gitea on SQLite, and the token of its administrator.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Layout, ready};
use crate::process::{Process, bound_to_us};

/// The administrator's name.
const ADMIN: &str = "sluice-admin";

/// A started Gitea.
pub(super) struct Gitea {
    pub(super) process: Process,
    pub(super) url: String,
    pub(super) token: String,
}

/// Starts Gitea and makes its administrator.
pub(super) async fn start(layout: &Layout, port: u16) -> Result<Gitea> {
    let work = layout.fresh("gitea-data")?;
    let url = format!("http://127.0.0.1:{port}");
    let config = work.join("app.ini");
    fs::write(&config, configuration(layout, &work.display().to_string(), port))?;

    let gitea = |mut command: Command, arguments: &[&str]| {
        command.env("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true").env("GITEA_WORK_DIR", &work).env("HOME", &work);
        // A person's git settings shall not change what the tests see.
        command.env("GIT_CONFIG_NOSYSTEM", "1").args(arguments).arg("--config").arg(&config);
        command
    };
    let program = layout.program("gitea");
    let process = Process::start("gitea", gitea(bound_to_us(&program), &["web"]), &layout.log("gitea"))?;
    ready::http(&process, &reqwest::Client::new(), &format!("{url}/api/healthz")).await?;

    let mail = format!("{ADMIN}@example.invalid");
    let create = [
        "admin",
        "user",
        "create",
        "--admin",
        "--username",
        ADMIN,
        "--email",
        &mail,
        "--random-password",
        "--must-change-password=false",
    ];
    ready::output(&mut gitea(Command::new(&program), &create)).context("failed to create Gitea's administrator")?;
    let token = [
        "admin",
        "user",
        "generate-access-token",
        "--username",
        ADMIN,
        "--token-name",
        "cluster",
        "--scopes",
        "all",
        "--raw",
    ];
    let token = ready::output(&mut gitea(Command::new(&program), &token)).context("failed to create a token")?;
    let token = token.lines().last().context("Gitea printed no token")?.trim().to_owned();
    Ok(Gitea { process, url, token })
}

fn configuration(layout: &Layout, work: &str, port: u16) -> String {
    let secret = "a test cluster has no secrets to keep, and a fixed one saves two starts";
    format!(
        "\
APP_NAME = Sluice test cluster
RUN_MODE = prod
WORK_PATH = {work}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static_root}
APP_DATA_PATH = {work}/data
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {work}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[repository]
ROOT = {work}/repositories
DEFAULT_BRANCH = main
[git]
HOME_PATH = {work}/home
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
PASSWORD_HASH_ALGO = pbkdf2$1$50
[service]
DISABLE_REGISTRATION = true
REGISTER_EMAIL_CONFIRM = false
[api]
MAX_RESPONSE_ITEMS = 1000
DEFAULT_PAGING_NUM = 100
[webhook]
ALLOWED_HOST_LIST = loopback
DELIVER_TIMEOUT = 5
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = false
[packages]
ENABLED = false
[mailer]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
",
        static_root = layout.dir.join("gitea").display(),
    )
}
