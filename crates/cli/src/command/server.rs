//! `sluice server`: serves Receivers until SIGTERM or SIGINT.

use std::net::SocketAddr;

use anyhow::Context;
use sluice_server::Options;

use super::process;
use crate::logs::LogFormat;

/// Serve the Receivers: webhooks of git hosts, and reports of components.
///
/// It takes what others send by HTTP, signed, and stores it in the cluster; the controller does the rest. Any number of servers may
/// run at once. TLS is ended before them, by an Ingress for example.
///
/// An option that is given again replaces what was given before, so that more arguments can be put after those of a chart.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Arguments {
    /// The one namespace whose Receivers are served; all of them unless set.
    #[arg(long, env = "SLUICE_NAMESPACE")]
    namespace: Option<String>,
    /// Where the Receivers are served, and /healthz and /readyz; by default by IPv6 and IPv4, whichever there is.
    #[arg(long, default_value = "[::]:8080")]
    listen: SocketAddr,
    /// Where /healthz and /readyz are served as well, such as 127.0.0.1:8081: nobody who holds up the Receivers holds up these.
    #[arg(long, value_name = "ADDRESS")]
    health_listen: Option<SocketAddr>,
    /// How logs are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { namespace, listen, health_listen, log_format } = arguments;
    let options = Options { namespace, listen, health_listen };
    process::run(log_format, async move |stop| sluice_server::run(options, stop).await.context("the server ended"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn what_is_given_last_counts() {
        let given = ["sluice", "--listen=[::]:80", "--namespace=a", "--listen=127.0.0.1:1", "--namespace=b"];
        let Command { arguments } = Command::parse_from(given);
        assert_eq!(arguments.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
        assert_eq!(arguments.namespace.as_deref(), Some("b"));
    }
}
