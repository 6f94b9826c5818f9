//! DescribeUserScramCredentials: mechanisms and iterations, never a key.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_protocol::messages::{DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DescribeUserScramCredentials;

impl Api for DescribeUserScramCredentials {
    type Request = DescribeUserScramCredentialsRequest;
    const KEY: i16 = 50;
    const NAME: &'static str = "DescribeUserScramCredentials";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: DescribeUserScramCredentialsRequest, call: &mut Call<'_>) -> Answer {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for user in request.users.iter().flatten() {
            *times.entry(user.name.to_string()).or_default() += 1;
        }
        let asks_for_all = times.is_empty();
        if asks_for_all {
            times.extend(call.node.image().scram_users().map(|user| (user.clone(), 1)));
        }
        let results = times.iter().map(|(user, times)| describe(user, *times, call));
        let response = DescribeUserScramCredentialsResponse::default().with_results(results.collect());
        call.reply(&response)
    }
}

fn describe(user: &str, times: usize, call: &Call<'_>) -> DescribeUserScramCredentialsResult {
    let result = DescribeUserScramCredentialsResult::default().with_user(text(user));
    let refuse = |result: DescribeUserScramCredentialsResult, code: ErrorCode, why: &str| {
        result
            .with_error_code(code.code())
            .with_error_message(Some(text(&format!("{why}: {user}"))))
    };
    match call.node.image().scram(user) {
        _ if times > 1 => {
            let why = "Cannot describe SCRAM credentials for the same user twice in a single request";
            refuse(result, ErrorCode::DuplicateResource, why)
        }
        None => {
            let why = "Attempt to describe a user credential that does not exist";
            refuse(result, ErrorCode::ResourceNotFound, why)
        }
        Some(credentials) => {
            let info = |(mechanism, credential): (&i8, &broker_core::records::UserScramCredentialRecord)| {
                CredentialInfo::default()
                    .with_mechanism(*mechanism)
                    .with_iterations(credential.iterations)
            };
            result.with_credential_infos(credentials.iter().map(info).collect())
        }
    }
}
