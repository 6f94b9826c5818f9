//! Nodes by their ids, to be told what to do: those of a cluster in this process, or the one of this process.

use super::leadership::Move;
use super::place::Place;
use crate::broker::Stop;
use crate::faults::{Cut, Faults, Other};

/// Nodes that are in our hands.
pub(crate) struct Nodes<'a>(Vec<&'a mut Place>);

/// What can be known of them, and set, without them in hand: it stays so while nodes come and go.
#[derive(Clone, Default)]
pub(crate) struct Roster(Vec<Known>);

/// A node, whether it runs or not.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: i32,
    pub(crate) address: String,
    pub(crate) faults: Faults,
}

impl Roster {
    /// Who is at these places.
    pub(super) fn at<'a>(places: impl Iterator<Item = &'a Place>) -> Self {
        let known = |place: &Place| Known {
            id: place.id(),
            address: place.address().to_string(),
            faults: place.faults(),
        };
        Self(places.map(known).collect())
    }

    /// All of them, or one where that is said.
    pub(crate) fn of(&self, id: Option<i32>) -> Result<Vec<&Known>, String> {
        match id {
            None => Ok(self.0.iter().collect()),
            Some(id) => self.one(id).map(|known| vec![known]),
        }
    }

    pub(crate) fn one(&self, id: i32) -> Result<&Known, String> {
        let found = self.0.iter().find(|known| known.id == id);
        found.ok_or_else(|| self.unknown(id))
    }

    /// Cuts the link between two, in the directions that are in our hands: one of them may be elsewhere.
    pub(crate) fn cut(&self, one: i32, other: i32, how: Cut) -> Result<(), String> {
        if one == other {
            return Err(format!("node {one} has no link to itself"));
        }
        let ends: Vec<&Known> = self.0.iter().filter(|end| [one, other].contains(&end.id)).collect();
        // Of several in this process each is known; a node alone cannot know who else there is.
        match (ends.len(), self.0.len()) {
            (0, _) => Err(self.unknown(one)),
            (1, 2..) => Err(self.unknown(if ends[0].id == one { other } else { one })),
            _ => {
                for end in ends {
                    let to = if end.id == one { other } else { one };
                    end.faults.cut(Other::Node(to), how);
                }
                Ok(())
            }
        }
    }

    /// Makes every node whole.
    pub(crate) fn heal(&self) {
        self.0.iter().for_each(|known| known.faults.heal());
    }

    fn unknown(&self, id: i32) -> String {
        let ids: Vec<String> = self.0.iter().map(|known| known.id.to_string()).collect();
        format!("there is no node {id} here; there is {}", ids.join(", "))
    }
}

impl<'a> Nodes<'a> {
    pub(super) fn new(places: impl IntoIterator<Item = &'a mut Place>) -> Self {
        Self(places.into_iter().collect())
    }

    /// Who they are, and what each can be told to do wrong.
    pub(crate) fn roster(&self) -> Roster {
        Roster::at(self.0.iter().map(|place| &**place))
    }

    /// Ends one.
    pub(crate) async fn end(&mut self, id: i32, how: Stop) -> Result<(), String> {
        let place = self.one(id)?;
        if !place.runs() {
            return Err(format!("node {id} does not run"));
        }
        place.end(how).await;
        Ok(())
    }

    /// Starts one that does not run.
    pub(crate) async fn start(&mut self, id: i32) -> Result<(), String> {
        if self.one(id)?.runs() {
            return Err(format!("node {id} runs already"));
        }
        self.restart(id).await
    }

    /// Starts one again, on the same address and data.
    pub(crate) async fn restart(&mut self, id: i32) -> Result<(), String> {
        let started = self.one(id)?.restart().await;
        started.map_err(|error| error.to_string())
    }

    /// Has a broker lead a partition; asks any of ours that runs, and rather one that is cut off from nobody.
    pub(crate) async fn move_leader(&self, topic: &str, partition: i32, to: i32) -> Result<(), String> {
        let brokers = self.0.iter().filter(|place| place.runs() && place.is_broker());
        let able = brokers.filter(|place| !place.faults().is_paused());
        let by = able.min_by_key(|place| place.faults().cuts().len());
        let by = by.ok_or_else(|| "no broker runs here that could be asked".to_owned())?;
        let wanted = Move {
            topic: topic.to_owned(),
            partition,
            to,
        };
        wanted.carry_out(by.address()).await
    }

    fn one(&mut self, id: i32) -> Result<&mut Place, String> {
        let unknown = self.roster().unknown(id);
        let mut places = self.0.iter_mut();
        places
            .find(|place| place.id() == id)
            .map(|place| &mut **place)
            .ok_or(unknown)
    }
}
