//! A whole exchange in one seed: traders, gateways that deliver late, twice or never, the engine with its log, snapshots and crashes, a
//! chain that reorganises, a settlement loop that crashes between any two steps, clocks that jump. After every command the laws hold; at
//! every finalised block LED-2 does; at the end everything is drained and the vault pays out what the ledger says.

mod chain;
mod ending;
mod settlement;
mod traders;
mod vault;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use rand::RngExt;
use souk_exchange::Engine;
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::{AccountId, Command, CommandBody, Event, MarketState, Rejection, Source, UnixMillis};

use self::chain::{Chain, Reported};
use self::settlement::{Crash, Settlement};
use self::vault::{Balances, Tx};
use crate::coverage::Coverage;
use crate::generator::{Generator, START, Step, TRADERS, group, tokens, trader};
use crate::laws::Laws;
use crate::machine::Machine;
use crate::oracle::Oracle;
use crate::{seeds, text};

/// Seeds of every run of the tests.
const USUAL: u64 = 250;
/// What happens in one seed before the end.
const STEPS: usize = 800;
/// What lives of the standard seeds must have in them, or they show little.
const MUST_OCCUR: [&str; 19] = [
    "Event::Traded",
    "Event::FillsSettled",
    "Event::FillReinstated",
    "Event::FillUnsettled",
    "Event::SettlementVanished",
    "Event::WithdrawalVanished",
    "CreditCause::ExitVanished",
    "CreditCause::FlushVanished",
    "Event::WithdrawalExecuted",
    "Event::SettlementLagged",
    "CreditCause::WithdrawalExpired",
    "DebitCause::Exit",
    "DebitCause::DepositVanished",
    "Event::DeficitTaken",
    "Event::DeficitRepaid",
    "BustCause::Skipped",
    "BustCause::Uncovered",
    "BustCause::Escape",
    "Rejection::Duplicate",
];
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
    /// The stream of outcomes.
    outcomes: Vec<Vec<Event>>,
    results: Vec<Result<(), Rejection>>,
    oracle: Oracle,
    laws: Laws,
    chain: Chain,
    /// How many facts of the chain's stream are in the log.
    fed: usize,
    settlement: Settlement,
    /// Approved withdrawals that nobody showed the vault yet.
    approved: Vec<Withdraw>,
    /// Withdrawals, by account and nonce, that are asked for so that an exit takes the same money first.
    hoarded: BTreeSet<(Address, u64)>,
    /// Those of them that were approved, and are kept back.
    hoards: Vec<Withdraw>,
    ids: u64,
    /// The last nonce that each trader used.
    nonces: BTreeMap<Address, u64>,
    coverage: Coverage,
}

impl World {
    fn new(seed: u64) -> World {
        let mut generator = Generator::new(seed);
        let opening = generator.opening();
        let markets: Vec<_> = opening
            .iter()
            .filter_map(|body| match body {
                CommandBody::ListMarket(spec) => Some(spec.as_ref().clone()),
                _ => None,
            })
            .collect();
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
            results: Vec::new(),
            oracle: Oracle::new(),
            laws: Laws::default(),
            chain: Chain::new(&markets, START.secs()),
            fed: 0,
            settlement: Settlement::default(),
            approved: Vec::new(),
            hoarded: BTreeSet::new(),
            hoards: Vec::new(),
            ids: 0,
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
        world.chain.mine(START.secs(), |_| true, |_| false);
        world.chain.finalise();
        world.feed(usize::MAX / 2);
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

    /// Writes facts to the log that are not there; after a crash some that are there already, too.
    fn feed(&mut self, count: usize) {
        if self.chance(4) {
            self.fed -= self.below(3).min(self.fed);
        }
        let end = (self.fed + count).min(self.chain.stream.len());
        for place in self.fed..end {
            let source = Source::Chain {
                chain: group().chain,
                position: place as u64 + 1,
            };
            let body = CommandBody::Fact(self.chain.stream[place].fact.clone());
            self.write(Command { source, body });
        }
        self.fed = end;
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
        if let Some(published) = self.outcomes.get(self.taken - 1) {
            if (published, &self.results[self.taken - 1]) != (&events, &result) {
                return Err(format!("EX-2: replayed, {} comes to something else", text::line(&step)));
            }
            return Ok(true);
        }
        self.outcomes.push(events.clone());
        self.results.push(result);
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
            match event {
                Event::WithdrawalApproved(withdraw) => {
                    let is_hoarded = self.hoarded.contains(&(withdraw.account, withdraw.nonce));
                    let list = if is_hoarded {
                        &mut self.hoards
                    } else {
                        &mut self.approved
                    };
                    list.push(Withdraw::clone(withdraw));
                }
                Event::FillBusted {
                    cause: souk_schema::exchange::event::BustCause::Skipped { reason },
                    fill,
                } if vault::is_our_fault(*reason, self.rules()) => {
                    return Err(format!("EX-4: the vault skips {fill:?} for reason {reason}"));
                }
                _ => {}
            }
        }
        if let (Source::Chain { position, .. }, Ok(())) = (step.command.source, result) {
            let reported = self.chain.stream[position as usize - 1].clone();
            self.check_vault(&reported)?;
        }
        Ok(true)
    }

    /// LED-2: at the position where the engine learns of a final block, the vault has in that block what the ledger says, less what is in
    /// flight.
    fn check_vault(&self, reported: &Reported) -> Result<(), String> {
        let Some(balances) = &reported.balances else {
            return Ok(());
        };
        match self.owed_by_vault() {
            Ok(ledger) if ledger == *balances => Ok(()),
            ledger => Err(format!(
                "LED-2: at {:?} the ledger says {ledger:?}, the vault has {balances:?}",
                reported.fact
            )),
        }
    }

    /// What the engine takes the vault to have: balances, with unsettled fills undone, withdrawals that are not over added, and without what
    /// `DEFICIT` bears.
    fn owed_by_vault(&self) -> Result<Balances, String> {
        let mut owed: BTreeMap<(AccountId, souk_schema::exchange::InstrumentId), i128> = BTreeMap::new();
        for ((account, instrument), balance) in self.engine.view().balances {
            let settled =
                balance.available + balance.held as i128 - balance.pending_in as i128 + balance.pending_out as i128;
            owed.insert((account, instrument), settled);
        }
        for ((account, _), (instrument, amount, _)) in &self.oracle.withdrawals {
            *owed.entry((AccountId(*account), *instrument)).or_default() += *amount as i128;
        }
        for ((account, instrument), amount) in self.laws.borne() {
            *owed.entry((*account, *instrument)).or_default() -= amount;
        }
        let mut balances = Balances::new();
        for ((account, instrument), amount) in owed {
            if account != AccountId::DEFICIT && amount != 0 {
                let address: Address = self.engine.address(account).ok_or("an account without address")?;
                let token: TokenRef = self
                    .engine
                    .instrument(instrument)
                    .ok_or("an instrument without token")?;
                let amount = u128::try_from(amount).map_err(|_| format!("account {account} owes {amount}"))?;
                balances.insert((address, token), amount);
            }
        }
        Ok(balances)
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
        let stuck = self.chance(20);
        let secs = self.now.secs();
        let random = &mut self.generator.random;
        let mut coins: Vec<u32> = (0..256).map(|_| random.random_range(0..100)).collect();
        let mut fails = coins.clone();
        let take = |tx: &Tx| {
            let coin = coins.pop().unwrap_or(0);
            match tx {
                Tx::Settle(_) => !stuck && coin < 80,
                _ => coin < 70,
            }
        };
        // Only a batch is large enough to run out of gas.
        let fail = |tx: &Tx| matches!(tx, Tx::Settle(_)) && fails.pop().unwrap_or(0) >= 92;
        self.chain.mine(secs, take, fail);
    }

    /// One step of anything.
    fn step(&mut self) -> Result<(), String> {
        self.now.0 += self.generator.random.random_range(0..600);
        match self.below(100) {
            0..34 => self.trade(),
            34..54 => {
                self.deliver();
                self.deliver();
            }
            54..64 => {
                let count = self.below(16);
                for _ in 0..count {
                    self.take()?;
                }
            }
            64..69 => self.write_now(CLOCK, CommandBody::Tick),
            69..76 => self.mine(),
            76..81 if self.chain.young() > 2 => self.chain.finalise(),
            81 => self.chain.reorganise(1 + self.generator.random.random_range(0..3)),
            82..88 => {
                let count = self.below(6);
                self.feed(count);
            }
            88..94 => self.settle(),
            94 => self.act_on_chain(),
            95 | 96 => match self.below(8) {
                0 => self.crash_engine()?,
                1 => self.snapshot = (self.engine.snapshot(), self.taken),
                2 if self.chance(40) => {
                    let depth = 1 + self.below(12);
                    self.break_finality(depth);
                }
                3 => self.now.0 += self.generator.random.random_range(0..12_000),
                // Whoever hoards waits until the vault has to pay.
                4 if !self.hoards.is_empty() && !self.chain.vault().exits().is_empty() => {
                    self.now.0 += group().exit_delay_secs * 1_000;
                }
                _ => {}
            },
            97 => self.open_markets(),
            _ => self.act_on_chain(),
        }
        Ok(())
    }

    fn rules(&self) -> Rules {
        let group = self.oracle.group.as_ref();
        group.map_or(Rules::First, |group| group.rules)
    }

    fn break_finality(&mut self, depth: usize) {
        // The first rules do not know a withdrawal that is paid out after it was credited back.
        let at_once = self.chance(50) && self.rules() >= Rules::Second;
        let random = &mut self.generator.random;
        // Batches are sent again by settlement; what others sent may be lost.
        let keep = |tx: &Tx| matches!(tx, Tx::Settle(_)) || random.random_range(0..100) < 85;
        if self.chain.break_finality(depth, keep) && at_once {
            // In the time of the blocks that are gone: before deadlines that finality had passed.
            self.chain.mine(0, |_| true, |_| false);
        }
    }

    fn settle(&mut self) {
        let count = self.below(40);
        self.settlement.read(&self.log, &self.outcomes, count);
        let crash = match self.below(20) {
            0 => Crash::BeforeRecord,
            1 => Crash::BeforeSend,
            2 => Crash::AfterSend,
            _ => Crash::Never,
        };
        let most = 1 + self.below(6);
        let random = &mut self.generator.random;
        self.settlement
            .step(&mut self.chain, most, crash, || random.random_range(0..60) == 0);
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
    let balances = world
        .chain
        .stream
        .iter_mut()
        .find_map(|reported| reported.balances.as_mut());
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
        coverage.merge(world.coverage);
    }
    if seeds::cover(USUAL) {
        eprintln!("{}", coverage.report());
        let missing = coverage.missing();
        let untold: Vec<_> = missing.into_iter().filter(|name| MUST_OCCUR.contains(name)).collect();
        assert!(untold.is_empty(), "never occurred: {untold:?}");
    }
}
