//! EAS: attestations and their schemas. A log holds neither an attestation's data nor what it refers to nor when it expires.

use alloy::sol;
use alloy_primitives::{Address, B256};
use souk_schema::event::ForeignEvent;
use souk_schema::event::foreign::{
    AttestationRevoked, AttestationSchemaRegistered, Attested as AttestationMade, HashRevoked, HashTimestamped,
};
use souk_schema::record::RawLog;

use super::{Means, Variant, one, text};
use crate::decoder::Undecodable;

sol! {
    struct SchemaRecord {
        bytes32 uid;
        address resolver;
        bool revocable;
        string schema;
    }

    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event Revoked(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event Timestamped(bytes32 indexed data, uint64 indexed timestamp);
    event RevokedOffchain(address indexed revoker, bytes32 indexed data, uint64 indexed timestamp);
    event Registered(bytes32 indexed uid, address indexed registerer, SchemaRecord schema);
}

/// In its first releases the registry's event did not hold the schema.
mod earlier {
    alloy::sol! {
        event Registered(bytes32 indexed uid, address indexed registerer);
    }
}

/// The same with another number of topics.
mod first {
    alloy::sol! {
        event Registered(bytes32 indexed uid, address registerer);
    }
}

/// A contract of EAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eas {
    Attestations,
    Schemas,
}

impl Eas {
    pub(super) fn variants(self) -> Vec<Variant<Eas>> {
        match self {
            Eas::Attestations => vec![
                Variant::of::<Attested>(),
                Variant::of::<Revoked>(),
                Variant::of::<Timestamped>(),
                Variant::of::<RevokedOffchain>(),
            ],
            Eas::Schemas => vec![
                Variant::of::<Registered>(),
                Variant::of::<earlier::Registered>(),
                Variant::of::<first::Registered>(),
            ],
        }
    }
}

impl Means<Eas> for Attested {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(AttestationMade {
            registry: log.address,
            uid: self.uid,
            schema: self.schemaUID,
            attester: self.attester,
            recipient: self.recipient,
        })
    }
}

impl Means<Eas> for Revoked {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(AttestationRevoked {
            registry: log.address,
            uid: self.uid,
            schema: self.schemaUID,
            attester: self.attester,
            recipient: self.recipient,
        })
    }
}

impl Means<Eas> for Timestamped {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(HashTimestamped {
            registry: log.address,
            hash: self.data,
            timestamp: self.timestamp,
        })
    }
}

impl Means<Eas> for RevokedOffchain {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(HashRevoked {
            registry: log.address,
            hash: self.data,
            revoked_by: self.revoker,
            timestamp: self.timestamp,
        })
    }
}

impl Means<Eas> for Registered {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(AttestationSchemaRegistered {
            registry: log.address,
            schema: self.uid,
            registered_by: self.registerer,
            definition: text("schema", self.schema.schema)?,
            resolver: self.schema.resolver,
            revocable: Some(self.schema.revocable),
        })
    }
}

/// A schema of which the log holds only its id.
fn bare(log: &RawLog, schema: B256, registered_by: Address) -> Result<Vec<ForeignEvent>, Undecodable> {
    one(AttestationSchemaRegistered {
        registry: log.address,
        schema,
        registered_by,
        definition: String::new(),
        resolver: Address::ZERO,
        revocable: None,
    })
}

impl Means<Eas> for earlier::Registered {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        bare(log, self.uid, self.registerer)
    }
}

impl Means<Eas> for first::Registered {
    fn meaning(self, log: &RawLog, _: Eas) -> Result<Vec<ForeignEvent>, Undecodable> {
        bare(log, self.uid, self.registerer)
    }
}
