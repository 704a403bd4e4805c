//! How the local mode writes: a file is there whole or not at all, and once it is said to be written it outlives a crash of
//! the machine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// Puts a file in its place, over the one that is there.
///
/// # Guarantees
/// Whoever reads it sees the old bytes or the new ones, never a part. On success they are on disk, and so is the name.
/// Only one process at a time may write the same file.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(&path.with_added_extension("new"), path, content)
}

/// The same for a file that several processes write at the same time, each the same bytes.
pub(crate) fn replace_together(path: &Path, content: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let own = format!("{}-{}.new", process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
    replace_by(&path.with_added_extension(own), path, content)
}

fn replace_by(beside: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    sync_directory_of(path)
}

/// Makes a directory and those above it, on disk when it returns.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_directory(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    sync_directory_of(path)
}

/// Until a directory is synced, a name in it may be lost.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        make_directory(&directory.path().join("a/b")).unwrap();
        let path = directory.path().join("a/b/run.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path().join("a/b")).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_written_by_many_at_the_same_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("revision.json");
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| replace_together(&path, b"the same"))).collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
        });
        assert_eq!(fs::read(&path).unwrap(), b"the same");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
