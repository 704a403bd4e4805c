//! `sluice`: the one binary.

mod actions;
mod changes;
mod cluster;
mod command;
mod demo;
mod graph;
mod lint;
mod local;
mod logs;
mod manifest;
mod output;
mod printable;
mod reference;
mod shell;
mod tree;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Delivery pipelines for Kubernetes: gates and flow for GitOps.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What a command does is said where its arguments are.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(command::demo::Arguments),
    Run(command::run::Arguments),
    Resume(command::resume::Arguments),
    Watch(command::watch::Arguments),
    Approve(command::approve::Arguments),
    Reject(command::reject::Arguments),
    Abort(command::abort::Arguments),
    Pause(command::pause::Arguments),
    Retry(command::retry::Arguments),
    Skip(command::skip::Arguments),
    Unlock(command::unlock::Arguments),
    Trigger(command::trigger::Arguments),
    Controller(command::controller::Arguments),
    Server(command::server::Arguments),
    Crds(command::crds::Arguments),
    Lint(command::lint::Arguments),
    Graph(command::graph::Arguments),
    #[command(hide = true)]
    Reference(command::reference::Arguments),
    Schema(command::schema::Arguments),
    Completion(command::completion::Arguments),
    #[command(name = "__complete", hide = true)]
    Complete(command::completion::Asked),
}

fn main() -> anyhow::Result<ExitCode> {
    match parse().command {
        Command::Demo(arguments) => return command::demo::run(arguments),
        Command::Run(arguments) => return command::run::run(arguments),
        Command::Resume(arguments) => return command::resume::run(arguments),
        Command::Watch(arguments) => return command::watch::run(&arguments),
        Command::Approve(arguments) => return command::approve::run(arguments),
        Command::Reject(arguments) => return command::reject::run(arguments),
        Command::Abort(arguments) => return command::abort::run(&arguments),
        Command::Pause(arguments) => return command::pause::run(&arguments),
        Command::Retry(arguments) => return command::retry::run(arguments),
        Command::Skip(arguments) => return command::skip::run(arguments),
        Command::Unlock(arguments) => return command::unlock::run(&arguments),
        Command::Trigger(arguments) => return command::trigger::run(arguments),
        Command::Controller(arguments) => command::controller::run(arguments)?,
        Command::Server(arguments) => command::server::run(arguments)?,
        Command::Crds(arguments) => command::crds::run(arguments)?,
        Command::Lint(arguments) => return Ok(command::lint::run(arguments)),
        Command::Graph(arguments) => return command::graph::run(&arguments),
        Command::Reference(arguments) => command::reference::run(arguments)?,
        Command::Schema(arguments) => return command::schema::run(arguments),
        Command::Completion(arguments) => return command::completion::run(&arguments, Cli::command()),
        Command::Complete(asked) => return command::completion::answer(&asked, Cli::command()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The command line. As kubectl's plugin it is told of as people type it.
fn parse() -> Cli {
    let command = match shell::plugin_command() {
        Some(name) => Cli::command().bin_name(name),
        None => Cli::command(),
    };
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_and_their_options_fit_together() {
        Cli::command().debug_assert();
    }
}
