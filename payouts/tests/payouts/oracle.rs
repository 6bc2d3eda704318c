//! The rule once more, written from its text: recursive, slow, with exact fractions, enumerating every path. It shares no code with what it
//! checks but the names of facts, routes and roles.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use num_bigint::{BigInt, BigUint, Sign};
use num_rational::BigRational;
use souk_payouts::fact::{BlockFacts, Fact, Holding, Payment};
use souk_payouts::state::HoldKey;
use souk_payouts::{Role, Route};
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{EXECUTIONS, VAULT};

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
    fee: Option<(u64, Address)>,
    pub revenues: BTreeMap<U256, Revenue>,
    pub holds: BTreeMap<HoldKey, U256>,
    pub raised: u64,
    /// What counted at the end of each block.
    counted: BTreeMap<u64, BTreeSet<(U256, usize)>>,
    pub vested: BTreeMap<(Address, Address), U256>,
    /// Number and block of the pending root, and of the last finalised one.
    pub pending: Option<(u64, u64)>,
    pub finalised: Option<(u64, u64)>,
    /// Balances and owners at the end of the last block.
    before: (Balances, Balances, BTreeMap<U256, Address>),
    block: u64,
}

pub fn integer(number: U256) -> BigInt {
    BigInt::from_biguint(Sign::Plus, BigUint::from_bytes_be(&number.to_be_bytes::<32>()))
}

fn ratio(part: U256, whole: U256) -> BigRational {
    BigRational::new(integer(part), integer(whole))
}

fn e8(parts: u64) -> BigRational {
    ratio(U256::from(parts), U256::from(WHOLE))
}

fn number(integer: &BigInt) -> U256 {
    U256::from_be_slice(&integer.to_bytes_be().1)
}

/// Floors, then one unit each to the largest fractions; of equal ones to the lowest key.
pub fn largest_remainder<K: Ord + Clone>(amount: U256, shares: &[(K, BigRational)]) -> Vec<(K, U256)> {
    let exact: Vec<(K, BigRational)> = shares
        .iter()
        .map(|(key, share)| (key.clone(), BigRational::from(integer(amount)) * share))
        .collect();
    let mut parts: Vec<(K, U256)> = exact
        .iter()
        .map(|(key, exact)| (key.clone(), number(&exact.to_integer())))
        .collect();
    let mut left = parts.iter().fold(amount, |left, (_, part)| left - part);
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|a, b| {
        exact[*b]
            .1
            .fract()
            .cmp(&exact[*a].1.fract())
            .then(exact[*a].0.cmp(&exact[*b].0))
    });
    for place in order {
        if !left.is_zero() {
            parts[place].1 += U256::from(1);
            left -= U256::from(1);
        }
    }
    assert!(left.is_zero());
    parts
}

impl Payees {
    fn lines(&self, amount: U256) -> Vec<(Address, Role, U256)> {
        let mut lines = Vec::new();
        let mut weights: BTreeMap<Address, U256> = BTreeMap::new();
        for (account, weight) in self.contributions.values() {
            *weights.entry(*account).or_default() += *weight;
        }
        let total = weights.values().fold(U256::ZERO, |sum, weight| sum + weight);
        let mut rest = amount;
        if !weights.is_empty() {
            // `None` is what remains, and comes after every address.
            let mut shares: Vec<((bool, Address), BigRational)> = weights
                .iter()
                .map(|(account, weight)| ((false, *account), e8(self.contributor_share) * ratio(*weight, total)))
                .collect();
            shares.push(((true, Address::ZERO), e8(WHOLE - self.contributor_share)));
            for ((is_rest, account), part) in largest_remainder(amount, &shares) {
                match is_rest {
                    true => rest = part,
                    false => lines.push((account, Role::Contributor, part)),
                }
            }
        }
        let supply = self.holders.values().fold(U256::ZERO, |sum, held| sum + held);
        if supply.is_zero() {
            lines.push((self.owner, Role::Owner, rest));
        } else {
            let shares: Vec<(Address, BigRational)> = self
                .holders
                .iter()
                .map(|(account, held)| (*account, ratio(*held, supply)))
                .collect();
            let parts = largest_remainder(rest, &shares);
            lines.extend(
                parts
                    .into_iter()
                    .map(|(account, part)| (account, Role::Shareholder, part)),
            );
        }
        lines.retain(|(_, _, amount)| !amount.is_zero());
        lines
    }
}

impl Oracle {
    /// Every path from an asset up, itself alone included, as the edges taken.
    pub fn paths_up(&self, asset: U256) -> Vec<Vec<(U256, Edge)>> {
        let mut paths = vec![Vec::new()];
        for edge in &self.assets[&asset].edges {
            for further in self.paths_up(edge.parent) {
                let mut path = vec![(asset, edge.clone())];
                path.extend(further);
                paths.push(path);
            }
        }
        paths
    }

    pub fn is_above(&self, asset: U256, other: U256) -> bool {
        asset == other
            || self.assets[&asset]
                .edges
                .iter()
                .any(|edge| self.is_above(edge.parent, other))
    }

    pub fn lap_stack(&self, asset: U256) -> u64 {
        let edge_stack = |edge: &Edge| {
            self.lap_stack(edge.parent)
                + if edge.policy == RoyaltyPolicy::Lap {
                    edge.share
                } else {
                    0
                }
        };
        self.assets[&asset].edges.iter().map(edge_stack).sum()
    }

    pub fn lrp_sum(&self, asset: U256) -> u64 {
        let edges = self.assets[&asset].edges.iter();
        edges
            .filter(|edge| edge.policy == RoyaltyPolicy::Lrp)
            .map(|edge| edge.share)
            .sum()
    }

    /// What the split of `net` at the asset that earned it gives, by asset and route.
    fn source_split(&self, source: U256, net: U256) -> Vec<((U256, Route), U256)> {
        let mut shares: BTreeMap<(U256, Route), BigRational> = BTreeMap::new();
        let mut kept = e8(WHOLE);
        for path in self.paths_up(source) {
            let Some((_, last)) = path.last() else {
                continue;
            };
            let route = match last.policy {
                RoyaltyPolicy::Lap => Route::RoyaltyLap,
                RoyaltyPolicy::Lrp if path.len() == 1 => Route::RoyaltyLrp,
                _ => continue,
            };
            *shares.entry((last.parent, route)).or_insert_with(|| e8(0)) += e8(last.share);
            kept -= e8(last.share);
        }
        shares.insert((source, Route::Own), kept);
        largest_remainder(net, &shares.into_iter().collect::<Vec<_>>())
    }

    /// What an asset passes on of what it received by LRP, and what it keeps (under its own id).
    fn lrp_split(&self, asset: U256, received: U256) -> Vec<(U256, U256)> {
        let edges = self.assets[&asset]
            .edges
            .iter()
            .filter(|edge| edge.policy == RoyaltyPolicy::Lrp);
        let mut shares: Vec<(U256, BigRational)> = edges.map(|edge| (edge.parent, e8(edge.share))).collect();
        shares.push((asset, e8(WHOLE - self.lrp_sum(asset))));
        largest_remainder(received, &shares)
    }

    /// All that reaches an asset by LRP: from the revenue itself, and from every asset that received by LRP.
    fn lrp_received(&self, source: U256, net: U256, asset: U256) -> U256 {
        let first = self.source_split(source, net);
        let mut sum = first
            .iter()
            .find(|(key, _)| *key == (asset, Route::RoyaltyLrp))
            .map_or(U256::ZERO, |(_, part)| *part);
        for (child, row) in &self.assets {
            let gives = row
                .edges
                .iter()
                .any(|edge| edge.parent == asset && edge.policy == RoyaltyPolicy::Lrp);
            if gives && *child != source && self.is_above(source, *child) {
                let received = self.lrp_received(source, net, *child);
                let parts = self.lrp_split(*child, received);
                sum += parts
                    .iter()
                    .find(|(key, _)| *key == asset)
                    .map_or(U256::ZERO, |(_, part)| *part);
            }
        }
        sum
    }

    fn payees(&self, asset: U256) -> Payees {
        let row = &self.assets[&asset];
        let now = (&self.direct, &self.credited);
        let (direct, credited) = if row.issued_in == Some(self.block) {
            now
        } else {
            (&self.before.0, &self.before.1)
        };
        let mut holders: BTreeMap<Address, U256> = BTreeMap::new();
        for ((id, account), amount) in direct.iter().chain(credited) {
            if *id == asset && *account != VAULT && !amount.is_zero() {
                *holders.entry(*account).or_default() += *amount;
            }
        }
        let contributions = self
            .contributions
            .iter()
            .filter(|(_, record)| record.asset == asset && !record.voided);
        Payees {
            contributor_share: row.contributor_share,
            contributions: contributions
                .map(|(id, record)| (*id, (record.contributor, record.weight)))
                .collect(),
            holders,
            owner: match row.registered_in == self.block {
                true => row.owner,
                false => self.before.2[&asset],
            },
        }
    }

    fn portion(&self, asset: U256, route: Route, amount: U256, paths: Vec<Vec<U256>>) -> Portion {
        let payees = self.payees(asset);
        let lines = payees.lines(amount);
        Portion {
            asset,
            route,
            amount,
            paths,
            lines,
            payees: Some(payees),
            holds: BTreeSet::new(),
            ended: false,
            vested: false,
            replaced_by: None,
        }
    }

    fn protocol(asset: U256, route: Route, amount: U256, account: Address) -> Portion {
        let lines = if amount.is_zero() {
            vec![]
        } else {
            vec![(account, Role::Protocol, amount)]
        };
        Portion {
            asset,
            route,
            amount,
            lines,
            paths: vec![vec![asset]],
            payees: None,
            holds: BTreeSet::new(),
            ended: false,
            vested: false,
            replaced_by: None,
        }
    }

    fn revenue(&mut self, payment: &Payment) {
        let source = payment.asset;
        let (fee_share, fee_account) = self.fee.unwrap_or((0, payment.payer));
        let fee = number(&(BigRational::from(integer(payment.amount)) * e8(fee_share)).to_integer());
        let net = payment.amount - fee;
        let mut portions = vec![Oracle::protocol(source, Route::ProtocolFee, fee, fee_account)];
        let mut paths: BTreeMap<(U256, Route), Vec<Vec<U256>>> = BTreeMap::new();
        for path in self.paths_up(source) {
            let assets: Vec<U256> = [source]
                .into_iter()
                .chain(path.iter().map(|(_, edge)| edge.parent))
                .collect();
            match path.last() {
                None => paths.entry((source, Route::Own)).or_default().push(assets),
                Some((_, last)) => {
                    if last.policy == RoyaltyPolicy::Lap && last.share > 0 {
                        paths
                            .entry((last.parent, Route::RoyaltyLap))
                            .or_default()
                            .push(assets.clone());
                    }
                    if path
                        .iter()
                        .all(|(_, edge)| edge.policy == RoyaltyPolicy::Lrp && edge.share > 0)
                    {
                        paths.entry((last.parent, Route::RoyaltyLrp)).or_default().push(assets);
                    }
                }
            }
        }
        let first = self.source_split(source, net);
        for ((asset, route), paths) in paths {
            let amount = if route == Route::RoyaltyLrp {
                let received = self.lrp_received(source, net, asset);
                let parts = self.lrp_split(asset, received);
                parts
                    .iter()
                    .find(|(key, _)| *key == asset)
                    .map_or(U256::ZERO, |(_, part)| *part)
            } else {
                first
                    .iter()
                    .find(|(key, _)| *key == (asset, route))
                    .map_or(U256::ZERO, |(_, part)| *part)
            };
            portions.push(self.portion(asset, route, amount, paths));
        }
        let sum = portions.iter().fold(U256::ZERO, |sum, portion| sum + portion.amount);
        assert_eq!(sum, payment.amount, "the oracle keeps PAY-1 too");
        let mut revenue = Revenue {
            payment: payment.clone(),
            fee_account,
            portions,
        };
        for (key, subject) in &self.holds {
            hold(&mut revenue, *key, *subject);
        }
        self.revenues.insert(payment.revenue, revenue);
    }

    fn resolve(&mut self, key: HoldKey, upheld: bool, voided: Option<U256>) {
        let subject = self.holds.remove(&key).expect("it is open");
        let open = self.holds.clone();
        for revenue in self.revenues.values_mut() {
            for place in 0..revenue.portions.len() {
                let portion = revenue.portions[place].clone();
                if !portion.holds.contains(&key) || portion.ended || portion.vested {
                    continue;
                }
                revenue.portions[place].holds.remove(&key);
                if !upheld {
                    continue;
                }
                let source = revenue.payment.asset;
                let new = match key {
                    HoldKey::Dispute(_) if portion.asset == subject => match portion.route {
                        Route::RoyaltyLap | Route::RoyaltyLrp => {
                            let own = revenue
                                .portions
                                .iter()
                                .find(|portion| portion.route == Route::Own)
                                .expect("its own");
                            let payees = own.payees.clone().expect("not the protocol's");
                            Some(Portion {
                                asset: source,
                                route: Route::Returned,
                                lines: payees.lines(portion.amount),
                                payees: Some(payees),
                                paths: vec![vec![source]; portion.paths.len()],
                                ..portion.clone()
                            })
                        }
                        Route::Own | Route::Returned => {
                            let new = Oracle::protocol(source, Route::Forfeited, portion.amount, revenue.fee_account);
                            Some(Portion {
                                paths: vec![vec![source]; portion.paths.len()],
                                ..new
                            })
                        }
                        _ => None,
                    },
                    HoldKey::Challenge(_) => voided.and_then(|id| {
                        let mut payees = portion.payees.clone()?;
                        (self.contributions[&id].asset == portion.asset).then_some(())?;
                        payees.contributions.remove(&id)?;
                        if payees.contributor_share == 0 {
                            return None;
                        }
                        Some(Portion {
                            lines: payees.lines(portion.amount),
                            payees: Some(payees),
                            ..portion.clone()
                        })
                    }),
                    HoldKey::Dispute(_) => None,
                };
                if let Some(mut new) = new {
                    let others = &portion.holds;
                    new.holds = open
                        .iter()
                        .filter(|(other, subject)| {
                            **other != key
                                && others.contains(other)
                                && match other {
                                    HoldKey::Challenge(_) => true,
                                    HoldKey::Dispute(_) => new.paths.iter().any(|path| path.contains(subject)),
                                }
                        })
                        .map(|(other, _)| *other)
                        .collect();
                    new.replaced_by = None;
                    revenue.portions[place].ended = true;
                    revenue.portions[place].replaced_by = Some(revenue.portions.len());
                    revenue.portions.push(new);
                }
            }
        }
    }

    /// What counts now.
    fn counting(&self) -> BTreeSet<(U256, usize)> {
        let mut counting = BTreeSet::new();
        for (id, revenue) in &self.revenues {
            for (place, portion) in revenue.portions.iter().enumerate() {
                if !portion.ended && portion.holds.is_empty() {
                    counting.insert((*id, place));
                }
            }
        }
        counting
    }

    /// What of that a root at the end of `block` adds to those before it.
    fn added(&self, block: u64) -> Vec<(U256, usize)> {
        if self.finalised.is_some_and(|(_, last)| block < last) {
            return Vec::new();
        }
        let Some((_, counted)) = self.counted.range(..=block).next_back() else {
            return Vec::new();
        };
        counted
            .iter()
            .copied()
            .filter(|(id, place)| !self.revenues[id].portions[*place].vested)
            .collect()
    }

    pub fn entries(&self, block: u64) -> BTreeMap<(Address, Address), U256> {
        let mut sums = self.vested.clone();
        for (id, place) in self.added(block) {
            let revenue = &self.revenues[&id];
            for (account, _, amount) in &revenue.portions[place].lines {
                *sums.entry((*account, revenue.payment.token)).or_default() += *amount;
            }
        }
        sums
    }

    /// Whether the pending root counts what is held or recomputed by now.
    pub fn is_spoiled(&self) -> bool {
        let Some((_, block)) = self.pending else {
            return false;
        };
        let counting = self.counting();
        self.added(block).iter().any(|counted| !counting.contains(counted))
    }

    fn finalise(&mut self) {
        let (epoch, block) = self.pending.take().expect("a pending root");
        for (id, place) in self.added(block) {
            let revenue = self.revenues.get_mut(&id).expect("counted");
            revenue.portions[place].vested = true;
            revenue.portions[place].ended = false;
            let mut next = revenue.portions[place].replaced_by.take();
            while let Some(place) = next {
                revenue.portions[place].ended = true;
                // It never counted: what it stood for is vested.
                self.counted
                    .values_mut()
                    .for_each(|counted| _ = counted.remove(&(id, place)));
                next = revenue.portions[place].replaced_by;
            }
            for (account, _, amount) in &revenue.portions[place].lines {
                *self.vested.entry((*account, revenue.payment.token)).or_default() += *amount;
            }
        }
        // A root at an older block added nothing, and what counts as the newest block stays.
        let newest = self.finalised.map_or(block, |(_, last)| block.max(last));
        self.finalised = Some((epoch, newest));
    }

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
        self.before = (self.direct.clone(), self.credited.clone(), owners);
        self.counted.insert(self.block, self.counting());
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
            Fact::AssetMoved { asset, to } => self.assets.get_mut(asset).expect("registered").owner = *to,
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
            _ => self.take_in_money(fact),
        }
    }

    fn take_in_money(&mut self, fact: &Fact) {
        match fact {
            Fact::ProtocolFeeChanged { share, account } => self.fee = Some((share.parts().into(), *account)),
            Fact::RevenueReceived(payment) => self.revenue(payment),
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

    fn raise(&mut self, key: HoldKey, subject: U256) {
        self.holds.insert(key, subject);
        self.raised += 1;
        for revenue in self.revenues.values_mut() {
            hold(revenue, key, subject);
        }
    }
}

fn hold(revenue: &mut Revenue, key: HoldKey, subject: U256) {
    let execution = U256::from_be_bytes(revenue.payment.reference.0);
    let earned = revenue.payment.payer == EXECUTIONS && execution == subject;
    for portion in &mut revenue.portions {
        let covered = match key {
            HoldKey::Dispute(_) => portion.paths.iter().any(|path| path.contains(&subject)),
            HoldKey::Challenge(_) => earned,
        };
        if covered && !portion.ended && !portion.vested {
            portion.holds.insert(key);
        }
    }
}
