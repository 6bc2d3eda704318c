//! Money in is money out: whatever is paid for an asset, or as a minting fee, is what the distributor got and what the
//! events say, to the base unit; nothing stays behind in a contract.
//!
//! With a plain token, one that takes a fee on transfer, and one that calls back in the middle of a transfer. Start at
//! [`money_in_is_money_out`].

use std::collections::HashMap;

use alloy::primitives::{Address, B256, Log, U256};
use alloy::sol_types::{SolCall, SolEvent};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use souk_contracts::LicenseRegistry::{LicenseMinted, LicenseTerms};
use souk_contracts::RevenueRouter::{Payment, RevenueReceived};
use souk_contracts::{LicenseRegistry, RevenueRouter};

use crate::property::{Coverage, for_all};
use crate::world::{ACTORS, DISTRIBUTOR, START_BALANCE, TestToken, World};

/// Assets 1 to this exist; payments are made to some that do not, too.
const ASSETS: u64 = 3;

#[derive(Clone, Debug)]
struct Pay {
    asset: u64,
    token: usize,
    amount: u64,
    reason: u8,
}

#[derive(Clone, Debug)]
enum Op {
    Pay {
        payer: usize,
        pay: Pay,
    },
    Batch {
        payer: usize,
        pays: Vec<Pay>,
    },
    Mint {
        payer: usize,
        asset: u64,
        token: usize,
        fee: u64,
        amount: u64,
        slack: i8,
    },
    /// From here on, every transfer of the reentrant token tries to make this payment as well.
    Arm {
        pay: Pay,
    },
}

fn pays() -> impl Strategy<Value = Pay> {
    let amounts = prop_oneof![0..3_u64, 1..100_000_u64, 1..100_000_u64, any::<u64>()];
    (0..ASSETS + 3, 0..3_usize, amounts, 0..9_u8).prop_map(|(asset, token, amount, reason)| Pay {
        asset,
        token,
        amount,
        reason,
    })
}

fn ops() -> impl Strategy<Value = Op> {
    let payer = || 0..ACTORS.len();
    prop_oneof![
        4 => (payer(), pays()).prop_map(|(payer, pay)| Op::Pay { payer, pay }),
        2 => (payer(), vec(pays(), 1..4)).prop_map(|(payer, pays)| Op::Batch { payer, pays }),
        3 => (payer(), 1..ASSETS + 1, 0..3_usize, 0..50_000_u64, 1..4_u64, -1..2_i8)
            .prop_map(|(payer, asset, token, fee, amount, slack)| Op::Mint { payer, asset, token, fee, amount, slack }),
        1 => pays().prop_map(|pay| Op::Arm { pay }),
    ]
}

/// What the events said arrived, by token.
type Received = HashMap<Address, U256>;

/// PAY-1 starts here: a revenue is exactly what arrived.
#[test]
fn money_in_is_money_out() {
    let coverage = Coverage::new();
    for_all(96, &vec(ops(), 1..25), |ops| {
        let mut world = World::new();
        for n in 0..ASSETS {
            world.register(ACTORS[n as usize]);
        }
        let mut received = Received::new();
        for op in &ops {
            let before = balances(&mut world);
            let logs = op.send(&mut world);
            let after = balances(&mut world);
            coverage.saw((op.name(), logs.is_some()));
            match &logs {
                None => assert_eq!(before, after, "a refused {op:?} moved money"),
                Some(logs) => take(logs, &mut received),
            }
            check(&mut world, &received);
        }
    });
    let tried = [
        "pay",
        "pay with the fee token",
        "pay with the reentrant token",
        "batch",
        "mint",
    ];
    coverage.require(&tried.map(|name| (name, true)));
    coverage.require(&tried.map(|name| (name, false)));
}

impl Pay {
    fn call(&self, token: Address) -> RevenueRouter::payCall {
        RevenueRouter::payCall {
            assetId: U256::from(self.asset),
            token,
            amount: U256::from(self.amount),
            reason: self.reason,
            r#ref: B256::with_last_byte(self.reason),
        }
    }

    /// Whether the router must take it from somebody who has `balance`.
    fn is_good(&self, balance: U256, arrives: bool) -> bool {
        (1..=ASSETS).contains(&self.asset)
            && (1..=6).contains(&self.reason)
            && U256::from(self.amount) <= balance
            && arrives
    }
}

impl Op {
    fn name(&self) -> &'static str {
        match self {
            Self::Pay { pay, .. } => ["pay", "pay with the fee token", "pay with the reentrant token"][pay.token],
            Self::Batch { .. } => "batch",
            Self::Mint { .. } => "mint",
            Self::Arm { .. } => "arm",
        }
    }

    /// Sends it; the logs, or nothing if it was refused. Asserts that it was refused only for a reason.
    fn send(&self, world: &mut World) -> Option<Vec<Log>> {
        let (tokens, router) = (world.tokens(), world.at.revenue_router);
        match self {
            Self::Pay { payer, pay } => {
                let token = tokens[pay.token];
                let balance = world.balance(token, ACTORS[*payer]);
                let logs = world
                    .send(ACTORS[*payer], router, &pay.call(token))
                    .ok()
                    .map(|done| done.logs);
                if token != world.reentrant_token {
                    assert_eq!(logs.is_some(), pay.is_good(balance, pay.amount > 0), "{pay:?}");
                }
                logs
            }
            Self::Batch { payer, pays } => {
                let payment = |pay: &Pay| {
                    let call = pay.call(tokens[pay.token]);
                    let RevenueRouter::payCall {
                        assetId,
                        token,
                        amount,
                        reason,
                        r#ref,
                    } = call;
                    Payment {
                        assetId,
                        token,
                        amount,
                        reason,
                        r#ref,
                    }
                };
                let call = RevenueRouter::payBatchCall {
                    payments: pays.iter().map(payment).collect(),
                };
                let done = world.send(ACTORS[*payer], router, &call).ok()?;
                assert_eq!(revenues(&done.logs).count(), pays.len());
                Some(done.logs)
            }
            Self::Mint {
                payer,
                asset,
                token,
                fee,
                amount,
                slack,
            } => {
                let token = tokens[*token];
                let owner = ACTORS[*asset as usize - 1];
                world.mint_for_fee(
                    ACTORS[*payer],
                    owner,
                    *asset,
                    &terms_with_fee(token, *fee),
                    *amount,
                    *slack,
                )
            }
            Self::Arm { pay } => {
                let token = world.reentrant_token;
                world.must(
                    ACTORS[0],
                    token,
                    &TestToken::mintCall {
                        to: token,
                        amount: U256::from(1_000_000),
                    },
                );
                let payload = pay.call(tokens[pay.token]).abi_encode().into();
                Some(
                    world
                        .must(
                            ACTORS[0],
                            token,
                            &TestToken::armCall {
                                target: router,
                                payload,
                            },
                        )
                        .logs,
                )
            }
        }
    }
}

impl World {
    /// Offers the asset under the terms if it is not yet, and mints with a maximum fee that is `slack` above the real one.
    fn mint_for_fee(
        &mut self,
        payer: Address,
        owner: Address,
        asset: u64,
        terms: &LicenseTerms,
        amount: u64,
        slack: i8,
    ) -> Option<Vec<Log>> {
        let licenses = self.at.license_registry;
        let (asset_id, fee) = (U256::from(asset), terms.mintingFee * U256::from(amount));
        let register = LicenseRegistry::registerTermsCall { terms: terms.clone() };
        let terms_id = self.must(owner, licenses, &register).value;
        if !self.view(
            licenses,
            &LicenseRegistry::isAttachedCall {
                assetId: asset_id,
                termsId: terms_id,
            },
        ) {
            self.must(
                owner,
                licenses,
                &LicenseRegistry::attachTermsCall {
                    assetId: asset_id,
                    termsId: terms_id,
                },
            );
        }
        let max_fee = if slack < 0 {
            fee.checked_sub(U256::ONE)?
        } else {
            fee + U256::from(slack as u8)
        };
        let mint = LicenseRegistry::mintCall {
            assetId: asset_id,
            termsId: terms_id,
            amount: U256::from(amount),
            receiver: payer,
            maxFee: max_fee,
        };
        let done = self.send(payer, licenses, &mint).ok()?;
        assert!(fee <= max_fee, "a fee above the maximum was taken");
        let minted = done
            .logs
            .iter()
            .find_map(|log| LicenseMinted::decode_log(log).ok())
            .expect("a mint says so");
        let of_series = |e: &RevenueReceived| e.r#ref == B256::from(minted.licenseId);
        let sales: Vec<_> = revenues(&done.logs).filter(of_series).collect();
        let arrived: U256 = sales.iter().map(|e| e.amount).sum();
        assert_eq!(arrived, minted.feePaid, "the mint and the revenue say the same");
        assert_eq!(sales.len(), usize::from(!fee.is_zero()));
        assert!(
            sales
                .iter()
                .all(|e| e.reason == 0 && e.payer == payer && e.assetId == asset_id)
        );
        Some(done.logs)
    }
}

fn terms_with_fee(currency: Address, fee: u64) -> LicenseTerms {
    LicenseTerms {
        commercialUse: true,
        mintingFee: U256::from(fee),
        currency,
        ..LicenseTerms::default()
    }
}

fn revenues(logs: &[Log]) -> impl Iterator<Item = RevenueReceived> {
    logs.iter()
        .filter_map(|log| RevenueReceived::decode_log(log).ok())
        .map(|log| log.data)
}

fn take(logs: &[Log], received: &mut Received) {
    for e in revenues(logs) {
        assert!(!e.amount.is_zero(), "a revenue of nothing");
        *received.entry(e.token).or_default() += e.amount;
    }
}

/// Every balance that counts, in a fixed order.
fn balances(world: &mut World) -> Vec<U256> {
    let holders = ACTORS.into_iter().chain([DISTRIBUTOR]).collect::<Vec<_>>();
    let mut all = Vec::new();
    for token in world.tokens() {
        all.extend(holders.iter().map(|&holder| world.balance(token, holder)));
    }
    all
}

fn check(world: &mut World, received: &Received) {
    for token in world.tokens() {
        let said = received.get(&token).copied().unwrap_or_default();
        assert_eq!(
            world.balance(token, DISTRIBUTOR),
            said,
            "the events say what the distributor has"
        );
        for (name, contract) in world.at.named() {
            assert_eq!(world.balance(token, contract), U256::ZERO, "{name} kept money");
        }
    }
    let everybody = ACTORS.into_iter().chain([DISTRIBUTOR]);
    let all: U256 = everybody.map(|holder| world.balance(world.at.test_usd, holder)).sum();
    assert_eq!(
        all,
        U256::from(START_BALANCE * ACTORS.len() as u128),
        "what the payers lost, the distributor has"
    );
}
