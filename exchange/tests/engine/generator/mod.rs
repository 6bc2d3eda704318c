//! Seeded commands that reach every rule with useful probability: few accounts with little money, few markets with few prices, facts in the
//! order of a chain, and some of everything that a hostile or broken client could send. The generator looks at the oracle, so that what it
//! means (an open order, a pending fill, a deposit) is often there.

mod facts;
mod markets;
mod orders;

use std::collections::VecDeque;

use alloy_primitives::{Address, B256};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_schema::exchange::command::{Fact, OpenGroup, Rules};
use souk_schema::exchange::{Command, CommandBody, MarketState, Source, UnixMillis};

use crate::oracle::Oracle;

pub use markets::{FEE_ACCOUNT, group, market, tokens};

/// A command and the clock of its record.
#[derive(Clone, Debug)]
pub struct Step {
    pub at: UnixMillis,
    pub command: Command,
}

/// Unix milliseconds at which every run starts: a whole second, so that expiries fall on it.
pub const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// How many traders there are.
pub const TRADERS: u8 = 5;

/// A trader's address.
pub fn trader(number: u8) -> Address {
    Address::repeat_byte(0xa0 + number)
}

/// A trading key that a trader may register.
pub fn key(number: u8) -> Address {
    Address::repeat_byte(0xb0 + number)
}

pub struct Generator {
    pub random: ChaCha8Rng,
    clock: UnixMillis,
    gateway_positions: [u64; 2],
    chain_position: u64,
    script: VecDeque<CommandBody>,
    deposits: u64,
    exits: u64,
    listings: u8,
    /// Half of the seeds are of a calm exchange: little goes wrong, so there is more trade, and longer chains of fills that wait.
    calm: bool,
    /// Half of the calm seeds and half of the others go by the latest revision, a quarter by each of the older.
    rules: Rules,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        let rules = match seed / 2 % 4 {
            1 => Rules::First,
            3 => Rules::Second,
            _ => Rules::LATEST,
        };
        Generator::of(seed, rules)
    }

    /// The generator of a seed, for a group that goes by these rules.
    pub fn of(seed: u64, rules: Rules) -> Generator {
        let mut generator = Generator {
            random: ChaCha8Rng::seed_from_u64(seed),
            clock: START,
            gateway_positions: [0; 2],
            chain_position: 0,
            script: VecDeque::new(),
            deposits: 0,
            exits: 0,
            listings: 0,
            calm: seed % 2 == 1,
            rules,
        };
        generator.write_script();
        generator
    }

    /// A group with three markets that gather orders for their first auction.
    pub fn opening(&mut self) -> Vec<CommandBody> {
        let mut opening = vec![CommandBody::OpenGroup(OpenGroup {
            rules: self.rules,
            ..group()
        })];
        self.listings = 0;
        for _ in 0..3 {
            let spec = self.new_market();
            let opens = CommandBody::SetMarketState {
                market: spec.key,
                state: MarketState::Auction,
            };
            opening.push(CommandBody::ListMarket(Box::new(spec)));
            opening.push(opens);
        }
        opening
    }

    /// How every run begins: markets that opened, and traders with some money.
    fn write_script(&mut self) {
        if self.one_in(10) {
            self.script.push_back(CommandBody::Tick);
        }
        let opening = self.opening();
        self.script.extend(opening);
        for trader_number in 0..TRADERS {
            for token in tokens() {
                // Who starts with nothing trades with what fills bring, and fails with them.
                let most = self.pick(&[2, 200, 1_500]);
                let amount = self.random.random_range(0..most);
                self.deposits += 1;
                self.script.push_back(CommandBody::Fact(Fact::Deposited {
                    deposit_id: self.deposits,
                    account: trader(trader_number),
                    token,
                    amount: souk_schema::exchange::Amount(amount),
                }));
            }
        }
    }

    pub fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_range(0..chances) == 0
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.random.random_range(0..among.len())]
    }

    /// The next command, given what the ones before came to.
    pub fn next(&mut self, oracle: &Oracle) -> Step {
        let body = match self.script.pop_front() {
            Some(body) => body,
            None => self.random_body(oracle),
        };
        let advance = match body {
            CommandBody::Tick => self.random.random_range(0..9_000),
            _ => self.random.random_range(0..700),
        };
        // Clocks of different writers differ, and some jump.
        let at = match self.random.random_range(0..60) {
            0 => UnixMillis(self.clock.0 - 5_000),
            1 => UnixMillis(self.clock.0 + 30_000),
            2 if self.one_in(40) => UnixMillis(self.clock.0 + 31 * 24 * 3_600_000),
            _ => UnixMillis(self.clock.0 + advance),
        };
        self.clock = self.clock.max(at);
        let source = self.source(&body);
        Step {
            at,
            command: Command { source, body },
        }
    }

    fn source(&mut self, body: &CommandBody) -> Source {
        let is_old = self.one_in(80);
        if let CommandBody::Fact(_) = body {
            self.chain_position += u64::from(!is_old) * self.random.random_range(1..3);
            return Source::Chain {
                chain: group().chain,
                position: self.chain_position,
            };
        }
        let id = self.random.random_range(0..2usize);
        self.gateway_positions[id] += u64::from(!is_old);
        Source::Gateway {
            id: id as u64,
            position: self.gateway_positions[id],
        }
    }

    fn random_body(&mut self, oracle: &Oracle) -> CommandBody {
        match self.random.random_range(0..1_000) {
            0..470 => CommandBody::PlaceOrder(Box::new(self.order(oracle))),
            470..560 => self.amendment(oracle),
            560..590 => self.reduction(oracle),
            590..640 => self.cancellation(oracle),
            640..650 => CommandBody::CancelAll {
                account: self.account(),
                market: self.one_in(2).then(|| self.market_key(oracle)),
            },
            650..700 => self.mass_quote(oracle),
            700..710 => CommandBody::SetDeadMan {
                account: self.account(),
                timeout_secs: self.pick(&[0, 5, 30]),
            },
            710..735 => self.withdrawal(oracle),
            735..825 => CommandBody::Tick,
            825..870 => self.administration(oracle),
            _ => CommandBody::Fact(self.fact(oracle)),
        }
    }

    /// What a trader sends.
    pub fn trade(&mut self, oracle: &Oracle) -> CommandBody {
        match self.random.random_range(0..100) {
            0..70 => CommandBody::PlaceOrder(Box::new(self.order(oracle))),
            70..80 => self.amendment(oracle),
            80..83 => self.reduction(oracle),
            83..88 => self.cancellation(oracle),
            88..92 => self.mass_quote(oracle),
            92..97 => CommandBody::PlaceOrder(Box::new(self.order(oracle))),
            97 => CommandBody::SetDeadMan {
                account: self.account(),
                timeout_secs: self.pick(&[0, 60]),
            },
            _ => self.withdrawal(oracle),
        }
    }

    /// Mostly a trader; sometimes the fee account, a stranger or nobody.
    pub fn account(&mut self) -> Address {
        match self.random.random_range(0..80) {
            0 => FEE_ACCOUNT,
            1 => Address::repeat_byte(0x77),
            2 => Address::ZERO,
            _ => trader(self.random.random_range(0..TRADERS)),
        }
    }

    pub fn market_key(&mut self, oracle: &Oracle) -> B256 {
        if oracle.markets.is_empty() || self.one_in(80) {
            return B256::repeat_byte(0x99);
        }
        let place = self.random.random_range(0..oracle.markets.len());
        oracle.markets[place].spec.key
    }
}
