//! Who a node is among the nodes of its cluster: its ports, id and rack, as the properties that say so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cannot;
use crate::target::TargetError;
use crate::target::layout::{CONTROLLER, Layout};

impl Layout {
    /// What says who the broker with this id is. Racks are only where there are several.
    pub(super) fn broker(&self, id: usize) -> Vec<(&'static str, String)> {
        let (port, controller) = (self.brokers[id - 1], self.controller);
        let mut own = self.common(id);
        let mut listeners = vec![format!("PLAINTEXT://127.0.0.1:{port}")];
        listeners.extend(self.more_of(id));
        if self.has_controller_apart() {
            own.push(("process.roles", "broker".to_owned()));
            own.push(("broker.rack", format!("r{id}")));
        } else {
            own.push(("process.roles", "broker,controller".to_owned()));
            listeners.push(format!("CONTROLLER://127.0.0.1:{controller}"));
        }
        own.push(("listeners", listeners.join(",")));
        own
    }

    /// What says who the controller is.
    pub(super) fn controller(&self) -> Vec<(&'static str, String)> {
        let mut own = self.common(CONTROLLER);
        own.push(("process.roles", "controller".to_owned()));
        own.push(("listeners", format!("CONTROLLER://127.0.0.1:{}", self.controller)));
        own
    }

    fn common(&self, id: usize) -> Vec<(&'static str, String)> {
        // Each name once, though several brokers may have it.
        let more: BTreeSet<String> = (self.listeners.iter())
            .map(|listener| format!(",{}:PLAINTEXT", listener.name))
            .collect();
        let voter = if self.has_controller_apart() { CONTROLLER } else { 1 };
        vec![
            ("node.id", id.to_string()),
            (
                "controller.quorum.voters",
                format!("{voter}@127.0.0.1:{}", self.controller),
            ),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned() + &String::from_iter(more),
            ),
        ]
    }
}

/// What says who the broker of a ZooKeeper is.
pub(super) fn beside_zookeeper(port: u16, zookeeper: u16) -> Vec<(&'static str, String)> {
    vec![
        ("broker.id", "1".to_owned()),
        ("zookeeper.connect", format!("127.0.0.1:{zookeeper}")),
        ("listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
    ]
}

/// Makes a copy of a formatted directory that of the node with this id: the id of the directory is no longer the copied one's.
pub(super) fn becomes(data: &Path, id: usize) -> Result<(), TargetError> {
    let path = data.join("meta.properties");
    let text = fs::read_to_string(&path).map_err(|e| cannot("read", &path, &e))?;
    let line = |line: &str| match line.split_once('=') {
        Some(("node.id", _)) => format!("node.id={id}\n"),
        Some(("directory.id", _)) => format!("directory.id={}\n", directory_id()),
        _ => format!("{line}\n"),
    };
    let text: String = text.lines().map(line).collect();
    fs::write(&path, text).map_err(|e| cannot("write", &path, &e))
}

/// A random id as Kafka writes ids: URL-safe Base64 of 16 bytes. One that starts with a dash is not drawn by Kafka either.
fn directory_id() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = uuid::Uuid::new_v4().as_u128();
    // The first letter stands for the highest six bits; the last one for two, followed by zeros.
    let letter = |at: u32| {
        let six = if at < 21 { bits >> (122 - 6 * at) } else { bits << 4 };
        char::from(LETTERS[(six & 63) as usize])
    };
    let id: String = (0..22).map(letter).collect();
    if id.starts_with('-') { directory_id() } else { id }
}

#[cfg(test)]
mod tests {
    use super::{Layout, becomes};
    use crate::target::Listener;

    fn says(own: &[(&str, String)], key: &str) -> Option<String> {
        let said = own.iter().find(|(name, _)| *name == key);
        said.map(|(_, value)| value.clone())
    }

    #[test]
    fn three_brokers_have_racks_and_a_controller_apart() {
        let three = Layout {
            brokers: vec![10, 20, 30],
            controller: 40,
            listeners: Vec::new(),
        };
        let second = three.broker(2);
        assert_eq!(says(&second, "node.id").as_deref(), Some("2"));
        assert_eq!(says(&second, "broker.rack").as_deref(), Some("r2"));
        for own in [&second, &three.controller()] {
            assert_eq!(
                says(own, "controller.quorum.voters").as_deref(),
                Some("100@127.0.0.1:40")
            );
        }
        let alone = Layout {
            brokers: vec![10],
            controller: 40,
            listeners: Vec::new(),
        };
        assert_eq!(says(&alone.broker(1), "broker.rack"), None);
        assert_eq!(
            says(&alone.broker(1), "process.roles").as_deref(),
            Some("broker,controller")
        );
    }

    #[test]
    fn a_broker_says_its_own_listeners_and_every_node_what_they_speak() {
        let three = Layout {
            brokers: vec![10, 20, 30],
            controller: 40,
            listeners: vec![Listener::extra(0, 50), Listener::extra(1, 60)],
        };
        let listeners = |id| says(&three.broker(id), "listeners").unwrap_or_default();
        assert_eq!(listeners(2), "PLAINTEXT://127.0.0.1:20,EXTRA://127.0.0.1:60");
        assert_eq!(listeners(3), "PLAINTEXT://127.0.0.1:30");
        let spoken = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTRA:PLAINTEXT";
        for own in [three.broker(3), three.controller()] {
            assert_eq!(says(&own, "listener.security.protocol.map").as_deref(), Some(spoken));
        }
    }

    #[test]
    fn a_copied_directory_gets_the_ids_of_its_node() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("meta.properties");
        std::fs::write(&file, "#\ncluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\n").expect("written");
        becomes(dir.path(), 3).expect("rewritten");
        let text = std::fs::read_to_string(&file).expect("it is there");
        assert!(
            text.contains("cluster.id=c\n") && text.contains("node.id=3\n"),
            "{text}"
        );
        let id = text.lines().find_map(|line| line.strip_prefix("directory.id="));
        assert!(id.is_some_and(|id| id.len() == 22 && id != "d"), "{text}");
    }
}
