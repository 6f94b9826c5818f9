//! Three brokers in one process beside one alone: start, idle memory, and what replicated records cost a replica: `scripts/cluster`.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[expect(dead_code, reason = "the other bench asks more of a broker")]
mod peers {
    pub(crate) mod life;
    pub(crate) mod wire;
    pub(crate) mod work;
}

use peers::life::Life;
use peers::work::produced_to;

/// What is measured of a life: until every broker has answered, then with nobody asking, then for each replica of what is produced.
const MEASURED: [&str; 4] = [
    "start, ms",
    "idle, MiB",
    "16 KiB batches, CPU s/GB a replica",
    "512 KiB batches, CPU s/GB a replica",
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
            "{what:36} one {:8.2}  three {:8.2}  three / one {ratio:.2}, {least:.2} to {greatest:.2}",
            one.1, three.1
        );
    }
    Ok(())
}

fn lived(command: &str, brokers: u16) -> Result<Measured, String> {
    let (life, start) = Life::begin_several(command, brokers)?;
    let idle = life.idle_mib();
    let (small, _) = produced_to(&life, "small", brokers.into(), 16)?;
    let (large, _) = produced_to(&life, "large", brokers.into(), 512)?;
    let a_replica = |cpu| cpu / f64::from(brokers);
    Ok([start.as_secs_f64() * 1e3, idle, a_replica(small), a_replica(large)])
}

fn middle(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
