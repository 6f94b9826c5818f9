//! Projection: the few facts of a long answer that a step is about.

/// Keeps the lines whose path a projection names. `A` names every path that ends in `A` or lies below such a one; `-A`
/// leaves them out instead; `A[key]` names that element. An empty projection keeps all.
pub fn project(lines: Vec<String>, projection: &[String]) -> Vec<String> {
    let (without, only): (Vec<&str>, Vec<&str>) = projection
        .iter()
        .map(String::as_str)
        .partition(|entry| entry.starts_with('-'));
    lines
        .into_iter()
        .filter(|line| {
            // An entry with a key in brackets means that element; one without means every element.
            let (path, whole) = (path_of(line), whole_path_of(line));
            let named = |entry: &str| names(entry, if entry.contains('[') { whole } else { &path });
            if is_no_reply(line) {
                return true;
            }
            (only.is_empty() || only.iter().any(|entry| named(entry)))
                && !without.iter().any(|entry| named(entry.trim_start_matches('-')))
        })
        .collect()
}

/// That there was no reply is never left out.
fn is_no_reply(line: &str) -> bool {
    line == "closed" || line == "silence" || line.starts_with("undecodable: ")
}

/// `Topics[t].Partitions[0].ErrorCode=…` has the path `Topics.Partitions.ErrorCode`.
fn path_of(line: &str) -> String {
    let mut path = String::new();
    let mut depth = 0_usize;
    for letter in line.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '=' | ':' | ' ' if depth == 0 => break,
            other if depth == 0 => path.push(other),
            _ => {}
        }
    }
    path
}

/// `Topics[t].Partitions[0].ErrorCode=…` has the whole path `Topics[t].Partitions[0].ErrorCode`.
fn whole_path_of(line: &str) -> &str {
    let mut depth = 0_usize;
    let end = line.find(|letter| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(letter, '=' | ':' | ' ')
    });
    &line[..end.unwrap_or(line.len())]
}

fn names(entry: &str, path: &str) -> bool {
    format!(".{path}.").contains(&format!(".{entry}."))
}

#[cfg(test)]
mod tests {
    use super::project;

    #[test]
    fn a_projection_names_fields_by_the_end_of_their_path_or_by_what_lies_above() {
        let lines = || {
            [
                "Topics[a.b].Name=x",
                "Topics[t].Partitions[0].ErrorCode=NONE",
                "Brokers[1]",
            ]
            .map(str::to_owned)
            .to_vec()
        };
        let kept = |projection: &[&str]| {
            project(
                lines(),
                &projection.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(kept(&["ErrorCode"]), ["Topics[t].Partitions[0].ErrorCode=NONE"]);
        assert_eq!(kept(&["Topics"]).len(), 2);
        assert_eq!(kept(&["-Topics"]), ["Brokers[1]"]);
        assert_eq!(kept(&["Topics[t]"]), ["Topics[t].Partitions[0].ErrorCode=NONE"]);
        assert_eq!(kept(&["Topics[a.b]", "Brokers[1]"]).len(), 2);
        assert_eq!(kept(&[]).len(), 3);
    }
}
