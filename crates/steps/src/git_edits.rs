//! File edits as the configurations of steps have them, applied to the files of one commit.

use futures::{StreamExt, TryStreamExt, stream};
use sluice_api::step::FileEdit;
use sluice_engine::Failure;
use sluice_scm::{
    BranchName, Commit, FileChange, GitHost, RepoName, RepoPath,
    edit::{self, Edit, Path},
};

use crate::git_host::failure_of;

/// How many files are read at once.
const READS_AT_ONCE: usize = 4;

/// The edits of a step by file, in the order in which the files are named first.
pub(crate) struct Edits(Vec<(RepoPath, Vec<Edit>)>);

impl Edits {
    /// Reads the edits of a rendered configuration: `InvalidPath` for a file outside the repository, `EditFailed` for a
    /// path in a file that is none. Each names the edit.
    pub(crate) fn parse(edits: &[FileEdit]) -> Result<Self, Failure> {
        let mut files: Vec<(RepoPath, Vec<Edit>)> = Vec::new();
        for (index, FileEdit { file, set }) in edits.iter().enumerate() {
            let file = RepoPath::parse(file)
                .map_err(|error| Failure::definite("InvalidPath", format!("edits[{index}].file: {error}")))?;
            let path = Path::parse(&set.path)
                .map_err(|error| Failure::definite("EditFailed", format!("edits[{index}].set.path: {error}")))?;
            let edit = Edit { path, value: set.value.clone(), create: set.create.unwrap_or_default() };
            match files.iter_mut().find(|(other, _)| *other == file) {
                Some((_, edits)) => edits.push(edit),
                None => files.push((file, vec![edit])),
            }
        }
        Ok(Self(files))
    }

    /// What the edits change in the files of the branch's head; nothing when the files say it all already.
    pub(crate) async fn changes(
        &self,
        host: &dyn GitHost,
        repo: &RepoName,
        branch: &BranchName,
        head: &Commit,
    ) -> Result<Vec<FileChange>, Failure> {
        let place = Place { host, repo, branch, head };
        let changes = self.0.iter().map(|(path, edits)| place.change(path, edits)).collect::<Vec<_>>();
        let changes: Vec<Option<FileChange>> = stream::iter(changes).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(changes.into_iter().flatten().collect())
    }
}

/// Where files are read.
#[derive(Clone, Copy)]
struct Place<'a> {
    host: &'a dyn GitHost,
    repo: &'a RepoName,
    branch: &'a BranchName,
    head: &'a Commit,
}

impl Place<'_> {
    /// The change of one file, `None` when the edits leave it as it is.
    async fn change(self, path: &RepoPath, edits: &[Edit]) -> Result<Option<FileChange>, Failure> {
        let found = self.host.read_file(self.repo, path, &self.head.sha).await.map_err(|error| failure_of(&error))?;
        let Some(file) = found else {
            let message = format!("{self}: there is no file {path}: create it, or correct `file`");
            return Err(Failure::definite("FileNotFound", message));
        };
        let edited = edit::apply(path.as_str(), &file.content, edits)
            .map_err(|error| Failure::definite("EditFailed", format!("{self}: {error}")))?;
        let change = || FileChange { path: path.clone(), content: edited.content, replaces: Some(file.blob) };
        Ok(edited.changed.then(change))
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, repo, branch, head } = self;
        write!(f, "repository {repo} on {}, branch {branch} at {}", host.describe(), head.sha.short())
    }
}
