//! EAS: who attested what of whom. The log holds neither the attestation's data nor what it refers to nor when it expires.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::id::TokenRef;

/// A schema of attestations was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationSchemaRegistered {
    /// The schema registry.
    pub registry: Address,
    /// The schema.
    pub schema: B256,
    /// By whom.
    pub registered_by: Address,
    /// The fields of an attestation; empty where the log does not hold them.
    pub definition: String,
    /// The contract that has a say in every attestation; the zero address for none, or where the log does not say.
    pub resolver: Address,
    /// Whether attestations can be revoked; `None` where the log does not say.
    pub revocable: Option<bool>,
}

/// An attestation was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attested {
    /// The contract that keeps it.
    pub registry: Address,
    /// Its id there.
    pub uid: B256,
    /// The schema of its data.
    pub schema: B256,
    /// Who attests.
    pub attester: Address,
    /// Of whom or what; the zero address for nobody.
    pub recipient: Address,
}

impl Attested {
    /// The key of the attestation.
    pub fn key(&self) -> TokenRef {
        TokenRef::new(self.registry, U256::from_be_bytes(self.uid.0))
    }
}

/// An attestation no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationRevoked {
    /// The contract that keeps it.
    pub registry: Address,
    /// Its id there.
    pub uid: B256,
    /// The schema of its data.
    pub schema: B256,
    /// Who attested, and revokes.
    pub attester: Address,
    /// Of whom or what.
    pub recipient: Address,
}

impl AttestationRevoked {
    /// The key of the attestation.
    pub fn key(&self) -> TokenRef {
        TokenRef::new(self.registry, U256::from_be_bytes(self.uid.0))
    }
}

/// A hash was given a time: what it is of, existed then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashTimestamped {
    /// The contract that keeps it.
    pub registry: Address,
    /// The hash.
    pub hash: B256,
    /// Unix time in seconds.
    pub timestamp: u64,
}

/// An attestation that is kept off chain no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashRevoked {
    /// The contract that keeps it.
    pub registry: Address,
    /// The attestation's hash.
    pub hash: B256,
    /// By whom.
    pub revoked_by: Address,
    /// Unix time in seconds.
    pub timestamp: u64,
}
