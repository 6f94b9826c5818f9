//! Three brokers in one process beside one alone: start, idle memory, and what replicated records cost a replica: `scripts/cluster`.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[expect(dead_code, reason = "the other bench asks more of a broker")]
mod peers {
    pub(crate) mod life;
    pub(crate) mod wire;
    pub(crate) mod work;
}

use peers::life::Life;
use peers::work::{Load, produced_to};

/// What is measured of a life: until every broker has answered, then with nobody asking, then for each replica of what is produced.
/// Of the small batches four are in flight. A connection's requests are served one after the other, as in Kafka: on one connection each
/// batch is replicated by itself, and what that costs is mostly the system waking one thread after the other.
const MEASURED: [&str; 5] = [
    "start, ms",
    "idle, MiB",
    "16 KiB on 4 connections, CPU s/GB a replica",
    "16 KiB on one connection, CPU s/GB a replica",
    "512 KiB on one connection, CPU s/GB a replica",
];
type Measured = [f64; MEASURED.len()];

const ONE: &str = concat!(env!("CARGO_BIN_EXE_reference-broker"), " --listen 127.0.0.1:{port}");
const THREE: &str = concat!(
    env!("CARGO_BIN_EXE_reference-broker"),
    " --listen 127.0.0.1:{port} --brokers 3"
);

fn main() -> Result<(), String> {
    let rounds = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    // In turn, so that what else the machine does meets both alike.
    let lives: Result<Vec<(Measured, Measured)>, String> =
        (0..rounds).map(|_| Ok((lived(ONE, 1)?, lived(THREE, 3)?))).collect();
    let lives = lives?;
    for (n, what) in MEASURED.iter().enumerate() {
        let one = middle(lives.iter().map(|(one, _)| one[n]));
        let three = middle(lives.iter().map(|(_, three)| three[n]));
        let (least, ratio, greatest) = middle(lives.iter().map(|(one, three)| three[n] / one[n]));
        println!(
            "{what:46} one {:8.2}  three {:8.2}  three / one {ratio:.2}, {least:.2} to {greatest:.2}",
            one.1, three.1
        );
    }
    Ok(())
}

fn lived(command: &str, brokers: u16) -> Result<Measured, String> {
    let (life, start) = Life::begin_several(command, brokers)?;
    let idle = life.idle_mib();
    let a_replica = |topic, records, connections| {
        let replicas = brokers.into();
        let load = Load {
            replicas,
            records,
            connections,
        };
        let (cpu, _) = produced_to(&life, topic, load)?;
        Ok::<_, String>(cpu / f64::from(brokers))
    };
    let small = a_replica("small", 16, 4)?;
    let one_by_one = a_replica("one-by-one", 16, 1)?;
    let large = a_replica("large", 512, 1)?;
    Ok([start.as_secs_f64() * 1e3, idle, small, one_by_one, large])
}

fn middle(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
