//! One well-formed request of every API and version, and how to spoil it.

use kafka_fixtures::codec::encode;
use kafka_fixtures::frame::encode_request;
use kafka_fixtures::schema::{Field, Schemas, Type};
use kafka_fixtures::value::{Struct, Value};

/// A well-formed frame, without its length prefix.
pub(crate) struct Specimen {
    pub(crate) api: String,
    pub(crate) version: i16,
    pub(crate) frame: Vec<u8>,
}

/// Requests that hold one of everything that their schema knows, for every version that is advertised and has a schema.
pub(crate) fn specimens(advertised: &[(i16, i16, i16)]) -> Vec<Specimen> {
    let schemas = Schemas::latest();
    let mut specimens = Vec::new();
    for &(key, min, max) in advertised {
        let message = schemas.request(key).expect("an advertised key has a schema");
        for version in (min..=max).filter(|version| message.versions.contains(*version)) {
            let value = Value::Struct(one_of_each(&message.fields, version));
            let body = encode(message, version, &value).expect("a specimen encodes");
            let frame = encode_request(key, version, 1, Some("hostile"), &body).expect("a header encodes");
            let api = schemas.api_name(key).expect("a name").to_owned();
            specimens.push(Specimen {
                api,
                version,
                frame: frame.to_vec(),
            });
        }
    }
    specimens
}

fn one_of_each(fields: &[Field], version: i16) -> Struct {
    let present = fields.iter().filter(|field| field.versions.contains(version));
    present.fold(Struct::new(), |all, field| {
        all.with(field.name, one(field.name, &field.ty, version))
    })
}

fn one(name: &str, ty: &Type, version: i16) -> Value {
    match ty {
        Type::Bool => Value::Bool(true),
        // Short waits, so that long polls and joins do not hold a truncation up.
        Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Uint32 | Type::Int64 => {
            Value::Int(i64::from(name.contains("Count") || name == "NumPartitions"))
        }
        Type::Float64 => Value::Float(1.0),
        Type::Uuid => Value::Uuid([7; 16]),
        Type::String => Value::String("a".into()),
        Type::Bytes | Type::Records => Value::Bytes(vec![0; 4].into()),
        Type::Array(of) => Value::Array(vec![one(name, of, version)]),
        Type::Struct(fields) => Value::Struct(one_of_each(fields, version)),
    }
}

/// The frame cut after every byte.
pub(crate) fn cut_everywhere(specimen: &Specimen) -> impl Iterator<Item = Vec<u8>> {
    (0..specimen.frame.len()).map(|length| specimen.frame[..length].to_vec())
}

/// The frame with single bytes made the values that decoders trip over: one byte at a time, behind key and version.
pub(crate) fn flipped(specimen: &Specimen) -> impl Iterator<Item = Vec<u8>> {
    (8..specimen.frame.len()).flat_map(|at| {
        [0x00, 0x7f, 0x80, 0xff].map(|byte| {
            let mut frame = specimen.frame.clone();
            frame[at] = byte;
            frame
        })
    })
}
