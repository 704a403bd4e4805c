//! Prometheus, scraping the services' `/metrics` every second.

use std::fs;

use anyhow::Result;

use super::{Layout, ready};
use crate::process::{Process, bound_to_us};

/// Starts Prometheus; returns it and its URL.
pub(super) async fn start(layout: &Layout, port: u16, services: &str) -> Result<(Process, String)> {
    let dir = layout.fresh("prometheus")?;
    let target = services.trim_start_matches("http://");
    let config = dir.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n- {{job_name: services, static_configs: [{{targets: ['{target}']}}]}}\n"
    );
    fs::write(&config, text)?;
    let mut command = bound_to_us(layout.program("prometheus"));
    command.args([
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", dir.join("data").display()),
    ]);
    command.args([format!("--web.listen-address=127.0.0.1:{port}"), "--log.level=warn".to_owned()]);
    command.current_dir(&dir);
    let process = Process::start("prometheus", command, &layout.log("prometheus"))?;
    let url = format!("http://127.0.0.1:{port}");
    ready::http(&process, &reqwest::Client::new(), &format!("{url}/-/ready")).await?;
    Ok((process, url))
}
