//! The rule once more, written from its text: recursive, slow, with exact fractions, enumerating every path. It shares no code with what it
//! checks but the names of facts, routes and roles.

mod judge;
mod split;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use souk_payouts::fact::{BlockFacts, Fact, Holding, Payment};
use souk_payouts::state::HoldKey;
use souk_payouts::{Role, Route};
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{BOARD, VAULT};

pub use split::integer;

const WHOLE: u64 = 100_000_000;

#[derive(Clone, Debug)]
pub struct Edge {
    pub parent: U256,
    pub policy: RoyaltyPolicy,
    pub share: u64,
}

#[derive(Clone, Debug)]
pub struct Asset {
    pub owner: Address,
    pub contributor_share: u64,
    pub edges: Vec<Edge>,
    pub registered_in: u64,
    pub issued_in: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Contribution {
    pub asset: U256,
    pub contributor: Address,
    pub weight: U256,
    pub voided: bool,
}

/// A task that is rewarded with shares.
#[derive(Clone, Debug)]
pub struct Task {
    pub asset: U256,
    pub poster: Address,
    pub reward: U256,
    /// What was put in escrow less what left it.
    pub left: U256,
}

/// What was true of holdings and owners at the end of a block.
#[derive(Clone, Debug, Default)]
struct Holdings {
    direct: Balances,
    credited: Balances,
    tasks: BTreeMap<U256, Task>,
    owners: BTreeMap<U256, Address>,
}

type Balances = BTreeMap<(U256, Address), U256>;

/// Those who are paid for an asset, at the log of a revenue.
#[derive(Clone, Debug)]
struct Payees {
    contributor_share: u64,
    contributions: BTreeMap<U256, (Address, U256)>,
    holders: BTreeMap<Address, U256>,
    owner: Address,
}

#[derive(Clone, Debug)]
pub struct Portion {
    pub asset: U256,
    pub route: Route,
    pub amount: U256,
    /// Assets on each path, from the one that earned the revenue to this one.
    pub paths: Vec<Vec<U256>>,
    payees: Option<Payees>,
    pub lines: Vec<(Address, Role, U256)>,
    pub holds: BTreeSet<HoldKey>,
    pub ended: bool,
    pub vested: bool,
    replaced_by: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Revenue {
    pub payment: Payment,
    /// The distributor that has the money.
    pub went_to: Address,
    fee_account: Address,
    pub portions: Vec<Portion>,
}

#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub assets: BTreeMap<U256, Asset>,
    pub terms: BTreeMap<U256, (RoyaltyPolicy, u64)>,
    pub series: BTreeMap<U256, (U256, U256)>,
    pub direct: Balances,
    pub credited: Balances,
    pub contributions: BTreeMap<U256, Contribution>,
    pub markets: BTreeMap<alloy_primitives::B256, U256>,
    pub tasks: BTreeMap<U256, Task>,
    fee: Option<(u64, Address)>,
    /// The distributor that the router pays.
    pub paid: Option<Address>,
    pub revenues: BTreeMap<U256, Revenue>,
    pub holds: BTreeMap<HoldKey, U256>,
    pub raised: u64,
    /// What counted at the end of each block.
    counted: BTreeMap<u64, BTreeSet<(U256, usize)>>,
    pub vested: BTreeMap<(Address, Address), U256>,
    /// Number and block of the pending root, and of the last finalised one.
    pub pending: Option<(u64, u64)>,
    pub finalised: Option<(u64, u64)>,
    /// At the end of the last block.
    before: Holdings,
    block: u64,
}

impl Oracle {
    fn change(&mut self, what: Holding, account: Address, more: bool, amount: U256, in_vault: bool) {
        let Holding::Shares(asset) = what else {
            return;
        };
        if account.is_zero() {
            return;
        }
        let balances = if in_vault { &mut self.credited } else { &mut self.direct };
        let balance = balances.entry((asset, account)).or_default();
        *balance = if more { *balance + amount } else { *balance - amount };
    }

    pub fn apply(&mut self, block: &BlockFacts) {
        self.begin(block.block.number);
        for (_, fact) in &block.facts {
            self.take_in(fact);
        }
        self.end();
    }

    pub fn begin(&mut self, block: u64) {
        self.block = block;
    }

    pub fn end(&mut self) {
        let owners = self.assets.iter().map(|(id, row)| (*id, row.owner)).collect();
        self.before = Holdings {
            owners,
            ..self.holdings()
        };
        self.counted.insert(self.block, self.counting());
    }

    /// Who holds what now.
    fn holdings(&self) -> Holdings {
        Holdings {
            direct: self.direct.clone(),
            credited: self.credited.clone(),
            tasks: self.tasks.clone(),
            owners: BTreeMap::new(),
        }
    }

    pub fn take_in(&mut self, fact: &Fact) {
        match fact {
            Fact::AssetRegistered {
                asset,
                owner,
                contributor_share,
            } => {
                let contributor_share = contributor_share.parts().into();
                let row = Asset {
                    owner: *owner,
                    contributor_share,
                    edges: vec![],
                    registered_in: self.block,
                    issued_in: None,
                };
                self.assets.insert(*asset, row);
            }
            Fact::AssetMoved { asset, to } => {
                if ![VAULT, BOARD].contains(to) {
                    self.assets.get_mut(asset).expect("registered").owner = *to;
                }
            }
            Fact::DerivationDeclared {
                child, parent, license, ..
            } => {
                let (policy, share) = match license.is_zero() {
                    true => (RoyaltyPolicy::None, 0),
                    false => self.terms[&self.series[license].1],
                };
                let edge = Edge {
                    parent: *parent,
                    policy,
                    share,
                };
                self.assets.get_mut(child).expect("registered").edges.push(edge);
            }
            Fact::LicenseTermsRegistered { terms_id, terms } => {
                self.terms.insert(*terms_id, (terms.policy, terms.share.parts().into()));
            }
            Fact::LicenseMinted {
                series,
                asset,
                terms_id,
                ..
            } => {
                self.series.insert(*series, (*asset, *terms_id));
            }
            Fact::SharesIssued { asset } => {
                self.assets.get_mut(asset).expect("registered").issued_in = Some(self.block);
            }
            Fact::ContributionRecorded {
                contribution,
                asset,
                contributor,
                weight,
            } => {
                let record = Contribution {
                    asset: *asset,
                    contributor: *contributor,
                    weight: *weight,
                    voided: false,
                };
                self.contributions.insert(*contribution, record);
            }
            Fact::ContributionVoided { contribution, .. } => {
                self.contributions.get_mut(contribution).expect("recorded").voided = true;
            }
            _ => self.take_in_holdings(fact),
        }
    }

    fn take_in_holdings(&mut self, fact: &Fact) {
        match fact {
            Fact::Moved { what, from, to, amount } => {
                self.change(*what, *from, false, *amount, false);
                self.change(*what, *to, true, *amount, false);
            }
            Fact::VaultCredited { what, account, amount } => self.change(*what, *account, true, *amount, true),
            Fact::VaultDebited { what, account, amount } => self.change(*what, *account, false, *amount, true),
            Fact::VaultMarketListed {
                market,
                base: Holding::Shares(asset),
            } => {
                self.markets.insert(*market, *asset);
            }
            Fact::VaultFilled {
                market,
                buyer,
                seller,
                base_amount,
            } => {
                let what = Holding::Shares(self.markets[market]);
                self.change(what, *seller, false, *base_amount, true);
                self.change(what, *buyer, true, *base_amount, true);
            }
            Fact::SharesEscrowed {
                task,
                asset,
                poster,
                reward,
                places,
            } => {
                let (asset, poster, reward) = (*asset, *poster, *reward);
                let left = reward * U256::from(*places);
                let posted = Task {
                    asset,
                    poster,
                    reward,
                    left,
                };
                self.tasks.insert(*task, posted);
            }
            Fact::EscrowReleased { task, amount } => self.tasks.get_mut(task).expect("posted").left -= *amount,
            _ => self.take_in_money(fact),
        }
    }

    fn take_in_money(&mut self, fact: &Fact) {
        match fact {
            Fact::ProtocolFeeChanged { share, account } => self.fee = Some((share.parts().into(), *account)),
            Fact::RevenueReceived(payment) => self.revenue(payment),
            Fact::DistributorChanged { to } => self.paid = Some(*to),
            Fact::DisputeRaised { dispute, asset } => self.raise(HoldKey::Dispute(*dispute), *asset),
            Fact::ExecutionChallenged { challenge, execution } => {
                self.raise(HoldKey::Challenge(*challenge), *execution)
            }
            Fact::DisputeResolved { dispute, upheld } => self.resolve(HoldKey::Dispute(*dispute), *upheld, None),
            Fact::ChallengeResolved {
                challenge,
                upheld,
                voided,
            } => {
                self.resolve(HoldKey::Challenge(*challenge), *upheld, *voided);
            }
            Fact::RootProposed { epoch, computed_at, .. } => self.pending = Some((*epoch, computed_at.number)),
            Fact::RootDropped { .. } => self.pending = None,
            Fact::RootFinalised { .. } => self.finalise(),
            _ => {}
        }
    }
}
