//! A seeded economy: lines that are held, recomputed, restored and vested, and claims; and an obvious account of it to compare with.

use std::collections::BTreeMap;

use alloy_primitives::U512;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_analytics::{Claim, Dated, Period, Statement, statement};
use souk_payouts::rule::Kind;
use souk_payouts::state::{Change, HoldKey, Line, PortionChange};
use souk_payouts::{Role, Route};
use souk_schema::{Address, U256};

/// When the first block is.
pub const BEGINNING: u64 = 1_700_000_000;

/// How large amounts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Below 2^64.
    Usual,
    /// Up to 2^256 - 1.
    Any,
}

/// What happened to a portion so far.
#[derive(Clone, Copy, Debug, Default)]
struct Portion {
    held: bool,
    ended: bool,
    vested: bool,
}

/// A made-up history.
pub struct Economy {
    pub lines: Vec<Dated<Line>>,
    pub changes: Vec<Dated<PortionChange>>,
    pub claims: Vec<Dated<Claim>>,
    /// The first second after it.
    pub end: u64,
    size: Size,
    random: ChaCha8Rng,
    block: u64,
    at: u64,
    portions: BTreeMap<(u64, u32), Portion>,
    vested: BTreeMap<(Address, Address), U512>,
}

pub fn account(number: u64) -> Address {
    Address::with_last_byte(u8::try_from(number).unwrap())
}

pub fn token(number: u64) -> Address {
    Address::repeat_byte(u8::try_from(0xa0 + number).unwrap())
}

impl Economy {
    pub fn new(seed: u64, size: Size) -> Economy {
        let mut economy = Economy {
            lines: Vec::new(),
            changes: Vec::new(),
            claims: Vec::new(),
            end: 0,
            size,
            random: ChaCha8Rng::seed_from_u64(seed),
            block: 1,
            at: BEGINNING,
            portions: BTreeMap::new(),
            vested: BTreeMap::new(),
        };
        for _ in 0..120 {
            for _ in 0..economy.random.random_range(0..4) {
                economy.something_happens();
            }
            economy.block += 1;
            // Blocks may share a second.
            economy.at += economy.random.random_range(0..30);
        }
        economy.end = economy.at + 1;
        economy
    }

    pub fn statement(&self, account: Address, period: Period) -> Statement {
        statement(&self.lines, &self.changes, &self.claims, account, period).unwrap()
    }

    fn something_happens(&mut self) {
        match self.random.random_range(0..10) {
            0..3 => self.revenue_arrives(),
            3..6 => self.portion_changes(),
            6..8 => self.revenue_vests(),
            _ => self.somebody_claims(),
        }
    }

    fn dated<T>(&self, what: T) -> Dated<T> {
        Dated {
            block: self.block,
            at: self.at,
            what,
        }
    }

    fn revenue_arrives(&mut self) {
        let revenue = self.portions.keys().next_back().map_or(1, |(revenue, _)| revenue + 1);
        for portion in 0..self.random.random_range(1..4) {
            self.portion_arrives(revenue, portion);
        }
    }

    fn portion_arrives(&mut self, revenue: u64, portion: u32) {
        self.portions.insert((revenue, portion), Portion::default());
        let token = token(revenue % 3);
        for role in [Role::Contributor, Role::Shareholder] {
            for recipient in 1..4 {
                if self.random.random_bool(0.4) {
                    continue;
                }
                let amount = match self.size {
                    Size::Usual => U256::from(self.random.random_range(1..u64::MAX)),
                    Size::Any => {
                        let mut bytes = [0; 32];
                        self.random.fill_bytes(&mut bytes);
                        (U256::from_be_bytes(bytes) >> self.random.random_range(0..256_usize)).max(U256::from(1))
                    }
                };
                let line = Line {
                    revenue: U256::from(revenue),
                    portion,
                    asset: U256::from(self.random.random_range(0..u64::MAX)),
                    kind: Kind {
                        route: Route::RoyaltyLrp,
                        role,
                    },
                    paths: self.random.random_range(1..100),
                    recipient: account(recipient),
                    token,
                    amount,
                };
                self.lines.push(self.dated(line));
            }
        }
    }

    fn change(&mut self, revenue: u64, portion: Option<u32>, change: Change) {
        let change = PortionChange {
            revenue: U256::from(revenue),
            portion,
            change,
        };
        self.changes.push(self.dated(change));
    }

    fn portion_changes(&mut self) {
        if self.portions.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.portions.len());
        let (&(revenue, portion), &is) = self.portions.iter().nth(place).unwrap();
        let hold = HoldKey::Dispute(U256::from(revenue));
        let mut next = is;
        match is {
            Portion { vested: true, .. } => {}
            Portion { ended: true, .. } if self.random.random_bool(0.5) => {
                next.ended = false;
                self.change(revenue, Some(portion), Change::Restored);
                self.vest(revenue, portion);
                next.vested = true;
                self.change(revenue, Some(portion), Change::Vested(self.block));
            }
            Portion { ended: true, .. } => {}
            Portion { held: true, .. } => {
                next.held = false;
                self.change(revenue, Some(portion), Change::Released(hold));
                if self.random.random_bool(0.5) {
                    next.ended = true;
                    self.change(revenue, Some(portion), Change::Ended);
                    let last = self.portions.range((revenue, 0)..=(revenue, u32::MAX)).next_back();
                    let instead = last.unwrap().0.1 + 1;
                    self.portion_arrives(revenue, instead);
                }
            }
            Portion { .. } => {
                next.held = true;
                self.change(revenue, Some(portion), Change::Held(hold));
            }
        }
        self.portions.insert((revenue, portion), next);
    }

    /// A revenue that nothing happened to vests whole, of others the portions that count and that nothing holds.
    fn revenue_vests(&mut self) {
        let Some((&(last, _), _)) = self.portions.last_key_value() else {
            return;
        };
        let revenue = self.random.random_range(1..=last);
        let of_revenue = self.portions.range((revenue, 0)..=(revenue, u32::MAX));
        let of_revenue: Vec<(u32, Portion)> = of_revenue.map(|(key, portion)| (key.1, *portion)).collect();
        let is_untouched = self
            .changes
            .iter()
            .all(|change| change.what.revenue != U256::from(revenue));
        if is_untouched {
            self.change(revenue, None, Change::Vested(self.block));
        }
        for (number, is) in of_revenue {
            if is.held || is.ended || is.vested {
                continue;
            }
            self.vest(revenue, number);
            self.portions.insert((revenue, number), Portion { vested: true, ..is });
            if !is_untouched {
                self.change(revenue, Some(number), Change::Vested(self.block));
            }
        }
    }

    fn vest(&mut self, revenue: u64, portion: u32) {
        for line in &self.lines {
            if line.what.revenue == U256::from(revenue) && line.what.portion == portion {
                *self.vested.entry((line.what.recipient, line.what.token)).or_default() += U512::from(line.what.amount);
            }
        }
    }

    /// Up to all that is vested and not paid yet.
    fn somebody_claims(&mut self) {
        let (account, token) = (
            account(self.random.random_range(1..4)),
            token(self.random.random_range(0..3)),
        );
        let claimable =
            self.vested.get(&(account, token)).copied().unwrap_or_default() - self.paid(account, token, u64::MAX);
        let claimable = claimable.min(U512::from(U256::MAX)) / U512::from(self.random.random_range(1..3_u64));
        if !claimable.is_zero() {
            let claim = Claim {
                account,
                token,
                amount: U256::from(claimable),
            };
            self.claims.push(self.dated(claim));
        }
    }

    fn paid(&self, account: Address, token: Address, until: u64) -> U512 {
        let claims = self.claims.iter().filter(|claim| claim.at < until);
        let of_account = claims.filter(|claim| (claim.what.account, claim.what.token) == (account, token));
        of_account.fold(U512::ZERO, |sum, claim| sum + U512::from(claim.what.amount))
    }

    /// The balance and the claimable balance just before a time, line by line from the newest change that says something of it.
    pub fn balances(&self, account: Address, token: Address, until: u64) -> (U512, U512) {
        let (mut counted, mut vested) = (U512::ZERO, U512::ZERO);
        for line in self.lines.iter().filter(|line| line.at < until) {
            if (line.what.recipient, line.what.token) != (account, token) {
                continue;
            }
            let of_line = self.changes.iter().filter(|change| {
                let same = change.what.revenue == line.what.revenue;
                let portion = change.what.portion.is_none_or(|portion| portion == line.what.portion);
                same && portion && change.at < until
            });
            let said: Vec<Change> = of_line.map(|change| change.what.change).collect();
            let is_vested = said.iter().any(|change| matches!(change, Change::Vested(_)));
            let last = said
                .iter()
                .rfind(|change| matches!(change, Change::Ended | Change::Restored));
            if last != Some(&Change::Ended) {
                counted += U512::from(line.what.amount);
            }
            if is_vested {
                vested += U512::from(line.what.amount);
            }
        }
        let paid = self.paid(account, token, until);
        (counted - paid, vested - paid)
    }
}
