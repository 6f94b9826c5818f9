//! AlterUserScramCredentials.

use std::ops::RangeInclusive;

use broker_core::controller::Refusal;
use broker_core::controller::scram::{Altered, ScramChange, Upsertion};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse};

use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct AlterUserScramCredentials;

impl Api for AlterUserScramCredentials {
    type Request = AlterUserScramCredentialsRequest;
    const KEY: i16 = 51;
    const NAME: &'static str = "AlterUserScramCredentials";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: AlterUserScramCredentialsRequest, call: &mut Call<'_>) -> Answer {
        let deletions = request.deletions.iter().map(deletion);
        let changes: Vec<ScramChange> = deletions.chain(request.upsertions.iter().map(upsertion)).collect();
        let refuse = |code: ErrorCode| {
            let refused = |change: &ScramChange| (change.user.clone(), Err(Refusal::silent(code)));
            changes.iter().map(refused).collect()
        };
        let altered: Altered = call.node.alter_scram(&changes, call.now).unwrap_or_else(refuse);
        let results = altered.iter().map(|(user, result)| {
            let (code, message) = error(result);
            AlterUserScramCredentialsResult::default()
                .with_user(text(user))
                .with_error_code(code)
                .with_error_message(message)
        });
        let response = AlterUserScramCredentialsResponse::default().with_results(results.collect());
        call.reply(&response)
    }
}

fn deletion(deletion: &ScramCredentialDeletion) -> ScramChange {
    ScramChange {
        user: deletion.name.to_string(),
        mechanism: deletion.mechanism,
        upsertion: None,
    }
}

fn upsertion(upsertion: &ScramCredentialUpsertion) -> ScramChange {
    ScramChange {
        user: upsertion.name.to_string(),
        mechanism: upsertion.mechanism,
        upsertion: Some(Upsertion {
            iterations: upsertion.iterations,
            salt: upsertion.salt.clone(),
            salted_password: upsertion.salted_password.clone(),
        }),
    }
}
