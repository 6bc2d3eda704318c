//! What the operator did for a group, each step written before it is taken: the records of `exchange.settlement.<group>`.
//!
//! The stored encoding is Protobuf (`schema/proto/souk/settlement`), with its version in a header as in a chain's stream. Start at
//! [`Entry`].

use alloy::primitives::{Address, B256, Bytes};
use prost::Message;
use serde::{Deserialize, Serialize};
use souk_eventlog::{NewRecord, StoredRecord};
use souk_schema::encoding::VERSION_HEADER;
use souk_schema::exchange::{FillNumber, GroupId};
use souk_wire::fees::Fees;

#[allow(missing_docs, reason = "generated from schema/proto, which is documented")]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/souk.settlement.v1.rs"));
}

/// The version that is written.
pub const CURRENT_VERSION: u32 = 1;
/// The CloudEvents `type` of settlement records.
pub const SETTLEMENT_RECORD_TYPE: &str = "souk.settlement.v1.SettlementRecord";

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Settles fills.
    Batch {
        /// The first.
        first: FillNumber,
        /// The last, inclusive.
        last: FillNumber,
        /// How many of them the operator has skipped.
        voided: u32,
    },
    /// Says that the operator is there.
    Heartbeat,
    /// Pays royalties out.
    Flush {
        /// The market's id in the vault.
        market: B256,
    },
}

/// One signed form of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its hash.
    pub hash: B256,
    /// What it offers.
    pub fees: Fees,
    /// As it is sent (EIP-2718).
    pub signed: Bytes,
}

/// A transaction about to be sent for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Counts the group's transactions, from 1.
    pub id: u64,
    /// The operator account's nonce.
    pub nonce: u64,
    /// The vault.
    pub to: Address,
    /// The most gas that it may use.
    pub gas_limit: u64,
    /// keccak-256 of the call's data.
    pub call_hash: B256,
    /// What it is for.
    pub purpose: Purpose,
    /// Its first form.
    pub attempt: Attempt,
}

/// Where a transaction was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinedIn {
    /// Which form of it.
    pub hash: B256,
    /// The block's number.
    pub block_number: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Gas used.
    pub gas_used: u64,
    /// Whether it did what it should.
    pub succeeded: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A transaction is about to be sent.
    Planned(Planned),
    /// It is about to be sent in another form.
    Attempted {
        /// Which transaction.
        id: u64,
        /// The new form.
        attempt: Attempt,
    },
    /// It is in a block.
    Mined {
        /// Which transaction.
        id: u64,
        /// Where.
        mined: MinedIn,
    },
    /// Its block was reverted.
    Reverted {
        /// Which transaction.
        id: u64,
    },
    /// Another transaction used its nonce.
    Voided {
        /// Which transaction.
        id: u64,
    },
    /// Its block is final.
    Final {
        /// Which transaction.
        id: u64,
    },
}

impl Entry {
    /// The transaction that it speaks of.
    pub fn id(&self) -> u64 {
        match self {
            Entry::Planned(planned) => planned.id,
            Entry::Attempted { id, .. }
            | Entry::Mined { id, .. }
            | Entry::Reverted { id }
            | Entry::Voided { id }
            | Entry::Final { id } => *id,
        }
    }
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Written by a newer Souk, or not by Souk.
    #[error(
        "settlement record {sequence} has no encoding version that this build knows ({CURRENT_VERSION}): upgrade souk"
    )]
    Version {
        /// The record.
        sequence: u64,
    },
    /// Not what it should be.
    #[error("settlement record {sequence} cannot be read: {problem}")]
    Malformed {
        /// The record.
        sequence: u64,
        /// What is wrong.
        problem: String,
    },
}

/// A step as it is appended.
pub fn to_record(group: GroupId, entry: &Entry) -> NewRecord {
    use v1::settlement_record::Body;
    let body = match entry {
        Entry::Planned(planned) => Body::Planned(encode_planned(planned)),
        Entry::Attempted { id, attempt } => Body::Attempted(v1::Attempted {
            id: *id,
            attempt: Some(encode_attempt(attempt)),
        }),
        Entry::Mined { id, mined } => Body::Mined(v1::Mined {
            id: *id,
            transaction_hash: mined.hash.to_vec(),
            block_number: mined.block_number,
            block_hash: mined.block_hash.to_vec(),
            gas_used: mined.gas_used,
            succeeded: mined.succeeded,
        }),
        Entry::Reverted { id } => Body::Reverted(v1::Reverted { id: *id }),
        Entry::Voided { id } => Body::Voided(v1::Voided { id: *id }),
        Entry::Final { id } => Body::Final(v1::Final { id: *id }),
    };
    let record = v1::SettlementRecord {
        group: group.0,
        body: Some(body),
    };
    let headers = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_type", SETTLEMENT_RECORD_TYPE.to_owned()),
        ("content-type", "application/protobuf".to_owned()),
        (VERSION_HEADER, CURRENT_VERSION.to_string()),
    ];
    NewRecord {
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        payload: record.encode_to_vec().into(),
    }
}

/// A step as it was read.
///
/// # Errors
/// [`JournalError`] names what is wrong with the record.
pub fn from_record(group: GroupId, stored: &StoredRecord) -> Result<Entry, JournalError> {
    let sequence = stored.sequence;
    let version = stored.headers.iter().find(|(name, _)| name == VERSION_HEADER);
    if version.is_none_or(|(_, version)| *version != CURRENT_VERSION.to_string()) {
        return Err(JournalError::Version { sequence });
    }
    let malformed = |problem: String| JournalError::Malformed { sequence, problem };
    let record = v1::SettlementRecord::decode(&stored.payload[..]).map_err(|error| malformed(error.to_string()))?;
    if record.group != group.0 {
        return Err(malformed(format!("it is of group {}", record.group)));
    }
    decode_body(record.body).map_err(|field| malformed(format!("its field `{field}` is missing or has the wrong size")))
}

fn decode_body(body: Option<v1::settlement_record::Body>) -> Result<Entry, &'static str> {
    use v1::settlement_record::Body;
    Ok(match body.ok_or("body")? {
        Body::Planned(planned) => Entry::Planned(decode_planned(planned)?),
        Body::Attempted(it) => Entry::Attempted {
            id: it.id,
            attempt: decode_attempt(it.attempt)?,
        },
        Body::Mined(it) => Entry::Mined {
            id: it.id,
            mined: MinedIn {
                hash: hash("transaction_hash", &it.transaction_hash)?,
                block_number: it.block_number,
                block_hash: hash("block_hash", &it.block_hash)?,
                gas_used: it.gas_used,
                succeeded: it.succeeded,
            },
        },
        Body::Reverted(it) => Entry::Reverted { id: it.id },
        Body::Voided(it) => Entry::Voided { id: it.id },
        Body::Final(it) => Entry::Final { id: it.id },
    })
}

fn encode_planned(planned: &Planned) -> v1::Planned {
    use v1::planned::Purpose as Stored;
    let purpose = match planned.purpose {
        Purpose::Batch { first, last, voided } => Stored::Batch(v1::Batch {
            first_fill: first.0,
            last_fill: last.0,
            voided,
        }),
        Purpose::Heartbeat => Stored::Heartbeat(v1::Heartbeat {}),
        Purpose::Flush { market } => Stored::Flush(v1::Flush {
            market: market.to_vec(),
        }),
    };
    v1::Planned {
        id: planned.id,
        nonce: planned.nonce,
        to: planned.to.to_vec(),
        gas_limit: planned.gas_limit,
        call_hash: planned.call_hash.to_vec(),
        purpose: Some(purpose),
        attempt: Some(encode_attempt(&planned.attempt)),
    }
}

fn decode_planned(planned: v1::Planned) -> Result<Planned, &'static str> {
    use v1::planned::Purpose as Stored;
    let purpose = match planned.purpose.ok_or("purpose")? {
        Stored::Batch(batch) if batch.first_fill <= batch.last_fill => Purpose::Batch {
            first: FillNumber(batch.first_fill),
            last: FillNumber(batch.last_fill),
            voided: batch.voided,
        },
        Stored::Batch(_) => return Err("last_fill"),
        Stored::Heartbeat(_) => Purpose::Heartbeat,
        Stored::Flush(flush) => Purpose::Flush {
            market: hash("market", &flush.market)?,
        },
    };
    Ok(Planned {
        id: planned.id,
        nonce: planned.nonce,
        to: Address::try_from(&planned.to[..]).map_err(|_| "to")?,
        gas_limit: planned.gas_limit,
        call_hash: hash("call_hash", &planned.call_hash)?,
        purpose,
        attempt: decode_attempt(planned.attempt)?,
    })
}

fn encode_attempt(attempt: &Attempt) -> v1::Attempt {
    v1::Attempt {
        transaction_hash: attempt.hash.to_vec(),
        max_fee_wei: wei(attempt.fees.max_wei),
        tip_wei: wei(attempt.fees.tip_wei),
        signed: attempt.signed.to_vec(),
    }
}

fn decode_attempt(attempt: Option<v1::Attempt>) -> Result<Attempt, &'static str> {
    let attempt = attempt.ok_or("attempt")?;
    Ok(Attempt {
        hash: hash("transaction_hash", &attempt.transaction_hash)?,
        fees: Fees {
            max_wei: from_wei("max_fee_wei", &attempt.max_fee_wei)?,
            tip_wei: from_wei("tip_wei", &attempt.tip_wei)?,
        },
        signed: attempt.signed.into(),
    })
}

fn wei(amount: u128) -> Vec<u8> {
    let zeros = (amount.leading_zeros() / 8) as usize;
    amount.to_be_bytes()[zeros..].to_vec()
}

fn from_wei(field: &'static str, bytes: &[u8]) -> Result<u128, &'static str> {
    if bytes.len() > 16 {
        return Err(field);
    }
    Ok(bytes.iter().fold(0, |amount, &byte| amount << 8 | u128::from(byte)))
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<B256, &'static str> {
    B256::try_from(bytes).map_err(|_| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(record: NewRecord) -> StoredRecord {
        StoredRecord {
            sequence: 7,
            headers: record.headers,
            payload: record.payload,
        }
    }

    fn attempt(max_wei: u128, tip_wei: u128) -> Attempt {
        Attempt {
            hash: B256::repeat_byte(1),
            fees: Fees { max_wei, tip_wei },
            signed: vec![2, 0xf8].into(),
        }
    }

    proptest! {
        #[test]
        fn entries_come_back_as_they_were(
            id in 1..u64::MAX, max in any::<u128>(), tip in any::<u128>(), first in 1..1_000_u64, more in 0..9_u64, kind in 0..8,
        ) {
            let purpose = match kind {
                0 => Purpose::Heartbeat,
                1 => Purpose::Flush { market: B256::repeat_byte(9) },
                _ => Purpose::Batch { first: FillNumber(first), last: FillNumber(first + more), voided: 1 },
            };
            let mined = MinedIn {
                hash: B256::repeat_byte(3), block_number: id, block_hash: B256::repeat_byte(4), gas_used: first, succeeded: kind > 3,
            };
            let entry = match kind {
                4 => Entry::Attempted { id, attempt: attempt(max, tip) },
                5 => Entry::Mined { id, mined },
                6 => Entry::Reverted { id },
                7 => Entry::Voided { id },
                _ => Entry::Planned(Planned {
                    id, nonce: more, to: Address::repeat_byte(5), gas_limit: first, call_hash: B256::repeat_byte(6), purpose,
                    attempt: attempt(max, tip),
                }),
            };
            prop_assert_eq!(from_record(GroupId(1), &stored(to_record(GroupId(1), &entry))), Ok(entry));
        }
    }

    #[test]
    fn what_is_not_ours_is_named() {
        let mut record = stored(to_record(GroupId(1), &Entry::Final { id: 1 }));
        let other = from_record(GroupId(2), &record).unwrap_err();
        assert!(
            other.to_string().contains("record 7 cannot be read: it is of group 1"),
            "{other}"
        );
        record.payload = vec![0x0a, 0xff].into();
        assert!(matches!(
            from_record(GroupId(1), &record),
            Err(JournalError::Malformed { .. })
        ));
        record.headers.clear();
        assert_eq!(
            from_record(GroupId(1), &record),
            Err(JournalError::Version { sequence: 7 })
        );
    }
}
