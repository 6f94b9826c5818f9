//! Where recordings live: the case files of a checkout, its lock and its golden frames; or a directory of one's own.

use std::path::{Path, PathBuf};

/// The files that a recording reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory of the case files.
    pub cases: PathBuf,
    /// The lock.
    pub lock: PathBuf,
    /// The directory of the golden frames; only a checkout has one.
    pub frames: Option<PathBuf>,
}

impl Place {
    /// The cases of a directory, or of the checkout around `from`. Cases outside a checkout have their lock beside them.
    ///
    /// # Errors
    /// There is no such directory, or no checkout: says what to do.
    pub fn find(cases: Option<&Path>, from: &Path) -> Result<Self, String> {
        match cases {
            Some(dir) => {
                let whole = dir.canonicalize().map_err(|error| format!("--cases {}: {error}", dir.display()))?;
                Ok(Self::of_checkout(dir, &whole).unwrap_or_else(|| Self { cases: dir.to_owned(), lock: dir.join("cases.lock"), frames: None }))
            }
            None => from
                .ancestors()
                .find_map(|root| {
                    let cases = root.join(IN_CHECKOUT);
                    cases.is_dir().then(|| Self::of_checkout(&cases, &cases)).flatten()
                })
                .ok_or_else(|| {
                    let from = from.display();
                    format!("no {IN_CHECKOUT} at {from} or above it: run this in a checkout, or say --cases DIR for cases of your own")
                }),
        }
    }

    fn of_checkout(cases: &Path, whole: &Path) -> Option<Self> {
        let fixtures = whole.ends_with(IN_CHECKOUT).then(|| whole.join("../../fixtures"))?;
        let fixtures = fixtures.canonicalize().ok()?;
        let (lock, frames) = (fixtures.join("recorded/cases.lock"), Some(fixtures.join("frames")));
        Some(Self {
            cases: cases.to_owned(),
            lock,
            frames,
        })
    }

    /// The file of a case.
    pub fn file(&self, case: &str) -> PathBuf {
        self.cases.join(format!("{case}.case"))
    }
}

const IN_CHECKOUT: &str = "conformance/cases";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::Place;

    #[test]
    fn a_checkout_is_found_from_anywhere_inside_it_and_its_absence_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        for dir in ["conformance/cases/produce", "fixtures", "elsewhere"] {
            fs::create_dir_all(root.path().join(dir)).expect("a directory");
        }
        let found = Place::find(None, &root.path().join("conformance/cases/produce")).expect("a checkout");
        assert!(found.lock.ends_with("fixtures/recorded/cases.lock") && found.frames.is_some());
        let named = Place::find(Some(&root.path().join("conformance/cases")), Path::new("/")).expect("a checkout");
        assert_eq!(named.lock, found.lock);
        let own = Place::find(Some(&root.path().join("elsewhere")), Path::new("/")).expect("a directory");
        assert!(own.lock.ends_with("elsewhere/cases.lock") && own.frames.is_none());
        assert!(
            Place::find(None, Path::new("/proc"))
                .expect_err("no checkout")
                .contains("--cases DIR")
        );
        assert!(Place::find(Some(Path::new("/no/such")), Path::new("/")).is_err());
    }
}
