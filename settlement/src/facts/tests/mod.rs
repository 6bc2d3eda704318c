//! Facts of small chains, written as the vault writes them: [`told`] within a generation, [`generations`] across them, [`snapshots`] between
//! two lives, [`held`] what waits for a market.

mod generations;
mod held;
mod snapshots;
mod told;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent;
use expect_test::Expect;
use souk_contracts::ExchangeVault as Vault;
use souk_schema::BlockRef;
use souk_schema::exchange::GroupId;
use souk_schema::exchange::command::Fact;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};

use super::folder::{FactAt, FactConfig, FactFolder};
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
    exit_of(ALICE, id)
}

fn exit_of(account: Address, id: u64) -> RawLog {
    log(Vault::ExitRequested {
        exitId: id,
        account,
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
