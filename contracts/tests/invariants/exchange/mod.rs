//! The exchange's vault: examples of each rule, and a random walk of a hostile operator and hostile traders beside a naive model.
//!
//! Start at [`Exchange`], then [`hostile`].

mod custody;
mod hostile;
mod keys;
mod model;
mod ops;
mod roles;
mod royalties;
mod settlement;
mod signing;

use std::sync::OnceLock;

use alloy::primitives::{Address, B256, Bytes, Log, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, SolCall, SolEvent};
use souk_contracts::ExchangeVault::{Fill, FillSettled, FillSkipped, SettledFill, SignedOrder};
use souk_contracts::exchange::{self, Instructions, Order, SkipReason, Withdrawal};
use souk_contracts::{AssetShares, ExchangeVault, TestUSD};

use crate::world::{DEPLOYER, Db, OPERATOR, START_SECS, TestToken, Wallet, World, cosigner};

/// What each trader has in the vault, of the test dollar and of each asset's shares, in base units.
const DEPOSIT: u128 = 1_000_000;
/// What each trader keeps outside.
const POCKET: u128 = 1_000_000;
/// Base units of a share in a lot of the first market.
const LOT: u128 = 10;
/// Number of the group in which examples settle.
const GROUP: u32 = 3;
/// The chain's id in memory.
const CHAIN_ID: u64 = 1;
/// `side` of a skipped fill that neither order is to blame for.
const NEITHER: u8 = 2;

/// A token and an id.
type Instrument = (Address, U256);

/// A world in which four traders, and a wallet that is a contract, have dollars and shares of two assets in the vault.
struct Exchange {
    world: World,
    domain: Eip712Domain,
    /// Shares of asset 1 and of asset 2, for dollars; in lots of 10 and of 1.
    markets: [B256; 2],
}

/// The traders' keys.
fn trader(n: usize) -> PrivateKeySigner {
    let number = u8::try_from(n + 1).expect("few traders");
    PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

/// What `Exchange::settle` says of one fill: nothing where it settled, else why not and through whose fault.
type Skipped = Option<(SkipReason, u8)>;

impl Exchange {
    fn new() -> Self {
        static READY: OnceLock<Db> = OnceLock::new();
        let state = READY.get_or_init(|| {
            let mut world = World::new();
            Self::open(&mut world);
            world.state()
        });
        let world = World::with_state(state.clone());
        let (shares, dollars) = (world.at.asset_shares, world.at.test_usd);
        let market = |asset: u64, lot| exchange::market_id(shares, U256::from(asset), dollars, lot, 1);
        Self {
            domain: exchange::domain(CHAIN_ID, world.vault),
            markets: [market(1, LOT), market(2, 1)],
            world,
        }
    }

    /// Lists tokens and markets, and gives every account something inside and outside the vault.
    fn open(world: &mut World) {
        let (vault, shares, dollars) = (world.vault, world.at.asset_shares, world.at.test_usd);
        let tokens = [
            (shares, 2),
            (world.at.license_registry, 2),
            (dollars, 1),
            (world.fee_token, 1),
            (world.reentrant_token, 1),
        ];
        for (token, kind) in tokens {
            world.must(DEPLOYER, vault, &ExchangeVault::listTokenCall { token, kind });
        }
        let accounts = Self::accounts(world);
        for (asset, lot) in [(1_u64, LOT), (2, 1)] {
            let owner = accounts[0];
            assert_eq!(world.register(owner), U256::from(asset));
            let each = U256::from(POCKET + DEPOSIT);
            let issue = AssetShares::issueCall {
                assetId: U256::from(asset),
                supply: each * U256::from(accounts.len()),
                receivers: accounts.to_vec(),
                amounts: vec![each; accounts.len()],
            };
            world.must(owner, shares, &issue);
            let list = ExchangeVault::listMarketCall {
                base: shares,
                baseId: U256::from(asset),
                quote: dollars,
                lotSize: lot,
                tickSize: 1,
                assetId: U256::from(asset),
            };
            world.must(DEPLOYER, vault, &list);
        }
        for account in accounts {
            for token in [dollars, world.fee_token, world.reentrant_token] {
                let amount = U256::from(POCKET + DEPOSIT);
                world.must(DEPLOYER, token, &TestToken::mintCall { to: account, amount });
                let approve = TestUSD::approveCall {
                    spender: vault,
                    value: U256::MAX,
                };
                world.act(account, token, &approve).expect("approved");
            }
            let approve = AssetShares::setApprovalForAllCall {
                operator: vault,
                approved: true,
            };
            world.act(account, shares, &approve).expect("approved");
            for (token, id) in [(dollars, 0_u64), (shares, 1), (shares, 2)] {
                let deposit = deposit_call(token, U256::from(id), DEPOSIT, account);
                world.act(account, vault, &deposit).expect("deposited");
            }
        }
    }

    /// The four traders, and the wallet.
    fn accounts(world: &World) -> [Address; 5] {
        let key = |n| trader(n).address();
        [key(0), key(1), key(2), key(3), world.wallet]
    }

    fn dollars(&self) -> Instrument {
        (self.world.at.test_usd, U256::ZERO)
    }

    fn shares(&self, asset: u64) -> Instrument {
        (self.world.at.asset_shares, U256::from(asset))
    }

    fn balance(&mut self, account: Address, (token, id): Instrument) -> u128 {
        let call = ExchangeVault::balanceOfCall { account, token, id };
        self.world.view(self.world.vault, &call).to()
    }

    fn total(&mut self, (token, id): Instrument) -> u128 {
        self.world
            .view(self.world.vault, &ExchangeVault::totalOfCall { token, id })
            .to()
    }

    /// What the vault holds of a token, by the token's own account.
    fn holdings(&mut self, instrument: Instrument) -> U256 {
        U256::from(self.holdings_of(self.world.vault, instrument))
    }

    /// What an account has outside the vault.
    fn holdings_of(&mut self, account: Address, (token, id): Instrument) -> u128 {
        let balance = if token == self.world.at.asset_shares {
            self.world.view(token, &AssetShares::balanceOfCall { account, id })
        } else {
            self.world.balance(token, account)
        };
        balance.to()
    }

    fn next_number(&mut self, group: u32) -> u64 {
        self.world
            .view(self.world.vault, &ExchangeVault::nextNumberCall { group })
    }

    fn must<C: SolCall>(&mut self, from: Address, call: &C) -> (C::Return, Vec<Log>) {
        let done = self.world.must(from, self.world.vault, call);
        (done.value, done.logs)
    }

    #[track_caller]
    fn must_refuse<E: alloy::sol_types::SolError>(&mut self, from: Address, call: &impl SolCall) {
        self.world.must_refuse::<E>(from, self.world.vault, call);
    }

    /// An order of trader `n` in the first market: 100 base units, at up to 50 dollars' base units a lot, which the tests change.
    fn order(&self, n: usize, side: u8) -> Order {
        Order {
            account: trader(n).address(),
            market: self.markets[0],
            side,
            baseAmount: 100,
            limitPrice: 50,
            feeCap: 20,
            nonce: 1,
            expiry: START_SECS + 1_000,
            instructions: Instructions {
                kind: 1,
                displayAmount: 7,
                ..Instructions::default()
            },
        }
    }

    fn sign(&self, order: &Order, signer: &PrivateKeySigner) -> SignedOrder {
        signed(order, signer, &self.domain)
    }

    /// Settles one fill of two orders, each signed by the trader with that number, and says what became of it.
    #[track_caller]
    fn settle_one(&mut self, buy: (&Order, usize), sell: (&Order, usize), fill: Fill) -> Skipped {
        let orders = vec![self.sign(buy.0, &trader(buy.1)), self.sign(sell.0, &trader(sell.1))];
        let skipped = self.settle(orders, vec![fill]);
        skipped[0]
    }

    /// Settles a batch from the next number on.
    #[track_caller]
    fn settle(&mut self, orders: Vec<SignedOrder>, fills: Vec<Fill>) -> Vec<Skipped> {
        let first_number = self.next_number(GROUP);
        let count = fills.len();
        let (_, logs) = self.must(OPERATOR, &settle_call(first_number, orders, fills));
        let outcomes = outcomes(&logs, GROUP, first_number);
        assert_eq!(outcomes.len(), count, "one event per fill");
        assert_eq!(self.next_number(GROUP), first_number + count as u64);
        outcomes.into_iter().map(|outcome| outcome.err()).collect()
    }
}

impl World {
    /// Sends a call of an account, which may be the wallet.
    fn act(&mut self, account: Address, to: Address, call: &impl SolCall) -> Result<Vec<Log>, crate::world::Refusal> {
        let payload: Bytes = call.abi_encode().into();
        if account != self.wallet {
            return self.send_raw(account, to, payload).map(|(_, logs)| logs);
        }
        let act = Wallet::actCall { target: to, payload };
        self.send(DEPLOYER, self.wallet, &act).map(|done| done.logs)
    }
}

fn deposit_call(token: Address, id: U256, amount: u128, account: Address) -> ExchangeVault::depositCall {
    ExchangeVault::depositCall {
        token,
        id,
        amount,
        account,
        group: GROUP,
    }
}

fn settle_call(first_number: u64, orders: Vec<SignedOrder>, fills: Vec<Fill>) -> ExchangeVault::settleCall {
    ExchangeVault::settleCall {
        group: GROUP,
        firstNumber: first_number,
        orders,
        fills,
    }
}

/// A fill of the batch's first order with its second: 100 base units for 500 quote base units, without fees.
fn fill() -> Fill {
    Fill {
        buyOrder: 0,
        sellOrder: 1,
        baseAmount: 100,
        quoteAmount: 500,
        ..Fill::default()
    }
}

fn signed(order: &Order, signer: &PrivateKeySigner, domain: &Eip712Domain) -> SignedOrder {
    let signature = exchange::sign(exchange::digest(order, domain), signer).expect("a signature");
    exchange::signed_order(order, &signature)
}

fn signature_of(withdrawal: &Withdrawal, signer: &PrivateKeySigner, domain: &Eip712Domain) -> Bytes {
    let signature = exchange::sign(exchange::digest(withdrawal, domain), signer).expect("a signature");
    signature.to_vec().into()
}

/// A withdrawal as the vault takes it.
fn withdraw_call(w: &Withdrawal, account: Bytes, operator: Bytes) -> ExchangeVault::withdrawCall {
    ExchangeVault::withdrawCall {
        withdrawal: ExchangeVault::Withdrawal {
            account: w.account,
            token: w.token,
            id: w.id,
            amount: w.amount,
            receiver: w.receiver,
            nonce: w.nonce,
            deadline: w.deadline,
            group: w.group,
        },
        accountSignature: account,
        operatorSignature: operator,
    }
}

fn cosigned(w: &Withdrawal, domain: &Eip712Domain) -> Bytes {
    signature_of(w, &cosigner(), domain)
}

/// What the events of a settlement say, in order; asserts that their numbers are consecutive from the first.
fn outcomes(logs: &[Log], group: u32, first_number: u64) -> Vec<Result<SettledFill, (SkipReason, u8)>> {
    let mut found = Vec::new();
    for (number, log) in (first_number..).zip(logs) {
        let (of_group, at, outcome) = if let Ok(e) = FillSettled::decode_log(log) {
            (e.group, e.number, Ok(e.data.fill))
        } else if let Ok(e) = FillSkipped::decode_log(log) {
            let reason = SkipReason::from_number(e.reason).expect("a known reason");
            (e.group, e.number, Err((reason, e.side)))
        } else {
            panic!("a settlement says something else: {log:?}")
        };
        assert_eq!((of_group, at), (group, number), "each number once and in order");
        found.push(outcome);
    }
    found
}

/// The only event of this kind in the logs.
fn only<E: SolEvent>(logs: &[Log]) -> E {
    let mut found = logs.iter().filter_map(|log| E::decode_log(log).ok());
    let event = found.next().unwrap_or_else(|| panic!("no {}", E::SIGNATURE)).data;
    assert!(found.next().is_none(), "{} twice", E::SIGNATURE);
    event
}
