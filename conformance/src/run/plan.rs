//! Which runs there are: the cases that the filters leave, each at every version of its matrix.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::Expectations;
use crate::case::{Case, Cell, DriverKind};
use crate::target::{Needs, Target};

/// The families without which no application can produce, consume and work in a group: `--strict` is about them.
pub(crate) const CORE_FAMILIES: [&str; 10] = ["FRM", "API", "MET", "PRO", "FET", "LOF", "TOP", "FCO", "CLG", "OFF"];

/// What the user asked for; empty lists ask for everything.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Catalogue families: `PRO`.
    pub families: Vec<String>,
    /// Globs over case names, run ids or catalogue ids: `produce/*`, `*@Produce.v12`, `PRO-17`.
    pub cases: Vec<String>,
    /// Only cases of this driver.
    pub driver: Option<DriverKind>,
}

/// The runs, in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One entry a run.
    pub runs: Vec<Planned>,
}

/// One run of one case.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The case.
    pub case: Arc<Case>,
    /// The version that it runs at.
    pub cell: Cell,
}

/// The runs that the filters leave.
pub fn plan(cases: Vec<Case>, filters: &Filters) -> Plan {
    let mut runs = Vec::new();
    for case in cases.into_iter().filter(|case| wanted(case, filters)) {
        let case = Arc::new(case);
        let cells = case.cells().into_iter().filter(|cell| named(&case, cell, filters));
        runs.extend(cells.map(|cell| Planned {
            case: Arc::clone(&case),
            cell,
        }));
    }
    Plan { runs }
}

impl Plan {
    /// Drops what the oracle has no answer to: a case made for other releases has no right answer there and is no run.
    pub fn keep_covered(&mut self, oracle: &impl Expectations) {
        self.runs.retain(|run| oracle.covers(&run.case, &run.cell));
    }

    /// Keeps at most `versions` runs of each case; the seed says which.
    pub fn sample(&mut self, versions: usize, seed: u64) {
        let mut of_case: BTreeMap<String, Vec<(u64, Cell)>> = BTreeMap::new();
        for run in &self.runs {
            let mut hasher = DefaultHasher::new();
            (seed, run.case.run_id(&run.cell)).hash(&mut hasher);
            of_case
                .entry(run.case.name.clone())
                .or_default()
                .push((hasher.finish(), run.cell.clone()));
        }
        for cells in of_case.values_mut() {
            cells.sort_unstable();
            cells.truncate(versions);
        }
        self.runs.retain(|run| {
            of_case
                .get(&run.case.name)
                .is_some_and(|kept| kept.iter().any(|(_, cell)| *cell == run.cell))
        });
    }

    /// Puts runs that share a broker behind the first of them, so that few brokers live at once. A broker of a run's own is
    /// started where the run stands.
    pub fn gather(&mut self, on: &Target) {
        let mut first: HashMap<Needs, usize> = HashMap::new();
        let places: Vec<usize> = (self.runs.iter().enumerate())
            .map(|(place, run)| match on.settled(&run.case.needs) {
                needs if needs.is_shared() => *first.entry(needs).or_insert(place),
                _ => place,
            })
            .collect();
        let mut placed: Vec<_> = places.into_iter().zip(self.runs.drain(..)).collect();
        placed.sort_by_key(|(place, _)| *place);
        self.runs = placed.into_iter().map(|(_, run)| run).collect();
    }

    /// How many cases it has.
    pub fn cases(&self) -> usize {
        let mut names: Vec<&str> = self.runs.iter().map(|run| run.case.name.as_str()).collect();
        names.dedup();
        names.len()
    }
}

fn wanted(case: &Case, filters: &Filters) -> bool {
    (filters.families.is_empty() || filters.families.iter().any(|family| is_of_family(case, family)))
        && filters.driver.is_none_or(|driver| case.driver == driver)
}

fn named(case: &Case, cell: &Cell, filters: &Filters) -> bool {
    filters.cases.is_empty() || filters.cases.iter().any(|glob| is_named(case, cell, glob))
}

/// Whether an id of the case is of this family: `PRO`, in either case.
pub(crate) fn is_of_family(case: &Case, family: &str) -> bool {
    case.ids
        .iter()
        .any(|id| id.split('-').next().is_some_and(|of| of.eq_ignore_ascii_case(family)))
}

/// Whether a glob means this run: by case name, run id or catalogue id.
pub(crate) fn is_named(case: &Case, cell: &Cell, glob: &str) -> bool {
    matches(glob, &case.name) || matches(glob, &case.run_id(cell)) || case.ids.iter().any(|id| matches(glob, id))
}

/// `*` stands for any text, `?` for one letter. Where letters do not fit, the last `*` takes one more; an earlier one
/// never has to.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut in_glob, mut in_text) = (0, 0);
    let mut after_star = None;
    while in_text < text.len() {
        match (glob.get(in_glob), after_star) {
            (Some('*'), _) => {
                in_glob += 1;
                after_star = Some((in_glob, in_text));
            }
            (Some(wanted), _) if *wanted == '?' || *wanted == text[in_text] => {
                in_glob += 1;
                in_text += 1;
            }
            (_, Some((rest, taken))) => {
                (in_glob, in_text) = (rest, taken + 1);
                after_star = Some((rest, taken + 1));
            }
            _ => return false,
        }
    }
    glob[in_glob..].iter().all(|left| *left == '*')
}

#[cfg(test)]
mod tests {
    use super::{Filters, matches, plan};
    use crate::case::parse;
    use crate::target::Target;

    #[test]
    fn globs_match_whole_names() {
        assert!(matches("produce/*", "produce/crc-wrong") && matches("*@Produce.v12", "produce/crc@Produce.v12"));
        assert!(!matches("produce", "produce/crc-wrong") && !matches("?", ""));
        assert!(matches("*", "") && matches("a*b*c", "a-b-b-c") && matches("**é?", "xéy") && !matches("a*b", "a-b-"));
    }

    #[test]
    fn many_stars_take_no_longer_than_their_product_with_the_text() {
        assert!(!matches(&("*a".repeat(100) + "b"), &"a".repeat(2_000)));
    }

    #[test]
    fn runs_that_share_a_broker_follow_one_another() {
        let case = |name: &str, needs: &str| {
            let text = format!("# PRO-17  A b.\napis: Produce\n{needs}\n\nsend Produce {{}}\n");
            parse(name, &text).expect("a case")
        };
        let small = "needs: config num.partitions=2";
        let cases = vec![
            case("a", ""),
            case("b", small),
            case("c", "needs: fresh"),
            case("d", ""),
            case("e", small),
            case("f", "needs: fresh"),
            case("g", "needs: brokers 3"),
        ];
        let gathered = |on: &str| {
            let mut plan = plan(cases.clone(), &Filters::default());
            plan.gather(&Target::parse(on).expect("a target"));
            plan.runs.iter().map(|run| run.case.name.clone()).collect::<String>()
        };
        assert_eq!(gathered("reference"), "adbecfg");
        assert_eq!(gathered("reference:3"), "adgbecf", "all have three");
    }

    #[test]
    fn eleven_versions_are_eleven_runs_and_a_glob_picks_one() {
        let case = || {
            parse(
                "produce/crc",
                "# PRO-17  A b.\napis: Produce 3..13\n\nsend Produce {}\n",
            )
            .expect("a case")
        };
        assert_eq!(plan(vec![case()], &Filters::default()).runs.len(), 11);
        let one = Filters {
            cases: vec!["*.v12".to_owned()],
            ..Filters::default()
        };
        assert_eq!(plan(vec![case()], &one).runs.len(), 1);
        let mut sampled = plan(vec![case()], &Filters::default());
        sampled.sample(2, 7);
        let mut again = plan(vec![case()], &Filters::default());
        again.sample(2, 7);
        let ids = |plan: &super::Plan| {
            plan.runs
                .iter()
                .map(|run| run.case.run_id(&run.cell))
                .collect::<Vec<_>>()
        };
        assert_eq!((ids(&sampled).len(), ids(&sampled)), (2, ids(&again)));
        let none = Filters {
            families: vec!["FET".to_owned()],
            ..Filters::default()
        };
        assert_eq!(plan(vec![case()], &none).cases(), 0);
    }
}
