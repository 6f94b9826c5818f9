//! Does what an order says.

use serde_json::{Value, json};

use super::list;
use super::order::{Order, Verb};
use crate::broker::Stop;
use crate::cluster::{NodeState, Nodes};
use crate::faults::{Fault, FaultId, Other};

/// The answer, or why it was not done.
pub(super) async fn act(order: Order, mut nodes: Nodes<'_>) -> Result<Value, String> {
    match order {
        Order::List => {
            let states = nodes.states(None)?;
            return Ok(json!({ "ok": true, "nodes": states.iter().map(list::node).collect::<Vec<_>>() }));
        }
        Order::Set(broker, fault) => return set(&nodes.states(broker)?, &fault),
        Order::Clear(broker, id) => clear(&nodes.states(broker)?, id)?,
        Order::Node(id, verb) => tell(&mut nodes, id, verb).await?,
        Order::Cut(one, other, how) => nodes.cut(one, other, how)?,
        Order::CutClients(id, how) => one(&nodes, id)?.faults.cut(Other::Clients, how),
        Order::Heal(id) => nodes.states(id)?.iter().for_each(|state| state.faults.heal()),
        Order::MoveLeader { topic, partition, to } => nodes.move_leader(&topic, partition, to).await?,
    }
    Ok(json!({ "ok": true }))
}

fn set(states: &[NodeState], fault: &Fault) -> Result<Value, String> {
    let mut set = Vec::new();
    for state in states {
        let id = state.faults.set(fault.clone()).map_err(|error| error.to_string())?;
        set.push(json!({ "broker": state.id, "id": id.0 }));
    }
    Ok(json!({ "ok": true, "set": set }))
}

fn clear(states: &[NodeState], id: Option<u64>) -> Result<(), String> {
    let Some(id) = id else {
        states.iter().for_each(|state| state.faults.clear());
        return Ok(());
    };
    let taken = states
        .iter()
        .filter(|state| state.faults.take_back(FaultId(id)))
        .count();
    match taken {
        0 => Err(format!("no fault {id} is set; it is used up or was never")),
        _ => Ok(()),
    }
}

async fn tell(nodes: &mut Nodes<'_>, id: i32, verb: Verb) -> Result<(), String> {
    let faults = one(nodes, id)?.faults;
    match verb {
        Verb::Start => nodes.start(id).await,
        Verb::Restart => nodes.restart(id).await,
        Verb::Stop => nodes.end(id, Stop::Clean).await,
        Verb::Kill => nodes.end(id, Stop::Kill).await,
        Verb::Pause if !one(nodes, id)?.runs => Err(format!("node {id} does not run")),
        Verb::Pause => faults.pause().await.map_err(|error| error.to_string()),
        Verb::Resume => {
            faults.resume();
            Ok(())
        }
        Verb::SlowDisk(by) => faults.slow_disk(by).map_err(|error| error.to_string()),
        Verb::FillDisk => {
            faults.fill_disk();
            Ok(())
        }
    }
}

fn one(nodes: &Nodes<'_>, id: i32) -> Result<NodeState, String> {
    let found = nodes.states(Some(id))?.pop();
    found.ok_or_else(|| format!("there is no node {id} here"))
}
