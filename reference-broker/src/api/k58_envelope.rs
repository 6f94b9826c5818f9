//! Envelope. v0: another broker's client asks through it (KIP-590). What is inside is served as if it had come to this listener.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{EnvelopeRequest, EnvelopeResponse};

use super::{Answer, Api, Body, Call, Listener, Part, Unstable};
use crate::net::connection::guard;
use crate::net::header::RequestHeader;
use crate::peer::is_forwardable;

pub(super) struct Envelope;

impl Api for Envelope {
    type Request = EnvelopeRequest;
    const KEY: i16 = 58;
    const NAME: &'static str = "Envelope";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: EnvelopeRequest, call: &mut Call<'_>) -> Answer {
        let response = match opened(request, call) {
            Ok(inside) => EnvelopeResponse::default().with_response_data(Some(inside)),
            Err(error) => EnvelopeResponse::default().with_error_code(error.code()),
        };
        call.reply(&response)
    }
}

/// Serves what is inside for the client that sent it, and answers its response with the header before it.
fn opened(request: EnvelopeRequest, call: &mut Call<'_>) -> Result<Bytes, ErrorCode> {
    let client_host = host(&request.client_host_address)?;
    let mut inside = request.request_data;
    let unstable = Unstable::of(call.node.config());
    let header =
        RequestHeader::read(&mut inside, Listener::Controller, unstable).map_err(|_| ErrorCode::InvalidRequest)?;
    if !header.supported || !is_forwardable(header.entry.key) {
        return Err(ErrorCode::InvalidRequest);
    }
    guard(&header, &inside).map_err(|_| ErrorCode::InvalidRequest)?;
    let mut call = Call {
        version: header.version,
        client_id: &header.client_id,
        client_host: &client_host,
        listener: call.listener,
        listener_name: call.listener_name,
        node: &mut *call.node,
        now: call.now,
    };
    match header.entry.serve(inside, &mut call) {
        Answer::Reply(body) => joined(&header.response_header(), body),
        // Nothing that is forwarded waits, is silent or closes what carries it.
        Answer::Parked(..) | Answer::Again(_) | Answer::Silent | Answer::Close(_) => Err(ErrorCode::UnknownServerError),
    }
}

/// The client's address as Kafka prints it; where a broker does not say one, nobody's.
fn host(address: &[u8]) -> Result<String, ErrorCode> {
    let ip = match address.len() {
        0 => return Ok(String::new()),
        4 => <[u8; 4]>::try_from(address).map(IpAddr::from),
        _ => <[u8; 16]>::try_from(address).map(IpAddr::from),
    };
    ip.map(|ip| format!("/{ip}")).map_err(|_| ErrorCode::InvalidRequest)
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
