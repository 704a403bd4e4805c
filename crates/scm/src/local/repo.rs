//! One repository, opened for one call; and what its failures mean.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use jiff::Timestamp;
use url::Url;

use super::Place;
use crate::error::{Error, Outcome};
use crate::host::Repository;
use crate::names::{BranchName, CommitSha, PullRequestNumber, RepoName};

/// The name of commits that nobody else signs.
pub(super) const SLUICE: &str = "Sluice";

/// The address in signatures: it belongs to nobody.
const ADDRESS: &str = "sluice@localhost";

/// The most memory for objects that are read more than once.
const OBJECT_CACHE: usize = 4 << 20;

/// One repository. Every method blocks.
pub(super) struct Repo {
    pub(super) git: gix::Repository,
    pub(super) name: RepoName,
    /// Canonical.
    pub(super) dir: PathBuf,
    pub(super) host: String,
    person: String,
}

impl Repo {
    /// Opens it anew, so that it is seen as it is now.
    pub(super) fn open(place: &Place, name: &RepoName) -> Result<Self, Error> {
        let dir = directory(place, name);
        let found = dir.canonicalize().and_then(|found| found.metadata().map(|metadata| (found, metadata)));
        let host = place.host.clone();
        let (found, metadata) = match found {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let message = format!("{}: {error}", dir.display());
                return Err(Error::Forbidden { host, what: format!("read repository {name}"), message });
            }
            Err(_) => {
                let dir = dir.display();
                let what = format!("repository {name} (no directory {dir}; `git init --bare {dir}` makes one)");
                return Err(Error::NotFound { host, what });
            }
        };
        let refuse = |remedy| {
            Err(Error::Unsupported { host: place.host.clone(), what: format!("use repository {name}"), remedy })
        };
        if !found.starts_with(&place.root) {
            let remedy = format!(
                "{} is a symbolic link out of the directory, to {}; move the repository here",
                dir.display(),
                found.display()
            );
            return refuse(remedy);
        }
        let opened = metadata.is_dir().then(|| gix::open_opts(&found, options()));
        let mut git = match opened {
            Some(Ok(git)) if git.is_bare() => git,
            Some(Err(error)) if error.is_unsupported() => return refuse(cause(&error)),
            Some(Err(error)) if error.is_permission_denied() => {
                return Err(Error::Forbidden { host, what: format!("read repository {name}"), message: cause(&error) });
            }
            _ => {
                let dir = dir.display();
                return refuse(format!(
                    "{dir} is no bare repository; `git clone --bare` makes one of another, `git init --bare` an empty one"
                ));
            }
        };
        if let Some(storage) =
            git.config_snapshot().string("extensions.refStorage").filter(|storage| *storage != "files")
        {
            return refuse(format!("it keeps its references as {storage}; make one with `--ref-format=files`"));
        }
        git.object_cache_size_if_unset(OBJECT_CACHE);
        Ok(Self { git, name: name.clone(), dir: found, host: place.host.clone(), person: place.person.clone() })
    }

    pub(super) fn describe(&self) -> Result<Repository, Error> {
        let intent = "read HEAD";
        let head = self.git.find_reference("HEAD").map_err(|error| self.fault(intent, &error))?;
        let target = head.target();
        let name = target.try_name().and_then(|name| name.as_bstr().strip_prefix(b"refs/heads/"));
        let branch = name.and_then(|name| BranchName::parse(std::str::from_utf8(name).ok()?).ok());
        let Some(default_branch) = branch else {
            let remedy = format!(
                "its HEAD names no branch; set it with `git -C {} symbolic-ref HEAD refs/heads/main`",
                self.dir.display()
            );
            return Err(self.unsupported("find the default branch", remedy));
        };
        let url = self.url();
        let read_only = self.dir.join("refs").metadata().is_ok_and(|refs| refs.permissions().readonly());
        let clone_urls = vec![url.clone(), self.dir.display().to_string()];
        Ok(Repository { name: self.name.clone(), default_branch, html_url: url, clone_urls, read_only })
    }

    /// Its `file` URL, which `git clone` takes.
    pub(super) fn url(&self) -> String {
        Url::from_file_path(&self.dir).map_or_else(|()| self.dir.display().to_string(), Into::into)
    }

    /// Who commits, at this time.
    pub(super) fn signature(&self, at: Timestamp) -> gix::actor::Signature {
        gix::actor::Signature {
            name: self.person.as_str().into(),
            email: ADDRESS.into(),
            time: gix::date::Time::new(at.as_second(), 0),
        }
    }

    /// The name that [`Repo::signature`] carries.
    pub(super) fn person(&self) -> &str {
        &self.person
    }

    /// A text that can be part of a git object.
    pub(super) fn writable<'t>(&self, what: &str, text: &'t str) -> Result<&'t str, Error> {
        if text.contains('\0') {
            return Err(self.unsupported(what, "its text has a NUL character; take it out".to_owned()));
        }
        Ok(text)
    }

    /// The id of an object as a commit's.
    pub(super) fn sha(&self, id: ObjectId) -> Result<CommitSha, Error> {
        CommitSha::parse(&id.to_string())
            .map_err(|error| self.unsupported("read a commit id", format!("{error}; report this")))
    }

    pub(super) fn branch_name(&self, branch: &BranchName) -> String {
        format!("branch {branch} of {}", self.name)
    }

    pub(super) fn change_name(&self, number: PullRequestNumber) -> String {
        format!("change {}#{number}", self.name)
    }

    pub(super) fn not_found(&self, what: String) -> Error {
        Error::NotFound { host: self.host.clone(), what }
    }

    pub(super) fn already_exists(&self, what: String) -> Error {
        Error::AlreadyExists { host: self.host.clone(), what }
    }

    pub(super) fn moved(&self, what: String, message: impl Into<String>) -> Error {
        Error::BranchMoved { host: self.host.clone(), what, message: message.into() }
    }

    pub(super) fn not_mergeable(&self, number: PullRequestNumber, why: impl Into<String>) -> Error {
        Error::NotMergeable { host: self.host.clone(), what: self.change_name(number), why: why.into() }
    }

    pub(super) fn unsupported(&self, what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Unsupported { host: self.host.clone(), what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn unavailable(&self, what: impl Into<String>, message: impl Into<String>) -> Error {
        let (what, message) = (format!("{} in {}", what.into(), self.name), message.into());
        Error::Unavailable { host: self.host.clone(), what, outcome: Outcome::NotApplied, message }
    }

    /// What it means that git could not do what `intent` says. Nothing was written.
    pub(super) fn fault(&self, intent: &str, error: &gix::Error) -> Error {
        let io = error.iter_errors().find_map(|error| error.downcast_ref::<std::io::Error>());
        match io {
            Some(io) => self.io_fault(intent, &self.dir, io),
            None if error.is_corrupted() || error.is_not_found() => {
                let remedy = format!("{}; see `git -C {} fsck`", cause(error), self.dir.display());
                self.unsupported(format!("{intent} in {}", self.name), remedy)
            }
            None => self.unavailable(intent, cause(error)),
        }
    }

    /// The same of a file.
    pub(super) fn io_fault(&self, intent: &str, path: &Path, error: &std::io::Error) -> Error {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::Forbidden { host: self.host.clone(), what: format!("{intent} in {}", self.name), message }
            }
            _ => self.unavailable(intent, message),
        }
    }
}

/// Where the repository of this name is.
pub(super) fn directory(place: &Place, name: &RepoName) -> PathBuf {
    place.root.join(format!("{name}.git"))
}

/// Nothing but the repository itself counts, and no program that its configuration names is started.
fn options() -> gix::open::Options {
    gix::open::Options::isolated()
        .open_path_as_is(true)
        .filter_config_section(|section| section.source.kind() != gix::config::source::Kind::Repository)
        .config_overrides(["core.filesRefLockTimeout=1000", "core.packedRefsTimeout=1000"])
}

/// What git says, as one line.
fn cause(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in error.iter_errors() {
        let part = error.to_string();
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(": ")
}
