//! What an attestation of EAS says: its log holds only its uid, and the contract's storage the rest. Pure.
//!
//! A uid is the hash of everything that an attestation says, and a schema's id the hash of the schema. So a node's answer proves itself,
//! whichever node gave it and whenever: nothing needs to be pinned to a block, and one that lies is found out. Whether an attestation was
//! revoked is not part of its uid, and is the chain's to say.
//!
//! [`judge`] is what an answer comes to; [`Contents`] is what it is kept as; [`fields`] reads its data by its schema.

mod definition;
pub mod fields;

use alloy::sol;
use alloy::sol_types::SolValue;
use serde::{Deserialize, Serialize};
use souk_schema::observation::{Document, FailureKind, Outcome, Verification, Wanted};
use souk_schema::{Address, B256, Bytes, keccak256};

use crate::attempt::failed;
use crate::verify::fingerprint;

sol! {
    /// As EAS keeps it.
    #[derive(Debug, PartialEq, Eq)]
    struct Attestation {
        bytes32 uid;
        bytes32 schema;
        uint64 time;
        uint64 expirationTime;
        uint64 revocationTime;
        bytes32 refUID;
        address recipient;
        address attester;
        bool revocable;
        bytes data;
    }

    /// As the schema registry of EAS keeps it.
    #[derive(Debug, PartialEq, Eq)]
    struct SchemaRecord {
        bytes32 uid;
        address resolver;
        bool revocable;
        string schema;
    }

    /// The main contract of EAS.
    #[sol(rpc)]
    interface Attestations {
        function getAttestation(bytes32 uid) external view returns (Attestation memory);
        function getSchemaRegistry() external view returns (address);
    }

    /// The schema registry of EAS.
    #[sol(rpc)]
    interface Schemas {
        function getSchema(bytes32 uid) external view returns (SchemaRecord memory);
    }
}

/// How often the contract counts further where two attestations would have the same uid; more than a block has room for is never needed.
const MOST_BUMPS: u32 = 256;

/// What an attestation says, as it is kept: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The attestation.
    pub uid: B256,
    /// What its data mean.
    pub schema: Schema,
    /// Who attests.
    pub attester: Address,
    /// Of whom or what; the zero address for nobody.
    pub recipient: Address,
    /// When it was made, in seconds since 1970.
    pub time: u64,
    /// When it ends, in seconds since 1970; 0 for never.
    pub expiration_time: u64,
    /// Whether it can be revoked.
    pub revocable: bool,
    /// The attestation that it refers to; zero for none.
    #[serde(rename = "refUID")]
    pub ref_uid: B256,
    /// What is attested, encoded by the schema.
    pub data: Bytes,
}

/// What the data of attestations mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The schema's id.
    pub uid: B256,
    /// The fields, as in `bool safe,string report`: a stranger's text.
    pub definition: String,
    /// The contract that has a say in every attestation; the zero address for none.
    pub resolver: Address,
    /// Whether attestations can be revoked.
    pub revocable: bool,
}

impl Contents {
    /// Reads what is kept.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    pub fn read(content: &[u8]) -> Result<Contents, serde_json::Error> {
        serde_json::from_slice(content)
    }

    /// When it ends, in seconds since 1970; none where it does not. No clock comes to what is not a signed number of 64 bits.
    pub fn expires_at(&self) -> Option<i64> {
        let ends = i64::try_from(self.expiration_time).ok();
        ends.filter(|at| *at != 0)
    }
}

/// The uid that attestations and their `bump`s hash to.
fn uid_of(attestation: &Attestation, bump: u32) -> B256 {
    let Attestation {
        uid: _,
        schema,
        time,
        expirationTime,
        revocationTime: _,
        refUID,
        recipient,
        attester,
        revocable,
        data,
    } = attestation;
    let said = (
        schema,
        recipient,
        attester,
        time,
        expirationTime,
        *revocable,
        refUID,
        data,
        bump,
    );
    keccak256(said.abi_encode_packed())
}

/// The id that a schema hashes to.
fn schema_uid_of(schema: &SchemaRecord) -> B256 {
    keccak256((&schema.schema, schema.resolver, schema.revocable).abi_encode_packed())
}

/// Whether a schema is the one of an id.
pub fn is_schema(uid: B256, schema: &SchemaRecord) -> bool {
    schema_uid_of(schema) == uid
}

/// Whether an attestation is the one of a uid.
pub fn is_attestation(uid: B256, said: &Attestation) -> bool {
    (0..MOST_BUMPS).any(|bump| uid_of(said, bump) == uid)
}

/// What a node's answer comes to; `max_bytes` of data are kept.
pub fn judge(wanted: &Wanted, said: &Attestation, schema: &SchemaRecord, max_bytes: usize) -> Outcome {
    let uid = B256::from(wanted.subject.key.id);
    if said.uid.is_zero() {
        return failed(
            FailureKind::Missing,
            "the contract knows no such attestation, or the node is behind",
        );
    }
    if !is_attestation(uid, said) {
        return failed(
            FailureKind::WrongUid,
            "what the node answers does not hash to the attestation's uid",
        );
    }
    if !is_schema(said.schema, schema) {
        return failed(
            FailureKind::WrongUid,
            "the schema that the node answers does not hash to the schema's id",
        );
    }
    let kept = said.data.len().saturating_add(schema.schema.len());
    if kept > max_bytes {
        let detail = format!("its data and schema have {kept} bytes, more than {max_bytes}");
        return failed(FailureKind::TooLarge, &detail);
    }
    let contents = Contents {
        uid,
        schema: Schema {
            uid: said.schema,
            definition: schema.schema.clone(),
            resolver: schema.resolver,
            revocable: schema.revocable,
        },
        attester: said.attester,
        recipient: said.recipient,
        time: said.time,
        expiration_time: said.expirationTime,
        revocable: said.revocable,
        ref_uid: said.refUID,
        data: said.data.clone(),
    };
    match serde_json::to_vec(&contents) {
        Ok(content) => Outcome::Document(Document {
            fingerprint: fingerprint(&content),
            content: content.into(),
            verification: Verification::Uid,
        }),
        Err(error) => failed(FailureKind::NotJson, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use souk_schema::{ChainId, TokenRef, U256};

    use super::*;

    /// An attestation and its schema, and the uid that EAS gave it.
    pub(super) fn specimen() -> (Wanted, Attestation, SchemaRecord) {
        let schema = SchemaRecord {
            uid: B256::ZERO,
            resolver: Address::ZERO,
            revocable: true,
            schema: "bool safe,string report".into(),
        };
        let attestation = Attestation {
            uid: B256::repeat_byte(1),
            schema: schema_uid_of(&schema),
            time: 1_700_000_000,
            expirationTime: 0,
            revocationTime: 0,
            refUID: B256::ZERO,
            recipient: Address::repeat_byte(2),
            attester: Address::repeat_byte(3),
            revocable: true,
            data: (true, "clean".to_string()).abi_encode_params().into(),
        };
        let uid = uid_of(&attestation, 0);
        let key = TokenRef::new(Address::repeat_byte(0xea), U256::from_be_bytes(uid.0));
        (Wanted::attestation(ChainId(1), key), attestation, schema)
    }

    fn failure(outcome: &Outcome) -> FailureKind {
        match outcome {
            Outcome::Failed(failure) => failure.kind,
            Outcome::Document(document) => panic!("a document: {document:?}"),
        }
    }

    #[test]
    fn what_hashes_to_its_uid_is_kept_whole() {
        let (wanted, said, schema) = specimen();
        let Outcome::Document(document) = judge(&wanted, &said, &schema, 1_000) else {
            panic!("no document")
        };
        assert_eq!(document.verification, Verification::Uid);
        let contents = Contents::read(&document.content).expect("it reads back");
        assert_eq!(B256::from(wanted.subject.key.id), contents.uid);
        assert_eq!((contents.data, contents.schema.definition), (said.data, schema.schema));
        assert_eq!(
            (contents.time, contents.attester),
            (1_700_000_000, Address::repeat_byte(3))
        );
    }

    /// Two of the same words in one block: the contract counts the second's uid further.
    #[test]
    fn a_second_one_of_the_same_words_has_a_uid_too() {
        let (mut wanted, said, schema) = specimen();
        wanted.subject.key.id = U256::from_be_bytes(uid_of(&said, 3).0);
        assert!(matches!(judge(&wanted, &said, &schema, 1_000), Outcome::Document(_)));
        wanted.subject.key.id = U256::from_be_bytes(uid_of(&said, MOST_BUMPS).0);
        assert_eq!(failure(&judge(&wanted, &said, &schema, 1_000)), FailureKind::WrongUid);
    }

    /// Whatever a node changes in its answer, it is found out; a revocation is not its to tell here.
    #[test]
    fn a_node_that_lies_is_found_out() {
        let (wanted, honest, schema) = specimen();
        let lies: [fn(&mut Attestation, &mut SchemaRecord); 10] = [
            |said, _| said.schema = B256::repeat_byte(9),
            |said, _| said.time += 1,
            |said, _| said.expirationTime = 5,
            |said, _| said.refUID = B256::repeat_byte(9),
            |said, _| said.recipient = Address::ZERO,
            |said, _| said.attester = Address::ZERO,
            |said, _| said.revocable = false,
            |said, _| said.data = Bytes::new(),
            |_, schema| schema.schema.push('s'),
            |_, schema| schema.revocable = false,
        ];
        for lie in lies {
            let (mut said, mut schema) = (honest.clone(), schema.clone());
            lie(&mut said, &mut schema);
            assert_eq!(failure(&judge(&wanted, &said, &schema, 1_000)), FailureKind::WrongUid);
        }
        let revoked = Attestation {
            revocationTime: 7,
            ..honest.clone()
        };
        assert_eq!(
            judge(&wanted, &revoked, &schema, 1_000),
            judge(&wanted, &honest, &schema, 1_000)
        );
    }

    #[test]
    fn one_that_is_not_there_may_come_and_one_that_is_too_large_does_not() {
        let (wanted, said, schema) = specimen();
        let none = Attestation {
            uid: B256::ZERO,
            ..said.clone()
        };
        assert_eq!(failure(&judge(&wanted, &none, &schema, 1_000)), FailureKind::Missing);
        assert_eq!(failure(&judge(&wanted, &said, &schema, 100)), FailureKind::TooLarge);
    }

    #[test]
    fn what_never_ends_has_no_end() {
        let (wanted, mut said, schema) = specimen();
        let mut end = |at| {
            said.expirationTime = at;
            let mut wanted = wanted.clone();
            wanted.subject.key.id = U256::from_be_bytes(uid_of(&said, 0).0);
            match judge(&wanted, &said, &schema, 1_000) {
                Outcome::Document(document) => Contents::read(&document.content).expect("reads").expires_at(),
                Outcome::Failed(failure) => panic!("{failure:?}"),
            }
        };
        assert_eq!((end(0), end(5), end(u64::MAX)), (None, Some(5), None));
    }
}
