//! `sluice trigger`: reports a new version of a component to a Receiver, signed.

mod send;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use sluice_api::Duration;
use sluice_server::Report;
use url::Url;

use super::{
    local::refuse,
    verb::{Failed, block_on},
};
use crate::{output::write, printable};
use send::Sender;

const EXIT_CODES: &str = "\
Exit codes:
  0  the report is stored, now or by an earlier request
  1  it is not: the Receiver refuses it, or nobody has stored it
     until --timeout was over
  2  the command is wrong";

/// Report a new version of a component to a Receiver, for an environment.
///
/// It sends what curl and openssl could send: a JSON body, signed with the Receiver's secret. When the server does not answer, or asks to
/// come later, the same report is sent again with the same id until it is stored: it is stored once, however often it is sent. What
/// follows is in the ComponentUpdate whose name is printed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The Receiver's URL: the server's address and the path that `kubectl get receivers` shows.
    #[arg(value_name = "URL", value_parser = receiver_url)]
    url: Url,
    #[command(flatten)]
    secret: SecretSource,
    /// The Environment that there is a new version for.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// The component, as the Environment has it.
    #[arg(long, value_name = "NAME")]
    component: String,
    #[command(flatten)]
    which: Which,
    /// The place of the report among those of the component: a higher one is newer, such as the number of a build.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    sequence: i64,
    /// What tells the report from every other one; made from the rest of it unless set.
    #[arg(long)]
    id: Option<String>,
    /// Who made the new version.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// How long it is tried to have the report stored, such as 90s.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: Duration,
    /// What is printed: a line for people unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Which version is new.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// The new version; this or --sha, or both.
    #[arg(long)]
    version: Option<String>,
    /// The commit of the new version.
    #[arg(long)]
    sha: Option<String>,
}

/// Where the Receiver's secret is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SecretSource {
    /// A file with the Receiver's secret; a line break at its end does not count.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// An environment variable with the Receiver's secret.
    #[arg(long, value_name = "VARIABLE")]
    secret_env: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The ComponentUpdate, as kubectl writes it.
    Name,
    /// The answer of the server.
    Json,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    block_on(async {
        // Installed twice is fine.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let secret = match arguments.secret.read() {
            Ok(secret) => secret,
            Err(problem) => return Ok(refuse([problem])),
        };
        let (url, timeout, output) = (arguments.url.clone(), arguments.timeout, arguments.output);
        let report = arguments.report();
        if let Err(mistake) = report.check() {
            // A field has the name of its option.
            return Ok(refuse([format!("--{mistake}")]));
        }
        let body = serde_json::to_vec(&report)?;
        let signature = sluice_server::sign(secret.expose_secret(), &body);
        let stored = Sender::new(url, body, signature)?.send(timeout.get()).await.map_err(Failed::Said)?;
        let text = match output {
            None => format!("{}\n", printable::line(&said(&report, &stored))),
            Some(Format::Name) => format!("{}\n", printable::line(&reference(&stored.name))),
            Some(Format::Json) => format!("{:#}\n", stored.answer),
        };
        write(&text).context("failed to print").map_err(Failed::Print)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A ComponentUpdate as kubectl writes it.
pub(super) fn reference(name: &str) -> String {
    format!("componentupdate.sluice.dev/{name}")
}

fn said(report: &Report, stored: &send::Stored) -> String {
    let which = report.version.as_ref().or(report.sha.as_ref()).map(String::as_str).unwrap_or_default();
    let what = format!("{} {which} for {}, sequence {}", report.component, report.environment, report.sequence);
    let how = if stored.was_known { "was stored before" } else { "stored" };
    format!("{} {how}: {what}", reference(&stored.name))
}

impl Arguments {
    fn report(self) -> Report {
        let Self { environment, component, which: Which { version, sha }, sequence, id, by, .. } = self;
        let report = Report { id: String::new(), sequence, environment, component, version, sha, by };
        let id = id.unwrap_or_else(|| id_of(&report));
        Report { id, ..report }
    }
}

/// The same for the same report, so that a command that is given again reports nothing new.
fn id_of(report: &Report) -> String {
    let text = serde_json::to_vec(report).unwrap_or_default();
    hex::encode(&Sha256::digest(text)[..16])
}

impl SecretSource {
    fn read(&self) -> Result<SecretSlice<u8>, String> {
        let (bytes, what) = match (&self.secret_file, &self.secret_env) {
            (Some(path), _) => {
                let bytes = fs::read(path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
                (bytes, format!("{}", path.display()))
            }
            (None, Some(name)) => {
                let text = std::env::var(name).map_err(|error| format!("the variable {name}: {error}"))?;
                (text.into_bytes(), format!("the variable {name}"))
            }
            (None, None) => return Err("name the Receiver's secret with --secret-file or --secret-env".to_owned()),
        };
        let is_empty = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        if is_empty { Err(format!("{what} is empty: it has to hold the Receiver's secret")) } else { Ok(bytes.into()) }
    }
}

/// The address of a Receiver: anything else would be a mistake that the server could only answer with 404.
fn receiver_url(text: &str) -> Result<Url, String> {
    const REMEDY: &str = "write it as https://HOST/receivers/NAMESPACE/NAME";
    let url = Url::parse(text).map_err(|error| format!("{error}: {REMEDY}"))?;
    let parts: Vec<&str> = url.path().split('/').collect();
    let is_one = matches!(parts[..], [.., "receivers", namespace, name] if !namespace.is_empty() && !name.is_empty());
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_one {
        return Err(REMEDY.to_owned());
    }
    Ok(url)
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

    fn parsed(more: &[&str]) -> Result<Arguments, clap::Error> {
        let given = ["sluice", "https://sluice.example.com/receivers/shop/ci", "--secret-env=S"];
        let report = ["--environment=staging", "--component=web", "--sequence=7"];
        Command::try_parse_from(given.iter().chain(&report).chain(more)).map(|command| command.arguments)
    }

    #[test]
    fn the_same_command_is_the_same_report() {
        let id = |more: &[&str]| parsed(more).unwrap().report().id;
        assert_eq!(id(&["--version=1.2"]), id(&["--version=1.2"]));
        assert_ne!(id(&["--version=1.2"]), id(&["--version=1.3"]));
        assert_ne!(id(&["--version=1.2"]), id(&["--sha=1.2"]));
        assert_eq!(id(&["--version=1.2", "--id=ci/7"]), "ci/7");
    }

    #[test]
    fn a_report_says_which_version_it_is_and_who_signs_it_has_one_secret() {
        let neither = parsed(&[]).unwrap_err().to_string();
        assert!(neither.contains("--version <VERSION>|--sha <SHA>"), "{neither}");
        assert!(parsed(&["--version=1", "--sha=2"]).is_ok());
        assert!(parsed(&["--version=1", "--secret-file=f"]).is_err());
        assert!(parsed(&["--version=1", "--sequence=-1"]).is_err());
    }

    #[test]
    fn a_url_is_that_of_a_receiver() {
        for good in ["https://a.example/receivers/shop/ci", "http://127.0.0.1:8080/below/receivers/shop/ci"] {
            assert!(receiver_url(good).is_ok(), "{good}");
        }
        for bad in ["https://a.example", "https://a.example/receivers/shop", "ftp://a/receivers/b/c", "shop/ci", ""] {
            assert!(receiver_url(bad).is_err(), "{bad}");
        }
    }
}
