//! DescribeCluster. v1 brokers or controllers (KIP-919) · v2 fenced brokers too.

use std::ops::RangeInclusive;

use broker_core::image::BrokerImage;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::convert::{CLUSTER_OPERATIONS, NOT_ASKED, text};
use super::{Answer, Api, Call, Listener};

pub(super) struct DescribeCluster;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

impl Api for DescribeCluster {
    type Request = DescribeClusterRequest;
    const KEY: i16 = 60;
    const NAME: &'static str = "DescribeCluster";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: DescribeClusterRequest, call: &mut Call<'_>) -> Answer {
        let wanted = if call.version >= 1 {
            request.endpoint_type
        } else {
            BROKERS
        };
        let response = match (wanted, call.listener) {
            (BROKERS, Listener::Broker) => describe(&request, call),
            (CONTROLLERS, Listener::Controller) => controllers(call),
            (CONTROLLERS, Listener::Broker) => mismatched("BROKER", "CONTROLLER"),
            (BROKERS, Listener::Controller) => mismatched("CONTROLLER", "BROKER"),
            (other, _) => refuse(
                ErrorCode::UnsupportedEndpointType,
                &format!("Unsupported endpoint type {other}"),
            ),
        };
        call.reply(&response)
    }
}

fn describe(request: &DescribeClusterRequest, call: &Call<'_>) -> DescribeClusterResponse {
    let tells_fenced = call.version >= 2;
    let shown = |broker: &&BrokerImage| !broker.fenced || (tells_fenced && request.include_fenced_brokers);
    let answer = |broker: &BrokerImage| {
        let at = broker.listener(call.listener_name)?;
        let answer = DescribeClusterBroker::default()
            .with_broker_id(BrokerId(broker.id.0))
            .with_host(text(&at.host))
            .with_port(i32::from(at.port))
            .with_rack(broker.rack.as_deref().map(text));
        Some(match tells_fenced {
            true => answer.with_is_fenced(broker.fenced),
            false => answer,
        })
    };
    let operations = if request.include_cluster_authorized_operations {
        CLUSTER_OPERATIONS
    } else {
        NOT_ASKED
    };
    DescribeClusterResponse::default()
        .with_cluster_id(text(call.node.cluster_id()))
        .with_controller_id(BrokerId(call.node.broker_id().0))
        .with_brokers(call.node.image().brokers().filter(shown).filter_map(answer).collect())
        .with_cluster_authorized_operations(operations)
}

/// The one that there is, where it listens.
fn controllers(call: &Call<'_>) -> DescribeClusterResponse {
    let voter = call.node.config().cluster.voter.as_ref();
    let controller = voter.map(|voter| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(voter.id))
            .with_host(text(&voter.host))
            .with_port(i32::from(voter.port))
    });
    DescribeClusterResponse::default()
        .with_cluster_id(text(call.node.cluster_id()))
        .with_endpoint_type(CONTROLLERS)
        .with_controller_id(BrokerId(call.node.broker_id().0))
        .with_brokers(controller.into_iter().collect())
        .with_cluster_authorized_operations(NOT_ASKED)
}

fn mismatched(sent_to: &str, wanted: &str) -> DescribeClusterResponse {
    let why =
        format!("The request was sent to an endpoint of type {sent_to}, but we wanted an endpoint of type {wanted}");
    refuse(ErrorCode::MismatchedEndpointType, &why)
}

fn refuse(error: ErrorCode, why: &str) -> DescribeClusterResponse {
    DescribeClusterResponse::default()
        .with_error_code(error.code())
        .with_error_message(Some(text(why)))
        .with_controller_id(BrokerId(-1))
        .with_cluster_authorized_operations(NOT_ASKED)
}
