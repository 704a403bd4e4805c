//! The files that are meant: as `kubectl -f` finds them.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{Error, Source};

/// Standard input.
const STDIN: &str = "-";

/// The extensions of the files of a directory that are read.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// Reads them all, each file once for each time that it is named.
pub(super) fn read(paths: &[PathBuf], recursive: bool) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|source| Error::Read { path: "standard input".to_owned(), source })?;
            sources.push(Source::decode("<stdin>", &bytes));
            continue;
        }
        let metadata = fs::metadata(path).map_err(|error| failed(path, error))?;
        let files = if metadata.is_dir() { files_of(path, recursive)? } else { vec![path.clone()] };
        for file in files {
            let bytes = fs::read(&file).map_err(|error| failed(&file, error))?;
            sources.push(Source::decode(file.display().to_string(), &bytes));
        }
    }
    Ok(sources)
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Read { path: path.display().to_string(), source }
}

/// The manifests of a directory, by name.
fn files_of(directory: &Path, recursive: bool) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    walk(directory, recursive, &mut files)?;
    if files.is_empty() { Err(Error::NoManifests { path: directory.display().to_string() }) } else { Ok(files) }
}

/// Links to directories are not followed, so it ends.
fn walk(directory: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(directory).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut paths: Vec<_> =
        entries.map_err(|error| failed(directory, error))?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let metadata = fs::symlink_metadata(&path).map_err(|error| failed(&path, error))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if metadata.is_dir() {
            if recursive {
                walk(&path, recursive, files)?;
            }
        } else if EXTENSIONS.contains(&extension) {
            files.push(path);
        }
    }
    Ok(())
}
