//! Text becomes a case, or an error that points at the line and says what was expected there.

mod head;
mod lex;
mod steps;

use std::fmt;

use super::{Case, Step, listener_of};
use head::Head;

/// Where a case file is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Name of the case.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// The line itself.
    pub text: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            text,
            expected,
        } = self;
        let caret = " ".repeat(column.saturating_sub(1));
        write!(
            out,
            "{file}.case:{line}:{column}: expected {expected}\n  {text}\n  {caret}^"
        )
    }
}

impl std::error::Error for ParseError {}

/// A fault inside the text, before the file and the line are put to it.
#[derive(Debug)]
struct Fault {
    line: usize,
    column: usize,
    expected: String,
}

impl Fault {
    fn at(line: usize, column: usize, expected: impl Into<String>) -> Self {
        Self {
            line,
            column,
            expected: expected.into(),
        }
    }
}

/// Reads one case file.
pub fn parse(name: &str, text: &str) -> Result<Case, ParseError> {
    read(name, text).map_err(|fault| ParseError {
        file: name.to_owned(),
        line: fault.line,
        column: fault.column,
        text: text.lines().nth(fault.line.saturating_sub(1)).unwrap_or("").to_owned(),
        expected: fault.expected,
    })
}

fn read(name: &str, text: &str) -> Result<Case, Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let (
        Head {
            ids,
            intent,
            why,
            apis,
            driver,
            needs,
            releases,
            topics,
        },
        first_step,
    ) = head::read(&lines)?;
    let steps = steps::read(&lines, first_step, driver)?;
    if steps.is_empty() {
        return Err(Fault::at(lines.len().max(1), 1, "a step: a verb with its arguments"));
    }
    let lacks = |step: &&Step| {
        step.connection
            .as_deref()
            .and_then(listener_of)
            .is_some_and(|at| !needs.listens(at))
    };
    if let Some(step) = steps.iter().find(lacks) {
        let why = "a listener that the case needs, on a broker that has it: `needs: listener EXTRA=0`, `@EXTRA.b0`";
        return Err(Fault::at(step.line, 1, why));
    }
    Ok(Case {
        name: name.to_owned(),
        text: text.to_owned(),
        ids,
        intent,
        why,
        apis,
        driver,
        needs,
        releases,
        topics,
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::case::{Answer, Arg, Capture, Case, Cell};

    const CRC: &str = "\
# PRO-17  A batch whose CRC is wrong is refused, and nothing is written.
# A second line says why.
apis: Produce 3..13, ListOffsets
needs: config log.retention.ms=1 brokers 3
given topic t partitions=1 config cleanup.policy=compact

# the refusal
produce t/0 values=[a] crc=wrong
----
t/0 error=CORRUPT_MESSAGE base=-1
---- 4.4.0 v12..13
t/0 error=NONE

&j1 @c2 send JoinGroup v4 { GroupId: $g,
  Protocols: [{ Name: \"range\", Metadata?: 0x00ff }] } count={ Protocols[0].Name: 3 } -> $m1=MemberId | ErrorCode, -Members

await j1
----
";

    fn case() -> Case {
        parse("produce/crc-wrong", CRC).expect("the text is a case")
    }

    #[test]
    fn the_head_says_what_the_case_is_and_needs() {
        let case = case();
        assert_eq!(
            (case.ids.as_slice(), case.family()),
            (["PRO-17".to_owned()].as_slice(), "PRO")
        );
        assert_eq!(
            case.intent,
            "A batch whose CRC is wrong is refused, and nothing is written."
        );
        assert_eq!(case.why, ["A second line says why."]);
        assert_eq!(case.matrix_api(), Some(("Produce", 3, 13)));
        assert_eq!(case.needs.config, [("log.retention.ms".to_owned(), "1".to_owned())]);
        assert_eq!(case.needs.brokers, 3);
        assert_eq!(
            case.topics[0].config,
            [("cleanup.policy".to_owned(), "compact".to_owned())]
        );
        assert_eq!(case.cells().len(), 11);
    }

    #[test]
    fn a_step_keeps_its_lines_and_its_answers() {
        let case = case();
        let step = &case.steps[0];
        assert_eq!((step.line, step.last_line, step.answers_end), (8, 8, 12));
        assert_eq!(step.args.text("crc").as_deref(), Some("wrong"));
        let answer = Answer {
            line: 11,
            releases: vec!["4.4.0".to_owned()],
            versions: Some((12, 13)),
            lines: vec!["t/0 error=NONE".to_owned()],
        };
        assert_eq!(step.answers[1], answer);
    }

    #[test]
    fn the_narrowest_block_answers_and_other_releases_fall_back_to_the_baseline() {
        let case = case();
        let step = &case.steps[0];
        let told = |release, version| {
            step.recorded(release, &Cell::of("Produce", version))
                .map(<[String]>::concat)
        };
        assert_eq!(told("4.4.0", 12).as_deref(), Some("t/0 error=NONE"));
        assert_eq!(told("4.4.0", 11).as_deref(), Some("t/0 error=CORRUPT_MESSAGE base=-1"));
        assert_eq!(told("4.3.1", 12).as_deref(), Some("t/0 error=CORRUPT_MESSAGE base=-1"));
    }

    #[test]
    fn a_general_step_may_span_lines_run_in_the_background_bind_and_project() {
        let case = case();
        let step = &case.steps[1];
        assert_eq!((step.line, step.last_line), (14, 15));
        assert_eq!(
            (step.background.as_deref(), step.connection.as_deref()),
            (Some("j1"), Some("c2"))
        );
        assert_eq!(
            step.args.positional[2].get("GroupId"),
            Some(&Arg::Symbol("g".to_owned()))
        );
        assert_eq!(
            step.args.get("count").and_then(|count| count.get("Protocols[0].Name")),
            Some(&Arg::Number(3))
        );
        assert_eq!(
            step.captures,
            [Capture {
                name: "m1".to_owned(),
                path: Some("MemberId".to_owned())
            }]
        );
        assert_eq!(step.projection, ["ErrorCode", "-Members"]);
        assert_eq!(case.steps[2].args.verb, "await");
        assert_eq!(case.steps[2].answers[0].lines, [""; 0]);
    }

    #[test]
    fn an_error_points_at_the_line_and_says_what_was_expected() {
        let text = "# PRO-01  Ok.\n\nproduce t/0 values=[a, \n----\nx\n";
        let error = parse("produce/broken", text).expect_err("the list never ends");
        assert_eq!(
            error.to_string(),
            "produce/broken.case:3:24: expected a value or ]\n  produce t/0 values=[a, \n                         ^"
        );
        let error = parse("x", "apis: Produce 3\n").expect_err("no head");
        assert!(
            error
                .to_string()
                .starts_with("x.case:1:1: expected a first line such as"),
            "{error}"
        );
        let error = parse("x", "# PRO-1  A b.\napis: Produce 3...\n\nsend X {}\n").expect_err("no range");
        assert!(error.to_string().starts_with("x.case:2:7: expected"), "{error}");
    }

    #[test]
    fn brackets_in_brackets_are_refused_with_their_place_before_the_stack_ends() {
        for open in ["[", "{ a: ", "f("] {
            let text = format!("# PRO-01  Ok.\n\nsend X {}\n", open.repeat(200_000));
            let error = parse("x", &text).expect_err("too deep");
            assert_eq!((error.line, error.column), (3, 8 + 33 * open.len()), "{open}");
            assert!(error.expected.contains("at most 32 brackets"), "{}", error.expected);
        }
    }

    proptest::proptest! {
        /// A file is refused with a place in it, whatever stands there; it never takes the suite down.
        #[test]
        fn no_text_takes_the_parser_down(
            head in "(# [A-Z]{3}-[0-9]{1,2}  A\\.\n)?",
            body in "([a-z&@$|>=\\[\\]{}:,\"\\\\0-9. éü\n#-]|\n----|\n\n|given topic |needs: |apis: |send X |now){0,60}",
        ) {
            let text = format!("{head}{body}");
            match parse("any/text", &text) {
                Ok(case) => {
                    let names = crate::case::Names::new("z1234560001-");
                    for step in &case.steps {
                        let _ = names.bind_args(&step.args, 0, &mut Vec::new());
                    }
                }
                Err(error) => proptest::prop_assert!(error.line >= 1 && error.column >= 1, "{error}"),
            }
        }

        /// Nor does a case with one byte lost, doubled or changed.
        #[test]
        fn a_damaged_case_is_read_or_refused(at in 0..CRC.len(), with in "[ -~\n]?") {
            let text = format!("{}{with}{}", &CRC[..at], &CRC[at + 1..]);
            let _ = parse("any/text", &text);
        }
    }
}
