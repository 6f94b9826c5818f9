//! Where case files come from: the ones inside the binary, or a directory.

use std::path::{Path, PathBuf};

use super::{Case, ParseError, parse};

include!(concat!(env!("OUT_DIR"), "/embedded_cases.rs"));

/// A case file that could not be read or parsed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The text is not a case: says file:line:column and what was expected.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The name of a case file, and the case or what is wrong with it.
pub type Loaded = (String, Result<Case, LoadError>);

/// Every case inside the binary, by name.
pub fn load_embedded() -> Result<Vec<Case>, LoadError> {
    EMBEDDED.iter().map(|(name, text)| Ok(parse(name, text)?)).collect()
}

/// Every `.case` file below a directory, by name.
pub fn load_dir(dir: &Path) -> Result<Vec<Case>, LoadError> {
    load_each(dir)?.into_iter().map(|(_, loaded)| loaded).collect()
}

/// Likewise, each with its name and with what came of it: one file that is wrong does not hide the others.
pub fn load_each(dir: &Path) -> Result<Vec<Loaded>, LoadError> {
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    files.sort();
    Ok(files.iter().map(|file| load_file(dir, file)).collect())
}

fn load_file(dir: &Path, file: &Path) -> Loaded {
    let name = file
        .strip_prefix(dir)
        .unwrap_or(file)
        .with_extension("")
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(file).map_err(|source| LoadError::Read {
        path: file.to_owned(),
        source,
    });
    let loaded = text.and_then(|text| Ok(parse(&name, &text)?));
    (name, loaded)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let fail = |source| LoadError::Read {
        path: dir.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "case") {
            files.push(path);
        }
    }
    Ok(())
}
