//! A few words to spell worlds out with, and the fold over them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use souk_payouts::fact::{Fact, Holding, Payment, Terms};
use souk_payouts::{Line, Output, Refused, Role, Route, State};
use souk_schema::event::{Relation, RevenueReason, RoyaltyPolicy};

use crate::economy::{DISTRIBUTOR, EXECUTIONS, account, block, contracts, e8, id};

pub const TOKEN: u64 = 100;

pub fn token() -> Address {
    account(TOKEN)
}

/// The fold with the number of the next block.
pub struct World {
    pub state: State,
    pub output: Output,
    pub next: u64,
}

impl World {
    /// Block 0 says that the router pays our distributor.
    pub fn new() -> World {
        let mut world = World {
            state: State::new(&contracts()),
            output: Output::default(),
            next: 0,
        };
        world.block(vec![pays(DISTRIBUTOR)]);
        world
    }

    /// Folds a block; its number is returned.
    pub fn block(&mut self, facts: Vec<Fact>) -> u64 {
        self.try_block(facts).expect("lawful facts")
    }

    pub fn try_block(&mut self, facts: Vec<Fact>) -> Result<u64, Refused> {
        self.state.apply(&block(self.next, facts), &mut self.output)?;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Takes blocks back until `number` is the head.
    pub fn revert_to(&mut self, number: u64) {
        while self.next > number + 1 {
            self.next -= 1;
            self.state.revert(block(self.next, vec![]).block).expect("the head");
        }
    }

    /// What each account has of a revenue now, by asset and route.
    pub fn paid(&mut self, revenue: u64) -> BTreeMap<(u64, Route, Role, Address), u64> {
        let mut paid = BTreeMap::new();
        for line in self.state.lines(id(revenue)) {
            let key = (line.asset.to::<u64>(), line.kind.route, line.kind.role, line.recipient);
            *paid.entry(key).or_default() += line.amount.to::<u64>();
        }
        paid
    }

    /// What an account could claim at the end of a block.
    pub fn owed(&mut self, who: Address, at: u64) -> u64 {
        let entries = self.state.entries(at);
        let entry = entries
            .iter()
            .find(|entry| entry.account == who && entry.token == token());
        entry.map_or(0, |entry| entry.cumulative.to::<u64>())
    }
}

pub fn pays(distributor: Address) -> Fact {
    Fact::DistributorChanged { to: distributor }
}

pub fn register(asset: u64, owner: Address, contributor_percent: u64) -> Fact {
    Fact::AssetRegistered {
        asset: id(asset),
        owner,
        contributor_share: e8(contributor_percent * 1_000_000),
    }
}

/// A derivation with a licence of its own; `share` in parts per 100,000,000.
pub fn derive(child: u64, parent: u64, policy: RoyaltyPolicy, share: u64) -> Vec<Fact> {
    let terms_id = id(1_000_000_000 * u64::from(policy.number()) + share);
    let series = U256::from(child) << 128 | U256::from(parent);
    let terms = Terms {
        commercial_use: true,
        derivatives_allowed: true,
        policy,
        share: e8(share),
    };
    vec![
        Fact::LicenseTermsRegistered { terms_id, terms },
        Fact::LicenseMinted {
            series,
            asset: id(parent),
            terms_id,
            expires_at: 0,
        },
        Fact::DerivationDeclared {
            child: id(child),
            parent: id(parent),
            relation: Relation::DerivedFrom,
            license: series,
        },
    ]
}

pub fn issue(asset: u64, holders: &[(Address, u64)]) -> Vec<Fact> {
    let mint = |(to, amount): &(Address, u64)| moved(asset, Address::ZERO, *to, *amount);
    [Fact::SharesIssued { asset: id(asset) }]
        .into_iter()
        .chain(holders.iter().map(mint))
        .collect()
}

pub fn moved(asset: u64, from: Address, to: Address, amount: u64) -> Fact {
    Fact::Moved {
        what: Holding::Shares(id(asset)),
        from,
        to,
        amount: id(amount),
    }
}

pub fn pay(revenue: u64, asset: u64, amount: impl Into<U256>) -> Fact {
    Fact::RevenueReceived(Payment {
        revenue: id(revenue),
        asset: id(asset),
        payer: account(99),
        token: token(),
        amount: amount.into(),
        reason: RevenueReason::Usage,
        reference: B256::ZERO,
    })
}

/// The revenue that an execution earned.
pub fn executed(execution: u64, revenue: u64, asset: u64, amount: u64) -> Fact {
    let Fact::RevenueReceived(payment) = pay(revenue, asset, id(amount)) else {
        unreachable!("just made");
    };
    Fact::RevenueReceived(Payment {
        payer: EXECUTIONS,
        reference: B256::from(id(execution)),
        ..payment
    })
}

pub fn contribute(contribution: u64, asset: u64, contributor: Address, weight: u64) -> Fact {
    Fact::ContributionRecorded {
        contribution: id(contribution),
        asset: id(asset),
        contributor,
        weight: id(weight),
    }
}

pub fn sum(lines: &[Line]) -> U256 {
    lines.iter().fold(U256::ZERO, |sum, line| sum + line.amount)
}
