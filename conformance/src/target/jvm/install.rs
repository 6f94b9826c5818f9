//! Where Java and the jars of a release are. Fetches the jars with `scripts/kafka-jars` when the checkout is at hand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use tokio::process::Command;
use tokio::time::timeout;

use crate::target::TargetError;

const FETCH_TIMEOUT: Duration = Duration::from_secs(600);

/// The jars of one release and the Java that runs them.
#[derive(Debug, Clone)]
pub(super) struct Install {
    pub(super) version: String,
    /// The cache directory of this release: `libs` and what we prepared beside it.
    pub(super) home: PathBuf,
    pub(super) libs: PathBuf,
    pub(super) java: PathBuf,
}

impl Install {
    pub(super) async fn find(version: &str) -> Result<Self, TargetError> {
        let home = cache()?.join(format!("kafka-{version}"));
        let libs = home.join("libs");
        if !libs.is_dir() {
            fetch(version).await?;
        }
        Ok(Self {
            version: version.to_owned(),
            java: java()?,
            home,
            libs,
        })
    }

    /// Tells one Java from another, also after an update in place: an archive of classes fits only the one that made it.
    pub(super) fn java_mark(&self) -> String {
        let changed = std::fs::metadata(&self.java).and_then(|m| m.modified());
        let seconds = changed
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_secs());
        let home = self.java.parent().and_then(Path::parent);
        let name = home.and_then(Path::file_name).unwrap_or_default();
        format!("{}-{seconds}", name.to_string_lossy())
    }
}

fn cache() -> Result<PathBuf, TargetError> {
    if let Some(dir) = env::var_os("TOUCHSTONE_CACHE") {
        return Ok(PathBuf::from(dir));
    }
    let home = env::var_os("HOME")
        .ok_or_else(|| TargetError("neither TOUCHSTONE_CACHE nor HOME says where the jars are".to_owned()))?;
    Ok(PathBuf::from(home).join(".cache/touchstone"))
}

fn java() -> Result<PathBuf, TargetError> {
    let from_home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    from_home
        .into_iter()
        .chain(env::split_paths(&path))
        .find_map(|dir| dir.join("java").canonicalize().ok().filter(|java| java.is_file()))
        .ok_or_else(|| {
            TargetError(
                "no java: neither JAVA_HOME nor the PATH has one. Kafka 4 needs Java 17 or later \
                 (apt-get install openjdk-17-jdk-headless)"
                    .to_owned(),
            )
        })
}

async fn fetch(version: &str) -> Result<(), TargetError> {
    let Some(script) = script() else {
        return Err(TargetError(format!(
            "the jars of Apache Kafka {version} are not in the cache: run `scripts/kafka-jars {version}` of the checkout first"
        )));
    };
    let run = Command::new(&script)
        .arg(version)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let name = script.display();
    let output = timeout(FETCH_TIMEOUT, run)
        .await
        .map_err(|_| TargetError(format!("{name} {version} did not end in 10 minutes")))?
        .map_err(|e| TargetError(format!("cannot run {name}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(TargetError(format!("{name} {version} failed: {}", said.trim())))
}

/// The script of the checkout that we stand in, or that this binary was built in.
fn script() -> Option<PathBuf> {
    let here = env::current_dir().ok();
    let binary = env::current_exe().ok();
    [here, binary]
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|dir| dir.join("scripts/kafka-jars"))
        .find(|script| script.is_file())
}
