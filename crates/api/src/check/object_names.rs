//! Names of objects in specs.

use super::Mistake;
use crate::{Code, names};

/// What is wrong with the name of an object of such a kind.
pub(super) fn object_name(name: &str, path: String, of: &str) -> Option<Mistake> {
    (!names::is_object_name(name)).then(|| Mistake {
        code: Code::InvalidValue,
        path,
        place: None,
        message: format!("{name:?} is no name of {of}"),
        help: Some(names::OBJECT_NAME_HELP.to_owned()),
    })
}
