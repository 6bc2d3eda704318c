//! One revenue: every path enumerated, every share an exact fraction, LRP by recursion from the child up.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use num_bigint::{BigInt, BigUint, Sign};
use num_rational::BigRational;
use souk_payouts::fact::Payment;
use souk_payouts::{Role, Route};
use souk_schema::event::RoyaltyPolicy;

use super::judge::hold;
use super::{Edge, Oracle, Payees, Portion, Revenue, WHOLE};
use crate::economy::{BOARD, VAULT};

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
    pub(super) fn lines(&self, amount: U256) -> Vec<(Address, Role, U256)> {
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
        let held = if row.issued_in == Some(self.block) {
            self.holdings()
        } else {
            self.before.clone()
        };
        let mut holders: BTreeMap<Address, U256> = BTreeMap::new();
        for ((id, account), amount) in held.direct.iter().chain(&held.credited) {
            if *id == asset && ![VAULT, BOARD].contains(account) && !amount.is_zero() {
                *holders.entry(*account).or_default() += *amount;
            }
        }
        for task in held.tasks.values() {
            if task.asset == asset && !task.left.is_zero() {
                *holders.entry(task.poster).or_default() += task.left;
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
                false => self.before.owners[&asset],
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

    pub(super) fn protocol(asset: U256, route: Route, amount: U256, account: Address) -> Portion {
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

    pub(super) fn revenue(&mut self, payment: &Payment) {
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
            went_to: self.paid.expect("the router pays somebody"),
            fee_account,
            portions,
        };
        for (key, subject) in &self.holds {
            hold(&mut revenue, *key, *subject);
        }
        self.revenues.insert(payment.revenue, revenue);
    }
}
