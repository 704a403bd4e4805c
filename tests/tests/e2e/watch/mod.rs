//! `sluice run` in a cluster, and `sluice watch`: what a person sees of a run, and of what they started.

mod manual;
mod started;
mod updates;
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sluice_tests::fixture::Team;
use sluice_tests::{eventually, paths};

use crate::PATIENCE;
use crate::short::kubectl;

/// What a command said, and its exit code.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// The lines of standard output without the times before them.
    fn lines(&self) -> Vec<&str> {
        self.out.lines().map(untimed).collect()
    }
}

fn untimed(line: &str) -> &str {
    let timed = line.split_once(' ').filter(|(time, _)| time.len() == 20 && time.ends_with('Z'));
    timed.map_or(line, |(_, rest)| rest)
}

fn command(team: &Team, kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(paths::sluice());
    command.args(arguments).args(["-n", team.namespace()]).env("KUBECONFIG", kubeconfig);
    command
}

/// `sluice` with this kubeconfig, in the team's namespace, to its end.
async fn sluice(team: &Team, kubeconfig: &Path, arguments: &[&str]) -> Said {
    let mut command = command(team, kubeconfig, arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let Output { status, stdout, stderr } = output.expect("sluice");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn user(team: &Team, name: &str) -> PathBuf {
    team.cluster().facts().kubeconfig(name)
}

/// Gives a user a role and waits until it counts for this.
async fn grant(team: &Team, user: &str, role: &str, verb: &str, resource: &str) {
    let (cluster, namespace) = (team.cluster(), team.namespace());
    let (role, subject, by) = (format!("--clusterrole={role}"), format!("--user={user}"), format!("--as={user}"));
    let name = format!("{user}-{}", role.trim_start_matches("--clusterrole="));
    kubectl(cluster, &["create", "rolebinding", &name, &role, &subject, "-n", namespace], "").expect("granted");
    eventually(&format!("{user} may {verb} {resource}"), PATIENCE, async || {
        kubectl(cluster, &["auth", "can-i", verb, resource, &by, "-n", namespace], "")
    })
    .await;
}

/// A command that goes on while its test does something else.
struct Live {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Live {
    fn start(team: &Team, kubeconfig: &Path, arguments: &[&str]) -> Self {
        let mut command = command(team, kubeconfig, arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("sluice");
        let (out, first) = collect(child.stdout.take().expect("its output"));
        let (err, second) = collect(child.stderr.take().expect("its errors"));
        Self { child, out, err, readers: vec![first, second] }
    }

    /// Waits until it has written a line that begins with this.
    async fn says(&self, beginning: &str) {
        eventually(&format!("a line {beginning:?}"), PATIENCE, async || {
            let said = self.out.lock().expect("the text").clone();
            let found = said.lines().any(|line| untimed(line).starts_with(beginning));
            if found { Ok(()) } else { Err(said) }
        })
        .await;
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().expect("a process id")), signal).expect("sent");
    }

    /// Waits for its end.
    async fn end(mut self) -> Said {
        let code = eventually("the end of the command", PATIENCE, async || {
            let status = self.child.try_wait().map_err(|error| error.to_string())?;
            status.map(|status| status.code()).ok_or_else(|| self.out.lock().expect("the text").clone())
        })
        .await;
        self.readers.drain(..).for_each(|reader| reader.join().expect("no panic"));
        let text = |text: &Mutex<String>| text.lock().expect("the text").clone();
        Said { code, out: text(&self.out), err: text(&self.err) }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Everything that comes, from a thread of its own.
fn collect(mut from: impl std::io::Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let all = Arc::new(Mutex::new(String::new()));
    let into = all.clone();
    let reader = thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            into.lock().expect("the text").push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    });
    (all, reader)
}
