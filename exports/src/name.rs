//! Identifiers in documents. They are made of numbers, addresses and hashes, so nothing that a stranger wrote is in them; what is left
//! is percent-encoded.
//!
//! Assets and accounts of EVM chains are named by their CAIP-19 and CAIP-10 ids, which are absolute URIs as they stand. Everything else is
//! a URN below `urn:souk:`, which names and locates nothing. Runs and serial numbers are UUIDs of version 5 over these names.

use alloy_primitives::Address;
use jiff::Timestamp;
use souk_schema::caip::{AccountId, AssetId, Caip2, EvmAssetId};
use souk_schema::{ChainId, TokenRef};
use uuid::Uuid;

use crate::dossier::Snapshot;
use crate::text;

/// What the URNs begin with, in PROV the namespace of terms as well.
pub(crate) const URN: &str = "urn:souk:";

/// Who wrote a document.
pub(crate) const PRODUCER: &str = concat!("urn:souk:exports:", env!("CARGO_PKG_VERSION"));

/// A name of PROV: `eip155:…`, or `souk:…` for a URN.
pub(crate) fn qualified(uri: &str) -> String {
    match uri.strip_prefix(URN) {
        Some(local) => format!("souk:{local}"),
        None => uri.to_string(),
    }
}

/// An asset's URI.
///
/// Only the ids of EVM tokens are left as they are: another CAIP namespace may be no URI scheme (it may begin with a digit), or be read
/// as one of the prefixes that a document declares.
pub(crate) fn asset(id: &AssetId) -> String {
    match id {
        AssetId::Evm(id) => id.to_string(),
        AssetId::Other(text) => {
            let mut uri = format!("{URN}asset:");
            text::encode(&mut uri, text, b"/:");
            uri
        }
    }
}

/// A version of an asset.
pub(crate) fn version(id: &EvmAssetId, number: u32) -> String {
    format!("{URN}version:{id}/{number}")
}

/// An account's CAIP-10 id.
pub(crate) fn account(chain: ChainId, address: Address) -> String {
    AccountId { chain, address }.to_string()
}

/// A chain's CAIP-2 id.
pub(crate) fn chain(chain: ChainId) -> String {
    Caip2(chain).to_string()
}

/// An item that a contract numbers: an execution, a task, a payment.
pub(crate) fn item(what: &str, chain: ChainId, id: &TokenRef) -> String {
    format!("{URN}{what}:eip155:{chain}:{:#x}:{}", id.contract, id.id)
}

/// The UUID of a name, the same for ever.
pub(crate) fn uuid(uri: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, uri.as_bytes())
}

/// The UUID of what is said of an asset at a snapshot.
pub(crate) fn uuid_at(id: &EvmAssetId, snapshot: &Snapshot) -> Uuid {
    uuid(&format!(
        "{id}?block={}:{:#x}",
        chain(snapshot.chain),
        snapshot.block.hash
    ))
}

/// A block time as RFC 3339 in UTC, like `2025-01-31T12:00:00Z`; none after the year 9999.
pub(crate) fn time(secs: u64) -> Option<String> {
    let secs = i64::try_from(secs).ok()?;
    Some(Timestamp::from_second(secs).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_namespaces_cannot_pass_for_terms_of_a_document() {
        let hostile = AssetId::Other("dct:x/y:\"> <z%\u{0}".to_string());
        assert_eq!(asset(&hostile), "urn:souk:asset:dct:x/y:%22%3E%20%3Cz%25%00");
        assert_eq!(qualified(&asset(&hostile)), "souk:asset:dct:x/y:%22%3E%20%3Cz%25%00");
    }

    #[test]
    fn times_end_with_the_calendar() {
        assert_eq!(time(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(time(1_738_324_800).as_deref(), Some("2025-01-31T12:00:00Z"));
        assert_eq!(time(253_402_207_200).as_deref(), Some("9999-12-30T22:00:00Z"));
        assert_eq!(time(253_402_300_800), None);
        assert_eq!(time(u64::MAX), None);
    }
}
