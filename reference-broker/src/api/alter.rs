//! What AlterConfigs and IncrementalAlterConfigs have in common: everything but their operations.

use broker_core::controller::configs::{Alteration, Altered, Unnamed};
use broker_core::controller::{Intent, Refusal};

use super::Call;

/// One result a resource; where the node could write nothing, the same one for all.
pub(super) fn alter(
    alterations: Vec<Alteration>,
    unnamed: Unnamed,
    validate_only: bool,
    call: &mut Call<'_>,
) -> Altered {
    let names: Vec<_> = alterations
        .iter()
        .map(|alteration| (alteration.kind, alteration.name.clone()))
        .collect();
    call.node
        .alter_configs(alterations, unnamed, Intent::of(validate_only), call.now)
        .unwrap_or_else(|code| {
            let refused = |name| (name, Err(Refusal::silent(code)));
            names.into_iter().map(refused).collect()
        })
}
