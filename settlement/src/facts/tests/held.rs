//! Deposits of a token that no market trades are held until one does, through another life.

use alloy::primitives::{Address, B256, U256};
use souk_eventlog::StoredRecord;
use souk_exchange::Engine;
use souk_schema::exchange::command::{OpenGroup, Rules};
use souk_schema::exchange::{
    Amount, Command, CommandBody, FeeSchedule, GroupId, Lots, MarketKind, MarketLimits, MarketSpec, MarketUnits,
    Outcome, Ppm, Source, Ticks, UnixMillis,
};
use souk_schema::record::{Block, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};
use souk_schema::{BlockRef, ChainId, TokenRef};

use super::super::folder::{FactAt, FactConfig};
use super::super::telling::Telling;
use super::{ALICE, BOB, COIN, CONTRACTS, deposit, log};

const CHAIN: ChainId = ChainId(31_337);
/// What no market trades at first.
const LATE: Address = Address::repeat_byte(0xc1);

/// An engine, and who tells it what streams say.
struct Desk {
    engine: Engine,
    telling: Telling,
    sequence: u64,
    blocks: Vec<BlockRef>,
    /// Whether another process has told everything a moment before.
    is_late: bool,
}

impl Desk {
    fn new() -> Desk {
        let mut desk = Desk {
            engine: Engine::new(),
            telling: Telling::new(FactConfig::alone(GroupId(1), CONTRACTS), 0),
            sequence: 0,
            blocks: Vec::new(),
            is_late: false,
        };
        desk.operate(
            1,
            CommandBody::OpenGroup(OpenGroup {
                group: GroupId(1),
                chain: CHAIN,
                vault: CONTRACTS.vault,
                fee_account: Address::repeat_byte(0xfe),
                exit_delay_secs: 100,
                settlement_grace_secs: 100,
                max_open_orders: 10,
                rules: Rules::LATEST,
            }),
        );
        desk.operate(2, CommandBody::ListMarket(Box::new(market(1, COIN))));
        desk.open(1);
        desk
    }

    fn apply(&mut self, source: Source, body: CommandBody) -> Outcome {
        let mut events = Vec::new();
        let command = Command { source, body };
        let result = self.engine.apply(&command, UnixMillis(1_000), &mut events);
        Outcome {
            number: self.engine.commands(),
            source,
            time: self.engine.time(),
            signed: Vec::new(),
            result: result.map(|()| events),
        }
    }

    fn operate(&mut self, position: u64, body: CommandBody) {
        let outcome = self.apply(Source::Gateway { id: 1, position }, body);
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }

    fn open(&mut self, generation: u32) {
        (self.sequence, self.blocks) = (0, Vec::new());
        self.telling.begin_generation();
        self.fold(ChainRecordBody::StreamOpened(StreamOpened {
            generation,
            start_block: 1,
            watch_set_json: String::new(),
            watch_set_hash: B256::ZERO,
            genesis_hash: B256::ZERO,
        }));
    }

    /// The next block, of a `fork`; it is final at once.
    fn block(&mut self, fork: u8, logs: Vec<RawLog>) {
        let number = self.blocks.len() as u64 + 1;
        let hash = B256::from(U256::from(number * 256 + u64::from(fork)));
        let parent_hash = self.blocks.last().map_or(B256::ZERO, |head| head.hash);
        self.blocks.push(BlockRef { number, hash });
        self.fold(ChainRecordBody::BlockAppended(Block {
            number,
            hash,
            parent_hash,
            timestamp: 1_000 + number,
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        }));
        self.fold(ChainRecordBody::FinalityAdvanced(BlockRef { number, hash }));
    }

    fn fold(&mut self, body: ChainRecordBody) {
        let stored = StoredRecord {
            sequence: self.sequence,
            headers: Vec::new(),
            payload: Default::default(),
        };
        let facts = self.telling.fold(&stored, &body).unwrap();
        let new = self.telling.begin(facts, &self.engine);
        self.submit(new);
        let held = self.telling.end(self.sequence, &self.engine);
        self.submit(held);
        self.sequence += 1;
    }

    fn submit(&mut self, facts: Vec<FactAt>) {
        for fact in facts {
            let source = Source::Chain {
                chain: CHAIN,
                position: fact.position,
            };
            let body = CommandBody::Fact(fact.fact.clone());
            if self.is_late {
                self.apply(source, body.clone());
            }
            let outcome = self.apply(source, body);
            self.telling.answered(&fact, &outcome, &self.engine);
        }
    }

    /// Another life, from a snapshot.
    fn restart(&mut self) {
        let config = FactConfig::alone(GroupId(1), CONTRACTS);
        let stored = self.telling.snapshot().store(&config).unwrap();
        let heard = self.engine.source_position(&Source::Chain {
            chain: CHAIN,
            position: 0,
        });
        self.telling = Telling::restore(&stored, config, heard.unwrap(), &self.engine).unwrap();
    }

    fn has(&self, account: Address, token: Address) -> i128 {
        let instrument = self.engine.instrument_of(TokenRef::new(token, U256::ZERO)).unwrap();
        self.engine.account(account).unwrap().balance(instrument).available
    }
}

fn market(number: u8, quote: Address) -> MarketSpec {
    MarketSpec {
        key: B256::repeat_byte(number),
        base: TokenRef::new(Address::repeat_byte(0x50), U256::from(1)),
        quote,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(1),
            tick_size: Amount(1),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(0),
            taker_ppm: Ppm(0),
            royalty_ppm: Ppm(0),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(10),
            max_price: Ticks(10),
            max_open_orders: 10,
            band_ppm: None,
            auction_secs: 0,
        },
        reference_price: Ticks(1),
    }
}

fn late_deposit(id: u64, account: Address, amount: u128) -> RawLog {
    log(souk_contracts::ExchangeVault::Deposited {
        depositId: id,
        account,
        token: LATE,
        id: U256::ZERO,
        amount,
        group: 1,
    })
}

/// The vault counts deposits, so that on another chain one may have the number of one that was credited, and vanished.
#[test]
fn a_held_deposit_with_the_number_of_one_that_vanished_outlives_a_restart() {
    let mut desk = Desk::new();
    desk.block(0, vec![deposit(1, BOB, 5, 1)]);
    assert_eq!(desk.has(BOB, COIN), 5);
    desk.open(2);
    desk.block(1, vec![late_deposit(1, ALICE, 7)]);
    assert_eq!(desk.has(BOB, COIN), 0);
    desk.restart();
    desk.operate(3, CommandBody::ListMarket(Box::new(market(2, LATE))));
    desk.block(1, vec![]);
    assert_eq!(desk.has(ALICE, LATE), 7);
}

/// The process before may have told a fact after this one learned how far the engine had heard.
#[test]
fn what_another_process_was_told_to_hold_is_held_here_too() {
    let mut desk = Desk::new();
    desk.is_late = true;
    desk.block(0, vec![late_deposit(1, ALICE, 7), deposit(2, BOB, 5, 1)]);
    desk.is_late = false;
    assert!(desk.telling.holds_some());
    desk.operate(3, CommandBody::ListMarket(Box::new(market(2, LATE))));
    desk.block(0, vec![]);
    assert_eq!((desk.has(ALICE, LATE), desk.has(BOB, COIN)), (7, 5));
    assert!(!desk.telling.holds_some());
}
