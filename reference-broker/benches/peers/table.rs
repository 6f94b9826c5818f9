//! The table: a line for each broker with its medians, then the reference's ratios to each peer, then why a cell is empty.

use std::fmt::Write;

/// What one life gave for one column, or why not.
pub(crate) type Cell = Result<f64, String>;

/// Of a column: its head, its unit, the digits after the point.
pub(crate) const COLUMNS: [(&str, &str, usize); 10] = [
    ("start", "ms", 1),
    ("idle", "MiB", 1),
    ("produce", "CPU s/GB", 2),
    ("", "MB/s", 0),
    ("fetch", "CPU s/GB", 2),
    ("", "MB/s", 0),
    ("group", "ms", 2),
    ("transaction", "ms", 2),
    ("subscribe", "classic", 0),
    ("in ms", "consumer", 0),
];
const NAME: usize = 11;
const WIDTHS: [usize; COLUMNS.len()] = [8, 7, 10, 7, 10, 7, 8, 13, 11, 10];

pub(crate) struct Broker {
    name: String,
    pub(crate) command: String,
    pub(crate) rounds: Vec<[Cell; COLUMNS.len()]>,
}

impl Broker {
    pub(crate) fn new(name: &str, command: &str) -> Self {
        Self {
            name: name.to_owned(),
            command: command.to_owned(),
            rounds: Vec::new(),
        }
    }

    /// Why an earlier life had no answer for this column. One that did not even start tells nothing of the others.
    pub(crate) fn failed(&self, column: usize) -> Cell {
        let started = self.rounds.iter().filter(|cells| cells[0].is_ok());
        let mut cells = started.map(|cells| &cells[column]);
        cells.find(|cell| cell.is_err()).cloned().unwrap_or(Ok(0.0))
    }

    fn median(&self, column: usize) -> Cell {
        self.failed(column)?;
        let cells = self.rounds.iter().map(|cells| &cells[column]);
        let values: Vec<f64> = cells.flatten().copied().collect();
        match self.rounds.last().map(|cells| &cells[column]) {
            Some(Err(why)) if values.is_empty() => Err(why.clone()),
            _ => Ok(middle(values).1),
        }
    }

    /// Of the reference's values in the same rounds divided by this one's: least, median, greatest.
    fn ratio(&self, reference: &Self, column: usize) -> Result<(f64, f64, f64), String> {
        reference.median(column)?;
        self.median(column)?;
        let pairs = reference.rounds.iter().zip(&self.rounds);
        let ratios = pairs.flat_map(|(ours, theirs)| Some(ours[column].as_ref().ok()? / theirs[column].as_ref().ok()?));
        let ratios: Vec<f64> = ratios.collect();
        if ratios.is_empty() {
            Err("never in the same round".into())
        } else {
            Ok(middle(ratios))
        }
    }
}

fn middle(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

pub(crate) fn drawn(brokers: &[Broker]) -> String {
    let mut page =
        line("", COLUMNS.map(|(head, ..)| head.to_owned())) + &line("", COLUMNS.map(|(_, unit, _)| unit.to_owned()));
    let mut notes = Vec::new();
    for broker in brokers {
        page += &line(
            &broker.name,
            std::array::from_fn(|column| match broker.median(column) {
                Ok(value) => format!("{value:.*}", COLUMNS[column].2),
                Err(why) => noted(&mut notes, format!("{}: {why}", broker.name)),
            }),
        );
    }
    let (reference, peers) = brokers.split_first().expect("the reference itself");
    for peer in peers {
        page += &ratios(reference, peer);
    }
    for (n, note) in notes.iter().enumerate() {
        let _ = writeln!(page, "({}) {note}", n + 1);
    }
    page
}

/// Median, and beneath it the spread.
fn ratios(reference: &Broker, peer: &Broker) -> String {
    let ratio = |column| peer.ratio(reference, column);
    let tell = |of: fn((f64, f64, f64)) -> f64| {
        std::array::from_fn(|column| ratio(column).map_or("–".to_owned(), |ratio| precise(of(ratio))))
    };
    line(&format!("÷ {}", peer.name), tell(|(_, median, _)| median))
        + &line("  from", tell(|(least, ..)| least))
        + &line("  to", tell(|(.., greatest)| greatest))
}

/// Two digits that tell something.
fn precise(ratio: f64) -> String {
    format!("{ratio:.*}", if ratio < 0.1 { 4 } else { 2 })
}

fn noted(notes: &mut Vec<String>, note: String) -> String {
    let known = notes.iter().position(|other| *other == note);
    let n = known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    format!("no ({})", n + 1)
}

fn line(name: &str, cells: [String; COLUMNS.len()]) -> String {
    let mut line = format!("{name:NAME$}");
    for (cell, width) in cells.iter().zip(WIDTHS) {
        let _ = write!(line, "{cell:>width$}");
    }
    line.trim_end().to_owned() + "\n"
}
