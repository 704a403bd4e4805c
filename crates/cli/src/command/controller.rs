//! `sluice controller`: runs the controller until SIGTERM or SIGINT.

use std::net::SocketAddr;

use anyhow::Context;
use ipnet::IpNet;
use sluice_controller::Options;

use super::process;
use crate::logs::LogFormat;

/// Run the controller.
///
/// An option that is given again replaces what was given before, so that more arguments can be put after those of a chart.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Arguments {
    /// The one namespace to look after; all of them unless set.
    #[arg(long, env = "SLUICE_NAMESPACE")]
    namespace: Option<String>,
    /// How many runs are carried on at the same time. A run that waits does not count.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// A loopback or link-local network that steps may reach all the same, such as 127.0.0.0/8. May be repeated.
    #[arg(long, value_name = "CIDR")]
    allow_http_to: Vec<IpNet>,
    /// Where /healthz and /readyz are served; by default by IPv6 and IPv4, whichever there is.
    #[arg(long, default_value = "[::]:8081")]
    listen: SocketAddr,
    /// How logs are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// The name of this process in Events.
    #[arg(long, env = "POD_NAME", default_value = "sluice-controller", hide = true)]
    instance: String,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { namespace, concurrency, allow_http_to, listen, log_format, instance } = arguments;
    let options = Options { namespace, concurrency, allow_http_to, listen, instance };
    process::run(log_format, async move |stop| {
        sluice_controller::run(options, stop).await.context("the controller ended")
    })
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
    fn what_is_given_last_counts_and_networks_add_up() {
        let given = ["sluice", "--listen=[::]:8081", "--allow-http-to=127.0.0.0/8", "--concurrency=8", "--namespace=a"];
        let more = ["--listen=127.0.0.1:1", "--allow-http-to=::1/128", "--concurrency=9", "--namespace=b"];
        let Command { arguments } = Command::parse_from(given.into_iter().chain(more));
        assert_eq!(arguments.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
        assert_eq!((arguments.concurrency, arguments.namespace.as_deref()), (9, Some("b")));
        assert_eq!(arguments.allow_http_to.len(), 2);
    }
}
