//! Does what an order says.

use serde_json::{Value, json};

use super::list;
use super::order::{AtOnce, InTurn};
use crate::cluster::{Known, Nodes, Roster};
use crate::faults::{Fault, FaultError, FaultId, Other};

/// The answer, or why it was not done.
pub(super) type Done = Result<Value, String>;

/// Waits for nobody, but for a broker to stand still.
pub(super) async fn at_once(order: AtOnce, nodes: &Roster) -> Done {
    match order {
        AtOnce::List => {
            let told: Vec<Value> = nodes.of(None)?.into_iter().map(list::node).collect();
            return Ok(json!({ "ok": true, "nodes": told }));
        }
        AtOnce::Set(broker, fault) => return set(&nodes.of(broker)?, &fault),
        AtOnce::Clear(broker, id) => clear(&nodes.of(broker)?, id)?,
        AtOnce::Pause(id) => pause(nodes.one(id)?).await?,
        AtOnce::Resume(id) => nodes.one(id)?.faults.resume(),
        AtOnce::SlowDisk(id, by) => nodes.one(id)?.faults.slow_disk(by).map_err(told)?,
        AtOnce::FillDisk(id) => nodes.one(id)?.faults.fill_disk(),
        AtOnce::Cut(one, other, how) => nodes.cut(one, other, how)?,
        AtOnce::CutClients(id, how) => nodes.one(id)?.faults.cut(Other::Clients, how),
        AtOnce::Heal(id) => nodes.of(id)?.iter().for_each(|node| node.faults.heal()),
    }
    Ok(json!({ "ok": true }))
}

/// Has nodes in hand, and returns when they have done it.
pub(super) async fn in_turn(order: InTurn, nodes: &mut Nodes<'_>) -> Done {
    match order {
        InTurn::Start(id) => nodes.start(id).await?,
        InTurn::Restart(id) => nodes.restart(id).await?,
        InTurn::End(id, how) => nodes.end(id, how).await?,
        InTurn::MoveLeader { topic, partition, to } => nodes.move_leader(&topic, partition, to).await?,
    }
    Ok(json!({ "ok": true }))
}

/// All of them have it, or none.
fn set(nodes: &[&Known], fault: &Fault) -> Done {
    let mut set: Vec<(&Known, FaultId)> = Vec::new();
    for node in nodes {
        match node.faults.set(fault.clone()) {
            Ok(id) => set.push((node, id)),
            Err(error) => {
                for (node, id) in set {
                    node.faults.take_back(id);
                }
                return Err(told(error));
            }
        }
    }
    let set = set.iter().map(|(node, id)| json!({ "broker": node.id, "id": id.0 }));
    Ok(json!({ "ok": true, "set": set.collect::<Vec<_>>() }))
}

/// Each node counts its own faults: an id alone may name another one's.
fn clear(nodes: &[&Known], id: Option<u64>) -> Result<(), String> {
    match (nodes, id) {
        (_, None) => {
            nodes.iter().for_each(|node| node.faults.clear());
            Ok(())
        }
        ([node], Some(id)) if node.faults.take_back(FaultId(id)) => Ok(()),
        ([_], Some(id)) => Err(format!("no fault {id} is set; it is used up or was never")),
        (_, Some(id)) => Err(format!("each node has a fault {id} of its own; say 'broker' too")),
    }
}

async fn pause(node: &Known) -> Result<(), String> {
    match node.faults.pause().await {
        Err(FaultError::Down) => Err(format!("node {} does not run", node.id)),
        paused => paused.map_err(told),
    }
}

fn told(error: FaultError) -> String {
    error.to_string()
}
