//! Child processes that never outlive us.
//!
//! A child dies with its handle, and the kernel kills it when this process ends in any other way, `kill -9` included. That
//! signal is sent when the *thread* that spawned the child ends, hence a thread of its own that spawns them all.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running child process, killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    pid: u32,
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts a command that dies with us. `setpriv` asks for the signal, and the shell gives up when we died before it did.
pub fn bound_to_us(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "sh", "-c", r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#]);
    command.arg(std::process::id().to_string()).arg(program);
    command
}

/// Spawns on the thread that lives as long as this process.
pub fn spawn(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                // Nobody waiting for the answer means nobody to keep the child for.
                if let Err(mpsc::SendError(Ok(mut child))) = answer.send(command.spawn()) {
                    child.kill().and_then(|()| child.wait()).ok();
                }
            }
        });
        Mutex::new(orders)
    });
    let what = command.get_program().to_string_lossy().into_owned();
    let (answer, result) = mpsc::channel();
    spawner.lock().map_err(|_| anyhow!("the spawning thread panicked"))?.send((command, answer))?;
    result.recv()?.with_context(|| format!("failed to start {what} (util-linux has setpriv)"))
}

impl Process {
    /// Starts `command`, made by [`bound_to_us`], with its output in `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("failed to open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = spawn(command).with_context(|| format!("failed to start {name}"))?;
        Ok(Self { name: name.to_owned(), pid: child.id(), child: Mutex::new(child) })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().ok()?.try_wait().ok()?
    }

    /// Fails when it has ended.
    pub fn check(&self) -> Result<()> {
        match self.ended() {
            Some(status) => bail!("{} ended: {status}", self.name),
            None => Ok(()),
        }
    }

    /// The memory and processor time it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid)
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    pub fn kill9(&self) {
        if let Ok(mut child) = self.child.lock() {
            child.kill().and_then(|()| child.wait()).ok();
        }
    }

    /// Sends SIGTERM and returns how it ended, or kills it after `patience`.
    pub fn terminate(&self, patience: Duration) -> Result<ExitStatus> {
        signal(self.pid, Signal::SIGTERM).ok();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill9();
        bail!("{} did not end within {patience:?} of SIGTERM", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// What a process has used, as Linux counts it.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// The most it has ever been.
    pub peak: u64,
    /// Processor time of all threads.
    pub cpu: Duration,
}

impl Usage {
    fn of(pid: u32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kibibytes = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
            Ok(number.with_context(|| format!("no {name} of process {pid}"))?.parse::<u64>()? * 1024)
        };
        // The name, in parentheses, may hold blanks: count from its end. utime and stime are the 14th and 15th fields.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        // Linux shows them in hundredths of a second on every architecture (USER_HZ).
        Ok(Self { resident: kibibytes("VmRSS")?, peak: kibibytes("VmHWM")?, cpu: Duration::from_millis(ticks * 10) })
    }
}

/// Sends a signal to one process.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
}
