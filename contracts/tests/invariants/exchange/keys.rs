//! Who may sign for an account, and from when on a withdrawn consent counts.

use alloy::primitives::{Address, B256};
use souk_contracts::ExchangeVault::{
    self, AlreadyInvalidated, InvalidAccount, InvalidationPending, KeyRegistered, KeyRevocationRequested,
    NonceInvalidated, NoncesBelowInvalidated, UnknownKey,
};
use souk_contracts::exchange::{BUY, Order, SELL, SkipReason};

use super::{Exchange, Skipped, fill, only, trader};
use crate::world::{EXIT_DELAY_SECS, START_SECS};

const BAD: Skipped = Some((SkipReason::BadSignature, BUY));
const VOID: Skipped = Some((SkipReason::NonceInvalidated, BUY));

impl Exchange {
    /// Settles an order of `account` with this nonce that trader `signer` signs, and that nothing else speaks against.
    fn settle_signed_by(&mut self, account: Address, signer: usize, nonce: u64) -> Skipped {
        let lasting = |order: Order| Order {
            expiry: u64::MAX,
            baseAmount: u128::MAX,
            ..order
        };
        let buy = Order {
            account,
            nonce,
            ..lasting(self.order(0, BUY))
        };
        let sell = lasting(self.order(1, SELL));
        self.settle_one((&buy, signer), (&sell, 1), fill())
    }
}

#[test]
fn a_registered_key_signs_until_its_revocation_takes_effect() {
    let mut exchange = Exchange::new();
    let (account, key) = (trader(0).address(), trader(3).address());
    assert_eq!(
        exchange.settle_signed_by(account, 3, 1),
        BAD,
        "no key of the account yet"
    );

    let (_, logs) = exchange.must(account, &ExchangeVault::registerKeyCall { key });
    let event: KeyRegistered = only(&logs);
    assert_eq!((event.account, event.key), (account, key));
    assert_eq!(exchange.settle_signed_by(account, 3, 1), None);
    assert_eq!(
        exchange.settle_signed_by(trader(2).address(), 3, 1),
        BAD,
        "another account's key"
    );
    assert_eq!(
        exchange.settle_signed_by(account, 0, 1),
        None,
        "the account itself as well"
    );

    let (_, logs) = exchange.must(account, &ExchangeVault::revokeKeyCall { key });
    let event: KeyRevocationRequested = only(&logs);
    assert_eq!(
        (event.account, event.key, event.effectiveAt),
        (account, key, START_SECS + EXIT_DELAY_SECS)
    );
    exchange.must_refuse::<UnknownKey>(account, &ExchangeVault::revokeKeyCall { key });
    exchange.world.pass(EXIT_DELAY_SECS - 1);
    assert_eq!(
        exchange.settle_signed_by(account, 3, 1),
        None,
        "matched before, settles after"
    );
    exchange.world.pass(1);
    assert_eq!(exchange.settle_signed_by(account, 3, 1), BAD);

    exchange.must(account, &ExchangeVault::registerKeyCall { key });
    assert_eq!(exchange.settle_signed_by(account, 3, 1), None, "registered again");
}

#[test]
fn registering_again_takes_a_revocation_back() {
    let mut exchange = Exchange::new();
    let (account, key) = (trader(0).address(), trader(3).address());
    exchange.must(account, &ExchangeVault::registerKeyCall { key });
    exchange.must(account, &ExchangeVault::revokeKeyCall { key });
    exchange.must(account, &ExchangeVault::registerKeyCall { key });
    exchange.world.pass(EXIT_DELAY_SECS);
    assert_eq!(exchange.settle_signed_by(account, 3, 1), None);
}

#[test]
fn keys_that_are_none_are_refused() {
    let mut exchange = Exchange::new();
    let account = trader(0).address();
    exchange.must_refuse::<InvalidAccount>(account, &ExchangeVault::registerKeyCall { key: Address::ZERO });
    exchange.must_refuse::<UnknownKey>(
        account,
        &ExchangeVault::revokeKeyCall {
            key: trader(3).address(),
        },
    );
    let signs = |account, key| ExchangeVault::isSignerCall { account, key };
    let vault = exchange.world.vault;
    assert!(
        !exchange.world.view(vault, &signs(Address::ZERO, Address::ZERO)),
        "a bad signature signs for nobody"
    );
    assert!(exchange.world.view(vault, &signs(account, account)));
    assert!(!exchange.world.view(vault, &signs(account, trader(3).address())));
}

/// A contract wallet cannot sign, so it trades through a key, and is never asked.
#[test]
fn a_contract_trades_through_a_key() {
    let mut exchange = Exchange::new();
    let (wallet, vault) = (exchange.world.wallet, exchange.world.vault);
    assert_eq!(exchange.settle_signed_by(wallet, 3, 1), BAD);
    let register = ExchangeVault::registerKeyCall {
        key: trader(3).address(),
    };
    exchange.world.act(wallet, vault, &register).expect("registered");
    assert_eq!(exchange.settle_signed_by(wallet, 3, 1), None);
}

#[test]
fn a_signature_has_one_form() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let good = exchange.sign(&buy, &trader(0));
    let sell = exchange.sign(&sell, &trader(1));
    let curve: alloy::primitives::U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        .parse()
        .expect("a number");
    let mut high = good.clone();
    high.s = B256::from(curve - alloy::primitives::U256::from_be_bytes(good.s.0));
    high.v = 27 + 28 - good.v;
    let mut parity = good.clone();
    parity.v -= 27;
    let mut zero = good.clone();
    (zero.r, zero.s) = (B256::ZERO, B256::ZERO);
    let mut of_nobody = zero.clone();
    of_nobody.order.account = Address::ZERO;
    for bad in [high, parity, zero, of_nobody] {
        assert_eq!(exchange.settle(vec![bad, sell.clone()], vec![fill()]), [BAD]);
    }
    assert_eq!(exchange.settle(vec![good, sell], vec![fill()]), [None]);
}

#[test]
fn a_nonce_is_void_after_the_delay() {
    let mut exchange = Exchange::new();
    let account = trader(0).address();
    let invalidate = ExchangeVault::invalidateNonceCall { nonce: 5 };
    let (_, logs) = exchange.must(account, &invalidate);
    let event: NonceInvalidated = only(&logs);
    assert_eq!(
        (event.account, event.nonce, event.effectiveAt),
        (account, 5, START_SECS + EXIT_DELAY_SECS)
    );
    exchange.world.pass(EXIT_DELAY_SECS - 1);
    assert_eq!(exchange.settle_signed_by(account, 0, 5), None);
    exchange.must_refuse::<AlreadyInvalidated>(account, &invalidate);
    exchange.world.pass(1);
    assert_eq!(exchange.settle_signed_by(account, 0, 5), VOID);
    assert_eq!(exchange.settle_signed_by(account, 0, 4), None, "a lower nonce");
    assert_eq!(
        exchange.settle_signed_by(trader(2).address(), 2, 5),
        None,
        "another account's"
    );
    exchange.must_refuse::<AlreadyInvalidated>(account, &invalidate);
}

#[test]
fn nonces_below_are_void_after_the_delay() {
    let mut exchange = Exchange::new();
    let account = trader(0).address();
    let below = |nonce| ExchangeVault::invalidateNoncesBelowCall { nonce };
    exchange.must_refuse::<AlreadyInvalidated>(account, &below(0));
    let (_, logs) = exchange.must(account, &below(5));
    let event: NoncesBelowInvalidated = only(&logs);
    assert_eq!(
        (event.account, event.nonce, event.effectiveAt),
        (account, 5, START_SECS + EXIT_DELAY_SECS)
    );
    exchange.must_refuse::<InvalidationPending>(account, &below(9));
    exchange.world.pass(EXIT_DELAY_SECS - 1);
    assert_eq!(exchange.settle_signed_by(account, 0, 4), None);
    exchange.must_refuse::<InvalidationPending>(account, &below(9));
    exchange.world.pass(1);
    assert_eq!(exchange.settle_signed_by(account, 0, 4), VOID);
    assert_eq!(exchange.settle_signed_by(account, 0, 5), None);

    exchange.must_refuse::<AlreadyInvalidated>(account, &below(5));
    exchange.must(account, &below(9));
    assert_eq!(
        exchange.settle_signed_by(account, 0, 4),
        VOID,
        "the first stays in force meanwhile"
    );
    assert_eq!(exchange.settle_signed_by(account, 0, 8), None);
    exchange.world.pass(EXIT_DELAY_SECS);
    assert_eq!(exchange.settle_signed_by(account, 0, 8), VOID);
    assert_eq!(exchange.settle_signed_by(account, 0, 9), None);
    assert_eq!(
        exchange.settle_signed_by(trader(2).address(), 2, 0),
        None,
        "another account's"
    );
}
