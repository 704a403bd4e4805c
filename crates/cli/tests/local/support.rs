//! A directory with manifests, and the program in it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory with manifests.
pub(crate) struct Place {
    directory: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command that is under way. It does not outlive the test.
pub(crate) struct Running(Option<Child>);

/// What every manifest here has.
pub(crate) fn pipeline(rest: &str) -> String {
    format!(
        "apiVersion: sluice.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  serviceAccountName: a\n{rest}"
    )
}

impl Place {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    /// One with this manifest.
    pub(crate) fn with(manifest: &str) -> Self {
        let place = Self::new();
        fs::write(place.path("p.yaml"), manifest).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program here, with no terminal, no cluster and nothing of this machine's environment that matters.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("KUBECONFIG", self.path("no-kubeconfig")).env("HOME", self.directory.path()).env("USER", "ada");
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").env_remove("RUST_LOG");
        command.env_remove("KUBERNETES_SERVICE_HOST");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn sluice(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::of(self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// The state file of a run, as it is now.
    pub(crate) fn run(&self, name: &str) -> Value {
        read(&self.path(&format!(".sluice/runs/{name}.json"))).unwrap()
    }

    /// Waits until the state of a run is like this.
    pub(crate) fn wait_for(&self, name: &str, is_so: impl Fn(&Value) -> bool) {
        let path = self.path(&format!(".sluice/runs/{name}.json"));
        eventually(name, || read(&path).is_some_and(|run| is_so(&run["status"])));
    }

    /// Whatever is under way in a run that nobody carries on began hours ago.
    pub(crate) fn hours_pass(&self, name: &str) {
        let mut run = self.run(name);
        for groups in ["stages", "hooks"] {
            let groups = run["status"].get_mut(groups).and_then(Value::as_array_mut).into_iter().flatten();
            let steps = groups.flat_map(|group| group["steps"].as_array_mut().into_iter().flatten());
            let running = steps.filter(|step| step["phase"] == "Running");
            running.for_each(|step| step["startedAt"] = "2026-01-05T12:00:00Z".into());
        }
        fs::write(self.path(&format!(".sluice/runs/{name}.json")), run.to_string()).unwrap();
    }

    /// What git says, in the directory of this name.
    pub(crate) fn git(&self, directory: &str, arguments: &[&str]) -> String {
        git(&self.path(directory), arguments)
    }
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The lines of standard output without their times.
    pub(crate) fn lines(&self) -> String {
        let lines = self.out.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.id()).unwrap()), signal).unwrap();
    }

    /// The first line of its standard output with this in it. What comes behind it is read by nobody.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        self.wait_for_lines(text, 1).remove(0)
    }

    /// The first so many of such lines.
    pub(crate) fn wait_for_lines(&mut self, text: &str, count: usize) -> Vec<String> {
        let out = self.0.as_mut().unwrap().stdout.take().unwrap();
        let lines = BufReader::new(out).lines().map(Result::unwrap);
        let lines: Vec<String> = lines.filter(|line| line.contains(text)).take(count).collect();
        assert_eq!(lines.len(), count, "it never said {text:?} so often");
        lines
    }

    /// Nobody reads what it prints any more.
    pub(crate) fn close_output(&mut self) {
        drop(self.0.as_mut().unwrap().stdout.take());
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Kills it, and says how it ended: by that, or before.
    pub(crate) fn kill(mut self) -> ExitStatus {
        let mut child = self.0.take().unwrap();
        let _ = child.kill();
        child.wait().unwrap()
    }

    /// Its end.
    pub(crate) fn end(mut self) -> Said {
        eventually("the end of the program", || self.has_ended());
        Said::of(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An object in a file, `None` where there is none.
pub(crate) fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
