//! What an Application has to run, and whether it does.

use std::collections::BTreeMap;

use sluice_scm::{CommitSha, same_repository};

use super::application::{Application, OperationState, Source};

/// Whether these revisions descend from the wanted commit, as far as the git host was asked. Commits never change, so an
/// answer holds for ever.
pub(super) type Ancestry = BTreeMap<String, bool>;

/// What an Application has to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This commit or a descendant of it, by any of the sources with these numbers.
    Commit { sha: CommitSha, sources: Vec<usize> },
    /// Exactly this: a commit, a chart version, or the name of a tag or branch that a source tracks.
    Revision(String),
    /// Whatever the sources have, seen since the step started.
    Any,
}

/// Whether revisions hold what is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// This one does. `by_name`: only because its source tracks the wanted name, which may have moved meanwhile.
    Yes { revision: &'a str, by_name: bool },
    /// None does.
    No,
    /// The git host has to be asked about this one.
    Unknown(&'a str),
}

impl Wanted {
    /// Whether the revisions that live objects were compared with hold what is wanted.
    pub(super) fn held_by<'a>(&self, application: &'a Application, ancestry: &Ancestry) -> Held<'a> {
        let revisions = application.compared_revisions();
        match self {
            Self::Commit { .. } => self.held_by_commits(&revisions, ancestry),
            Self::Revision(wanted) => {
                let by_name = || {
                    let sources = application.sources().iter();
                    sources.zip(&revisions).find(|(source, _)| source.target_revision == *wanted)
                };
                if let Some(revision) = revisions.iter().find(|revision| is_revision(revision, wanted)) {
                    Held::Yes { revision, by_name: false }
                } else if let Some((_, revision)) = by_name() {
                    Held::Yes { revision, by_name: true }
                } else {
                    Held::No
                }
            }
            Self::Any => match revisions.first() {
                Some(revision) => Held::Yes { revision, by_name: true },
                None => Held::No,
            },
        }
    }

    fn held_by_commits<'a>(&self, revisions: &[&'a str], ancestry: &Ancestry) -> Held<'a> {
        let Self::Commit { sha, .. } = self else { return Held::No };
        let mut unknown = Held::No;
        for revision in self.candidates(revisions) {
            match ancestry.get(revision) {
                _ if revision == sha.as_str() => return Held::Yes { revision, by_name: false },
                Some(true) => return Held::Yes { revision, by_name: false },
                Some(false) => {}
                // Anything else is a tag or a version, which no commit is.
                None if CommitSha::parse(revision).is_ok() => unknown = Held::Unknown(revision),
                None => {}
            }
        }
        unknown
    }

    /// Whether an operation was about what is wanted.
    pub(super) fn concerns(&self, operation: &OperationState, application: &Application, ancestry: &Ancestry) -> bool {
        let revisions = operation.revisions();
        match self {
            Self::Commit { .. } => matches!(self.held_by_commits(&revisions, ancestry), Held::Yes { .. }),
            Self::Revision(wanted) if revisions.iter().any(|revision| is_revision(revision, wanted)) => true,
            Self::Revision(_) | Self::Any => !revisions.is_empty() && revisions == application.compared_revisions(),
        }
    }

    /// The commits that the git host has to be asked about before this can be judged.
    pub(super) fn questions(&self, application: &Application, ancestry: &Ancestry) -> Vec<CommitSha> {
        let Self::Commit { sha, .. } = self else { return Vec::new() };
        let commits = self.interesting(application).into_iter().filter_map(|revision| CommitSha::parse(revision).ok());
        let mut unknown: Vec<CommitSha> =
            commits.filter(|commit| commit != sha && !ancestry.contains_key(commit.as_str())).collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// The revisions whose descent matters: those compared with, and those of an operation that failed.
    pub(super) fn interesting<'a>(&self, application: &'a Application) -> Vec<&'a str> {
        let failed = application.status.operation_state.as_ref().filter(|operation| operation.has_failed());
        let failed = failed.map(OperationState::revisions).unwrap_or_default();
        [application.compared_revisions(), failed].iter().flat_map(|revisions| self.candidates(revisions)).collect()
    }

    /// Those of each source's revisions that may hold the commit.
    fn candidates<'a>(&self, revisions: &[&'a str]) -> Vec<&'a str> {
        let Self::Commit { sources, .. } = self else { return Vec::new() };
        sources.iter().filter_map(|source| revisions.get(*source).copied()).collect()
    }

    /// For people; `None` when anything will do.
    pub(super) fn title(&self) -> Option<String> {
        match self {
            Self::Commit { sha, .. } => Some(short(sha.as_str())),
            Self::Revision(wanted) => Some(short(wanted)),
            Self::Any => None,
        }
    }
}

/// The numbers of the sources that are the repository with these URLs.
pub(super) fn sources_of(sources: &[Source], urls: &[String]) -> Vec<usize> {
    let is_one = |source: &Source| urls.iter().any(|url| same_repository(url, &source.repo_url));
    sources.iter().enumerate().filter(|(_, source)| is_one(source)).map(|(number, _)| number).collect()
}

/// Whether a revision is the wanted one, or the commit that the wanted one abbreviates to at least seven digits.
fn is_revision(revision: &str, wanted: &str) -> bool {
    let abbreviates = || {
        let digits = wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits
            && CommitSha::parse(revision).is_ok_and(|commit| commit.as_str().starts_with(&wanted.to_ascii_lowercase()))
    };
    revision == wanted || abbreviates()
}

/// A revision, or several, for people: commits as git abbreviates them.
pub(super) fn short(revisions: &str) -> String {
    let one = |revision: &str| -> String {
        let length = if CommitSha::parse(revision).is_ok() { 7 } else { 60 };
        revision.chars().take(length).collect()
    };
    revisions.split_whitespace().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str) -> Source {
        Source { repo_url: url.to_owned(), ..Source::default() }
    }

    #[test]
    fn sources_are_found_by_any_spelling_of_the_repository() {
        let urls = ["https://git.example/shop/gitops.git".to_owned()];
        let sources =
            ["git@git.example:shop/gitops", "https://charts.example", "https://git.example/shop/gitops"].map(source);
        assert_eq!(sources_of(&sources, &urls), [0, 2]);
        assert_eq!(sources_of(&sources, &["https://git.example/shop/other".to_owned()]), [0; 0]);
    }

    #[test]
    fn an_abbreviated_commit_is_the_commit() {
        let commit = "1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e";
        for (wanted, is) in
            [(commit, true), ("1a2b3c4", true), ("1A2B3C4D", true), ("1a2b3c", false), ("2a2b3c4", false)]
        {
            assert_eq!(is_revision(commit, wanted), is, "{wanted}");
        }
        assert!(is_revision("1.4.2", "1.4.2"));
        assert!(!is_revision("1.4.20", "1.4.2"));
    }
}
