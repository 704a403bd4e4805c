//! `sluice lint`: every mistake of manifests at once.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use super::local::refuse;
use crate::{
    cluster,
    lint::{self, Finding, Options, Severity},
    manifest::Manifests,
    output,
};

/// Check manifests, or what is in a cluster.
///
/// Warnings and advice are no mistakes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  there is no error
  1  there is an error
  2  something cannot be read, or the command is wrong")]
pub(crate) struct Arguments {
    /// Files and directories of manifests; `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present = "cluster", conflicts_with = "cluster")]
    files: Vec<PathBuf>,
    /// Read the directories in directories, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Check what is in the cluster of the kubeconfig.
    #[arg(long)]
    cluster: bool,
    #[command(flatten)]
    of_cluster: cluster::Options,
    /// Every namespace of the cluster.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Say which steps need a cluster when the pipeline runs on this machine.
    #[arg(long)]
    local: bool,
    /// How findings are written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    /// For people, with the lines that are meant.
    Text,
    /// An array of objects.
    Json,
}

/// What failed and why. The causes below name themselves again in those above.
const REASONS: usize = 2;

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match report(&arguments) {
        Ok(findings) if findings.iter().any(|finding| finding.severity == Severity::Error) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let reasons: Vec<String> = error.chain().take(REASONS).map(ToString::to_string).collect();
            refuse([reasons.join(": ")])
        }
    }
}

fn report(arguments: &Arguments) -> anyhow::Result<Vec<Finding>> {
    if !arguments.cluster && (arguments.all_namespaces || arguments.of_cluster.is_any_given()) {
        anyhow::bail!("a cluster and a namespace are chosen with --cluster; files say theirs in metadata.namespace");
    }
    let manifests = match arguments.cluster {
        true => objects::read(&arguments.of_cluster, arguments.all_namespaces)?,
        false => Manifests::read(&arguments.files, arguments.recursive)?,
    };
    let findings = lint::lint(&manifests, Options { whole: arguments.cluster, local: arguments.local });
    let text = match arguments.output {
        Output::Json => format!("{:#}\n", lint::json(&findings)),
        Output::Text => {
            let text = lint::for_terminal(&findings, &std::io::stdout());
            format!("{text}{}\n", summary(&manifests, &findings))
        }
    };
    output::write(&text).context("failed to print")?;
    Ok(findings)
}

fn summary(manifests: &Manifests, findings: &[Finding]) -> String {
    let count = |severity, name: &str| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number > 0).then(|| plural(number, name))
    };
    let found: Vec<String> =
        [count(Severity::Error, "error"), count(Severity::Warning, "warning")].into_iter().flatten().collect();
    let objects = plural(manifests.documents.len(), "object");
    if found.is_empty() { format!("{objects}: no mistakes") } else { format!("{objects}: {}", found.join(", ")) }
}

fn plural(number: usize, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// The objects of a cluster as manifests.
mod objects {
    use anyhow::Context;
    use kube::{
        Api, Client, Resource, ResourceExt,
        api::{DynamicObject, ListParams},
        core::ApiResource,
    };
    use sluice_api::{Environment, Pipeline, PipelineRun, Receiver, ScmProvider};

    use crate::{
        cluster::{Cluster, Options},
        manifest::{Manifests, Source},
    };

    /// Reads everything of ours, in one namespace or in all.
    pub(super) fn read(options: &Options, all: bool) -> anyhow::Result<Manifests> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("failed to start the runtime")?.block_on(async {
            let Cluster { client, namespace, .. } = options.connect().await?;
            let namespace = (!all).then_some(namespace);
            let mut manifests = Manifests::default();
            add::<ScmProvider>(&client, namespace.as_deref(), &mut manifests).await?;
            add::<Environment>(&client, namespace.as_deref(), &mut manifests).await?;
            add::<Receiver>(&client, namespace.as_deref(), &mut manifests).await?;
            add::<Pipeline>(&client, namespace.as_deref(), &mut manifests).await?;
            add::<PipelineRun>(&client, namespace.as_deref(), &mut manifests).await?;
            Ok(manifests)
        })
    }

    async fn add<K>(client: &Client, namespace: Option<&str>, manifests: &mut Manifests) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = ()>,
    {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let kind = K::kind(&());
        let objects = api.list(&ListParams::default()).await;
        let objects = objects.with_context(|| format!("failed to read the objects of kind {kind}"))?;
        // A run that has ended is history.
        for object in objects.items.into_iter().filter(|object| object.data["status"]["finishedAt"].is_null()) {
            let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
            manifests.add(Source::new(format!("{kind} {namespace}/{name}"), manifest_of(&resource, &object)?));
        }
        Ok(())
    }

    /// The object as somebody would write it.
    fn manifest_of(resource: &ApiResource, object: &DynamicObject) -> anyhow::Result<String> {
        let metadata = serde_json::json!({"name": object.metadata.name, "namespace": object.metadata.namespace});
        let manifest = serde_json::json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": metadata,
            "spec": object.data["spec"],
        });
        serde_saphyr::to_string(&manifest).context("failed to write an object as YAML")
    }
}
