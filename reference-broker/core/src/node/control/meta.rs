//! `meta.properties`: which node of which cluster a data directory belongs to, in the Java properties that Kafka writes.

use std::collections::HashMap;

use crate::units::TopicId;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MetaProperties {
    pub(super) cluster_id: String,
    pub(super) directory_id: [u8; 16],
    pub(super) node_id: i32,
}

pub(super) const FILE: &str = "meta.properties";

impl MetaProperties {
    /// Reads the file, or says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{FILE} is not text"))?;
        let properties: HashMap<String, String> = text.lines().filter_map(property).collect();
        let get = |key: &str| {
            properties
                .get(key)
                .ok_or_else(|| format!("{FILE} has no {key}; it is not a directory that Kafka formatted"))
        };
        if get("version")? != "1" {
            return Err(format!(
                "{FILE} has version {}; this broker reads version 1",
                get("version")?
            ));
        }
        let node_id = get("node.id")?;
        let directory_id = get("directory.id")?;
        Ok(Self {
            cluster_id: get("cluster.id")?.clone(),
            directory_id: TopicId::parse(directory_id)
                .map(|id| id.0)
                .ok_or_else(|| format!("{FILE}: directory.id={directory_id} is not an id"))?,
            node_id: node_id
                .parse()
                .map_err(|_| format!("{FILE}: node.id={node_id} is not a number"))?,
        })
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let Self {
            cluster_id,
            directory_id,
            node_id,
        } = self;
        let directory_id = TopicId(*directory_id);
        format!("#\nnode.id={node_id}\ndirectory.id={directory_id}\nversion=1\ncluster.id={cluster_id}\n")
    }
}

/// `key=value`, with the backslashes that Java puts before `:`, `=`, `#` and `!`.
fn property(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', '!']))?;
    Some((key.trim().to_owned(), value.trim().replace('\\', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN_BY_KAFKA: &[u8] = b"#\n#Sun Nov 22 17:58:37 UTC 2026\nnode.id=1\ndirectory.id=m3t66wA_jFmMaKuN5EViHw\nversion=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\n";

    #[test]
    fn what_kafka_wrote_is_read_and_what_is_written_is_read_again() {
        let meta = MetaProperties::parse(WRITTEN_BY_KAFKA).expect("Kafka's own");
        assert_eq!((meta.node_id, meta.cluster_id.as_str()), (1, "4L6g3nShT-eMCtK--X86sw"));
        assert_eq!(TopicId(meta.directory_id).to_string(), "m3t66wA_jFmMaKuN5EViHw");
        assert_eq!(MetaProperties::parse(meta.text().as_bytes()), Ok(meta));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_said() {
        for (bytes, says) in [
            (&b"\xff\xfe"[..], "not text"),
            (b"", "no version"),
            (b"version=0\nbroker.id=1\n", "version 0"),
            (b"version=1\nnode.id=1\n", "no directory.id"),
            (
                b"version=1\nnode.id=x\ndirectory.id=m3t66wA_jFmMaKuN5EViHw\ncluster.id=c\n",
                "not a number",
            ),
            (b"version=1\nnode.id=1\ndirectory.id=short\ncluster.id=c\n", "not an id"),
        ] {
            let error = MetaProperties::parse(bytes).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
