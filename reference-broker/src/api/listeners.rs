//! Which listener serves what: clients see a broker's, other nodes a controller's (`listeners` of Kafka's message
//! definitions; what a controller-only 4.3.1 advertises).

/// The listener that a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// That of a broker.
    Broker,
    /// That of a controller.
    Controller,
}

/// What a controller serves too.
const ON_BOTH: &[i16] = &[
    1, 17, 18, 19, 20, 29, 30, 31, 32, 33, 36, 37, 38, 39, 40, 41, 43, 44, 45, 46, 49, 50, 51, 55, 57, 60, 64, 80, 81,
];
/// What a controller alone serves.
const ON_CONTROLLER: &[i16] = &[52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82];

impl Listener {
    /// Is this API served here?
    pub(crate) fn serves(self, key: i16) -> bool {
        match self {
            Self::Broker => ON_CONTROLLER.binary_search(&key).is_err(),
            Self::Controller => ON_BOTH.binary_search(&key).is_ok() || ON_CONTROLLER.binary_search(&key).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_do_not_see_what_brokers_ask_of_a_controller() {
        let served = |key| (Listener::Broker.serves(key), Listener::Controller.serves(key));
        assert_eq!(served(0), (true, false), "Produce");
        assert_eq!(served(1), (true, true), "Fetch");
        assert_eq!(served(62), (false, true), "BrokerRegistration");
        assert!(ON_BOTH.is_sorted() && ON_CONTROLLER.is_sorted());
    }
}
