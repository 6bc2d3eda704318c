//! Facts of small chains, written as the vault writes them.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent;
use expect_test::{Expect, expect};
use souk_contracts::ExchangeVault as Vault;
use souk_contracts::LicenseRegistry::LicenseRevoked;
use souk_schema::BlockRef;
use souk_schema::exchange::GroupId;
use souk_schema::exchange::command::Fact;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};

use super::folder::{FACTS_PER_RECORD, FactAt, FactConfig, FactFolder, FoldError};
use super::held::Held;
use super::snapshot::{Snapshot, StoredSnapshot, Unusable, VERSION};
use crate::vault_log::Contracts;

const CONTRACTS: Contracts = Contracts {
    vault: Address::repeat_byte(0xa1),
    licences: Address::repeat_byte(0xa2),
};
const ALICE: Address = Address::repeat_byte(0xaa);
const BOB: Address = Address::repeat_byte(0xbb);
const KEY: Address = Address::repeat_byte(0x0e);
const COIN: Address = Address::repeat_byte(0xc0);

fn log(event: impl SolEvent) -> RawLog {
    of(CONTRACTS.vault, event)
}

fn of(address: Address, event: impl SolEvent) -> RawLog {
    let (topics, data) = event.encode_log_data().split();
    RawLog {
        address,
        topics,
        data,
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

fn deposit(id: u64, account: Address, amount: u128, group: u32) -> RawLog {
    log(Vault::Deposited {
        depositId: id,
        account,
        token: COIN,
        id: U256::ZERO,
        amount,
        group,
    })
}

fn settled(number: u64) -> RawLog {
    log(Vault::FillSettled {
        group: 1,
        number,
        market: B256::ZERO,
        fill: Default::default(),
    })
}

fn skipped(number: u64) -> RawLog {
    log(Vault::FillSkipped {
        group: 1,
        number,
        reason: 13,
        side: 0,
    })
}

fn exit(id: u64) -> RawLog {
    log(Vault::ExitRequested {
        exitId: id,
        account: ALICE,
        token: COIN,
        id: U256::ZERO,
        amount: 9,
        group: 1,
        executableAt: 0,
    })
}

fn exit_executed(id: u64) -> RawLog {
    log(Vault::ExitExecuted {
        exitId: id,
        account: ALICE,
        token: COIN,
        id: U256::ZERO,
        paid: 8,
        group: 1,
    })
}

fn key(signs: bool) -> RawLog {
    let (account, key) = (ALICE, KEY);
    match signs {
        true => log(Vault::KeyRegistered { account, key }),
        false => log(Vault::KeyRevocationRequested {
            account,
            key,
            effectiveAt: 99,
        }),
    }
}

/// A stream under construction, and what it tells.
struct Stream {
    folder: FactFolder,
    sequence: u64,
    blocks: Vec<BlockRef>,
    records: Vec<(u64, ChainRecordBody)>,
    told: String,
}

impl Stream {
    fn new(config: FactConfig) -> Stream {
        let mut stream = Stream {
            folder: FactFolder::new(config),
            sequence: 0,
            blocks: Vec::new(),
            records: Vec::new(),
            told: String::new(),
        };
        stream.open(1);
        stream
    }

    fn alone() -> Stream {
        Stream::new(FactConfig::alone(GroupId(1), CONTRACTS))
    }

    fn fold(&mut self, body: ChainRecordBody) -> Vec<FactAt> {
        let facts = self.folder.fold(self.sequence, &body).unwrap();
        self.records.push((self.sequence, body));
        let mut last = 0;
        for FactAt { position, fact } in &facts {
            assert!(*position > last, "positions rise");
            last = *position;
            let (generation, record, index) = (position >> 56, position >> 16 & ((1 << 40) - 1), position & 0xffff);
            self.told
                .push_str(&format!("{generation}.{record}.{index} {}\n", words(fact)));
        }
        self.sequence += 1;
        facts
    }

    fn open(&mut self, generation: u32) {
        self.sequence = 0;
        self.blocks.clear();
        self.fold(ChainRecordBody::StreamOpened(StreamOpened {
            generation,
            start_block: 1,
            watch_set_json: String::new(),
            watch_set_hash: B256::ZERO,
            genesis_hash: B256::ZERO,
        }));
    }

    /// Appends the next block; `fork` makes it another one than at the same height elsewhere.
    fn block(&mut self, fork: u8, logs: Vec<RawLog>) -> &mut Stream {
        let number = self.blocks.last().map_or(1, |head| head.number + 1);
        self.block_at(1_000 + number, fork, logs)
    }

    /// Likewise, with a time.
    fn block_at(&mut self, timestamp: u64, fork: u8, logs: Vec<RawLog>) -> &mut Stream {
        let number = self.blocks.last().map_or(1, |head| head.number + 1);
        let hash = B256::from(U256::from(number * 256 + u64::from(fork)));
        let parent_hash = self.blocks.last().map_or(B256::ZERO, |head| head.hash);
        self.blocks.push(BlockRef { number, hash });
        self.fold(ChainRecordBody::BlockAppended(Block {
            number,
            hash,
            parent_hash,
            timestamp,
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        }));
        self
    }

    fn revert(&mut self) -> &mut Stream {
        let block = self.blocks.pop().unwrap();
        let parent_hash = self.blocks.last().map_or(B256::ZERO, |head| head.hash);
        self.fold(ChainRecordBody::BlockReverted(BlockReverted {
            number: block.number,
            hash: block.hash,
            parent_hash,
        }));
        self
    }

    fn finalize(&mut self, number: u64) -> &mut Stream {
        let block = *self.blocks.iter().find(|block| block.number == number).unwrap();
        self.fold(ChainRecordBody::FinalityAdvanced(block));
        self
    }

    fn check(&mut self, expected: Expect) {
        expected.assert_eq(&std::mem::take(&mut self.told));
    }
}

fn words(fact: &Fact) -> String {
    match fact {
        Fact::Deposited { deposit_id, amount, .. } => format!("deposited #{deposit_id} {amount}"),
        Fact::DepositVanished { deposit_id } => format!("vanished #{deposit_id}"),
        Fact::Withdrawn { nonce, .. } => format!("withdrawn nonce {nonce}"),
        Fact::FinalityReached { block, secs } => format!("final {block} at {secs}"),
        Fact::ExitRequested { exit_id, .. } => format!("exit #{exit_id} requested"),
        Fact::ExitCancelled { exit_id, .. } => format!("exit #{exit_id} cancelled"),
        Fact::ExitExecuted { exit_id, amount, .. } => format!("exit #{exit_id} paid {amount}"),
        Fact::FillsSettled { through } => format!("settled through {through}"),
        Fact::FillSkipped { fill, reason } => format!("skipped {fill} for {reason}"),
        Fact::KeyRegistered { .. } => "key registered".into(),
        Fact::KeyRevoked { .. } => "key revoked".into(),
        Fact::NoncesInvalidated { below, single, .. } => format!("nonces invalid below {below}, {single:?}"),
        Fact::RoyaltyFlushed { amount, .. } => format!("royalties {amount}"),
        Fact::SeriesRevoked { token } => format!("series {} revoked", token.id),
        Fact::FillsVanished { from } => format!("fills vanished from {from} on"),
        Fact::WithdrawalVanished { nonce, .. } => format!("withdrawal vanished, nonce {nonce}"),
        Fact::ExitVanished { exit_id } => format!("exit #{exit_id} vanished"),
        Fact::FlushVanished { amount, .. } => format!("royalties vanished {amount}"),
        Fact::EscapeEntered => "escape".into(),
        Fact::Escaped { amount, .. } => format!("escaped with {amount}"),
    }
}

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
fn a_generation_that_tells_the_same_chain_again_tells_only_what_is_new() {
    let mut stream = Stream::alone();
    let first = vec![deposit(1, ALICE, 5, 1), key(true), settled(1)];
    let second = vec![key(false), exit(1)];
    let third = vec![key(true), exit_executed(1), settled(2)];
    stream
        .block(0, first.clone())
        .block(0, second.clone())
        .block(0, third.clone())
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, first)
        .block(0, second)
        .finalize(2)
        .block(0, third)
        .finalize(3);
    stream.check(expect![""]);
    stream
        .block(0, vec![deposit(2, ALICE, 6, 1), settled(3)])
        .finalize(4)
        .check(expect![[r#"
        2.7.0 deposited #2 6
        2.7.1 settled through 3
        2.7.2 final 4 at 1004
    "#]]);
}

#[test]
fn deposits_of_a_chain_that_final_blocks_vanished_from_vanish() {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 1, 1)]);
    stream.block(0, vec![deposit(2, ALICE, 2, 1), deposit(3, BOB, 3, 1)]);
    stream
        .block(0, vec![deposit(4, BOB, 4, 1), exit(1), key(true)])
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    // Deposit 2 is in another block now, 3 is another deposit, 4 is gone until later, and so are the exit and the key.
    stream.block(0, vec![deposit(1, ALICE, 1, 1)]);
    stream.block(1, vec![deposit(2, ALICE, 2, 1), deposit(3, BOB, 33, 1)]);
    stream.block(1, vec![]).check(expect![[r#"
        2.3.0 exit #1 cancelled
        2.3.1 key revoked
    "#]]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 vanished #3
        2.4.1 deposited #3 33
        2.4.2 vanished #4
    "#]]);
    stream
        .block(1, vec![deposit(4, BOB, 4, 1)])
        .finalize(4)
        .check(expect![[r#"
        2.6.0 deposited #4 4
        2.6.1 final 4 at 1004
    "#]]);
}

fn withdrawn(nonce: u64) -> RawLog {
    log(Vault::Withdrawn {
        account: ALICE,
        nonce,
        token: COIN,
        id: U256::ZERO,
        amount: 1,
        receiver: BOB,
        group: 1,
    })
}

fn flushed(revenue: u64) -> RawLog {
    log(Vault::RoyaltyFlushed {
        market: B256::ZERO,
        assetId: U256::ONE,
        quote: COIN,
        amount: 3,
        revenueId: U256::from(revenue),
    })
}

#[test]
fn what_final_blocks_had_settled_and_paid_is_taken_back_before_the_deposits() {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 1, 1), exit(1)]);
    stream.block(0, vec![deposit(2, BOB, 2, 1), settled(1), withdrawn(3)]);
    stream
        .block(
            0,
            vec![settled(2), skipped(3), settled(4), exit_executed(1), flushed(7)],
        )
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    // The new chain is another from block 2 on. It has fill 1 and the withdrawal again there, and the flush later.
    stream.block(0, vec![deposit(1, ALICE, 1, 1), exit(1)]);
    stream.block(1, vec![settled(1), withdrawn(3)]);
    stream.block(1, vec![]).check(expect![""]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 fills vanished from 1 on
        2.4.1 withdrawal vanished, nonce 3
        2.4.2 exit #1 vanished
        2.4.3 royalties vanished 3
        2.4.4 exit #1 requested
        2.4.5 settled through 1
        2.4.6 withdrawn nonce 3
        2.4.7 vanished #2
    "#]]);
    stream
        .block(1, vec![settled(2), settled(3), flushed(7)])
        .finalize(4)
        .check(expect![[r#"
            2.6.0 settled through 3
            2.6.1 royalties 3
            2.6.2 final 4 at 1004
        "#]]);
}

/// The first block that differs had said nothing before: that it says something now shows it.
#[test]
fn a_settlement_that_moved_to_an_earlier_block_counts_there() {
    let mut stream = Stream::alone();
    stream
        .block(0, vec![])
        .block(0, vec![])
        .block(0, vec![settled(1), settled(2)]);
    stream.block(0, vec![settled(3)]).finalize(4);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1)])
        .block(1, vec![settled(2)]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 fills vanished from 1 on
        2.4.1 settled through 2
    "#]]);
    stream.block(1, vec![]).finalize(4).check(expect![[r#""#]]);
    stream.block(1, vec![settled(3)]).finalize(5).check(expect![[r#"
        2.8.0 settled through 3
        2.8.1 final 5 at 1005
    "#]]);
}

/// What is lost twice is taken back twice, and a chain that is told a third time without change says nothing.
#[test]
fn a_chain_may_break_its_promise_again() {
    let mut stream = Stream::alone();
    stream.block(0, vec![]).block(0, vec![settled(1)]).finalize(2);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1), settled(2)])
        .finalize(2);
    stream.check(expect![[r#"
        2.3.0 fills vanished from 1 on
        2.3.1 settled through 2
    "#]]);
    stream.open(3);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1), settled(2)])
        .finalize(2);
    stream.check(expect![""]);
    stream.open(4);
    stream.block(0, vec![]).block(2, vec![]).finalize(2);
    stream.check(expect![[r#"
        4.3.0 fills vanished from 1 on
    "#]]);
}

/// An exit that had been paid out waits again where its request is still there.
#[test]
fn a_lost_payment_of_an_exit_has_it_wait_again() {
    let mut stream = Stream::alone();
    stream
        .block(0, vec![exit(1)])
        .block(0, vec![exit_executed(1)])
        .finalize(2);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![exit(1)])
        .block(1, vec![])
        .finalize(1)
        .check(expect![""]);
    stream.finalize(2).check(expect![[r#"
        2.4.0 exit #1 vanished
        2.4.1 exit #1 requested
    "#]]);
    stream.block(1, vec![exit_executed(1)]).finalize(3).check(expect![[r#"
            2.6.0 exit #1 paid 8
            2.6.1 final 3 at 1003
        "#]]);
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

/// A chain with a bit of everything: blocks that are reverted, a generation that is another chain past finality.
fn eventful() -> Vec<(u64, ChainRecordBody)> {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 5, 1), exit(1), key(true)]);
    stream.block(0, vec![settled(1), withdrawn(3)]).finalize(1);
    stream.block(0, vec![exit(2), flushed(7)]).revert();
    stream.block(1, vec![deposit(2, BOB, 6, 1), skipped(2)]).finalize(3);
    stream.open(2);
    stream.block(0, vec![deposit(1, ALICE, 5, 1), exit(1), key(true)]);
    stream.block(1, vec![settled(1)]).block(1, vec![exit_executed(1)]);
    stream.block(1, vec![key(false)]).finalize(3);
    stream.block(1, vec![settled(2), flushed(7), withdrawn(3)]).finalize(5);
    stream.records
}

fn taken(folder: &FactFolder) -> Snapshot {
    Snapshot {
        next_sequence: 7,
        last_record: B256::repeat_byte(3),
        heard: 9,
        told_record: Some(6),
        retries: 1,
        folded: folder.state.clone(),
        held: Held::default(),
    }
}

#[test]
fn a_folder_that_goes_on_from_a_snapshot_tells_what_one_that_never_stopped_tells() {
    let config = FactConfig::alone(GroupId(1), CONTRACTS);
    let records = eventful();
    let mut straight = FactFolder::new(config.clone());
    let mut told = 0;
    for (place, (sequence, body)) in records.iter().enumerate() {
        told += straight.fold(*sequence, body).unwrap().len();
        let stored = taken(&straight).store(&config).unwrap();
        let snapshot = Snapshot::read(&stored, &config, 9).unwrap();
        assert_eq!(snapshot, taken(&straight));
        let (mut resumed, mut ahead) = (snapshot.folder(config.clone()), straight.clone());
        for (sequence, body) in &records[place + 1..] {
            assert_eq!(
                resumed.fold(*sequence, body),
                ahead.fold(*sequence, body),
                "after record {place}"
            );
        }
    }
    assert!(told > 15, "{told} facts");
}

#[test]
fn a_snapshot_that_is_not_what_it_should_be_is_refused() {
    let config = FactConfig::alone(GroupId(1), CONTRACTS);
    let mut folder = FactFolder::new(config.clone());
    for (sequence, body) in eventful() {
        folder.fold(sequence, &body).unwrap();
    }
    let good = taken(&folder).store(&config).unwrap();
    let refused = |stored: &StoredSnapshot| Snapshot::read(stored, &config, 9).unwrap_err();
    for at in (0..good.body.len()).step_by(7) {
        let mut damaged = good.clone();
        damaged.body[at] ^= 1;
        assert_eq!(refused(&damaged), Unusable::Damaged);
    }
    let mut older = good.clone();
    older.version += 1;
    assert_eq!(refused(&older), Unusable::Version(VERSION + 1));
    let mut nonsense = good.clone();
    nonsense.body.truncate(20);
    nonsense.body_hash = alloy::primitives::keccak256(&nonsense.body);
    assert!(matches!(refused(&nonsense), Unusable::Malformed(_)));
    let mut others = config.clone();
    others.others = vec![GroupId(2)];
    assert_eq!(Snapshot::read(&good, &others, 9), Err(Unusable::OtherConfig));
    assert_eq!(Snapshot::read(&good, &config, 8), Err(Unusable::AheadOfEngine));
}
