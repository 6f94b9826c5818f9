//! The reference beside its peers, as one table of medians and ratios: `scripts/peers`.
//!
//! `PEERS` has a line for each peer, its name, `=` and its command with `{port}` and `{data}` filled in; `ROUNDS` says how
//! often each of them lives. All live in turn, so that what else the machine does meets all alike.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::print_stderr, reason = "and says how far it is")]

mod peers {
    pub(crate) mod life;
    pub(crate) mod subscribe;
    pub(crate) mod table;
    pub(crate) mod wire;
    pub(crate) mod work;
}

use peers::life::Life;
use peers::subscribe::subscribed;
use peers::table::{Broker, COLUMNS, Cell};
use peers::work;

fn main() {
    let rounds = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    let mut brokers = vec![Broker::new(
        "reference",
        concat!(
            env!("CARGO_BIN_EXE_reference-broker"),
            " --listen 127.0.0.1:{port} --config group.initial.rebalance.delay.ms=0"
        ),
    )];
    for line in std::env::var("PEERS").unwrap_or_default().lines() {
        let (name, command) = line.split_once('=').expect("NAME=COMMAND");
        brokers.push(Broker::new(name, command));
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for broker in &mut brokers {
            let cells = lived(broker);
            broker.rounds.push(cells);
        }
    }
    println!("{}", peers::table::drawn(&brokers));
}

/// One life of a broker: what each column asks of it. What it could not do in an earlier life is not tried again.
fn lived(broker: &Broker) -> [Cell; COLUMNS.len()] {
    let mut cells: [Cell; COLUMNS.len()] = std::array::from_fn(|column| broker.failed(column));
    let (life, start) = match Life::begin(&broker.command) {
        Ok(begun) => begun,
        Err(why) => return cells.map(|_| Err(why.clone())),
    };
    cells[0] = Ok(start.as_secs_f64() * 1e3);
    cells[1] = Ok(life.idle_mib());
    if cells[2].is_ok() {
        (cells[2], cells[3]) = pair(work::produced(&life));
    }
    if cells[4].is_ok() {
        (cells[4], cells[5]) = pair(cells[2].clone().and_then(|_| work::fetched(&life)));
    }
    if cells[6].is_ok() {
        cells[6] = work::joined(&life);
    }
    if cells[7].is_ok() {
        cells[7] = work::committed(&life);
    }
    for (column, protocol) in [(8, "classic"), (9, "consumer")] {
        if cells[column].is_ok() {
            cells[column] = cells[6].clone().and_then(|_| subscribed(&life, protocol));
        }
    }
    cells
}

fn pair(measured: Result<(f64, f64), String>) -> (Cell, Cell) {
    match measured {
        Ok((one, other)) => (Ok(one), Ok(other)),
        Err(why) => (Err(why.clone()), Err(why)),
    }
}
