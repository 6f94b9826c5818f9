//! The steps of a case with the answer blocks below them. Which verbs there are the drivers say, so that a misspelt one is
//! refused with its place; what a verb means is not known here.

use super::Fault;
use super::head::range_of;
use super::lex::Cursor;
use crate::case::{Answer, Args, Capture, DriverKind, Step};
use crate::driver::client;
use crate::step::VERBS;

/// Reads every step from a line index on.
pub(super) fn read(lines: &[&str], from: usize, driver: DriverKind) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    let mut at = from;
    while let Some(line) = lines.get(at) {
        if line.trim().is_empty() || line.starts_with('#') {
            at += 1;
            continue;
        }
        if is_rule(line) {
            return Err(Fault::at(at + 1, 1, "a step above this answer"));
        }
        let (step, next) = step(lines, at, driver)?;
        steps.push(step);
        at = next;
    }
    Ok(steps)
}

fn is_rule(line: &str) -> bool {
    line.starts_with("----")
}

/// One paragraph: the step's own lines, then its answers. Returns the index of the line after it.
fn step(lines: &[&str], first: usize, driver: DriverKind) -> Result<(Step, usize), Fault> {
    let own = lines[first..]
        .iter()
        .take_while(|line| !line.trim().is_empty() && !is_rule(line))
        .count();
    let source = lines[first..first + own].join("\n");
    let mut cursor = Cursor::new(&source, first + 1);
    let mut step = Step {
        line: first + 1,
        last_line: first + own,
        answers_end: first + own,
        source: source.clone(),
        background: None,
        connection: None,
        driver,
        args: Args::default(),
        captures: Vec::new(),
        projection: Vec::new(),
        answers: Vec::new(),
    };
    instruction(&mut step, &mut cursor)?;
    let mut at = first + own;
    while lines.get(at).is_some_and(|line| is_rule(line)) {
        let (answer, next) = answer(lines, at)?;
        step.answers.push(answer);
        at = next;
    }
    step.answers_end = at;
    Ok((step, at))
}

/// `[&job] [@connection] [client|wire] verb arguments… [-> captures] [| projection]`
fn instruction(step: &mut Step, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if cursor.take("&") {
        step.background = Some(cursor.word()?);
    }
    if cursor.take("@") {
        step.connection = Some(cursor.word()?);
    }
    let mut verb = cursor.word().map_err(|fault| Fault {
        expected: "a verb such as `produce` or `send`".to_owned(),
        ..fault
    })?;
    if let Some(named) = driver_named(&verb) {
        step.driver = named;
        verb = cursor.word()?;
    }
    let (asker, verbs) = match step.driver {
        DriverKind::Wire => ("wire", VERBS),
        DriverKind::Client => ("client", client::VERBS),
    };
    if !verbs.contains(&verb.as_str()) {
        let verbs = verbs.join(", ");
        return Err(Fault::at(
            step.line,
            1,
            format!("a verb of the {asker} driver instead of `{verb}`: {verbs}"),
        ));
    }
    step.args.verb = verb;
    cursor.arguments(&mut step.args)?;
    loop {
        if cursor.take("->") {
            captures(step, cursor)?;
        } else if cursor.take("|") {
            projection(step, cursor)?;
        } else if cursor.peek().is_some() {
            return Err(cursor.fault("the end of the step, `-> $name` or `| Field`"));
        } else {
            return Ok(());
        }
    }
}

fn driver_named(word: &str) -> Option<DriverKind> {
    match word {
        "client" => Some(DriverKind::Client),
        "wire" => Some(DriverKind::Wire),
        _ => None,
    }
}

fn captures(step: &mut Step, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    loop {
        if !cursor.take("$") {
            return Err(cursor.fault("a name to bind: `$m1` or `$m1=MemberId`"));
        }
        let name = cursor.word()?;
        let path = if cursor.take("=") { Some(cursor.path()?) } else { None };
        step.captures.push(Capture { name, path });
        if !cursor.take(",") {
            return Ok(());
        }
    }
}

fn projection(step: &mut Step, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    loop {
        step.projection.push(cursor.path()?);
        if !cursor.take(",") {
            return Ok(());
        }
    }
}

fn answer(lines: &[&str], rule: usize) -> Result<(Answer, usize), Fault> {
    let body = lines[rule + 1..]
        .iter()
        .take_while(|line| !line.trim().is_empty() && !is_rule(line));
    let mut answer = Answer {
        line: rule + 1,
        releases: Vec::new(),
        versions: None,
        lines: body.map(|line| (*line).to_owned()).collect(),
    };
    for word in lines[rule]["----".len()..].split_whitespace() {
        match word.strip_prefix('v').map(range_of) {
            Some(Some(range)) => answer.versions = Some(range),
            None if word.starts_with(|letter: char| letter.is_ascii_digit()) => answer.releases.push(word.to_owned()),
            Some(None) | None => {
                return Err(Fault::at(
                    rule + 1,
                    6,
                    "`---- [RELEASE…] [vA..B]`, such as `---- 4.4.0 v3..5`",
                ));
            }
        }
    }
    let next = rule + 1 + answer.lines.len();
    Ok((answer, next))
}
