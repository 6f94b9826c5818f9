//! Answers that name brokers name our proxies instead. Nothing else of them changes, and no other answer is touched.

use kafka_fixtures::codec::{decode, encode};
use kafka_fixtures::value::Value;

use super::frame;
use crate::driver::wire::schema_for;
use crate::run::event::Direction;

/// Produce, Fetch, Metadata, FindCoordinator, DescribeCluster.
pub(super) const KEYS: [i16; 5] = [0, 1, 3, 10, 60];

/// The answer with every address put through `proxy`; None where it names none, or cannot be read.
pub(super) fn rewritten(
    key: i16,
    version: i16,
    answer: &[u8],
    proxy: &mut impl FnMut(&str, u16) -> Option<(String, u16)>,
) -> Option<Vec<u8>> {
    let at = frame::body_at(key, version, answer)?;
    let message = schema_for(key, version, Direction::Response)?;
    let mut body = decode(message, version, &answer[at..]).ok()?.value;
    if !replace(&mut body, proxy) {
        return None;
    }
    let body = encode(message, version, &body).ok()?;
    let length = u32::try_from(at - 4 + body.len()).ok()?;
    Some([&length.to_be_bytes()[..], &answer[4..at], &body].concat())
}

/// Whether anything changed.
fn replace(value: &mut Value, proxy: &mut impl FnMut(&str, u16) -> Option<(String, u16)>) -> bool {
    match value {
        Value::Array(elements) => elements
            .iter_mut()
            .fold(false, |changed, element| replace(element, proxy) | changed),
        Value::Struct(fields) => {
            let host = fields.get("Host").and_then(Value::as_str);
            let port = fields
                .get("Port")
                .and_then(Value::as_i64)
                .and_then(|port| u16::try_from(port).ok());
            // An answer that found nobody names port -1.
            let instead = host.zip(port).and_then(|(host, port)| proxy(host, port));
            let mut changed = false;
            if let Some((host, port)) = instead {
                fields.set("Host", Value::String(host));
                fields.set("Port", Value::Int(i64::from(port)));
                changed = true;
            }
            let within = fields.fields.iter_mut();
            within.fold(changed, |changed, (_, value)| replace(value, proxy) | changed)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Uuid(_)
        | Value::String(_)
        | Value::Bytes(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_fixtures::value::Struct;

    fn answer(key: i16, version: i16, body: Struct) -> Vec<u8> {
        let message = schema_for(key, version, Direction::Response).expect("a layout");
        let body = encode(message, version, &Value::Struct(body)).expect("an answer");
        let flexible = kafka_fixtures::schema::response_header_version(key, version) == 1;
        let head = [&[0, 0, 0, 7][..], if flexible { &[0] } else { &[] }].concat();
        let length = u32::try_from(head.len() + body.len()).expect("short");
        [&length.to_be_bytes()[..], &head, &body].concat()
    }

    fn broker(host: &str, port: i64) -> Value {
        let broker = Struct::new().with("NodeId", Value::Int(1));
        Value::Struct(
            broker
                .with("Host", Value::String(host.to_owned()))
                .with("Port", Value::Int(port)),
        )
    }

    #[test]
    fn brokers_of_metadata_are_our_proxies_at_every_version() {
        for version in 0..=13 {
            let named = |host, port| {
                answer(
                    3,
                    version,
                    Struct::new().with("Brokers", Value::Array(vec![broker(host, port)])),
                )
            };
            let before = named("kafka", 9092);
            let after = rewritten(3, version, &before, &mut |host, port| {
                assert_eq!((host, port), ("kafka", 9092));
                Some(("127.0.0.1".to_owned(), 7))
            });
            assert_eq!(after, Some(named("127.0.0.1", 7)), "v{version}");
        }
    }

    #[test]
    fn a_coordinator_is_our_proxy_and_one_that_was_not_found_is_left_alone() {
        let found = answer(
            10,
            4,
            Struct::new().with("Coordinators", Value::Array(vec![broker("kafka", 9092)])),
        );
        assert!(rewritten(10, 4, &found, &mut |_, _| Some(("h".to_owned(), 1))).is_some());
        let none = answer(
            10,
            4,
            Struct::new().with("Coordinators", Value::Array(vec![broker("", -1)])),
        );
        assert_eq!(rewritten(10, 4, &none, &mut |_, _| Some(("h".to_owned(), 1))), None);
    }
}
