//! What can be asked for, and how a JSON object says it.

use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, said};
use crate::broker::Stop;
use crate::faults::{Cut, Fault, Side};

/// One thing to do.
pub(super) enum Order {
    /// Touches nothing but faults, and waits for nobody else's order.
    AtOnce(AtOnce),
    /// Nodes come, go or lead: one such order after the other.
    InTurn(InTurn),
}

/// What is set, told or taken back.
pub(super) enum AtOnce {
    /// What is set, and who runs.
    List,
    /// Requests meet a fault, of every node where none is said.
    Set(Option<i32>, Fault),
    /// Takes back one fault or all, of one node or all.
    Clear(Option<i32>, Option<u64>),
    /// A node stands still.
    Pause(i32),
    /// It goes on.
    Resume(i32),
    /// Its disk takes this time.
    SlowDisk(i32, Duration),
    /// Its disk has no room.
    FillDisk(i32),
    /// Cuts a link between two nodes.
    Cut(i32, i32, Cut),
    /// Cuts off a broker's clients.
    CutClients(i32, Cut),
    /// Makes one node whole, or all.
    Heal(Option<i32>),
}

/// What a node has to do first, or several.
pub(super) enum InTurn {
    /// Starts one that does not run.
    Start(i32),
    /// Stops one and starts it again.
    Restart(i32),
    /// Ends one.
    End(i32, Stop),
    /// Moves the leader of a partition.
    MoveLeader { topic: String, partition: i32, to: i32 },
}

const VERBS: &str = "delay, drop, close, error, clear, list, start, stop, kill, restart, pause, resume, cut, heal, move-leader, slow-disk, fill-disk";

impl Order {
    pub(super) fn read(value: Value) -> Result<Self, String> {
        let mut fields = Fields::of(value)?;
        let verb = said("do", fields.text("do")?)?;
        let order = Self::of(&verb, &mut fields)?;
        fields.end()?;
        Ok(order)
    }

    fn of(verb: &str, fields: &mut Fields) -> Result<Self, String> {
        match verb {
            "list" => Ok(Self::AtOnce(AtOnce::List)),
            "delay" | "drop" | "close" | "error" => {
                let set = AtOnce::Set(fields.id("broker")?, fault(verb, fields)?);
                Ok(Self::AtOnce(set))
            }
            "clear" => {
                let id = fields.count("id")?.map(u64::from);
                Ok(Self::AtOnce(AtOnce::Clear(fields.id("broker")?, id)))
            }
            "heal" => Ok(Self::AtOnce(AtOnce::Heal(fields.id("broker")?))),
            "cut" => cut(fields).map(Self::AtOnce),
            "move-leader" => Ok(Self::InTurn(InTurn::MoveLeader {
                topic: said("topic", fields.text("topic")?)?,
                partition: said("partition", fields.id("partition")?)?,
                to: said("to", fields.id("to")?)?,
            })),
            verb => to_node(verb, fields),
        }
    }
}

fn to_node(verb: &str, fields: &mut Fields) -> Result<Order, String> {
    // An unknown verb is told before what it lacks.
    if !VERBS.split(", ").any(|known| known == verb) {
        return Err(format!("there is no '{verb}'; there are {VERBS}"));
    }
    let id = said("broker", fields.id("broker")?)?;
    Ok(match verb {
        "start" => Order::InTurn(InTurn::Start(id)),
        "stop" => Order::InTurn(InTurn::End(id, Stop::Clean)),
        "kill" => Order::InTurn(InTurn::End(id, Stop::Kill)),
        "restart" => Order::InTurn(InTurn::Restart(id)),
        "pause" => Order::AtOnce(AtOnce::Pause(id)),
        "resume" => Order::AtOnce(AtOnce::Resume(id)),
        "slow-disk" => Order::AtOnce(AtOnce::SlowDisk(id, said("ms", fields.millis("ms")?)?)),
        _ => Order::AtOnce(AtOnce::FillDisk(id)),
    })
}

fn cut(fields: &mut Fields) -> Result<AtOnce, String> {
    let how = if fields.flag("silent")? {
        Cut::Silent
    } else {
        Cut::Refused
    };
    match (fields.ids("between")?, fields.id("clients-of")?) {
        (Some(ends), None) => match ends[..] {
            [one, other] => Ok(AtOnce::Cut(one, other, how)),
            _ => Err("'between' is two node ids, such as [1,2]".to_owned()),
        },
        (None, Some(broker)) => Ok(AtOnce::CutClients(broker, how)),
        _ => Err("cut wants either 'between', two node ids, or 'clients-of', one".to_owned()),
    }
}

fn fault(verb: &str, fields: &mut Fields) -> Result<Fault, String> {
    let api = said("api", fields.name("api")?)?;
    let fault = match verb {
        "delay" => Fault::delay(&api, said("ms", fields.millis("ms")?)?),
        "drop" => Fault::drop(&api),
        "close" => Fault::close(&api),
        _ => Fault::error(&api, &said("error", fields.name("error")?)?),
    };
    let mut fault = fault.map_err(|error| error.to_string())?;
    match fields.text("at")?.as_deref() {
        None | Some("request") => {}
        Some("answer") => fault = fault.at_answer().map_err(|error| error.to_string())?,
        Some(_) => return Err("'at' is request or answer".to_owned()),
    }
    if let Some(client) = fields.text("client")? {
        fault = fault.of_client(&client);
    }
    match fields.text("from")?.as_deref() {
        None => {}
        Some("clients") => fault = fault.from(Side::Clients),
        Some("brokers") => fault = fault.from(Side::Brokers),
        Some(_) => return Err("'from' is clients or brokers".to_owned()),
    }
    triggered(fault, fields)
}

fn triggered(fault: Fault, fields: &mut Fields) -> Result<Fault, String> {
    let once = fields.flag("once")?.then_some(1);
    let (times, nth, until) = (fields.count("times")?, fields.count("nth")?, fields.name("until")?);
    match (once.or(times), nth, until) {
        (None, None, None) => Ok(fault),
        (Some(times), None, None) if once.is_none() || once == Some(times) => Ok(fault.times(times)),
        (None, Some(nth), None) => Ok(fault.nth(nth)),
        (None, None, Some(api)) => fault.until(&api).map_err(|error| error.to_string()),
        _ => Err("say one of 'once', 'times', 'nth' and 'until', or none for always".to_owned()),
    }
}
