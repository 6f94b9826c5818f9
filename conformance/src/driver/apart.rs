//! librdkafka in a process of its own, so that a broker that makes it crash takes one case and not the whole suite with
//! it (seen: librdkafka 2.12.1 beside Tansu 0.6.0, a segmentation fault in rd_kafka_metadata_update_op).
//!
//! The other process is this binary again. It reads one JSON line a step from its standard input and answers with one; it
//! ends with its input. The reference and a Java Kafka are trusted: their clients stay in this process.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::client::{Session, StepFailure, run};
use crate::case::Args;

/// The hidden subcommand that [`serve`]s.
pub const SUBCOMMAND: &str = "client-session";

/// For a process whose pipes ended: a crash that writes its core takes a moment.
const TO_END: Duration = Duration::from_secs(20);

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on clients live in processes of their own. Only for a binary that knows [`SUBCOMMAND`].
pub fn use_processes() -> io::Result<()> {
    let program = std::env::current_exe()?;
    PROGRAM.get_or_init(|| program);
    Ok(())
}

/// The clients of one run of one case, wherever they live.
#[derive(Debug)]
pub enum Clients {
    /// In this process.
    Here(Session),
    /// In another one.
    Apart(Box<Apart>),
}

/// A session in another process, which starts with the first step.
#[derive(Debug)]
pub struct Apart {
    program: PathBuf,
    opening: Opening,
    state: State,
}

#[derive(Debug)]
enum State {
    Unstarted,
    Alive(Box<Process>),
    /// A step was abandoned, and with it the process.
    Abandoned,
    /// How it ended by itself.
    Died(String),
}

#[derive(Debug)]
struct Process {
    child: Child,
    steps: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opening {
    bootstrap: Vec<String>,
    prefix: String,
}

impl Clients {
    /// As [`Session::open`].
    pub fn open(bootstrap: &[String], prefix: &str) -> Self {
        match PROGRAM.get() {
            None => Self::Here(Session::open(bootstrap, prefix)),
            Some(program) => Self::Apart(Box::new(Apart {
                program: program.clone(),
                opening: Opening {
                    bootstrap: bootstrap.to_vec(),
                    prefix: prefix.to_owned(),
                },
                state: State::Unstarted,
            })),
        }
    }

    /// As [`run`]. A library that crashed is what the application saw: a line, and the same for every later step.
    ///
    /// # Errors
    /// The case asked for something that there is not, or the harness failed.
    pub async fn run(&mut self, args: &Args) -> Result<Vec<String>, StepFailure> {
        match self {
            Self::Here(session) => run(session, &args.verb, args).await,
            Self::Apart(apart) => apart.run(args).await,
        }
    }
}

impl Apart {
    async fn run(&mut self, args: &Args) -> Result<Vec<String>, StepFailure> {
        let failed = |error: io::Error| StepFailure(format!("the process of the client: {error}"));
        let mut process = match std::mem::replace(&mut self.state, State::Abandoned) {
            State::Unstarted => Box::new(self.start().await.map_err(failed)?),
            State::Alive(process) => process,
            State::Abandoned => return Err(StepFailure("an earlier step of this session was abandoned".to_owned())),
            State::Died(how) => {
                self.state = State::Died(how.clone());
                return Ok(vec![how]);
            }
        };
        match process.ask(args).await {
            Ok(Some(line)) => match serde_json::from_str::<Answer>(&line) {
                Ok(answer) => {
                    self.state = State::Alive(process);
                    answer.map_err(StepFailure)
                }
                // It goes on waiting for steps: with its handle dropped it is killed.
                Err(error) => Err(StepFailure(format!(
                    "the process of the client said no answer: {error}"
                ))),
            },
            // A pipe that broke tells no more than one that ended: the exit of the process does.
            Ok(None) | Err(_) => {
                let Ok(status) = timeout(TO_END, process.child.wait()).await else {
                    return Err(StepFailure(
                        "the process of the client hung up and did not end".to_owned(),
                    ));
                };
                let how = died(status.map_err(failed)?);
                self.state = State::Died(how.clone());
                Ok(vec![how])
            }
        }
    }

    async fn start(&self) -> io::Result<Process> {
        let mut child = Command::new(&self.program)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(steps), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let answers = BufReader::new(answers).lines();
        let mut process = Process { child, steps, answers };
        process.send(&self.opening).await?;
        Ok(process)
    }
}

type Answer = Result<Vec<String>, String>;

impl Process {
    /// None where the process ended in place of an answer.
    async fn ask(&mut self, args: &Args) -> io::Result<Option<String>> {
        self.send(args).await?;
        self.answers.next_line().await
    }

    async fn send(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.steps.write_all(&line).await?;
        self.steps.flush().await
    }
}

fn died(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(11) => "the client library crashed: segmentation fault".to_owned(),
        Some(6) => "the client library crashed: it aborted".to_owned(),
        Some(signal) => format!("the client library crashed: signal {signal}"),
        None => format!("the client library ended the process: {status}"),
    }
}

/// The other side: plays steps until its input ends.
///
/// # Errors
/// What came is not what [`Clients`] sends, or nobody reads the answers.
pub async fn serve() -> io::Result<()> {
    let Some(opening) = read::<Opening>().await? else {
        return Ok(());
    };
    let mut session = Session::open(&opening.bootstrap, &opening.prefix);
    while let Some(args) = read::<Args>().await? {
        let answer: Answer = run(&mut session, &args.verb, &args)
            .await
            .map_err(|StepFailure(why)| why);
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        out.flush()?;
    }
    Ok(())
}

async fn read<T: for<'a> Deserialize<'a>>() -> io::Result<Option<T>> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = line.await.map_err(io::Error::other)??;
    if line.is_empty() {
        Ok(None)
    } else {
        serde_json::from_str(&line).map(Some).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{Apart, Opening, State, died};
    use crate::case::{Args, parse};

    #[test]
    fn a_step_survives_the_way_to_the_other_process() {
        let text = "# PRO-01  A step.\ndriver: client\n\nproduce t/0 values=[a, \"b c\", 7, 0x00ff, null, { key: k }] acks=-1\n";
        survives(text);
        // As deep as the parser lets a value be.
        let deep = format!("{}{}", "{ a: ".repeat(32), "[] }".to_owned() + &" }".repeat(31));
        survives(&format!(
            "# PRO-01  A step.\ndriver: client\n\nproduce t/0 values={deep}\n"
        ));
    }

    fn survives(text: &str) {
        let args = parse("step", text).expect("a case").steps[0].args.clone();
        let there: Args = serde_json::from_str(&serde_json::to_string(&args).expect("JSON")).expect("a step");
        assert_eq!(there, args);
    }

    #[tokio::test]
    async fn a_process_that_says_no_answer_is_given_up_at_once() {
        let mut apart = Apart {
            program: "yes".into(), // it says its argument again and again and reads nothing
            opening: Opening {
                bootstrap: Vec::new(),
                prefix: String::new(),
            },
            state: State::Unstarted,
        };
        let error = apart.run(&Args::default()).await.expect_err("no JSON");
        assert!(error.to_string().contains("said no answer"), "{error}");
    }

    #[test]
    fn a_crash_is_told_by_its_signal() {
        assert_eq!(
            died(ExitStatus::from_raw(11)),
            "the client library crashed: segmentation fault"
        );
        assert!(died(ExitStatus::from_raw(256)).contains("ended the process"));
    }
}
