//! Round trips, and the golden files of every version that was ever written.

use alloy_primitives::{Address, B256, Bytes};
use proptest::prelude::*;

use super::*;

fn golden_records() -> Vec<(&'static str, ChainRecord)> {
    let chain = ChainId(31337);
    let log = |log_index, topics: usize| RawLog {
        address: Address::repeat_byte(0xaa),
        topics: (0..topics).map(|n| B256::repeat_byte(n as u8)).collect(),
        data: Bytes::from(vec![7; 40]),
        transaction_hash: B256::repeat_byte(0xbb),
        transaction_index: 3,
        log_index,
    };
    let opened = StreamOpened {
        generation: 2,
        start_block: 1_000_000,
        watch_set_json: r#"[{"kind":"erc20","address":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]"#.into(),
        watch_set_hash: B256::repeat_byte(1),
        genesis_hash: B256::repeat_byte(2),
    };
    let block = Block {
        number: 1_000_000,
        hash: B256::repeat_byte(3),
        parent_hash: B256::repeat_byte(4),
        timestamp: 1_700_000_000,
        logs: vec![log(0, 0), log(5, 1), log(6, 4)],
        proof: CompletenessProof::ReceiptsRoot,
    };
    let reverted = BlockReverted {
        number: block.number,
        hash: block.hash,
        parent_hash: block.parent_hash,
    };
    let finality = BlockRef {
        number: 999_936,
        hash: B256::repeat_byte(5),
    };
    vec![
        (
            "stream_opened",
            ChainRecord {
                chain,
                body: ChainRecordBody::StreamOpened(opened),
            },
        ),
        (
            "block_appended",
            ChainRecord {
                chain,
                body: ChainRecordBody::BlockAppended(block),
            },
        ),
        (
            "block_reverted",
            ChainRecord {
                chain,
                body: ChainRecordBody::BlockReverted(reverted),
            },
        ),
        (
            "finality_advanced",
            ChainRecord {
                chain,
                body: ChainRecordBody::FinalityAdvanced(finality),
            },
        ),
    ]
}

/// Every golden file of every version decodes to the record that it was made of. `SOUK_WRITE_GOLDEN=1` writes the files of the
/// current version; those of older versions are never written again.
#[test]
fn golden_files_of_every_version_still_decode() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for (name, record) in golden_records() {
        if std::env::var_os("SOUK_WRITE_GOLDEN").is_some() {
            std::fs::write(folder.join(format!("v{CURRENT_VERSION}/{name}.bin")), encode(&record)).unwrap();
        }
        for version in 1..=CURRENT_VERSION {
            let stored = std::fs::read(folder.join(format!("v{version}/{name}.bin"))).unwrap();
            assert_eq!(decode(version, &stored).unwrap(), record, "{name} of version {version}");
            if version == CURRENT_VERSION {
                assert_eq!(
                    encode(&record),
                    stored,
                    "{name}: the encoding changed, which needs a new version"
                );
            }
        }
    }
}

#[test]
fn a_record_of_a_newer_version_asks_for_an_upgrade() {
    let error = decode(CURRENT_VERSION + 1, &[]).unwrap_err();
    assert!(error.to_string().contains("upgrade souk"), "{error}");
}

#[test]
fn a_damaged_record_names_the_field() {
    let record = v1::ChainRecord {
        chain_id: 1,
        body: Some(v1::chain_record::Body::FinalityAdvanced(v1::FinalityAdvanced {
            number: 1,
            hash: vec![1, 2, 3],
        })),
    };
    let error = decode(1, &record.encode_to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "the record's field `hash` is 3 bytes long, not 32");
}

fn any_block() -> impl Strategy<Value = Block> {
    let log = (
        any::<[u8; 20]>(),
        proptest::collection::vec(any::<[u8; 32]>(), 0..5),
        any::<Vec<u8>>(),
        any::<u32>(),
    );
    let logs = proptest::collection::vec(log, 0..8);
    (any::<u64>(), any::<[u8; 32]>(), any::<u64>(), logs).prop_map(|(number, hash, timestamp, logs)| Block {
        number,
        hash: hash.into(),
        parent_hash: B256::from(hash) ^ B256::repeat_byte(1),
        timestamp,
        proof: CompletenessProof::BloomExcludes,
        logs: logs
            .into_iter()
            .map(|(address, topics, data, log_index)| RawLog {
                address: address.into(),
                topics: topics.into_iter().map(B256::from).collect(),
                data: data.into(),
                transaction_hash: B256::from(hash),
                transaction_index: log_index / 2,
                log_index,
            })
            .collect(),
    })
}

proptest! {
    #[test]
    fn every_block_survives_its_encoding(chain in any::<u64>(), block in any_block()) {
        let record = ChainRecord { chain: ChainId(chain), body: ChainRecordBody::BlockAppended(block) };
        prop_assert_eq!(decode(CURRENT_VERSION, &encode(&record)).unwrap(), record);
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode(CURRENT_VERSION, &bytes);
    }
}
