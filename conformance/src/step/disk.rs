//! `files`: what stands in the directories of this run's partitions. `dump`: what a file says. `damage`: what a crash leaves of one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Call, Halt, Place};
use crate::case::{Arg, Args};
use crate::observe::{Records, file_lines};

/// How deep below the data directory partitions lie: their log directory may be one of several.
const DEPTH: usize = 3;

/// `files [t-0] [sizes=true] [of="00000000000000000000"]`: a line a file, `t-0/00000000000000000000.log`; without a name all of this
/// run, with `of=` those whose names begin so.
pub(super) async fn files(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["sizes", "of"])?;
    let begins = args.get("of").and_then(Arg::text).unwrap_or_default().to_owned();
    let prefix = call.session.prefix();
    let wanted = args
        .positional
        .first()
        .and_then(|name| call.name(name))
        .unwrap_or_else(|| prefix.clone());
    let data = data_dir(call).await?;
    let mut lines = Vec::new();
    for directory in partitions(&data, &wanted).map_err(|error| Halt::Broken(error.to_string()))? {
        let name = call.session.symbols().names.plain(&name_of(&directory));
        lines.extend(
            entries(&directory, &without_uuid(&name), args.flag("sizes"))
                .map_err(|error| Halt::Broken(error.to_string()))?,
        );
    }
    lines.retain(|line| line.split_once('/').is_some_and(|(_, file)| file.starts_with(&begins)));
    lines.sort();
    Ok(lines)
}

/// `dump t-0/00000000000000000000.log [decode=offsets|transactions]`: a file as `files` shows it, or `meta.properties` and the
/// other files of the log directory itself.
pub(super) async fn dump(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["decode"])?;
    let records = match args.text("decode").as_deref() {
        None => Records::Plain,
        Some("offsets") => Records::Offsets,
        Some("transactions") => Records::Transactions,
        Some(other) => {
            return Err(Halt::Broken(format!(
                "decode={other} is none of offsets and transactions"
            )));
        }
    };
    let path = path_of(args)?;
    let place = place(call, &path).await?;
    let Some(bytes) = present(fs::read(&place)).map_err(|error| broken(&path, &error))? else {
        return Ok(vec!["absent".to_owned()]);
    };
    let name = name_of(&place);
    let lines = file_lines(&name, &bytes, records, &mut call.session.symbols());
    lines.ok_or_else(|| Halt::Broken(format!("{name} is no file that this suite reads")))
}

/// `damage t-0/00000000000000000000.log cut=5 flip=70 at=69 put=0x00ff add=0x00ff remove=true as=t-0/NAME`: bytes off the end, a byte
/// turned round, other bytes in their place, more at the end, no such file any more, or under another name. For a broker that
/// does not run: it is killed before and restarted after.
pub(super) async fn damage(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["cut", "flip", "at", "put", "add", "remove", "as"])?;
    let path = path_of(args)?;
    let file = place(call, &path).await?;
    let failed = |error: io::Error| broken(&path, &error);
    if args.flag("remove") {
        present(fs::remove_file(&file)).map_err(failed)?;
        return Ok(Vec::new());
    }
    if ["cut", "flip", "put", "add"].iter().any(|key| args.get(key).is_some()) {
        let found = present(fs::read(&file)).map_err(failed)?;
        let found = found.or_else(|| args.get("add").map(|_| Vec::new()));
        let found = found.ok_or_else(|| Halt::Broken(format!("{path} is not there")))?;
        fs::write(&file, damaged(found, args)?).map_err(failed)?;
    }
    if let Some(name) = args.get("as").and_then(|name| call.name(name)) {
        fs::rename(&file, file.with_file_name(name)).map_err(failed)?;
    }
    Ok(Vec::new())
}

/// The data directory of the broker that the step names, `@b1` or `@follower.t/0`, or of the first.
async fn data_dir(call: &Call<'_>) -> Result<PathBuf, Halt> {
    let broker = match call.seat(&Place::Broker(0)) {
        (place, None) => call.session.place_of(&place).await?,
        (_, Some(_)) => Some(0),
    };
    let running = call.session.running().lock().await;
    let data = broker
        .and_then(|broker| running.data_dir(broker))
        .map(Path::to_path_buf);
    data.ok_or_else(|| Halt::Broken("the data directory of this target is not within reach".to_owned()))
}

fn broken(path: &str, error: &io::Error) -> Halt {
    Halt::Broken(format!("{path}: {error}"))
}

fn path_of(args: &Args) -> Result<String, Halt> {
    let path = args.positional.first().and_then(Arg::text);
    path.ok_or_else(|| Halt::Broken(format!("{} wants a file as `files` shows it", args.verb)))
}

/// Where a file is, or would be: of a partition's directory, or of the log directory itself.
async fn place(call: &mut Call<'_>, path: &str) -> Result<PathBuf, Halt> {
    let data = data_dir(call).await?;
    let failed = |error: io::Error| broken(path, &error);
    if let Some((directory, file)) = path.rsplit_once('/') {
        let directory = call.name(&Arg::Word(directory.to_owned())).unwrap_or_default();
        let found = directories(&data, &|name| name == directory, DEPTH).map_err(failed)?;
        return match found.as_slice() {
            [partition] => Ok(partition.join(file)),
            found => Err(Halt::Broken(format!("{path} is in {} directories", found.len()))),
        };
    }
    let partition = call.name(&Arg::Word(path.to_owned())).unwrap_or_default();
    let found = directories(&data, &|name| name == partition, DEPTH).map_err(failed)?;
    Ok(match found.into_iter().next() {
        Some(partition) => partition,
        None => log_directory(&data).map_err(failed)?.join(path),
    })
}

/// The directory that has `meta.properties`, whatever else of it is gone: it holds the metadata log.
fn log_directory(data: &Path) -> io::Result<PathBuf> {
    let found = directories(data, &|name| name == "__cluster_metadata-0", DEPTH)?;
    let holds = found.first().and_then(|metadata| metadata.parent());
    Ok(holds.unwrap_or(data).to_owned())
}

fn damaged(mut bytes: Vec<u8>, args: &Args) -> Result<Vec<u8>, Halt> {
    let length = bytes.len();
    let place = |key: &str| {
        let number = args.int(key)?.map(usize::try_from).transpose();
        number.map_err(|_| Halt::Broken(format!("{key}= wants a number from 0 on")))
    };
    let beyond = |key: &str, at: usize| Halt::Broken(format!("{key}={at}, but the file has {length} bytes"));
    if let Some(at) = place("flip")? {
        let byte = bytes.get_mut(at).ok_or_else(|| beyond("flip", at))?;
        *byte = !*byte;
    }
    if let Some(bytes_to_put) = args.get("put") {
        let new = bytes_to_put.bytes();
        let new = new.ok_or_else(|| Halt::Broken("put= wants bytes: 0x00ff or a text".to_owned()))?;
        let at = place("at")?.unwrap_or(0);
        let old = bytes.get_mut(at..at + new.len()).ok_or_else(|| beyond("at", at))?;
        old.copy_from_slice(&new);
    }
    if let Some(cut) = place("cut")? {
        bytes.truncate(length.checked_sub(cut).ok_or_else(|| beyond("cut", cut))?);
    }
    if let Some(more) = args.get("add") {
        let more = more.bytes();
        bytes.extend(more.ok_or_else(|| Halt::Broken("add= wants bytes: 0x00ff or a text".to_owned()))?);
    }
    Ok(bytes)
}

/// A broker renames and removes while we look: what is gone by then is not there.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn partitions(below: &Path, wanted: &str) -> io::Result<Vec<PathBuf>> {
    directories(below, &|name| name.starts_with(wanted), DEPTH)
}

fn directories(below: &Path, wanted: &dyn Fn(&str) -> bool, depth: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in present(fs::read_dir(below))?.into_iter().flatten() {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        if wanted(&name_of(&path)) {
            found.push(path);
        } else if depth > 0 {
            found.extend(directories(&path, wanted, depth - 1)?);
        }
    }
    Ok(found)
}

fn entries(directory: &Path, name: &str, sizes: bool) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in present(fs::read_dir(directory))?.into_iter().flatten() {
        let entry = entry?;
        // What a broker writes to put in the place of a file is not there yet.
        if entry.path().extension().is_some_and(|suffix| suffix == "tmp") {
            continue;
        }
        let size = if sizes {
            let Some(metadata) = present(entry.metadata())? else {
                continue;
            };
            format!(" size={}", metadata.len())
        } else {
            String::new()
        };
        lines.push(format!("{name}/{}{size}", entry.file_name().to_string_lossy()));
    }
    if lines.is_empty() {
        lines.push(format!("{name}/"));
    }
    Ok(lines)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A directory on its way out is `t-0.<32 hex digits>-delete`.
fn without_uuid(name: &str) -> String {
    let parts = name
        .rsplit_once('.')
        .and_then(|(start, end)| Some((start, end.split_at_checked(32)?)));
    match parts {
        Some((start, (digits, rest))) if digits.chars().all(|digit| digit.is_ascii_hexdigit()) => {
            format!("{start}.<uuid>{rest}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{damaged, without_uuid};
    use crate::case::parse;

    #[test]
    fn damage_that_a_file_cannot_take_is_refused() {
        let damage = |what: &str| {
            let text = format!("# LOG-01  A.\n\ndamage t-0/a.log {what}\n");
            damaged(vec![1, 2, 3], &parse("x", &text).expect("a case").steps[0].args)
        };
        assert_eq!(damage("flip=1 cut=1 add=0x09"), Ok(vec![1, 0xfd, 9]));
        for wrong in ["flip=3", "flip=-1", "cut=4", "cut=-1", "add=null"] {
            assert!(damage(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_directory_on_its_way_out_reads_without_its_random_part() {
        assert_eq!(
            without_uuid("t-0.0123456789abcdef0123456789abcdef-delete"),
            "t-0.<uuid>-delete"
        );
        assert_eq!(without_uuid("a.b-0"), "a.b-0");
    }
}
