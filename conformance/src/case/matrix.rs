//! Version and release ranges: how one case becomes several runs.

/// One column of a case's matrix: the API version that this run uses, if the case has a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// API name and version.
    pub api: Option<(String, i16)>,
}

/// A range of Kafka releases, both ends included; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Releases {
    /// First release.
    pub from: Option<String>,
    /// Last release.
    pub to: Option<String>,
}

impl Cell {
    /// The cell of a case without a matrix.
    pub fn bare() -> Self {
        Self { api: None }
    }

    /// The cell of one API version.
    pub fn of(api: &str, version: i16) -> Self {
        Self {
            api: Some((api.to_owned(), version)),
        }
    }

    /// The version that this run uses for an API, where the matrix says one.
    pub fn version_of(&self, api: &str) -> Option<i16> {
        self.api
            .as_ref()
            .filter(|(name, _)| name == api)
            .map(|(_, version)| *version)
    }
}

impl Releases {
    /// Whether a release such as `4.0.2` lies inside; a bound `4.0` covers every `4.0.x`.
    pub fn contains(&self, release: &str) -> bool {
        let after_start = self
            .from
            .as_deref()
            .is_none_or(|from| numbers(release) >= numbers(from));
        let before_end = self.to.as_deref().is_none_or(|to| {
            let bound = numbers(to);
            let mut cut = numbers(release);
            cut.truncate(bound.len());
            cut <= bound
        });
        after_start && before_end
    }
}

fn numbers(release: &str) -> Vec<u32> {
    release.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Releases;

    fn range(from: Option<&str>, to: Option<&str>) -> Releases {
        Releases {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        }
    }

    #[test]
    fn a_short_bound_covers_every_patch_release() {
        assert!(range(Some("4.0"), Some("4.3")).contains("4.3.1"));
        assert!(!range(Some("4.0"), Some("4.3")).contains("4.4.0"));
        assert!(!range(Some("4.0"), None).contains("3.9.2"));
        assert!(range(None, None).contains("3.9.2"));
    }
}
