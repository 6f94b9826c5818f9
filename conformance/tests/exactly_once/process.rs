//! A processor as a process: it tells by lines how far it is, and dies at the line that is waited for.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// SIGKILL when it says this for the nth time.
#[derive(Debug)]
pub(crate) struct Kill {
    line: &'static str,
    nth: usize,
}

pub(crate) const fn at(line: &'static str, nth: usize) -> Kill {
    Kill { line, nth }
}

/// From one start to the next kill.
pub(crate) struct Life {
    process: Child,
    lines: Receiver<String>,
}

impl Life {
    pub(crate) fn begin(mut command: Command) -> Self {
        // Its input tells it by its end that this process is gone.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (tell, lines) = channel();
        // Ends with the process, or with the one who listens.
        thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Self { process, lines }
    }

    pub(crate) fn ended_at(mut self, kill: &Kill, deadline: Instant) {
        let mut said = Vec::new();
        while said.iter().filter(|line| *line == kill.line).count() < kill.nth {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("never came to {kill:?}: {said:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("ended by itself: {:?}, {said:#?}", self.process.wait()),
            }
        }
        self.kill();
    }

    /// It goes on for a moment.
    pub(crate) fn assert_lives(&mut self, deadline: Instant) {
        let said: Vec<String> = self.lines.try_iter().collect();
        assert!(
            Instant::now() < deadline,
            "does not come to the end; said last: {said:#?}"
        );
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "ended by itself: {ended:?}, {said:#?}");
        thread::sleep(Duration::from_millis(20));
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Killed already but for the last.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
