//! Ids for topics that this broker makes: chance comes in once, at the start, as the id of the process.

/// A stream of version 4 UUIDs.
#[derive(Debug, Default)]
pub(super) struct FreshIds {
    seed: u128,
    drawn: u64,
}

impl FreshIds {
    pub(super) fn seeded(seed: [u8; 16]) -> Self {
        Self {
            seed: u128::from_be_bytes(seed),
            drawn: 0,
        }
    }

    /// The next id. None begins with `-` in text form, which tools would take for a flag.
    pub(super) fn next(&mut self) -> [u8; 16] {
        loop {
            self.drawn += 1;
            let high = mix((self.seed >> 64) as u64 ^ mix(self.drawn));
            let low = mix(self.seed as u64 ^ mix(self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            let mut id = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
            id[6] = 0x40 | (id[6] & 0x0f);
            id[8] = 0x80 | (id[8] & 0x3f);
            if id[0] >> 2 != 62 {
                return id;
            }
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_do_not_repeat_and_differ_between_processes() {
        let mut streams = [FreshIds::seeded([1; 16]), FreshIds::seeded([2; 16])];
        let ids: HashSet<_> = streams
            .iter_mut()
            .flat_map(|ids| (0..5_000).map(|_| ids.next()).collect::<Vec<_>>())
            .collect();
        assert_eq!(ids.len(), 10_000);
        assert!(
            ids.iter()
                .all(|id| id[6] >> 4 == 4 && id[8] >> 6 == 2 && id[0] >> 2 != 62)
        );
    }
}
