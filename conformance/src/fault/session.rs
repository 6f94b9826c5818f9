//! Under which producer id and epoch a Produce is sent: a session of its producer, as a broker sees it.

use kafka_fixtures::codec::decode;
use kafka_fixtures::value::Value;

use super::frame::Head;
use crate::driver::wire::schema_for;
use crate::run::event::Direction;

const PRODUCE: i16 = 0;
/// Where a batch has its producer's id and epoch.
const ID: usize = 43;
const EPOCH: usize = 51;

/// None where it is no Produce, or its first batch is of no idempotent producer.
pub(super) fn of(head: &Head, request: &[u8]) -> Option<(i64, i16)> {
    if head.key != PRODUCE {
        return None;
    }
    let message = schema_for(PRODUCE, head.version, Direction::Request)?;
    let body = decode(message, head.version, request.get(head.body..)?).ok()?.value;
    let records = body
        .at("TopicData[0].PartitionData[0].Records")
        .and_then(Value::as_bytes)?;
    let id = i64::from_be_bytes(records.get(ID..EPOCH)?.try_into().ok()?);
    let epoch = i16::from_be_bytes(records.get(EPOCH..EPOCH + 2)?.try_into().ok()?);
    (id >= 0).then_some((id, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::wire::Request;
    use crate::fault::frame;
    use kafka_fixtures::value::Struct;

    #[test]
    fn id_and_epoch_are_read_from_the_first_batch() {
        for version in 3..=13 {
            for (id, expected) in [(7_i64, Some((7, 3))), (-1, None)] {
                let mut batch = vec![0; 61];
                batch[ID..EPOCH].copy_from_slice(&id.to_be_bytes());
                batch[EPOCH..EPOCH + 2].copy_from_slice(&3_i16.to_be_bytes());
                let partition = Struct::new().with("Records", Value::Bytes(batch.into()));
                let topic = Struct::new().with("PartitionData", Value::Array(vec![Value::Struct(partition)]));
                let body = Struct::new().with("TopicData", Value::Array(vec![Value::Struct(topic)]));
                let request = Request::new("Produce", version, Value::Struct(body));
                let bytes = request.encode(7).expect("a request");
                let framed = [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], &bytes].concat();
                let head = frame::head(&framed).expect("a head");
                assert_eq!(of(&head, &framed), expected, "v{version}");
            }
        }
    }
}
