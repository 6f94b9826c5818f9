//! Listeners that a case wants beside the one of every broker: their names, and how a step says that it comes by one.

/// Capitals, as Kafka's own: no connection, role or name of a run is meant by them.
pub(crate) fn is_listener_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(fits)
}

/// `EXTRA.b1`: a listener, and the place of the broker whose it is.
pub(crate) fn listener_of(connection: &str) -> Option<(&str, usize)> {
    let (name, broker) = connection.split_once('.')?;
    let place = broker.strip_prefix('b')?.parse().ok()?;
    is_listener_name(name).then_some((name, place))
}

#[cfg(test)]
mod tests {
    use super::listener_of;
    use crate::case::parse;

    #[test]
    fn a_step_comes_by_a_listener_of_a_broker() {
        assert_eq!(listener_of("EXTRA.b1"), Some(("EXTRA", 1)));
        for other in ["b1", "leader.t/0", "coordinator.b1", "EXTRA", "EXTRA.1", "EXTRA.b"] {
            assert_eq!(listener_of(other), None, "{other}");
        }
    }

    fn read(needs: &str, at: &str) -> Result<crate::target::Needs, String> {
        let text = format!("# MET-09  A b.\napis: Metadata\nneeds: {needs}\n\n@{at} send Metadata {{}}\n");
        let case = parse("a", &text).map_err(|error| error.to_string())?;
        Ok(case.needs)
    }

    #[test]
    fn a_case_says_which_brokers_have_a_listener() {
        let needs = read("listener EXTRA=0,1 brokers 3 listener MORE=2", "MORE.b2").expect("a case");
        let wanted = [("EXTRA".to_owned(), vec![0, 1]), ("MORE".to_owned(), vec![2])];
        assert_eq!(needs.listeners, wanted);
    }

    #[test]
    fn a_listener_that_cannot_be_is_refused_where_it_stands() {
        let refused = |needs, at| read(needs, at).expect_err("refused");
        for needs in [
            "brokers 3 listener EXTRA",
            "brokers 3 listener extra=0",
            "brokers 3 listener PLAINTEXT=0",
            "brokers 3 listener EXTRA=0 listener EXTRA=1",
            "brokers 3 listener EXTRA=0,0",
            "brokers 3 listener EXTRA=x",
        ] {
            let why = refused(needs, "c1");
            assert!(why.contains(":3:") && why.contains("listener"), "{needs}: {why}");
        }
        let why = refused("brokers 3 listener EXTRA=3", "c1");
        assert!(why.contains(":3:") && why.contains("0 to 2"), "{why}");
        for at in ["OTHER.b0", "EXTRA.b1"] {
            let why = refused("brokers 3 listener EXTRA=0", at);
            assert!(why.contains(":5:") && why.contains("on a broker that has it"), "{why}");
        }
    }
}
