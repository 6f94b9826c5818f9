//! Steps about the connection and the broker themselves: raw bytes, ends, kills.

use std::time::Duration;

use super::{Call, Halt, Place};
use crate::case::{Arg, Args};
use crate::observe::bytes_text;
use crate::target::{LaunchError, TargetError};

/// How long `closed` and `unasked` wait where they do not say.
const PATIENCE: Duration = Duration::from_secs(2);

/// `raw 0x…`: bytes as they are. `frame 0x… [length=N]`: with a length prefix. `reply=none` does not wait for a reply.
pub(super) async fn raw(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["length", "within", "reply"])?;
    let parts = args.positional.iter().map(Arg::bytes).collect::<Option<Vec<_>>>();
    let mut bytes = parts.map(|parts| parts.concat()).ok_or_else(|| {
        let verb = &args.verb;
        Halt::Broken(format!("{verb} wants bytes: 0x00ff or a text"))
    })?;
    if args.verb == "frame" {
        let length = args
            .int("length")?
            .unwrap_or_else(|| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        let length = i32::try_from(length).map_err(|_| Halt::Broken("length= wants an int32".to_owned()))?;
        bytes.splice(0..0, length.to_be_bytes());
    }
    call.within = args.millis("within")?;
    let awaits = args.text("reply").as_deref() != Some("none");
    let reply = call.raw(&bytes, &Place::Any, awaits).await?;
    Ok(reply
        .map(|frame| format!("reply {}", bytes_text(&frame)))
        .into_iter()
        .collect())
}

/// `closed [within=MS]`: whether the connection ends.
pub(super) async fn closed(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["within"])?;
    let (place, name) = call.seat(&Place::Any);
    let closed = match call.session.opened(&place, name.as_deref()).await? {
        Some(connection) => connection.closes_within(patience(args)?).await,
        None => {
            return Err(Halt::Broken(
                "closed wants a connection that a step above opened".to_owned(),
            ));
        }
    };
    Ok(vec![if closed { "closed" } else { "open" }.to_owned()])
}

/// `unasked [within=MS]`: replies that nobody asked for, or `silence`.
pub(super) async fn unasked(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["within"])?;
    let connection = call.connection(&Place::Any).await?;
    let closed = connection.closes_within(patience(args)?).await;
    let frames: Vec<String> = connection
        .unasked()
        .iter()
        .map(|frame| format!("unasked {}", bytes_text(frame)))
        .collect();
    match (frames.is_empty(), closed) {
        (true, true) => Err(Halt::Closed),
        (true, false) => Err(Halt::Silence),
        (false, _) => Ok(frames),
    }
}

fn patience(args: &Args) -> Result<Duration, Halt> {
    Ok(args.millis("within")?.unwrap_or(PATIENCE))
}

/// `disconnect`: drops the connection from our side.
pub(super) async fn disconnect(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[])?;
    let (place, name) = call.seat(&Place::Any);
    call.session.disconnect(&place, name.as_deref()).await?;
    Ok(Vec::new())
}

/// A broker's place in the list, by number or by what it is. Where nothing is said, the one that is down if one is to come back,
/// else the first.
async fn place(call: &Call<'_>, args: &Args) -> Result<usize, Halt> {
    let wanted = || {
        let verb = &args.verb;
        Halt::Broken(format!(
            "{verb} wants the place of a broker, from 0, or what it is: leader.t/0, or nothing"
        ))
    };
    let place = match args.positional.as_slice() {
        [] => {
            return Ok(call
                .session
                .down()
                .filter(|_| matches!(args.verb.as_str(), "restart" | "resume"))
                .unwrap_or(0));
        }
        [place] => match place.int() {
            Some(index) => return usize::try_from(index).map_err(|_| wanted()),
            None => place
                .text()
                .and_then(|name| call.place_named(&name))
                .ok_or_else(wanted)?,
        },
        _ => return Err(wanted()),
    };
    let found = call.session.place_of(&place).await?;
    found.ok_or_else(|| Halt::Broken(format!("{} finds no broker that is {place:?}", args.verb)))
}

/// `kill [N]` as kill -9, `stop [N]` as SIGTERM, `restart [N]`, `pause [N]` as SIGSTOP, `resume [N]`: of the broker at that place in the list,
/// the first where it does not say, or of one that is something: `kill leader.t/0`. `restart refused=true` shows whether it starts: one
/// that ended by itself before it answered refused to.
pub(super) async fn broker(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let restarts = args.verb == "restart";
    args.only(if restarts { &["refused"] } else { &[] })?;
    let index = place(call, args).await?;
    let cut = call.session.connections_to(index).await;
    let mut running = call.session.running().lock().await;
    let done = match args.verb.as_str() {
        "kill" => running.kill(index).await.map(|()| "killed"),
        "stop" => running.close(index).await.map(|()| "stopped"),
        "pause" => running.pause(index).await.map(|()| "paused"),
        "resume" => running.resume(index).await.map(|()| "resumed"),
        _ => match running.restart(index).await {
            Ok(()) => Ok("started"),
            Err(LaunchError::Ended(_)) if args.flag("refused") => Ok("refused"),
            Err(error) => Err(error.into()),
        },
    };
    let done = done.map_err(|error: TargetError| Halt::Broken(error.to_string()))?;
    call.session.set_down(index, !matches!(done, "started" | "resumed"));
    // No later step may ask on one of them.
    if matches!(done, "killed" | "stopped" | "started") {
        for connection in cut {
            connection.closes_within(PATIENCE).await;
        }
    }
    let shown = args.flag("refused").then(|| done.to_owned());
    Ok(shown.into_iter().collect())
}
