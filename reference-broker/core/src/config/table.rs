//! The catalogue of config keys: what a real 4.3.1 lists, kept as text tables and read once.
//!
//! It knows names, types, defaults, accepted values and who may change a key. It knows no layer and no resource. What a key is
//! for stands in Kafka's own documentation; ours says only what the table knows.

use std::sync::OnceLock;

use super::value::Rule;

/// A type of Kafka's `ConfigDef`, with the number that DescribeConfigs v3+ gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`, in any case.
    Boolean = 1,
    /// Text.
    String = 2,
    /// 32 bits.
    Int = 3,
    /// 16 bits.
    Short = 4,
    /// 64 bits.
    Long = 5,
    /// Floating point.
    Double = 6,
    /// Text with commas.
    List = 7,
    /// Name of a Java class.
    Class = 8,
    /// Never shown.
    Password = 9,
}

/// Who may change a key while the broker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// Nobody.
    ReadOnly,
    /// Changed for one broker, not for the cluster.
    PerBroker,
    /// As `PerBroker`, and only with the prefix of a listener.
    PerListener,
    /// Changed for one broker or as the cluster's default.
    ClusterWide,
    /// A topic's, group's or subscription's own key.
    Dynamic,
    /// Known, and shown only where it is set.
    Internal,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Its default in Kafka's text form; None where it has none.
    pub default: Option<&'static str>,
    /// What it accepts.
    pub rule: Rule,
    /// The same as the table has it; `any` for all of its type.
    pub accepts: &'static str,
    /// Who may change it.
    pub update: Update,
}

impl Key {
    /// Values of this key are never shown.
    pub fn is_sensitive(&self) -> bool {
        self.ty == Type::Password
    }

    /// What DescribeConfigs tells who asks for documentation.
    pub fn documentation(&self) -> String {
        let ty = format!("{:?}", self.ty).to_ascii_lowercase();
        let default = self
            .default
            .map(|default| format!("; default '{default}'"))
            .unwrap_or_default();
        let accepts = if self.accepts == "any" {
            String::new()
        } else {
            format!("; accepts {}", self.accepts)
        };
        format!("Type {ty}{default}{accepts}.")
    }

    /// Shown although nobody set it.
    pub fn is_listed(&self) -> bool {
        self.update != Update::Internal
    }
}

/// The keys of one kind of resource, sorted by name.
#[derive(Debug)]
pub struct Catalogue(Vec<Key>);

impl Catalogue {
    /// The key of that name.
    pub fn get(&self, name: &str) -> Option<&Key> {
        self.0
            .binary_search_by(|key| key.name.cmp(name))
            .ok()
            .map(|index| &self.0[index])
    }

    /// Every key.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    fn parse(table: &'static str) -> Self {
        let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut keys: Vec<Key> = rows.map(parse_row).collect();
        keys.sort_by_key(|key| key.name);
        Self(keys)
    }
}

macro_rules! catalogues {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> &'static Catalogue {
            static PARSED: OnceLock<Catalogue> = OnceLock::new();
            PARSED.get_or_init(|| Catalogue::parse(include_str!($file)))
        }
    )*};
}

catalogues! {
    /// What a broker is configured with.
    broker = "broker.tbl";
    /// What a topic can override.
    topic = "topic.tbl";
    /// What a group can override.
    group = "group.tbl";
    /// What a client metrics subscription consists of.
    client_metrics = "client_metrics.tbl";
}

fn parse_row(row: &'static str) -> Key {
    let mut words = row.split_ascii_whitespace();
    let mut word = || words.next().expect("a row of a table has five words");
    let (name, ty, default, rule, update) = (word(), word(), word(), word(), word());
    Key {
        name,
        ty: parse_type(ty),
        default: match default {
            "-" => None,
            "\"\"" => Some(""),
            text => Some(text),
        },
        rule: Rule::parse(rule),
        accepts: rule,
        update: parse_update(update),
    }
}

fn parse_type(word: &str) -> Type {
    match word {
        "boolean" => Type::Boolean,
        "string" => Type::String,
        "int" => Type::Int,
        "short" => Type::Short,
        "long" => Type::Long,
        "double" => Type::Double,
        "list" => Type::List,
        "class" => Type::Class,
        "password" => Type::Password,
        other => unreachable!("type {other} in a table of ours"),
    }
}

fn parse_update(word: &str) -> Update {
    match word {
        "read-only" => Update::ReadOnly,
        "per-broker" => Update::PerBroker,
        "per-listener" => Update::PerListener,
        "cluster-wide" => Update::ClusterWide,
        "dynamic" => Update::Dynamic,
        "internal" => Update::Internal,
        other => unreachable!("update mode {other} in a table of ours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_as_many_listed_keys_as_a_running_kafka() {
        let listed = |catalogue: &Catalogue| catalogue.iter().filter(|key| key.is_listed()).count();
        assert_eq!(
            (
                listed(broker()),
                listed(topic()),
                listed(group()),
                listed(client_metrics())
            ),
            (340, 33, 17, 3)
        );
    }

    #[test]
    fn every_default_is_a_value_that_its_key_accepts() {
        for key in broker().iter().chain(topic().iter()).chain(group().iter()) {
            if let Some(default) = key.default {
                assert_eq!(key.parse(default).as_deref(), Ok(default), "{}", key.name);
            }
        }
    }
}
