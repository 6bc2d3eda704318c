//! The hash of a header as a node's JSON gives it.

use alloy::consensus::Header;
use alloy_primitives::B256;

use crate::rpc::wire::WireBlock;

/// The hash that the header's fields have, or `None` if it lacks a field that every Ethereum header has.
///
/// A chain whose headers hold more fields than Ethereum's comes out with another hash than the node gives: it cannot be proved this way
/// and needs the weaker proof of [`crate::ProofPolicy::Logs`].
pub fn hash_of(block: &WireBlock) -> Option<B256> {
    let header = Header {
        parent_hash: block.parent_hash,
        ommers_hash: block.sha3_uncles?,
        beneficiary: block.miner?,
        state_root: block.state_root?,
        transactions_root: block.transactions_root?,
        receipts_root: block.receipts_root?,
        logs_bloom: *block.logs_bloom.as_deref()?,
        difficulty: block.difficulty?,
        number: block.number,
        gas_limit: block.gas_limit?,
        gas_used: block.gas_used?,
        timestamp: block.timestamp,
        extra_data: block.extra_data.clone()?,
        mix_hash: block.mix_hash?,
        nonce: block.nonce?,
        base_fee_per_gas: block.base_fee_per_gas,
        withdrawals_root: block.withdrawals_root,
        blob_gas_used: block.blob_gas_used,
        excess_blob_gas: block.excess_blob_gas,
        parent_beacon_block_root: block.parent_beacon_block_root,
        requests_hash: block.requests_hash,
        block_access_list_hash: block.block_access_list_hash,
        slot_number: block.slot_number,
    };
    Some(header.hash_slow())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    /// Block 1 of Ethereum, whose hash everyone knows.
    const MAINNET_1: &str = r#"{"difficulty":"0x3ff800000","extraData":"0x476574682f76312e302e302f6c696e75782f676f312e342e32","gasLimit":"0x1388",
        "gasUsed":"0x0","hash":"0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6","logsBloom":"0xBLOOM","miner":
        "0x05a56e2d52c817161883f50c441c3228cfe54d9f","mixHash":"0x969b900de27b6ac6a67742365dd65f55a0526c41fd18e1b16f1a1215c2e66f59",
        "nonce":"0x539bd4979fef1ec4","number":"0x1","parentHash":"0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
        "receiptsRoot":"0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
        "sha3Uncles":"0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347","size":"0x219",
        "stateRoot":"0xd67e4d450343046425ae4271474353857ab860dbc0a1dde64b41b5cd3a532bf3","timestamp":"0x55ba4224",
        "transactions":[],"transactionsRoot":"0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421","uncles":[]}"#;

    fn mainnet_1() -> WireBlock {
        serde_json::from_str(&MAINNET_1.replace("BLOOM", &"0".repeat(512))).unwrap()
    }

    #[test]
    fn idx_2_a_header_hashes_to_its_blocks_hash() {
        let hash = b256!("0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6");
        assert_eq!(hash_of(&mainnet_1()), Some(hash));
    }

    #[test]
    fn idx_2_a_header_that_was_changed_does_not() {
        let honest = hash_of(&mainnet_1());
        let mut changed = mainnet_1();
        changed.receipts_root = Some(B256::ZERO);
        assert_ne!(hash_of(&changed), honest);
        let mut changed = mainnet_1();
        changed.withdrawals_root = Some(B256::ZERO);
        assert_ne!(hash_of(&changed), honest);
        let mut lacking = mainnet_1();
        lacking.logs_bloom = None;
        assert_eq!(hash_of(&lacking), None);
    }
}
