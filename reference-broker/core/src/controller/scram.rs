//! SCRAM credentials (KIP-554): what proves a password without being it. A request names each user once.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};

use super::{Change, Controller, Decided, Refusal, plain};
use crate::records::{RemoveUserScramCredentialRecord, UserScramCredentialRecord};
use crate::units::ErrorCode;

/// A hash that a credential is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// SCRAM-SHA-256
    Sha256 = 1,
    /// SCRAM-SHA-512
    Sha512 = 2,
}

const MIN_ITERATIONS: i32 = 4_096;
const MAX_ITERATIONS: i32 = 16_384;

impl Mechanism {
    /// The mechanism of that number.
    pub fn from_number(number: i8) -> Option<Self> {
        [Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|mechanism| *mechanism as i8 == number)
    }

    fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Sha512 => hash::<Sha512>(parts),
        }
    }

    /// HMAC (RFC 2104).
    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        let block = match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        };
        let mut padded = if key.len() > block {
            self.hash(&[key])
        } else {
            key.to_vec()
        };
        padded.resize(block, 0);
        let with = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        let inner = self.hash(&[&with(0x36), text]);
        self.hash(&[&with(0x5c), &inner])
    }
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().to_vec()
}

/// What is to become of one credential of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramChange {
    /// The user.
    pub user: String,
    /// The mechanism by its number, which may be none that there is.
    pub mechanism: i8,
    /// The new credential; None deletes.
    pub upsertion: Option<Upsertion>,
}

/// A credential as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upsertion {
    /// How often the password was hashed.
    pub iterations: i32,
    /// With what.
    pub salt: Bytes,
    /// What came of it.
    pub salted_password: Bytes,
}

/// What became of each user.
pub type Altered = BTreeMap<String, Result<(), Refusal>>;

impl Controller<'_> {
    /// AlterUserScramCredentials: each user stands or falls alone.
    pub fn alter_scram(&self, changes: &[ScramChange]) -> Decided<Altered> {
        let mut answer = Altered::new();
        let mut made: BTreeMap<&str, Change> = BTreeMap::new();
        for change in changes {
            let result = match answer.get(&change.user) {
                Some(Ok(())) => Err(Refusal::new(
                    ErrorCode::DuplicateResource,
                    "A user credential cannot be altered twice in the same request",
                )),
                Some(Err(first)) => Err(first.clone()),
                None => self.alter_credential(change),
            };
            match &result {
                Ok(record) => drop(made.insert(&change.user, record.clone())),
                Err(_) => drop(made.remove(change.user.as_str())),
            }
            answer.insert(change.user.clone(), result.map(drop));
        }
        Decided {
            records: made.into_values().collect(),
            answer,
        }
    }

    fn alter_credential(&self, change: &ScramChange) -> Result<Change, Refusal> {
        let unacceptable = |why: &str| Err(Refusal::new(ErrorCode::UnacceptableCredential, why));
        if change.user.is_empty() {
            return unacceptable("Username must not be empty");
        }
        let Some(mechanism) = Mechanism::from_number(change.mechanism) else {
            return Err(Refusal::new(
                ErrorCode::UnsupportedSaslMechanism,
                "Unknown SCRAM mechanism",
            ));
        };
        match &change.upsertion {
            None => self.delete_credential(&change.user, mechanism),
            Some(new) if new.iterations < MIN_ITERATIONS => unacceptable("Too few iterations"),
            Some(new) if new.iterations > MAX_ITERATIONS => unacceptable("Too many iterations"),
            Some(new) => Ok(credential(&change.user, mechanism, new)),
        }
    }

    fn delete_credential(&self, user: &str, mechanism: Mechanism) -> Result<Change, Refusal> {
        let known = self
            .image
            .scram(user)
            .is_some_and(|credentials| credentials.contains_key(&(mechanism as i8)));
        if !known {
            return Err(Refusal::new(
                ErrorCode::ResourceNotFound,
                "Attempt to delete a user credential that does not exist",
            ));
        }
        Ok(plain(RemoveUserScramCredentialRecord {
            name: user.to_owned(),
            mechanism: mechanism as i8,
        }))
    }
}

/// The two keys of RFC 5802 by which a server checks a proof and gives its own.
fn credential(user: &str, mechanism: Mechanism, new: &Upsertion) -> Change {
    let key = |name: &[u8]| mechanism.hmac(&new.salted_password, name);
    plain(UserScramCredentialRecord {
        name: user.to_owned(),
        mechanism: mechanism as i8,
        salt: new.salt.clone(),
        stored_key: mechanism.hash(&[&key(b"Client Key")]).into(),
        server_key: key(b"Server Key").into(),
        iterations: new.iterations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of RFC 4231, 4.3.
    #[test]
    fn a_text_is_signed_as_rfc_4231_signs_it() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, text) = (&b"Jefe"[..], &b"what do ya want for nothing?"[..]);
        assert_eq!(
            hex(Mechanism::Sha256.hmac(key, text)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(hex(Mechanism::Sha512.hmac(key, text)).starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
    }
}
