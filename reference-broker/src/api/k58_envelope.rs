//! Envelope. v0: another broker's client asks through it (KIP-590). What is inside is served as if it had come to this listener.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{EnvelopeRequest, EnvelopeResponse};

use super::{Answer, Api, Body, Call, Listener, Part, Unstable};
use crate::net::connection::guard;
use crate::net::header::RequestHeader;

pub(super) struct Envelope;

impl Api for Envelope {
    type Request = EnvelopeRequest;
    const KEY: i16 = 58;
    const NAME: &'static str = "Envelope";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: EnvelopeRequest, call: &mut Call<'_>) -> Answer {
        let response = match opened(request.request_data, call) {
            Ok(inside) => EnvelopeResponse::default().with_response_data(Some(inside)),
            Err(error) => EnvelopeResponse::default().with_error_code(error.code()),
        };
        call.reply(&response)
    }
}

/// Serves what is inside, and answers its response with the header before it.
fn opened(mut inside: Bytes, call: &mut Call<'_>) -> Result<Bytes, ErrorCode> {
    let unstable = Unstable::of(call.node.config());
    let header =
        RequestHeader::read(&mut inside, Listener::Controller, unstable).map_err(|_| ErrorCode::InvalidRequest)?;
    // An envelope in an envelope would be opened without end.
    if !header.supported || header.entry.key == Envelope::KEY {
        return Err(ErrorCode::InvalidRequest);
    }
    guard(&header, &inside).map_err(|_| ErrorCode::InvalidRequest)?;
    let mut call = Call {
        version: header.version,
        client_id: &header.client_id,
        client_host: call.client_host,
        listener: call.listener,
        node: &mut *call.node,
        now: call.now,
    };
    match header.entry.serve(inside, &mut call) {
        Answer::Reply(body) => joined(&header.response_header(), body),
        // Nothing that is forwarded waits, is silent or closes what carries it.
        Answer::Parked(..) | Answer::Again(_) | Answer::Silent | Answer::Close(_) => Err(ErrorCode::UnknownServerError),
    }
}

fn joined(header: &[u8], body: Body) -> Result<Bytes, ErrorCode> {
    let mut bytes = BytesMut::from(header);
    for part in body.parts {
        match part {
            Part::Bytes(part) => bytes.put_slice(&part),
            Part::Span(_) => return Err(ErrorCode::UnknownServerError),
        }
    }
    Ok(bytes.freeze())
}
