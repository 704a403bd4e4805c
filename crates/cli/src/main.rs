//! `sluice`: the one binary.

mod command;
#[allow(dead_code, reason = "the commands that read manifests come next")]
mod manifest;
mod reference;

use clap::{Parser, Subcommand};

/// Delivery pipelines for Kubernetes: gates and flow for GitOps.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller.
    Controller(command::controller::Arguments),
    /// Print the custom resource definitions.
    Crds(command::crds::Arguments),
    /// Write the reference pages of the documentation into a directory.
    #[command(hide = true)]
    Reference(command::reference::Arguments),
    /// Print the JSON Schema of the kinds, for editors.
    Schema(command::schema::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Controller(arguments) => command::controller::run(arguments),
        Command::Crds(arguments) => command::crds::run(arguments),
        Command::Reference(arguments) => command::reference::run(arguments),
        Command::Schema(arguments) => command::schema::run(arguments),
    }
}
