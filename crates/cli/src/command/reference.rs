//! `sluice reference`: writes the reference pages of the documentation. For `make generate`.

use std::{fs, path::PathBuf};

use anyhow::Context;

/// Write the reference pages of the documentation into a directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The directory, which is there.
    directory: PathBuf,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    for page in crate::reference::pages()? {
        let file = arguments.directory.join(page.file);
        fs::write(&file, page.text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    Ok(())
}
