//! One writer of ours at a time, and what one that was killed left behind.
//!
//! Git guards a reference by the file `REFERENCE.lock`, which stays when its process is killed. So every writer of ours
//! holds a lock of the operating system on `sluice/lock` in the repository, which ends with its process, and writes down
//! there which lock files it is about to make. Who finds such a note has outlived its writer: lock files that it names,
//! that were made when it was written and that do not go away by themselves (git holds them for milliseconds) are removed.
//! No other lock file is touched: `git gc` may hold the one of the packed references for long.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::repo::Repo;
use crate::error::Error;

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a lock file that may be left over is watched before it is removed.
const GRACE: Duration = Duration::from_secs(1);

/// How long after its note a writer may still make a lock file: it waits for those of others a second each (see `repo`), and
/// then for the disk.
const WRITING: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(5);

/// The right to write references; it ends when this is dropped, or the process dies.
pub(super) struct WriteLock {
    file: File,
    /// The repository.
    dir: PathBuf,
}

impl Repo {
    /// Waits for the right to write.
    pub(super) fn lock(&self) -> Result<WriteLock, Error> {
        let intent = "write";
        let path = self.dir.join("sluice").join("lock");
        let fault = |error: &io::Error| self.io_fault(intent, &path, error);
        let open = || {
            std::fs::create_dir_all(self.dir.join("sluice"))?;
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
        };
        let file = open().map_err(|error| fault(&error))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(fault(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process has held {} for {PATIENCE:?}", path.display());
                    return Err(self.unavailable(intent, message));
                }
            }
        }
        let mut lock = WriteLock { file, dir: self.dir.clone() };
        lock.clear_up().map_err(|error| fault(&error))?;
        Ok(lock)
    }
}

impl WriteLock {
    /// Writes down the lock files that are about to be made, relative to the repository.
    pub(super) fn note(&mut self, lock_files: &[String]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(lock_files.join("\n").as_bytes())
    }

    /// They are gone.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Removes what a killed writer left.
    fn clear_up(&mut self) -> io::Result<()> {
        let mut note = String::new();
        self.file.rewind()?;
        self.file.read_to_string(&mut note)?;
        if note.is_empty() {
            return Ok(());
        }
        let written = self.file.metadata()?.modified()?;
        for name in note.lines().filter(|name| is_lock_file(name)) {
            remove_if_abandoned(&self.dir.join(name), written)?;
        }
        self.forget()
    }
}

/// Whether this can be one of the lock files that we make.
fn is_lock_file(name: &str) -> bool {
    let stays_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    stays_inside && (name == "packed-refs.lock" || (name.starts_with("refs/") && name.ends_with(".lock")))
}

/// Whether a lock file of this time may be of the writer of a note: one that was there before, or came long after, is not.
fn may_be_of_the_writer(made: SystemTime, note: SystemTime) -> bool {
    made.duration_since(note).is_ok_and(|after| after <= WRITING)
}

/// Removes a file of the writer of a note that stays as it is for [`GRACE`].
fn remove_if_abandoned(path: &Path, note: SystemTime) -> io::Result<()> {
    let seen = || path.symlink_metadata().and_then(|metadata| metadata.modified()).ok();
    let Some(first) = seen().filter(|made| may_be_of_the_writer(*made, note)) else { return Ok(()) };
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        std::thread::sleep(PAUSE);
        if seen() != Some(first) {
            return Ok(());
        }
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            tracing::warn!(path = %path.display(), "removed a lock file that a killed process left");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_lock_file;

    #[test]
    fn nothing_but_lock_files_of_references_is_ever_removed() {
        for name in ["refs/heads/main.lock", "refs/sluice/changes/1.lock", "packed-refs.lock"] {
            assert!(is_lock_file(name), "{name}");
        }
        for name in
            ["", "HEAD", "refs/heads/main", "/refs/heads/x.lock", "refs/../../x.lock", "../x.lock", "config.lock"]
        {
            assert!(!is_lock_file(name), "{name}");
        }
    }
}
