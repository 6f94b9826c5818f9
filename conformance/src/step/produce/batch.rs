//! The record batches that a `produce` step describes.

use super::Halt;
use crate::case::Arg;
use crate::records::{BatchSpec, Codec, RecordSpec};

/// Name and value; a value of None is null.
type Header = (String, Option<Vec<u8>>);

const KEYS: &[&str] = &[
    "to",
    "values",
    "keys",
    "headers",
    "ts",
    "codec",
    "crc",
    "count",
    "magic",
    "base-offset",
    "last-offset-delta",
    "length",
    "leader-epoch",
    "producer",
    "epoch",
    "seq",
    "txn",
    "control",
    "attributes",
    "append-time",
    "base-ts",
    "max-ts",
    "payload",
    "batches",
    "raw",
    "cut",
];

/// The bytes of the records field: one batch, or those of `batches=`, or `raw=` as it is; None for `raw=null`.
pub(super) fn records(entry: &Arg, now_ms: i64) -> Result<Option<Vec<u8>>, Halt> {
    known_keys(entry)?;
    let mut bytes = match (entry.get("raw"), entry.get("batches")) {
        (Some(raw), _) => match raw.bytes() {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
        (None, Some(Arg::List(batches))) => {
            let mut bytes = Vec::new();
            for batch in batches {
                known_keys(batch)?;
                bytes.extend(one(batch, now_ms)?);
            }
            bytes
        }
        (None, Some(other)) => return Err(Halt::Broken(format!("batches wants [{{…}}, …], not {other}"))),
        (None, None) => one(entry, now_ms)?,
    };
    if let Some(cut) = number::<usize>(entry, "cut")? {
        bytes.truncate(bytes.len().saturating_sub(cut));
    }
    Ok(Some(bytes))
}

fn known_keys(entry: &Arg) -> Result<(), Halt> {
    let Arg::Record(fields) = entry else {
        return Err(Halt::Broken(format!("a batch reads {{ values: […] }}, not {entry}")));
    };
    match fields.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, _)) => Err(Halt::Broken(format!(
            "produce does not know {key}=; it knows {}= acks= timeout= txn-id=",
            KEYS.join("= ")
        ))),
    }
}

fn one(entry: &Arg, now_ms: i64) -> Result<Vec<u8>, Halt> {
    let mut spec = BatchSpec::of(record_specs(entry, now_ms)?);
    if let Some(codec) = entry.get("codec").and_then(Arg::text) {
        spec.codec = Codec::named(&codec)
            .ok_or_else(|| Halt::Broken(format!("codec={codec}: none, gzip, snappy, lz4, zstd or an id")))?;
    }
    force(&mut spec, entry)?;
    spec.bytes().map_err(|error| Halt::Broken(error.to_string()))
}

fn force(spec: &mut BatchSpec, entry: &Arg) -> Result<(), Halt> {
    let flag = |key: &str| entry.get(key).and_then(Arg::text).as_deref() == Some("true");
    spec.count = number(entry, "count")?;
    spec.last_offset_delta = number(entry, "last-offset-delta")?;
    spec.length = number(entry, "length")?;
    spec.base_timestamp = number(entry, "base-ts")?;
    spec.max_timestamp = number(entry, "max-ts")?;
    spec.magic = number(entry, "magic")?.unwrap_or(spec.magic);
    spec.base_offset = number(entry, "base-offset")?.unwrap_or(spec.base_offset);
    spec.leader_epoch = number(entry, "leader-epoch")?.unwrap_or(spec.leader_epoch);
    spec.producer_id = number(entry, "producer")?.unwrap_or(spec.producer_id);
    let (epoch, sequence) = if spec.producer_id >= 0 { (0, 0) } else { (-1, -1) };
    spec.producer_epoch = number(entry, "epoch")?.unwrap_or(epoch);
    spec.base_sequence = number(entry, "seq")?.unwrap_or(sequence);
    spec.attributes = number(entry, "attributes")?.unwrap_or(0)
        | if flag("append-time") { 0x08 } else { 0 }
        | if flag("txn") { 0x10 } else { 0 }
        | if flag("control") { 0x20 } else { 0 };
    spec.payload = entry.get("payload").and_then(Arg::bytes);
    spec.crc_error = match entry.get("crc").and_then(Arg::text).as_deref() {
        None | Some("right") => 0,
        Some("wrong") => 1,
        Some(other) => return Err(Halt::Broken(format!("crc={other}: right or wrong"))),
    };
    Ok(())
}

/// `values=` with `keys=`, `headers=` and `ts=` beside it; an element may also say all: `{ key: k, value: v, ts: now }`.
fn record_specs(entry: &Arg, now_ms: i64) -> Result<Vec<RecordSpec>, Halt> {
    let values = entry.get("values").map(Arg::items).unwrap_or_default();
    let keys = entry.get("keys").map(Arg::items).unwrap_or_default();
    let times = entry.get("ts").map(Arg::items).unwrap_or_default();
    let shared_headers = entry.get("headers").map(headers).transpose()?.unwrap_or_default();
    values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let time = if times.len() == 1 {
                times.first()
            } else {
                times.get(index)
            };
            let mut record = RecordSpec {
                key: keys.get(index).and_then(Arg::bytes),
                value: value.bytes(),
                headers: shared_headers.clone(),
                timestamp: time
                    .map_or(Some(now_ms), Arg::int)
                    .ok_or_else(|| Halt::Broken("ts wants milliseconds or now-1h".to_owned()))?,
            };
            if let Arg::Record(_) = value {
                described(&mut record, value)?;
            }
            Ok(record)
        })
        .collect()
}

fn described(record: &mut RecordSpec, value: &Arg) -> Result<(), Halt> {
    record.key = value.get("key").and_then(Arg::bytes);
    record.value = value.get("value").and_then(Arg::bytes);
    if let Some(list) = value.get("headers") {
        record.headers = headers(list)?;
    }
    if let Some(time) = value.get("ts") {
        record.timestamp = time
            .int()
            .ok_or_else(|| Halt::Broken(format!("ts wants milliseconds or now-1h, not {time}")))?;
    }
    Ok(())
}

/// `[[name, value], …]` or `{ name: value }`.
fn headers(list: &Arg) -> Result<Vec<Header>, Halt> {
    if let Arg::Record(pairs) = list {
        return Ok(pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.bytes()))
            .collect());
    }
    list.items()
        .iter()
        .map(|pair| match pair.items().as_slice() {
            [name, value] => Ok((name.text().unwrap_or_default(), value.bytes())),
            _ => Err(Halt::Broken(format!("a header reads [name, value], not {pair}"))),
        })
        .collect()
}

fn number<T: TryFrom<i64>>(entry: &Arg, key: &str) -> Result<Option<T>, Halt> {
    let Some(value) = entry.get(key) else { return Ok(None) };
    let number = value.int().and_then(|number| T::try_from(number).ok());
    number
        .map(Some)
        .ok_or_else(|| Halt::Broken(format!("{key} wants a number in range, not {value}")))
}
