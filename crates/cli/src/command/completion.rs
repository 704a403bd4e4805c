//! `sluice completion`: scripts with which shells, and kubectl, complete its commands and options.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, Command, builder::PossibleValue};

use crate::output::write;

/// Print a script with which a shell, or kubectl, completes the commands and options of sluice.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  source <(sluice completion bash)            in ~/.bashrc
  source <(sluice completion zsh)             in ~/.zshrc, behind compinit
  sluice completion fish | source             in config.fish
  sluice completion kubectl > /usr/local/bin/kubectl_complete-sluice
  chmod +x /usr/local/bin/kubectl_complete-sluice")]
pub(crate) struct Arguments {
    /// Who completes.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Who completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// Bash 4 or newer.
    Bash,
    Zsh,
    Fish,
    /// Kubectl's own completion, in any shell, which asks a program on the PATH about its plugins.
    Kubectl,
}

/// Print what may follow: what kubectl's completion asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// The words so far; the last one is to be completed.
    #[arg(value_name = "WORD", last = true)]
    words: Vec<String>,
}

/// What kubectl asks for words behind `kubectl sluice`.
const KUBECTL: &str = r#"#!/bin/sh
# Completes `kubectl sluice`: kubectl runs the program kubectl_complete-sluice on the PATH.
exec sluice __complete -- "$@"
"#;

/// What the answer to kubectl ends with: complete nothing else.
const NOTHING_ELSE: &str = ":4";

/// The same where a file may follow.
const FILES: &str = ":0";

pub(crate) fn run(arguments: &Arguments, mut sluice: Command) -> anyhow::Result<ExitCode> {
    use clap_complete::Shell::{Bash, Fish, Zsh};
    let shell = match arguments.shell {
        Shell::Bash => Bash,
        Shell::Zsh => Zsh,
        Shell::Fish => Fish,
        Shell::Kubectl => return print(KUBECTL),
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut sluice, "sluice", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn answer(asked: &Asked, mut sluice: Command) -> anyhow::Result<ExitCode> {
    sluice.build();
    print(&following(&sluice, &asked.words))
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    write(text).context("failed to print")?;
    Ok(ExitCode::SUCCESS)
}

/// What may stand where the last of the words is, one a line, as kubectl reads it.
fn following(sluice: &Command, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let (mut command, mut value_of, mut positions) = (sluice, None, 0);
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None if word.starts_with('-') => value_of = option(command, word).filter(|it| takes_next_word(it)),
            None => positions += 1,
        }
    }
    let at = value_of.or_else(|| command.get_positionals().nth(positions).filter(|_| !last.starts_with('-')));
    let (found, end) = match at {
        Some(arg) => (values(arg), if is_path(arg) { FILES } else { NOTHING_ELSE }),
        None if last.starts_with('-') => (options(command), NOTHING_ELSE),
        None => (commands(command), NOTHING_ELSE),
    };
    let lines = found.into_iter().filter(|(word, _)| word.starts_with(last));
    let lines =
        lines.map(|(word, help)| if help.is_empty() { format!("{word}\n") } else { format!("{word}\t{help}\n") });
    lines.chain([format!("{end}\n")]).collect()
}

/// The option that is written so.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    // What has its value behind `=` takes no other.
    command.get_opts().find(|it| match word.strip_prefix("--") {
        Some(long) => it.get_long() == Some(long),
        None => it.get_short().is_some_and(|short| word == format!("-{short}")),
    })
}

fn takes_next_word(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn is_path(arg: &Arg) -> bool {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().any(|name| matches!(name.as_str(), "FILE" | "PATH" | "DIRECTORY"))
}

fn values(arg: &Arg) -> Vec<(String, String)> {
    let of = |value: &PossibleValue| (value.get_name().to_owned(), first_line(value.get_help()));
    arg.get_possible_values().iter().filter(|value| !value.is_hide_set()).map(of).collect()
}

fn options(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(|arg| Some((format!("--{}", arg.get_long()?), first_line(arg.get_help())))).collect()
}

fn commands(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    shown.map(|it| (it.get_name().to_owned(), first_line(it.get_about()))).collect()
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    fn following(line: &str) -> Vec<String> {
        let mut sluice = crate::Cli::command();
        sluice.build();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let word = |line: &str| line.split('\t').next().unwrap().to_owned();
        super::following(&sluice, &words).lines().map(word).collect()
    }

    #[test]
    fn kubectl_is_told_what_may_follow() {
        assert_eq!(following("res"), ["resume", ":4"]);
        assert_eq!(following("re"), ["resume", "reject", "retry", ":4"]);
        assert_eq!(following("approve --rea"), ["--reason", ":4"]);
        assert_eq!(following("approve web-1 -o "), ["name", "json", "yaml", ":4"]);
        assert_eq!(following("approve -n shop -o y"), ["yaml", ":4"]);
        assert_eq!(following("approve web-1 --wait --out"), ["--output", ":4"]);
        assert_eq!(following("approve "), [":4"]);
        assert_eq!(following("lint "), [":0"]);
        assert_eq!(following("approve --kubeconfig "), [":0"]);
        assert_eq!(following("completion k"), ["kubectl", ":4"]);
        assert!(following("").contains(&"approve".to_owned()));
    }
}
