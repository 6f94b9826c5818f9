//! What is made once per release and then kept beside the jars, because it halves every later start: a formatted log
//! directory to copy, and the archive of loaded classes that Java maps instead of parsing the jars (AppCDS).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::install::Install;
use super::{Node, cannot, copied};
use crate::held::hold;
use crate::target::{STARTUP_TIMEOUT, TargetError, properties};

const FORMAT_TIMEOUT: Duration = Duration::from_secs(60);
/// The other process formats, starts a broker and lets it write its classes.
const LOCK_TIMEOUT: Duration = FORMAT_TIMEOUT
    .saturating_add(STARTUP_TIMEOUT)
    .saturating_add(STARTUP_TIMEOUT);

pub(super) struct Prepared {
    pub(super) template: PathBuf,
    pub(super) archive: Option<PathBuf>,
}

pub(super) async fn prepare(install: &Install) -> Result<Prepared, TargetError> {
    let template = install.home.join("formatted");
    let archive = install.home.join(format!("classes-{}.jsa", install.java_mark()));
    if !(template.is_dir() && archive.is_file()) {
        let _lock = lock(&install.home).await?;
        if !template.is_dir() {
            format(install, &template).await?;
        }
        if !archive.is_file() {
            train(install, &template, &archive).await?;
        }
    }
    let archive = archive.is_file().then_some(archive);
    Ok(Prepared { template, archive })
}

/// One process prepares, the others wait for it; the lock ends with the file.
async fn lock(home: &Path) -> Result<File, TargetError> {
    let path = home.join("lock");
    let file = File::create(&path).map_err(|e| cannot("write", &path, &e))?;
    hold(file, LOCK_TIMEOUT).await.map_err(|e| cannot("lock", &path, &e))
}

/// Runs Kafka's storage tool once.
async fn format(install: &Install, template: &Path) -> Result<(), TargetError> {
    let node = Node::alone(install.clone())?;
    let mut command = node.java(None);
    command.args(["-Xmx256m", "kafka.tools.StorageTool", "format"]);
    command.args(["-t", properties::CLUSTER_ID, "-c"]);
    command.arg(node.dir.path().join("server.properties"));
    let mut process = node.spawn(command)?;
    let deadline = Instant::now() + FORMAT_TIMEOUT;
    let status = loop {
        match process.ended() {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                return Err(TargetError("Kafka's storage tool did not end in 60 s".to_owned()));
            }
            None => sleep(Duration::from_millis(20)).await,
        }
    };
    if !status.success() {
        let said = process.last_words();
        return Err(TargetError(format!("Kafka's storage tool failed ({status}):\n{said}")));
    }
    place(template, |temporary| copied(node.data_dir(), temporary))
}

/// Starts a broker that writes down the classes it loaded when it stops. No archive is no error: starts are slower then.
async fn train(install: &Install, template: &Path, archive: &Path) -> Result<(), TargetError> {
    let mut node = Node::alone(install.clone())?;
    copied(template, &node.data).map_err(|e| cannot("copy a formatted directory to", &node.data, &e))?;
    let dumped = node.dir.path().join("classes.jsa");
    let flag = format!("-XX:ArchiveClassesAtExit={}", dumped.display());
    node.spawn_broker(Some(flag))?;
    node.ready().await?;
    // One that had to be killed has left no archive.
    let _ = node.post.shut_down().await;
    if !dumped.is_file() {
        return Ok(());
    }
    place(archive, |temporary| fs::copy(&dumped, temporary).map(drop))
}

/// Makes a file or directory beside its final place, then renames it: nobody sees half of it.
fn place(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), TargetError> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_dir_all(&temporary); // what an interrupted run left
    make(&temporary)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|e| cannot("write", path, &e))
}
