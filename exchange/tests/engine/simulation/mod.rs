//! A whole exchange in one seed: traders, gateways that deliver late, twice or never, the engine with its log, snapshots and crashes, a
//! chain that reorganises, clocks that jump; and between engine and chain what settlement really is: its pure parts, which crash between any
//! two steps. Only the chain and its vault are models. After every command the laws hold; at every finalised block LED-2 does; at the end
//! everything is drained and the vault pays out what the ledger says.

mod chain;
mod checks;
mod consent;
mod ending;
mod follower;
mod occurrences;
mod operator;
mod signatures;
mod traders;
mod vault;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, U256};
use rand::RngExt;
use souk_exchange::Engine;
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::{Command, CommandBody, MarketSpec, MarketState, Outcome, SignedOrder, Source, UnixMillis};

use self::chain::{Chain, Weather};
use self::follower::Follower;
use self::occurrences::MUST_OCCUR;
use self::operator::Operator;
use self::vault::Tx;
use crate::coverage::Coverage;
use crate::generator::{Generator, START, Step, TRADERS, group, tokens, trader};
use crate::laws::Laws;
use crate::machine::Machine as _;
use crate::oracle::Oracle;
use crate::{seeds, text};

/// Seeds of every run of the tests.
const USUAL: u64 = 250;
/// What happens in one seed before the end.
const STEPS: usize = 1_000;
/// The gateway of the operator; the clock is another, and both reach the log at once.
const OPERATOR: u64 = 10;
const CLOCK: u64 = 11;

/// Everything there is.
pub struct World {
    generator: Generator,
    now: UnixMillis,
    positions: BTreeMap<u64, u64>,
    /// Sent by gateways, not in the log yet.
    deliveries: Vec<Command>,
    /// The stream of commands, one in a record.
    log: Vec<Command>,
    written_at: Vec<UnixMillis>,
    engine: Engine,
    taken: usize,
    snapshot: (Vec<u8>, usize),
    outcomes: Vec<Outcome>,
    /// The stream of outcomes: where each of its records ends, exclusive.
    records: Vec<usize>,
    oracle: Oracle,
    laws: Laws,
    chain: Chain,
    follower: Follower,
    /// The facts that were last written to the log.
    last_facts: VecDeque<Command>,
    operator: Operator,
    /// A market that is listed later than the others, and the token that nobody else trades.
    late: Option<(Vec<CommandBody>, TokenRef)>,
    /// Approved withdrawals that nobody showed the vault yet.
    approved: Vec<Withdraw>,
    /// Withdrawals, by account and nonce, that are asked for so that an exit takes the same money first.
    hoarded: BTreeSet<(Address, u64)>,
    /// Those of them that were approved, and are kept back.
    hoards: Vec<Withdraw>,
    /// The last nonce that each trader used.
    nonces: BTreeMap<Address, u64>,
    coverage: Coverage,
}

impl World {
    fn new(seed: u64) -> World {
        let mut generator = Generator::new(seed);
        let mut opening = generator.opening();
        let markets: Vec<MarketSpec> = opening
            .iter()
            .filter_map(|body| match body {
                CommandBody::ListMarket(spec) => Some(spec.as_ref().clone()),
                _ => None,
            })
            .collect();
        // In half of the lives the last market, and the token that pays in it, come later.
        let late = generator.one_in(2).then(|| {
            let listing = opening.split_off(opening.len() - 2);
            let quote = markets.last().expect("there are three").quote;
            (listing, TokenRef::new(quote, U256::ZERO))
        });
        let mut world = World {
            generator,
            now: START,
            positions: BTreeMap::new(),
            deliveries: Vec::new(),
            log: Vec::new(),
            written_at: Vec::new(),
            engine: Engine::new(),
            taken: 0,
            snapshot: (Engine::new().snapshot(), 0),
            outcomes: Vec::new(),
            records: Vec::new(),
            oracle: Oracle::new(),
            laws: Laws::default(),
            chain: Chain::new(&markets, START.secs()),
            follower: Follower::default(),
            last_facts: VecDeque::new(),
            operator: Operator::new(),
            late,
            approved: Vec::new(),
            hoarded: BTreeSet::new(),
            hoards: Vec::new(),
            nonces: BTreeMap::new(),
            coverage: Coverage::default(),
        };
        for body in opening {
            world.write_now(OPERATOR, body);
        }
        for number in 0..TRADERS {
            for token in tokens() {
                world.deposit(trader(number), token);
            }
        }
        let weather = Weather {
            secs: START.secs(),
            dearness: 100,
        };
        world.chain.mine(weather, |_| true);
        world.chain.finalise();
        world
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.generator.random.random_range(0..100) < percent
    }

    fn below(&mut self, bound: usize) -> usize {
        self.generator.random.random_range(0..bound.max(1))
    }

    /// Gives a command its source.
    fn command(&mut self, gateway: u64, body: CommandBody) -> Command {
        let position = self.positions.entry(gateway).or_default();
        *position += 1;
        let source = Source::Gateway {
            id: gateway,
            position: *position,
        };
        Command { source, body }
    }

    /// Puts a command into the log. Clocks of different writers differ, and one is set back now and then.
    fn write(&mut self, command: Command) {
        let behind = match self.below(40) {
            0 => self.below(5_000) as u64,
            1 if self.chance(10) => self.below(3_600_000) as u64,
            _ => 0,
        };
        if behind > 60_000 {
            self.coverage.note("Clock::SetBack");
        }
        self.log.push(command);
        self.written_at.push(UnixMillis(self.now.0 - behind));
    }

    fn write_now(&mut self, gateway: u64, body: CommandBody) {
        let command = self.command(gateway, body);
        self.write(command);
    }

    /// A gateway delivers something: late, in another order than it was sent, twice, or not at all.
    fn deliver(&mut self) {
        if self.deliveries.is_empty() {
            return;
        }
        // What overtakes another makes that one a duplicate, and its client asks again.
        let place = if self.chance(95) {
            0
        } else {
            self.below(self.deliveries.len().min(3))
        };
        match self.below(25) {
            0 => {
                self.deliveries.remove(place);
            }
            1 => self.write(self.deliveries[place].clone()),
            _ => {
                let command = self.deliveries.remove(place);
                self.write(command);
            }
        }
    }

    /// The engine takes the next record. What it took before a crash has to come to the same again.
    fn take(&mut self) -> Result<bool, String> {
        let Some(command) = self.log.get(self.taken).cloned() else {
            return Ok(false);
        };
        let step = Step {
            at: self.written_at[self.taken],
            command,
        };
        let mut events = Vec::new();
        let result = self.engine.apply(&step.command, step.at, &mut events);
        self.taken += 1;
        let outcome = Outcome {
            number: self.engine.commands(),
            source: step.command.source,
            time: self.engine.time(),
            signed: match result {
                Ok(()) => signed_orders(&step.command.body),
                Err(_) => Vec::new(),
            },
            result: result.map(|()| events.clone()),
        };
        if let Some(published) = self.outcomes.get(self.taken - 1) {
            if *published != outcome {
                return Err(format!("EX-2: replayed, {} comes to something else", text::line(&step)));
            }
            return Ok(true);
        }
        self.outcomes.push(outcome);
        self.coverage.count(&result, &events);
        let mut expected = Vec::new();
        let oracle = self.oracle.apply(&step.command, step.at, &mut expected);
        if (oracle, &expected) != (result, &events) {
            return Err(format!(
                "{}: the oracle says {oracle:?} {expected:#?}, not {result:?} {events:#?}",
                text::line(&step)
            ));
        }
        self.laws.observe(&step, &result, &events, &self.engine.view())?;
        for event in &events {
            self.observe_event(event, &step.command)?;
        }
        if let (Source::Chain { position, .. }, Ok(())) = (step.command.source, result) {
            self.check_vault(position, &step.command.body)?;
        }
        Ok(true)
    }

    /// The operator lists the market that was not listed with the others.
    fn list_late_market(&mut self) {
        let listing = self.late.as_mut().map(|(listing, _)| std::mem::take(listing));
        for body in listing.into_iter().flatten() {
            self.write_now(OPERATOR, body);
        }
    }

    /// What the engine came to becomes a record.
    fn publish(&mut self) {
        if self.records.last().copied().unwrap_or(0) < self.outcomes.len() {
            self.records.push(self.outcomes.len());
        }
    }

    /// The engine's process ends and starts again, from its last snapshot or from nothing.
    fn crash_engine(&mut self) -> Result<(), String> {
        let (bytes, position) = match self.chance(70) {
            true => self.snapshot.clone(),
            false => (Engine::new().snapshot(), 0),
        };
        let hash = self.engine.state_hash();
        let target = self.taken;
        self.engine = Engine::restore(&bytes).map_err(|error| error.to_string())?;
        self.taken = position;
        while self.taken < target {
            self.take()?;
        }
        match self.engine.state_hash() == hash {
            true => Ok(()),
            false => Err("EX-2: after replay the state hash is another".to_owned()),
        }
    }

    fn mine(&mut self) {
        let (secs, stuck) = (self.now.secs(), self.chance(10));
        // Fees and gas are as ever, or much higher for a while.
        self.chain.base_fee = match self.below(16) {
            0 => self.generator.pick(&[120, 260, 600]),
            _ => (self.chain.base_fee * 3).div_ceil(4).max(25 + self.below(10) as u128),
        };
        self.chain.dearness = match self.below(8) {
            0 => self.generator.pick(&[200, 400]),
            _ => self.chain.dearness.min(110),
        };
        let dearness = match self.below(8) {
            0 => self.chain.dearness * 8 / 5,
            _ => self.chain.dearness,
        };
        // What a node forgets has to be sent again.
        if self.chance(5) {
            self.chain.pool.retain(|tx| !matches!(tx, Tx::Operator(_)));
        }
        let random = &mut self.generator.random;
        let take = |tx: &Tx| {
            let coin = random.random_range(0..100);
            match tx {
                Tx::Operator(_) => !stuck && coin < 80,
                _ => coin < 70,
            }
        };
        self.chain.mine(Weather { secs, dearness }, take);
    }

    /// One step of anything.
    fn step(&mut self) -> Result<(), String> {
        self.now.0 += self.generator.random.random_range(0..400);
        match self.below(100) {
            0..28 => self.trade(),
            28..44 => {
                self.deliver();
                self.deliver();
            }
            44..54 => {
                let count = self.below(16);
                for _ in 0..count {
                    self.take()?;
                }
                self.publish();
            }
            54..58 => self.write_now(CLOCK, CommandBody::Tick),
            58..66 => self.mine(),
            66..73 => {
                if self.chain.young() > 1 {
                    self.chain.finalise();
                }
            }
            73 => self.chain.reorganise(1 + self.generator.random.random_range(0..3)),
            74..82 => {
                let (facts, records) = (self.below(20), self.below(12));
                self.deliver_facts(facts);
                while self.follow(records)? && self.chance(70) {}
            }
            82..91 => self.settle()?,
            91..93 => self.open_markets(),
            93..95 => self.act_on_chain(),
            95 | 96 => match self.below(12) {
                0 => self.crash_engine()?,
                1 => self.snapshot = (self.engine.snapshot(), self.taken),
                2 if self.chance(40) => {
                    let depth = 1 + self.below(12);
                    self.break_finality(depth);
                }
                3 => {
                    self.coverage.note("Clock::Jumps");
                    self.now.0 += self.generator.random.random_range(0..12_000);
                }
                // Whoever hoards waits until the vault has to pay.
                5 => self.crash_follower(),
                6 => self.crash_operator("Operator::DiesAtRest", true),
                7 if self.chance(15) => self.chain.open_generation(),
                8 if self.chance(40) => self.list_late_market(),
                4 if !self.hoards.is_empty() && !self.chain.vault().exits().is_empty() => {
                    self.now.0 += group().exit_delay_secs * 1_000;
                }
                _ => {}
            },
            97 => self.act_on_consent(),
            _ => self.act_on_chain(),
        }
        self.chain.forgery().map_or(Ok(()), Err)
    }

    fn rules(&self) -> Rules {
        let group = self.oracle.group.as_ref();
        group.map_or(Rules::First, |group| group.rules)
    }

    fn break_finality(&mut self, depth: usize) {
        // The first rules do not know a withdrawal that is paid out after it was credited back.
        let at_once = self.chance(50) && self.rules() >= Rules::Second;
        let random = &mut self.generator.random;
        let keep = |tx: &Tx| {
            let coin = random.random_range(0..100);
            coin < if matches!(tx, Tx::Operator(_)) { 50 } else { 85 }
        };
        if self.chain.break_finality(depth, keep) && at_once {
            // In the time of the blocks that are gone: before deadlines that finality had passed.
            let weather = Weather { secs: 0, dearness: 100 };
            self.chain.mine(weather, |_| true);
        }
    }

    fn settle(&mut self) -> Result<(), String> {
        let reads = self.below(8);
        for _ in 0..=self.below(5) {
            if !self.operate(reads, false)? {
                break;
            }
        }
        Ok(())
    }

    /// The operator has markets trade that do not.
    fn open_markets(&mut self) {
        let closed =
            |market: &&crate::oracle::Market| matches!(market.state, MarketState::PreOpen | MarketState::Halted);
        if let Some(market) = self.oracle.markets.iter().find(closed) {
            let body = CommandBody::SetMarketState {
                market: market.spec.key,
                state: MarketState::Auction,
            };
            self.write_now(OPERATOR, body);
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.step()?;
        }
        self.end()
    }
}

#[test]
fn led_2_a_vault_with_one_unit_too_many_is_noticed() {
    let mut world = World::new(1);
    let records = &mut world.chain.generations[0].records;
    let balances = records.iter_mut().find_map(|record| record.balances.as_mut());
    *balances
        .expect("deposits are final")
        .values_mut()
        .next()
        .expect("somebody deposited") += 1;
    let broken = world.run().expect_err("the vault has more than the ledger says");
    assert!(broken.starts_with("LED-2: "), "{broken}");
}

#[test]
fn led_2_the_vault_has_what_the_ledger_says_through_crashes_and_reorganisations() {
    let mut coverage = Coverage::default();
    for seed in seeds::seeds(USUAL) {
        let mut world = World::new(seed);
        if let Err(broken) = world.run() {
            let steps: Vec<Step> = world.log[..world.taken]
                .iter()
                .zip(&world.written_at)
                .map(|(command, at)| Step {
                    at: *at,
                    command: command.clone(),
                })
                .collect();
            panic!("seed {seed}: {broken}\n{}", text::steps(&steps));
        }
        for (name, times) in world.chain.happened {
            world.coverage.note_times(name, times);
        }
        coverage.merge(world.coverage);
    }
    if seeds::cover(USUAL) {
        eprintln!("{}", coverage.report());
        let untold: Vec<_> = MUST_OCCUR.into_iter().filter(|name| !coverage.occurred(name)).collect();
        assert!(untold.is_empty(), "never occurred: {untold:?}");
    }
}

/// The orders whose signatures settlement will need, as the sequencer finds them.
fn signed_orders(body: &CommandBody) -> Vec<SignedOrder> {
    match body {
        CommandBody::PlaceOrder(order) | CommandBody::AmendOrder(order) => vec![order.as_ref().clone()],
        CommandBody::MassQuote(quotes) => quotes.quotes.clone(),
        _ => Vec::new(),
    }
}
