//! Texts of a configuration that hold no `${{ }}` are now what they will be: what is wrong with them is found when the pipeline is
//! written, by the parsers that its steps use when it runs.

use std::fmt::Display;

use sluice_api::{
    Duration, names,
    step::{ConfigMistake, FileEdit, Sources},
};
use sluice_expr::may_interpolate;
use sluice_scm::{BranchName, RepoName, RepoPath, edit};

use crate::until;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Literals(Vec<ConfigMistake>);

impl Literals {
    /// All that was found.
    pub(crate) fn mistakes(self) -> Vec<ConfigMistake> {
        self.0
    }

    /// A repository.
    pub(crate) fn repository(self, field: &str, text: &str) -> Self {
        self.read(field, Some(text), RepoName::parse)
    }

    /// The name of an object.
    pub(crate) fn object_name(self, field: &str, text: &str) -> Self {
        self.read(field, Some(text), |text| match names::is_object_name(text) {
            true => Ok(()),
            false => Err(format!("{text:?} is no name of an object: use small letters, digits, `-` and `.`")),
        })
    }

    /// A branch, where one is set.
    pub(crate) fn branch(self, field: &str, text: Option<&str>) -> Self {
        self.read(field, text, BranchName::parse)
    }

    /// A length of time, where one is set.
    pub(crate) fn duration(self, field: &str, text: Option<&str>) -> Self {
        self.read(field, text, str::parse::<Duration>)
    }

    /// A point in time, where one is set.
    pub(crate) fn point_in_time(self, field: &str, text: Option<&str>) -> Self {
        self.read(field, text, until::read)
    }

    /// File edits, the field `edits`.
    pub(crate) fn edits(self, edits: &[FileEdit]) -> Self {
        edits.iter().enumerate().fold(self, |found, (index, FileEdit { file, set })| {
            found.read(&format!("edits[{index}].file"), Some(file), RepoPath::parse).read(
                &format!("edits[{index}].set.path"),
                Some(&set.path),
                edit::Path::parse,
            )
        })
    }

    /// The files of git hosts among the sources, the field `sources`.
    pub(crate) fn sources(self, sources: &Sources) -> Self {
        let files = sources.iter().filter_map(|(name, source)| Some((name, source.file.as_ref()?)));
        files.fold(self, |found, (name, file)| {
            let field = |field: &str| format!("sources.{name}.file.{field}");
            found.repository(&field("repository"), &file.repository).branch(&field("ref"), file.r#ref.as_deref()).read(
                &field("path"),
                Some(&file.path),
                RepoPath::parse,
            )
        })
    }

    fn read<T, E: Display>(mut self, field: &str, text: Option<&str>, read: impl Fn(&str) -> Result<T, E>) -> Self {
        let literal = text.filter(|text| !may_interpolate(text));
        if let Some(error) = literal.and_then(|text| read(text).err()) {
            self.0.push(ConfigMistake { field: field.to_owned(), message: error.to_string(), help: None });
        }
        self
    }
}
