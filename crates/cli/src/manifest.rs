//! Manifests as kubectl reads them, with the place of everything in them.
//!
//! Files, directories and standard input become [`Document`]s: the value that the API server would get, and for each part of
//! it where it stands in the text. YAML is read as `kubectl` reads it (YAML 1.1: `on` is true and `0777` is 511), so what is
//! checked here is what would be applied. Nothing here knows what a Pipeline is; the kinds come with [`Document::parse`].

mod input;
mod object;
mod secrets;
#[cfg(test)]
mod tests;

use std::{ops::Range, path::PathBuf, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use sluice_scm::document::{Fault, NodeId, Remark, Source, Tree};

/// Parts of a text.
pub(crate) type Parts = Arc<[Range<usize>]>;

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    /// Every object, in the order of the files; a `List` is taken apart.
    pub(crate) documents: Vec<Document>,
    /// What could not be read, beside the documents that could.
    pub(crate) faults: Vec<Fault>,
    /// Of each file, the parts that hold Secrets, which nobody may see.
    pub(crate) secrets: Vec<(Arc<Source>, Parts)>,
}

/// One object of a file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The file.
    pub(crate) source: Arc<Source>,
    /// The whole document that it is, or stands in.
    pub(crate) tree: Arc<Tree>,
    /// The object in it.
    pub(crate) root: NodeId,
    /// The object as the API server would get it.
    pub(crate) value: Value,
    /// What kubectl passes over in silence.
    pub(crate) remarks: Vec<Remark>,
}

/// Why manifests cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read {path}")]
    Read { path: String, source: std::io::Error },
    #[error("{path} holds no file whose name ends in .yaml, .yml or .json")]
    NoManifests { path: String },
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults { faults: Vec<Fault> },
    #[error("{place}: {kind} {name:?}: {message}")]
    Object { place: String, kind: String, name: String, message: String },
}

impl Manifests {
    /// Reads files, directories (their `.yaml`, `.yml` and `.json` files; with `recursive` those of directories in them too)
    /// and, for `-`, standard input. What is no manifest is in [`Manifests::faults`].
    ///
    /// # Errors
    ///
    /// The first file that cannot be read at all.
    pub(crate) fn read(paths: &[PathBuf], recursive: bool) -> Result<Self, Error> {
        let mut manifests = Self::default();
        for source in input::read(paths, recursive)? {
            manifests.add(source);
        }
        Ok(manifests)
    }

    /// The same, and it is an error when there is a fault in any of them.
    ///
    /// # Errors
    ///
    /// Every fault of every file.
    pub(crate) fn read_whole(paths: &[PathBuf], recursive: bool) -> Result<Self, Error> {
        let manifests = Self::read(paths, recursive)?;
        if manifests.faults.is_empty() { Ok(manifests) } else { Err(Error::Faults { faults: manifests.faults }) }
    }

    /// Adds the documents of a text.
    pub(crate) fn add(&mut self, source: Source) {
        object::read(&Arc::new(source), self);
    }

    /// The objects of one kind, in the order of the files. Other kinds are passed over.
    ///
    /// # Errors
    ///
    /// The first object of that kind that is none.
    pub(crate) fn objects<K>(&self) -> Result<Vec<(&Document, K)>, Error>
    where
        K: kube::Resource<DynamicType = ()> + DeserializeOwned,
    {
        let of_kind = self.documents.iter().filter(|document| document.is::<K>());
        of_kind.map(|document| Ok((document, document.parse()?))).collect()
    }
}

impl Document {
    /// The text at this member of the object, such as `/metadata/name`; empty where there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its API version.
    pub(crate) fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Whether nobody may see its values.
    pub(crate) fn is_secret(&self) -> bool {
        secrets::is_secret(self.kind())
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Its namespace, where it says one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        Some(self.text("/metadata/namespace")).filter(|namespace| !namespace.is_empty())
    }

    /// Whether it says to be of this kind.
    pub(crate) fn is<K: kube::Resource<DynamicType = ()>>(&self) -> bool {
        self.api_version() == K::api_version(&()) && self.kind() == K::kind(&())
    }

    /// The object.
    ///
    /// # Errors
    ///
    /// Where it stands and what does not fit; of a Secret, whose values nobody may see, only that something does not.
    pub(crate) fn parse<K: DeserializeOwned>(&self) -> Result<K, Error> {
        K::deserialize(&self.value).map_err(|error| Error::Object {
            place: self.place(),
            kind: self.kind().to_owned(),
            name: self.name().to_owned(),
            message: match self.is_secret() {
                true => "a field of it is of the wrong type, see `sluice lint`; its values are not shown".to_owned(),
                false => error.to_string(),
            },
        })
    }

    /// The file and line that it begins on.
    pub(crate) fn place(&self) -> String {
        let start = self.tree.node(self.root).span.start;
        format!("{}:{}", self.source.name, self.source.position(start).line)
    }
}
