//! A terminal that a reader types the commands of a page into.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sluice_tests::process;

/// For a command that builds, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// What a reader's terminal has of the environment; nothing of ours may help.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_TARGET_DIR",
    "CARGO_INCREMENTAL",
    "GOPROXY",
    "GOFLAGS",
];

/// Follows a command in its output, with its exit code.
const END: &str = "<end of the command>";

/// A shell. What was started in it ends with it.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Shell {
    /// A new one in this directory, with these variables set beside the usual ones.
    pub(super) fn open(directory: &Path, variables: &[(&str, &Path)]) -> Self {
        use std::os::unix::process::CommandExt;
        let mut command: Command = process::bound_to_us("bash");
        command.args(["--noprofile", "--norc"]).current_dir(directory).process_group(0).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(variables.iter().copied()).env("TERM", "dumb").env("LANG", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = process::spawn(command).expect("a shell");
        let mut input = child.stdin.take().expect("its input");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (sender, output) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        input.write_all(b"exec 2>&1\n").expect("the shell lives");
        Self { child, input, output }
    }

    /// Types a command and returns what it printed; an error with it when the command failed or did not end.
    pub(super) fn type_in(&mut self, line: &str) -> Result<String, String> {
        // A command that reads from the terminal would swallow the next ones.
        let typed = format!("{{ {line}\n}} </dev/null; echo \"\n{END} $?\"\n");
        self.input.write_all(typed.as_bytes()).map_err(|error| format!("the shell is gone: {error}"))?;
        let deadline = Instant::now() + PATIENCE;
        let mut printed = String::new();
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match line.strip_prefix(END) {
                    Some(" 0") => return Ok(printed),
                    Some(code) => return Err(format!("it ended with{code}:\n{printed}")),
                    None => printed += &(line + "\n"),
                },
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("it did not end within {PATIENCE:?}:\n{printed}"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(format!("the shell ended:\n{printed}")),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        i32::try_from(self.child.id()).map(|id| killpg(Pid::from_raw(id), Signal::SIGKILL)).ok();
        self.child.wait().ok();
    }
}
