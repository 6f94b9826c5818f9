//! Names in sugar: a bare word is a name of this run, a quoted text stands as it is.

use kafka_fixtures::value::Value;

use super::{Call, Halt};
use crate::case::{Arg, Args};

impl Call<'_> {
    /// The name on the broker: a word gets this run's prefix, a quoted text or a symbol stands as it is.
    pub(super) fn name(&self, arg: &Arg) -> Option<String> {
        match arg {
            Arg::Word(word) => Some(self.session.symbols().names.unique(word)),
            other => other.text(),
        }
    }

    /// The n-th positional argument as a name.
    pub(super) fn name_at(&self, args: &Args, index: usize, what: &str) -> Result<String, Halt> {
        args.positional
            .get(index)
            .and_then(|arg| self.name(arg))
            .ok_or_else(|| Halt::Broken(format!("{} wants {what}", args.verb)))
    }

    /// `t/0` as the topic's name on the broker and the partition.
    pub(super) fn topic_partition(&self, arg: &Arg) -> Result<(String, i32), Halt> {
        let wrong = || Halt::Broken(format!("{arg} wants to be TOPIC/PARTITION, such as t/0"));
        let text = arg.text().ok_or_else(wrong)?;
        let (topic, partition) = text.rsplit_once('/').ok_or_else(wrong)?;
        let partition = partition.parse().map_err(|_| wrong())?;
        let topic = match arg {
            Arg::Word(_) => self.session.symbols().names.unique(topic),
            _ => topic.to_owned(),
        };
        Ok((topic, partition))
    }

    /// The name of the topic that an entry of a reply is about, also where the reply knows only its id.
    pub(super) fn topic_of<'a>(&self, entry: &Value, asked: impl Iterator<Item = &'a str>) -> String {
        let named = ["Name", "Topic"]
            .iter()
            .find_map(|field| entry.get(field)?.as_str())
            .filter(|name| !name.is_empty());
        if let Some(name) = named {
            return name.to_owned();
        }
        let Some(Value::Uuid(id)) = entry.get("TopicId") else {
            return String::new();
        };
        let known = self.session.known_topic(*id);
        known.unwrap_or_else(|| {
            let mut unknown = asked.filter(|name| !self.session.knows_topic(name));
            unknown
                .next()
                .map_or_else(|| self.session.symbols().topic_id(*id), str::to_owned)
        })
    }
}
