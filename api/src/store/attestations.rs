//! Attestations of EAS about an asset: of what its address stands for, or by their own words.

use sqlx::FromRow;

use super::listing::{SortType, listing};
use crate::scalars::{Address, Bytes32, Key, Long};

const BY_LOG: &[(&str, SortType)] = &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)];

const ATTESTATION: &str = "t.attestation_key, t.schema_uid, t.attester, t.recipient, t.valid_from, t.log_index, \
    case when t.valid_to <= k.at then t.valid_to end as revoked_block";

/// A row of `attestation`.
#[derive(Clone, Debug, FromRow)]
pub struct AttestationRow {
    /// The contract that keeps it, and its uid there.
    pub attestation_key: Key,
    /// The schema of its data.
    pub schema_uid: Bytes32,
    /// Who attests.
    pub attester: Address,
    /// Of whom or what.
    pub recipient: Address,
    /// The block that made it.
    pub valid_from: Long,
    /// The log that made it.
    pub log_index: i32,
    /// The block that revoked it.
    pub revoked_block: Option<Long>,
}

listing! {
    /// The attestations of what an asset's address stands for, newest first.
    AttestationsOf of AttestationRow {
        name: "attestations",
        columns: ATTESTATION,
        from: "attestation t where t.chain_id = k.chain and t.subject_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// The same, and those which name the asset by their own words, as far as those are known.
    AttestationsAbout of AttestationRow {
        name: "attestations",
        columns: ATTESTATION,
        from: "attestation t where t.chain_id = k.chain and t.valid_from <= k.at and t.attestation_key in \
            (select s.attestation_key from attestation s where s.chain_id = k.chain and s.subject_key = k.key \
             union select a.attested_key from observations.attestation_about a \
             where a.chain_id = k.chain and a.asset_key = k.key and a.attested_chain = k.chain)",
        sort: BY_LOG,
        descending: true,
    }
}
