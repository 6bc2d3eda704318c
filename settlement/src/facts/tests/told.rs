//! What is told of one generation: at the head what stops somebody from trading, at finality the rest.

use alloy::primitives::{B256, U256};
use expect_test::expect;
use souk_contracts::ExchangeVault as Vault;
use souk_contracts::LicenseRegistry::LicenseRevoked;
use souk_schema::BlockRef;
use souk_schema::exchange::GroupId;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody, CompletenessProof, StreamOpened};

use super::super::folder::{FACTS_PER_RECORD, FactConfig, FoldError};
use super::{ALICE, BOB, COIN, CONTRACTS, Stream, deposit, exit, exit_executed, key, log, of, settled, skipped};

/// The reconciliation waits for a fact beyond those of the block that it looks at.
#[test]
fn blocks_of_one_second_are_each_told_to_be_final() {
    let mut stream = Stream::alone();
    stream.block_at(1_005, 0, vec![]).block_at(1_005, 0, vec![]);
    stream.finalize(1).finalize(2).check(expect![[r#"
        1.3.0 final 1 at 1005
        1.4.0 final 2 at 1005
    "#]]);
}

#[test]
fn deposits_count_from_finality_on_and_fills_in_a_row_are_one_fact() {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 5, 1), settled(1), settled(2)]);
    stream.block(0, vec![settled(3), skipped(4), settled(5), deposit(2, BOB, 6, 1)]);
    stream.check(expect![""]);
    stream.finalize(2).check(expect![[r#"
        1.3.0 deposited #1 5
        1.3.1 settled through 3
        1.3.2 skipped 4 for 13
        1.3.3 settled through 5
        1.3.4 deposited #2 6
        1.3.5 final 2 at 1002
    "#]]);
}

#[test]
fn a_deposit_in_a_reverted_block_is_never_told() {
    let mut stream = Stream::alone();
    stream.block(0, vec![]).block(0, vec![deposit(1, ALICE, 5, 1)]).revert();
    stream
        .block(1, vec![])
        .block(1, vec![deposit(1, ALICE, 7, 1)])
        .finalize(3);
    stream.check(expect![[r#"
        1.6.0 deposited #1 7
        1.6.1 final 3 at 1003
    "#]]);
}

#[test]
fn an_exit_stops_at_head_and_is_over_at_finality() {
    let mut stream = Stream::alone();
    stream.block(0, vec![exit(1)]).revert();
    stream.block(1, vec![exit(1), exit(2)]).block(0, vec![exit_executed(1)]);
    stream.block(
        0,
        vec![log(Vault::ExitCancelled {
            exitId: 2,
            account: ALICE,
        })],
    );
    stream.check(expect![[r#"
        1.1.0 exit #1 requested
        1.2.0 exit #1 cancelled
        1.3.0 exit #1 requested
        1.3.1 exit #2 requested
    "#]]);
    stream.finalize(3).check(expect![[r#"
        1.6.0 exit #1 paid 8
        1.6.1 exit #2 cancelled
        1.6.2 final 3 at 1003
    "#]]);
}

/// The engine must end with what the chain says, whichever of the two a reverted block held.
#[test]
fn keys_follow_the_head_back_and_forth() {
    let mut stream = Stream::alone();
    stream
        .block(0, vec![key(true)])
        .block(0, vec![key(false)])
        .revert()
        .revert();
    stream.check(expect![[r#"
        1.1.0 key registered
        1.2.0 key revoked
        1.3.0 key registered
        1.4.0 key revoked
    "#]]);
    stream.block(1, vec![key(true), key(false)]).check(expect![""]);
}

#[test]
fn the_rest_is_told_once() {
    let mut stream = Stream::alone();
    let below = log(Vault::NoncesBelowInvalidated {
        account: ALICE,
        nonce: 7,
        effectiveAt: 0,
    });
    let single = log(Vault::NonceInvalidated {
        account: ALICE,
        nonce: 9,
        effectiveAt: 0,
    });
    let revoked = of(
        CONTRACTS.licences,
        LicenseRevoked {
            licenseId: U256::from(4),
            revokedBy: BOB,
            reason: String::new(),
        },
    );
    let flushed = log(Vault::RoyaltyFlushed {
        market: B256::ZERO,
        assetId: U256::ONE,
        quote: COIN,
        amount: 3,
        revenueId: U256::ONE,
    });
    let withdrawn = log(Vault::Withdrawn {
        account: ALICE,
        nonce: 3,
        token: COIN,
        id: U256::ZERO,
        amount: 1,
        receiver: BOB,
        group: 1,
    });
    let logs = vec![
        below,
        single,
        revoked,
        flushed,
        withdrawn,
        log(Vault::EscapeEntered { by: BOB }),
        log(Vault::Escaped {
            account: ALICE,
            token: COIN,
            id: U256::ZERO,
            amount: 8,
        }),
    ];
    stream.block(0, logs.clone()).finalize(1).check(expect![[r#"
        1.1.0 nonces invalid below 7, None
        1.1.1 nonces invalid below 0, Some(9)
        1.1.2 series 4 revoked
        1.2.0 royalties 3
        1.2.1 withdrawn nonce 3
        1.2.2 escape
        1.2.3 escaped with 8
        1.2.4 final 1 at 1001
    "#]]);
    // The same chain in a new generation.
    stream.open(2);
    stream.block(0, logs).finalize(1).check(expect![""]);
}

#[test]
fn what_names_no_group_of_the_vault_is_for_the_first_one() {
    let mut config = FactConfig::alone(GroupId(1), CONTRACTS);
    config.others = vec![GroupId(2)];
    let logs = vec![
        deposit(1, ALICE, 1, 1),
        deposit(2, ALICE, 2, 2),
        deposit(3, ALICE, 3, 99),
        exit(1),
    ];
    let mut first = Stream::new(config);
    first.block(0, logs.clone()).finalize(1).check(expect![[r#"
        1.1.0 exit #1 requested
        1.2.0 deposited #1 1
        1.2.1 deposited #3 3
        1.2.2 final 1 at 1001
    "#]]);
    let mut config = FactConfig::alone(GroupId(2), CONTRACTS);
    config.others = vec![GroupId(1)];
    let mut second = Stream::new(config);
    second.block(0, logs).finalize(1).check(expect![[r#"
        1.1.0 exit #1 requested
        1.2.0 deposited #2 2
        1.2.1 final 1 at 1001
    "#]]);
}

#[test]
fn a_record_with_more_facts_than_positions_is_told_with_the_next() {
    let mut stream = Stream::alone();
    let many = u64::try_from(FACTS_PER_RECORD).unwrap() + 2;
    stream.block(0, (1..=many).map(|id| deposit(id, ALICE, 1, 1)).collect());
    let block = stream.blocks[0];
    let first = stream.fold(ChainRecordBody::FinalityAdvanced(block));
    assert_eq!(first.len(), FACTS_PER_RECORD);
    stream.told.clear();
    stream.block(0, vec![]).check(expect![[r#"
        1.3.0 deposited #61441 1
        1.3.1 deposited #61442 1
        1.3.2 final 1 at 1001
    "#]]);
}

#[test]
fn a_stream_that_does_not_fit_together_is_refused() {
    let mut stream = Stream::alone();
    stream.block(0, vec![]);
    let stranger = BlockRef {
        number: 1,
        hash: B256::repeat_byte(7),
    };
    let refused = |body| stream.folder.clone().fold(9, &body).unwrap_err();
    let unlinked = FoldError::Unlinked { number: 1 };
    assert_eq!(refused(ChainRecordBody::FinalityAdvanced(stranger)), unlinked);
    assert_eq!(
        refused(ChainRecordBody::BlockReverted(BlockReverted {
            number: 1,
            hash: stranger.hash,
            parent_hash: B256::ZERO
        })),
        unlinked
    );
    stream
        .folder
        .fold(
            9,
            &ChainRecordBody::StreamOpened(StreamOpened {
                generation: 256,
                start_block: 0,
                watch_set_json: String::new(),
                watch_set_hash: B256::ZERO,
                genesis_hash: B256::ZERO,
            }),
        )
        .unwrap();
    let block = Block {
        number: 1,
        hash: B256::ZERO,
        parent_hash: B256::ZERO,
        timestamp: 0,
        logs: vec![exit(7)],
        proof: CompletenessProof::Weaker,
    };
    // The generation before knew block 1, so this one has caught up at once.
    assert_eq!(
        stream.folder.fold(10, &ChainRecordBody::BlockAppended(block)),
        Err(FoldError::PositionOverflow {
            generation: 256,
            sequence: 10
        })
    );
}
