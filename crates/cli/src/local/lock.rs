//! Who carries a run on: one process at a time, by a lock that the system takes back when that process ends, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long it is tried to take a lock. The system takes some time to take it back from a process that was killed.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How often it is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to carry one run on. It ends with the value, or with the process.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

/// A run that cannot be had.
#[derive(Debug)]
pub(crate) enum Unlocked {
    /// Another process has it: what that one wrote about itself.
    Held(String),
    /// The lock file cannot be used.
    Io(io::Error),
}

/// Takes the lock. The file stays: to delete it would let two processes hold locks on two files of one name.
pub(crate) fn take(path: &Path) -> Result<RunLock, Unlocked> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = opened.map_err(Unlocked::Io)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // It may not have said who it is yet.
                let _ = file.read_to_string(&mut holder);
                return Err(Unlocked::Held(holder.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(Unlocked::Io(error)),
        }
    }
    note_holder(&mut file).map_err(Unlocked::Io)?;
    Ok(RunLock { _file: file })
}

/// For the message of whoever comes second.
fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_come_learns_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.lock");
        let first = take(&path).unwrap();
        let Err(Unlocked::Held(holder)) = take(&path) else { panic!("taken twice") };
        assert_eq!(holder, std::process::id().to_string());
        drop(first);
        take(&path).unwrap();
    }

    #[test]
    fn a_lock_that_is_given_back_in_a_moment_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.lock");
        let first = take(&path).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| take(&path));
            drop(first);
            assert!(second.join().unwrap().is_ok());
        });
    }
}
