//! The receipts root of a block, recomputed from its receipts.
//!
//! Every receipt type of Ethereum (legacy, 2930, 1559, 4844, 7702) is its type's byte, unless legacy, before the same list of four
//! fields; so are most rollups' own types, and the deposits of the OP stack append two more.

use alloy::consensus::proofs::ordered_trie_root_with_encoder;
use alloy::rlp::{BufMut, Encodable, Header, length_of_length};
use alloy_primitives::{B256, Bloom, BloomInput};

use crate::rpc::wire::{WireLog, WireReceipt};

/// Type byte of the OP stack's deposits.
const OP_DEPOSIT: u8 = 0x7e;

/// The root that a header with exactly these receipts, in this order, carries.
pub fn receipts_root(receipts: &[WireReceipt]) -> B256 {
    ordered_trie_root_with_encoder(receipts, encode)
}

/// EIP-2718: the type's byte unless it is legacy, then the list.
fn encode(receipt: &WireReceipt, out: &mut Vec<u8>) {
    let kind = receipt.kind.unwrap_or(0);
    if kind != 0 {
        out.put_u8(kind);
    }
    let bloom = receipt
        .logs_bloom
        .as_deref()
        .copied()
        .unwrap_or_else(|| bloom_of(&receipt.logs));
    let status = u8::from(receipt.status != Some(0));
    let logs_length = receipt.logs.iter().map(log_length).sum::<usize>();
    let deposit = [receipt.deposit_nonce, receipt.deposit_receipt_version]
        .into_iter()
        .flatten();
    let deposit: Vec<u64> = deposit.filter(|_| kind == OP_DEPOSIT).collect();
    let outcome_length = receipt.root.as_ref().map_or_else(|| status.length(), Encodable::length);
    let payload_length = outcome_length
        + receipt.cumulative_gas_used.length()
        + bloom.length()
        + logs_length
        + length_of_length(logs_length)
        + deposit.iter().map(Encodable::length).sum::<usize>();

    out.reserve(payload_length + 8);
    Header {
        list: true,
        payload_length,
    }
    .encode(out);
    match &receipt.root {
        Some(root) => root.encode(out),
        None => status.encode(out),
    }
    receipt.cumulative_gas_used.encode(out);
    bloom.encode(out);
    Header {
        list: true,
        payload_length: logs_length,
    }
    .encode(out);
    for log in &receipt.logs {
        Header {
            list: true,
            payload_length: log_payload_length(log),
        }
        .encode(out);
        log.address.encode(out);
        log.topics.encode(out);
        log.data.encode(out);
    }
    for field in deposit {
        field.encode(out);
    }
}

fn log_payload_length(log: &WireLog) -> usize {
    log.address.length() + log.topics.length() + log.data.length()
}

fn log_length(log: &WireLog) -> usize {
    let payload = log_payload_length(log);
    payload + length_of_length(payload)
}

/// For nodes that leave the bloom out.
fn bloom_of(logs: &[WireLog]) -> Bloom {
    let mut bloom = Bloom::default();
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        for topic in &log.topics {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::consensus::proofs::calculate_receipt_root;
    use alloy::consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType};
    use alloy_primitives::{Bytes, Log, LogData};
    use proptest::prelude::*;

    fn log() -> impl Strategy<Value = WireLog> {
        let topics = proptest::collection::vec(any::<[u8; 32]>(), 0..5);
        (
            any::<[u8; 20]>(),
            topics,
            proptest::collection::vec(any::<u8>(), 0..200),
        )
            .prop_map(|(address, topics, data)| WireLog {
                address: address.into(),
                topics: topics.into_iter().map(B256::from).collect(),
                data: Bytes::from(data),
            })
    }

    fn receipt() -> impl Strategy<Value = WireReceipt> {
        let outcome = prop_oneof![any::<bool>().prop_map(Ok), any::<[u8; 32]>().prop_map(Err)];
        (
            0u8..5,
            outcome,
            any::<u64>(),
            proptest::collection::vec(log(), 0..6),
            any::<bool>(),
        )
            .prop_map(|(kind, outcome, gas, logs, with_bloom)| WireReceipt {
                kind: Some(kind),
                status: outcome.ok().map(u64::from),
                root: outcome.err().map(B256::from),
                cumulative_gas_used: gas,
                logs_bloom: with_bloom.then(|| Box::new(bloom_of(&logs))),
                logs,
                transaction_hash: B256::ZERO,
                transaction_index: 0,
                block_hash: B256::ZERO,
                deposit_nonce: None,
                deposit_receipt_version: None,
            })
    }

    /// The same receipt in alloy's types, which are the oracle.
    fn in_alloys_types(receipt: &WireReceipt) -> ReceiptEnvelope {
        let logs: Vec<Log> = receipt
            .logs
            .iter()
            .map(|log| Log {
                address: log.address,
                data: LogData::new_unchecked(log.topics.clone(), log.data.clone()),
            })
            .collect();
        let status = match receipt.root {
            Some(root) => Eip658Value::PostState(root),
            None => Eip658Value::Eip658(receipt.status != Some(0)),
        };
        let cumulative_gas_used = receipt.cumulative_gas_used;
        let with_bloom = ReceiptWithBloom::from(Receipt {
            status,
            cumulative_gas_used,
            logs,
        });
        match TxType::try_from(receipt.kind.unwrap_or(0)).unwrap() {
            TxType::Legacy => ReceiptEnvelope::Legacy(with_bloom),
            TxType::Eip2930 => ReceiptEnvelope::Eip2930(with_bloom),
            TxType::Eip1559 => ReceiptEnvelope::Eip1559(with_bloom),
            TxType::Eip4844 => ReceiptEnvelope::Eip4844(with_bloom),
            TxType::Eip7702 => ReceiptEnvelope::Eip7702(with_bloom),
        }
    }

    proptest! {
        /// IDX-2: our root is the one of alloy's own receipts, and one log less gives another.
        #[test]
        fn idx_2_the_root_is_alloys_and_changes_with_every_log(receipts in proptest::collection::vec(receipt(), 0..40), drop in any::<prop::sample::Index>()) {
            let root = receipts_root(&receipts);
            let oracle: Vec<_> = receipts.iter().map(in_alloys_types).collect();
            prop_assert_eq!(root, calculate_receipt_root(&oracle));

            let mut partial = receipts.clone();
            let with_logs: Vec<usize> = (0..partial.len()).filter(|i| !partial[*i].logs.is_empty()).collect();
            if !with_logs.is_empty() {
                partial[with_logs[drop.index(with_logs.len())]].logs.pop();
                prop_assert_ne!(receipts_root(&partial), root);
            }
            if !receipts.is_empty() {
                let mut partial = receipts.clone();
                partial.remove(drop.index(partial.len()));
                prop_assert_ne!(receipts_root(&partial), root);
            }
        }
    }
}
