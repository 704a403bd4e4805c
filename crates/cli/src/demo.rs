//! The directory of `sluice demo`: the manifests of `examples/demo`, and a bare git repository with something to deploy.
//!
//! It is there whole or not at all, and nothing is ever deleted that the demo did not make itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sluice_scm::{Local, RepoName, RepoPath};

use crate::local::StateDirectory;

/// The manifests, by file name.
const MANIFESTS: [(&str, &str); 2] = [
    ("pipeline.yaml", include_str!("../../../examples/demo/pipeline.yaml")),
    ("providers.yaml", include_str!("../../../examples/demo/providers.yaml")),
];

/// What is in the repository, by path.
const FILES: [(&str, &str); 1] =
    [("staging/web.yaml", include_str!("../../../examples/demo/repository/staging/web.yaml"))];

/// The repository, and where the provider of the manifests looks for it.
const REPOSITORY: &str = "shop/gitops";
const REPOSITORIES: &str = "repositories";

/// Says that a directory is a demo's.
const MARKER: &str = ".sluice-demo";

/// A demo directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demo {
    path: PathBuf,
}

/// A demo that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{} is there already and is no demo: name another directory with --dir", path.display())]
    NotOurs { path: PathBuf },
    #[error("failed to {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("failed to make the repository {REPOSITORY}")]
    Repository(#[source] sluice_scm::Error),
    #[error("the repository {REPOSITORY:?} of the demo has no valid name")]
    Name(#[from] sluice_scm::NameError),
}

impl Demo {
    /// The demo to show: the first of `path`, `path-2`, `path-3`, ... that is new or that `goes_on`.
    pub(crate) async fn find(path: &Path, goes_on: impl Fn(&Self) -> bool) -> Result<Self, Error> {
        for number in 1.. {
            let path = match number {
                1 => path.to_owned(),
                _ => PathBuf::from(format!("{}-{number}", path.display())),
            };
            let demo = Self { path };
            if demo.is_free()? {
                demo.set_up().await?;
                return Ok(demo);
            }
            if !demo.path.join(MARKER).exists() {
                return Err(Error::NotOurs { path: demo.path });
            }
            if goes_on(&demo) {
                return Ok(demo);
            }
        }
        Err(Error::NotOurs { path: path.to_owned() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its runs are kept.
    pub(crate) fn state(&self) -> StateDirectory {
        StateDirectory::beside(&self.path)
    }

    /// The directory of its git repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.path.join(REPOSITORIES).join(format!("{REPOSITORY}.git"))
    }

    /// What a change of it changes: the lines that go and come.
    pub(crate) async fn changed_lines(&self, number: u64) -> Result<Vec<String>, Error> {
        let local = Local::open(&self.path.join(REPOSITORIES)).map_err(Error::Repository)?;
        let diff = local.diff(&RepoName::parse(REPOSITORY)?, sluice_scm::PullRequestNumber(number)).await;
        let diff = diff.map_err(Error::Repository)?;
        let is_change = |line: &&str| {
            (line.starts_with('-') && !line.starts_with("---")) || (line.starts_with('+') && !line.starts_with("+++"))
        };
        Ok(diff.lines().filter(is_change).map(str::to_owned).collect())
    }

    /// Whether there is nothing in its place, or an empty directory.
    fn is_free(&self) -> Result<bool, Error> {
        match fs::read_dir(&self.path) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(source) => Err(Error::Io { action: "read", path: self.path.clone(), source }),
        }
    }

    /// Makes everything beside its place, and then moves it there.
    async fn set_up(&self) -> Result<(), Error> {
        let failed = |action: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { action, path, source }
        };
        let beside = PathBuf::from(format!("{}.new", self.path.display()));
        // What a demo left that was killed while it was here.
        if beside.join(MARKER).exists() {
            fs::remove_dir_all(&beside).map_err(failed("remove", &beside))?;
        }
        fs::create_dir_all(beside.parent().unwrap_or(Path::new("."))).map_err(failed("make", &beside))?;
        match fs::create_dir(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(Error::NotOurs { path: beside }),
            made => made.map_err(failed("make", &beside))?,
        }
        let write = |name: &str, text: &str| {
            let path = beside.join(name);
            fs::write(&path, text).map_err(failed("write", &path))
        };
        write(MARKER, "Made by `sluice demo`. Delete the directory when you like.\n")?;
        MANIFESTS.iter().try_for_each(|(name, text)| write(name, text))?;
        let repositories = beside.join(REPOSITORIES);
        fs::create_dir(&repositories).map_err(failed("make", &repositories))?;
        let files = FILES.iter().map(|(path, text)| Ok((RepoPath::parse(path)?, text.as_bytes().to_vec())));
        let files = files.collect::<Result<Vec<_>, sluice_scm::NameError>>()?;
        let local = Local::open(&repositories).map_err(Error::Repository)?.signed_by(&crate::local::user());
        let made = local.create(&RepoName::parse(REPOSITORY)?, &files, "What runs in staging").await;
        made.map_err(Error::Repository)?;
        fs::rename(&beside, &self.path).map_err(failed("make", &self.path))
    }
}
