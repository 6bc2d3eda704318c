//! The supply of an asset's shares is fixed: issued once, whole, by the owner, and conserved by every transfer.

use std::collections::HashMap;

use alloy::primitives::{Address, Log, U256};
use alloy::sol_types::SolEvent;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use souk_contracts::AssetShares;
use souk_contracts::AssetShares::{SharesIssued, TransferBatch, TransferSingle};

use crate::property::{Coverage, for_all};
use crate::world::{ACTORS, World};

/// Asset `n` belongs to actor `n - 1`.
const ASSETS: u64 = 2;

#[derive(Clone, Debug)]
enum Op {
    /// `skew` is what the amounts miss of the supply.
    Issue {
        by: usize,
        asset: u64,
        amounts: Vec<u64>,
        skew: u64,
        short: bool,
    },
    Transfer {
        by: usize,
        from: usize,
        to: usize,
        asset: u64,
        amount: u64,
    },
    TransferBatch {
        from: usize,
        to: usize,
        moves: Vec<(u64, u64)>,
    },
    Approve {
        by: usize,
        operator: usize,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let actor = || 0..ACTORS.len();
    let asset = || 1..ASSETS + 1;
    let amounts = || prop_oneof![0..2_u64, 1..1_000_u64];
    prop_oneof![
        2 => (0..ASSETS as usize, asset(), vec(amounts(), 0..5), 0..6_u64, any::<u8>()).prop_map(
            |(by, asset, amounts, skew, short)| {
                // Mostly whole, so that shares come into being.
                Op::Issue { by, asset, amounts, skew: skew.saturating_sub(4), short: short < 16 }
            }
        ),
        6 => (actor(), actor(), actor(), asset(), amounts()).prop_map(|(by, from, to, asset, amount)| {
            Op::Transfer { by: if amount % 3 == 0 { by } else { from }, from, to, asset, amount }
        }),
        2 => (actor(), actor(), vec((asset(), amounts()), 0..4))
            .prop_map(|(from, to, moves)| Op::TransferBatch { from, to, moves }),
        1 => (actor(), actor()).prop_map(|(by, operator)| Op::Approve { by, operator }),
    ]
}

/// What the logs said.
#[derive(Default)]
struct Book {
    supply: HashMap<U256, U256>,
    balance: HashMap<(U256, Address), U256>,
}

#[test]
fn the_supply_of_shares_is_fixed() {
    let coverage = Coverage::new();
    for_all(96, &vec(ops(), 1..40), |ops| {
        let mut world = World::new();
        for owner in &ACTORS[..ASSETS as usize] {
            world.register(*owner);
        }
        let mut book = Book::default();
        for op in &ops {
            let issued_before = op.issues().is_some_and(|asset| book.supply.contains_key(&asset));
            let outcome = op.send(&mut world);
            coverage.saw((op.name(issued_before), outcome.is_some()));
            if let Some(expected) = op.must_be_issued(issued_before) {
                assert_eq!(outcome.is_some(), expected, "{op:?}");
            }
            book.take(&outcome.unwrap_or_default());
            book.compare(&mut world);
        }
    });
    coverage.require(&[
        ("issue", true),
        ("issue", false),
        ("issue again", false),
        ("transfer", true),
        ("transfer", false),
        ("transfer in a batch", true),
        ("transfer in a batch", false),
    ]);
}

impl Op {
    fn name(&self, issued_before: bool) -> &'static str {
        match self {
            Self::Issue { .. } if issued_before => "issue again",
            Self::Issue { .. } => "issue",
            Self::Transfer { .. } => "transfer",
            Self::TransferBatch { .. } => "transfer in a batch",
            Self::Approve { .. } => "approve",
        }
    }

    fn issues(&self) -> Option<U256> {
        match self {
            Self::Issue { asset, .. } => Some(U256::from(*asset)),
            _ => None,
        }
    }

    /// Whether an issue must go through: once, by the owner, with as many amounts as receivers, none of them zero, that
    /// add up to the supply.
    fn must_be_issued(&self, issued_before: bool) -> Option<bool> {
        let Self::Issue {
            by,
            asset,
            amounts,
            skew,
            short,
        } = self
        else {
            return None;
        };
        let whole = !amounts.is_empty() && amounts.iter().all(|&amount| amount > 0);
        Some(!issued_before && *by as u64 + 1 == *asset && whole && *skew == 0 && !short)
    }

    fn send(&self, world: &mut World) -> Option<Vec<Log>> {
        let shares = world.at.asset_shares;
        let data = alloy::primitives::Bytes::new();
        match self {
            Self::Issue {
                by,
                asset,
                amounts,
                skew,
                short,
            } => {
                let receivers = (0..amounts.len())
                    .map(|n| ACTORS[n % 3])
                    .skip(usize::from(*short))
                    .collect();
                let call = AssetShares::issueCall {
                    assetId: U256::from(*asset),
                    supply: U256::from(amounts.iter().sum::<u64>() + skew),
                    receivers,
                    amounts: amounts.iter().map(|&amount| U256::from(amount)).collect(),
                };
                world.send(ACTORS[*by], shares, &call).ok().map(|done| done.logs)
            }
            Self::Transfer {
                by,
                from,
                to,
                asset,
                amount,
            } => {
                let (id, value) = (U256::from(*asset), U256::from(*amount));
                let call = AssetShares::safeTransferFromCall {
                    from: ACTORS[*from],
                    to: ACTORS[*to],
                    id,
                    value,
                    data,
                };
                world.send(ACTORS[*by], shares, &call).ok().map(|done| done.logs)
            }
            Self::TransferBatch { from, to, moves } => {
                let call = AssetShares::safeBatchTransferFromCall {
                    from: ACTORS[*from],
                    to: ACTORS[*to],
                    ids: moves.iter().map(|(asset, _)| U256::from(*asset)).collect(),
                    values: moves.iter().map(|(_, amount)| U256::from(*amount)).collect(),
                    data,
                };
                world.send(ACTORS[*from], shares, &call).ok().map(|done| done.logs)
            }
            Self::Approve { by, operator } => {
                let call = AssetShares::setApprovalForAllCall {
                    operator: ACTORS[*operator],
                    approved: true,
                };
                world.send(ACTORS[*by], shares, &call).ok().map(|done| done.logs)
            }
        }
    }
}

impl Book {
    fn take(&mut self, logs: &[Log]) {
        for log in logs {
            if let Ok(e) = SharesIssued::decode_log(log) {
                assert!(
                    self.supply.insert(e.assetId, e.supply).is_none(),
                    "shares of {} issued twice",
                    e.assetId
                );
            } else if let Ok(e) = TransferSingle::decode_log(log) {
                self.shift(e.id, e.from, e.to, e.value);
            } else if let Ok(e) = TransferBatch::decode_log(log) {
                for (&id, &value) in e.ids.iter().zip(&e.values) {
                    self.shift(id, e.from, e.to, value);
                }
            }
        }
    }

    fn shift(&mut self, id: U256, from: Address, to: Address, value: U256) {
        if !from.is_zero() {
            let balance = self.balance.entry((id, from)).or_default();
            *balance = balance.checked_sub(value).expect("nobody gives what they do not have");
        }
        *self.balance.entry((id, to)).or_default() += value;
    }

    /// The logs, the supply and the sum of all balances say the same, and nobody else has any.
    fn compare(&self, world: &mut World) {
        let shares = world.at.asset_shares;
        for asset in 1..=ASSETS {
            let id = U256::from(asset);
            let supply = self.supply.get(&id).copied().unwrap_or_default();
            assert_eq!(
                world.view(shares, &AssetShares::totalSupplyCall { assetId: id }),
                supply
            );
            let mut sum = U256::ZERO;
            for account in ACTORS {
                let balance = world.view(shares, &AssetShares::balanceOfCall { account, id });
                assert_eq!(balance, self.balance.get(&(id, account)).copied().unwrap_or_default());
                sum += balance;
            }
            assert_eq!(sum, supply, "the balances of asset {asset} add up to its supply");
        }
    }
}
