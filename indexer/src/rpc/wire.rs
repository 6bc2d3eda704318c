//! The JSON of Ethereum nodes, read straight into lean types: only fields that proofs and records need, each decoded once.
//!
//! Fields that some chain leaves out are optional; whoever needs one says so. Start at [`WireBlock`] and [`WireReceipt`].

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use souk_schema::BlockRef;

/// A block as `eth_getBlockBy…` gives it without its transactions, and a header as `newHeads` announces it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names of the Ethereum JSON-RPC specification")]
pub struct WireBlock {
    pub hash: B256,
    #[serde(deserialize_with = "quantity")]
    pub number: u64,
    pub parent_hash: B256,
    #[serde(deserialize_with = "quantity")]
    pub timestamp: u64,
    #[serde(default)]
    pub sha3_uncles: Option<B256>,
    #[serde(default)]
    pub miner: Option<Address>,
    #[serde(default)]
    pub state_root: Option<B256>,
    #[serde(default)]
    pub transactions_root: Option<B256>,
    #[serde(default)]
    pub receipts_root: Option<B256>,
    #[serde(default)]
    pub logs_bloom: Option<Box<Bloom>>,
    #[serde(default)]
    pub difficulty: Option<U256>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub gas_limit: Option<u64>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub gas_used: Option<u64>,
    #[serde(default)]
    pub extra_data: Option<Bytes>,
    #[serde(default)]
    pub mix_hash: Option<B256>,
    #[serde(default)]
    pub nonce: Option<B64>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub base_fee_per_gas: Option<u64>,
    #[serde(default)]
    pub withdrawals_root: Option<B256>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub blob_gas_used: Option<u64>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub excess_blob_gas: Option<u64>,
    #[serde(default)]
    pub parent_beacon_block_root: Option<B256>,
    #[serde(default)]
    pub requests_hash: Option<B256>,
    #[serde(default)]
    pub block_access_list_hash: Option<B256>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub slot_number: Option<u64>,
    /// Hashes of its transactions in order; `newHeads` leaves them out.
    #[serde(default)]
    pub transactions: Option<Vec<B256>>,
}

impl WireBlock {
    /// Number and hash.
    pub fn block_ref(&self) -> BlockRef {
        BlockRef {
            number: self.number,
            hash: self.hash,
        }
    }
}

/// A receipt: what its block's receipts root covers, and where it belongs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names of the Ethereum JSON-RPC specification")]
pub struct WireReceipt {
    pub transaction_hash: B256,
    #[serde(deserialize_with = "quantity")]
    pub transaction_index: u32,
    pub block_hash: B256,
    /// The transaction's EIP-2718 type; absent means legacy.
    #[serde(default, rename = "type", deserialize_with = "optional_quantity")]
    pub kind: Option<u8>,
    #[serde(default, deserialize_with = "optional_quantity")]
    pub status: Option<u64>,
    /// Instead of a status before Byzantium.
    #[serde(default)]
    pub root: Option<B256>,
    #[serde(deserialize_with = "quantity")]
    pub cumulative_gas_used: u64,
    #[serde(default)]
    pub logs_bloom: Option<Box<Bloom>>,
    pub logs: Vec<WireLog>,
    /// Only in deposits of the OP stack.
    #[serde(default, deserialize_with = "optional_quantity")]
    pub deposit_nonce: Option<u64>,
    /// Only in deposits of the OP stack since Canyon.
    #[serde(default, deserialize_with = "optional_quantity")]
    pub deposit_receipt_version: Option<u64>,
}

/// A log within its receipt: what the receipts root covers. Its index follows from its position.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names of the Ethereum JSON-RPC specification")]
pub struct WireLog {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
}

/// A log as `eth_getLogs` gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names of the Ethereum JSON-RPC specification")]
pub struct WireFoundLog {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
    pub block_hash: B256,
    #[serde(deserialize_with = "quantity")]
    pub block_number: u64,
    pub transaction_hash: B256,
    #[serde(deserialize_with = "quantity")]
    pub transaction_index: u32,
    #[serde(deserialize_with = "quantity")]
    pub log_index: u32,
    /// Set on logs of blocks that a reorganisation dropped.
    #[serde(default)]
    pub removed: bool,
}

/// One answer of a server.
#[derive(Debug, Deserialize)]
pub struct Answer<T> {
    /// The id that was asked with; some servers give none when they refuse a whole batch.
    #[serde(default)]
    pub id: Option<u64>,
    /// Absent in an error; `null` for what the node does not have.
    #[serde(default = "Option::default")]
    pub result: Option<T>,
    /// Absent in a result.
    #[serde(default)]
    pub error: Option<WireError>,
}

/// A JSON-RPC error.
#[derive(Debug, Deserialize)]
pub struct WireError {
    /// Providers do not agree about codes.
    #[serde(default)]
    pub code: i64,
    /// In words, which they agree about even less.
    #[serde(default)]
    pub message: String,
    /// Sometimes the words are here.
    #[serde(default)]
    pub data: Option<Box<RawValue>>,
}

/// A number as `0x…`.
fn quantity<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<N, D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    parse_quantity(text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a quantity that fits")))
}

fn optional_quantity<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<Option<N>, D::Error> {
    let text = <Option<&str>>::deserialize(deserializer)?;
    text.map(|text| {
        parse_quantity(text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a quantity that fits")))
    })
    .transpose()
}

fn parse_quantity<N: TryFrom<u64>>(text: &str) -> Option<N> {
    let digits = text.strip_prefix("0x")?;
    if digits.is_empty() || digits.starts_with('+') {
        return None;
    }
    N::try_from(u64::from_str_radix(digits, 16).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_that_are_none_are_refused() {
        assert_eq!(parse_quantity::<u64>("0x0"), Some(0));
        assert_eq!(parse_quantity::<u64>("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(parse_quantity::<u8>("0x2"), Some(2));
        for wrong in ["", "0x", "12", "0x+1", "0x10000000000000000", "0xg"] {
            assert_eq!(parse_quantity::<u64>(wrong), None, "{wrong}");
        }
        assert_eq!(parse_quantity::<u8>("0x100"), None);
    }

    #[test]
    fn an_answer_is_a_result_an_error_or_nothing() {
        let read = |json: &str| serde_json::from_str::<Answer<u8>>(json).unwrap();
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":7}"#).result, Some(7));
        let nothing = read(r#"{"id":1,"result":null}"#);
        assert!(nothing.result.is_none() && nothing.error.is_none());
        let error = read(r#"{"id":null,"error":{"code":-32005,"message":"m","data":{"from":"0x1"}}}"#);
        assert_eq!(error.error.unwrap().data.unwrap().get(), r#"{"from":"0x1"}"#);
    }
}
