//! What can be wrong with the directory, each said with its remedy.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::{FILE, Fixture, branch, git, git_command, key, path_of};
use crate::error::Error;
use crate::host::GitHost;
use crate::local::Local;
use crate::local::repo::Repo;
use crate::names::RepoName;

#[test]
fn a_root_that_is_not_there_is_said() {
    let root = TempDir::new().unwrap();
    std::fs::write(root.path().join("file"), "").unwrap();
    for (path, why) in [("nope", "No such file or directory"), ("file", "it is no directory")] {
        let path = root.path().join(path);
        let error = Local::open(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_bare_repository_is_said() {
    let f = Fixture::with_one_file().await;
    let team = f.dir().parent().unwrap().to_owned();
    std::fs::create_dir(team.join("empty.git")).unwrap();
    std::fs::write(team.join("file.git"), "").unwrap();
    std::fs::create_dir(team.join("work.git")).unwrap();
    git(&team.join("work.git"), &["init", "-q"]);
    for name in ["empty", "file", "work"] {
        let error = f.host.repository(&RepoName::parse(&format!("shop/{name}")).unwrap()).await.unwrap_err();
        let why = format!("{} is no bare repository", team.join(format!("{name}.git")).display());
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(&why), "{error}");
    }
}

#[tokio::test]
async fn a_repository_of_another_format_is_refused() {
    let f = Fixture::with_one_file().await;
    let team = f.dir().parent().unwrap().to_owned();
    git(&team, &["init", "-q", "--bare", "--object-format=sha256", "long.git"]);
    let error = f.host.repository(&RepoName::parse("shop/long").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    f.git(&["config", "core.repositoryFormatVersion", "1"]);
    f.git(&["config", "extensions.refStorage", "reftable"]);
    let error = f.host.branch(&f.name, &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[tokio::test]
async fn a_symbolic_link_may_lead_about_the_root_and_not_out_of_it() {
    let f = Fixture::with_one_file().await;
    let other = Fixture::with_one_file().await;
    let team = f.dir().parent().unwrap().to_owned();
    symlink(f.dir(), team.join("inside.git")).unwrap();
    symlink(other.dir(), team.join("outside.git")).unwrap();
    symlink(other.root.path(), f.root.path().join("elsewhere")).unwrap();
    f.host.repository(&RepoName::parse("shop/inside").unwrap()).await.unwrap();
    for name in ["shop/outside", "elsewhere/shop/gitops"] {
        let error = f.host.repository(&RepoName::parse(name).unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("symbolic link"), "{error}");
    }
}

#[tokio::test]
async fn a_repository_is_made_whole_and_only_once() {
    let root = TempDir::new().unwrap();
    let host = Local::open(root.path()).unwrap();
    let name = RepoName::parse("shop/team/gitops").unwrap();
    let files = [(path_of(FILE), b"a: 1\n".to_vec()), (path_of("README.md"), b"# Shop\n".to_vec())];
    let made = host.create(&name, &files, "Begin").await.unwrap();
    assert_eq!((made.parents.len(), made.message.as_str()), (0, "Begin\n"));
    let error = host.create(&name, &files, "Begin").await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    let dir = root.path().join("shop/team/gitops.git");
    git(&dir, &["fsck", "--strict"]);
    assert_eq!(git(&dir, &["ls-tree", "-r", "--name-only", "main"]), format!("README.md\n{FILE}"));
    let beside: Vec<_> = std::fs::read_dir(dir.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[tokio::test]
async fn an_empty_repository_of_git_has_a_default_branch_and_no_commit() {
    let f = Fixture::with_one_file().await;
    git(f.dir().parent().unwrap(), &["init", "-q", "--bare", "--initial-branch=trunk", "new.git"]);
    let name = RepoName::parse("shop/new").unwrap();
    assert_eq!(f.host.repository(&name).await.unwrap().default_branch, branch("trunk"));
    assert_eq!(f.host.branch(&name, &branch("trunk")).await.unwrap(), None);
    assert_eq!(f.host.open_changes(&name).await.unwrap(), []);
}

#[tokio::test]
async fn what_may_not_be_written_is_forbidden() {
    let f = Fixture::with_one_file().await;
    let repo = Repo::open(&f.host.place, &f.name).unwrap();
    for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
        let error = repo.io_fault("write", &f.dir(), &kind.into());
        assert!(matches!(error, Error::Forbidden { .. }) && !error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn a_file_where_a_directory_has_to_be_is_said() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    std::fs::remove_dir_all(f.dir().join("sluice")).unwrap();
    std::fs::write(f.dir().join("sluice"), "").unwrap();
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    let Error::Unavailable { message, .. } = &error else { panic!("{error:?}") };
    assert!(message.contains(f.dir().join("sluice").to_str().unwrap()) && error.end_is_known(), "{error}");
    assert_eq!(f.host.branch(&f.name, &branch("sluice/k")).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_repository_points_to_fsck() {
    let f = Fixture::with_one_file().await;
    let head = f.head("main").await.head.sha;
    let (first, rest) = head.as_str().split_at(2);
    std::fs::remove_file(f.dir().join("objects").join(first).join(rest)).unwrap();
    let error = f.host.branch(&f.name, &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("fsck"), "{error}");
}

#[tokio::test]
async fn packed_references_are_as_good_as_loose_ones() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    f.git(&["pack-refs", "--all"]);
    assert_eq!(f.pull(pull.number).await, pull);
    f.host.close_pull_request(&f.name, pull.number).await.unwrap();
    f.host.delete_branch(&f.name, &pull.head, &made.sha).await.unwrap();
    assert_eq!(f.host.branch(&f.name, &pull.head).await.unwrap(), None);
    assert!(
        !git_command(&f.dir(), &["rev-parse", "-q", "--verify", "sluice/abcdefgh"]).output().unwrap().status.success()
    );
    f.is_sound();
}
