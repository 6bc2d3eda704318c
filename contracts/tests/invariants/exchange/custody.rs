//! How tokens come in and go out, and what keeps them from doing so.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use souk_contracts::ExchangeVault::{
    self, DeadlinePassed, DepositMismatch, Deposited, ExitCancelled, ExitExecuted, ExitRequested, ExitTooEarly,
    InsufficientVaultBalance, InvalidAccount, InvalidInstrument, NotAuthorised, NotCosigned, NotYourExit,
    ReentrancyGuardReentrantCall, TooMuchDeposited, UnknownExit, UnsolicitedTransfer, WithdrawalNonceUsed, Withdrawn,
    ZeroAmount,
};
use souk_contracts::LicenseRegistry::{self, LicenseTerms, NotTransferable};
use souk_contracts::exchange::{BUY, SELL, Withdrawal};
use souk_contracts::{AssetShares, TestUSD};

use super::{
    DEPOSIT, Exchange, GROUP, POCKET, cosigned, deposit_call, fill, only, signature_of, trader, withdraw_call,
};
use crate::world::{DEPLOYER, EXIT_DELAY_SECS, START_SECS, TOKEN_FEE_BPS, TestToken, Wallet};

#[test]
fn a_deposit_is_credited_to_whom_it_is_for() {
    let mut exchange = Exchange::new();
    let (payer, account) = (trader(0).address(), trader(1).address());
    for (place, instrument) in [exchange.dollars(), exchange.shares(1)].into_iter().enumerate() {
        let (held, total) = (exchange.holdings(instrument), exchange.total(instrument));
        let outside = exchange.holdings_of(payer, instrument);
        let (id, logs) = exchange.must(payer, &deposit_call(instrument.0, instrument.1, 30, account));
        let event: Deposited = only(&logs);
        // Fifteen deposits, three of each of the five accounts, came first.
        assert_eq!((id, event.depositId), (16 + place as u64, id));
        assert_eq!(
            (event.account, event.token, event.id),
            (account, instrument.0, instrument.1)
        );
        assert_eq!((event.amount, event.group), (30, GROUP));
        assert_eq!(exchange.balance(account, instrument), DEPOSIT + 30);
        assert_eq!(exchange.balance(payer, instrument), DEPOSIT);
        assert_eq!(exchange.holdings_of(payer, instrument), outside - 30);
        assert_eq!(
            (exchange.holdings(instrument), exchange.total(instrument)),
            (held + U256::from(30), total + 30)
        );
    }
}

#[test]
fn what_is_no_deposit_is_refused() {
    let mut exchange = Exchange::new();
    let (payer, vault) = (trader(0).address(), exchange.world.vault);
    let (dollars, id) = exchange.dollars();
    exchange.must_refuse::<ZeroAmount>(payer, &deposit_call(dollars, id, 0, payer));
    exchange.must_refuse::<InvalidAccount>(payer, &deposit_call(dollars, id, 1, Address::ZERO));
    exchange.must_refuse::<InvalidAccount>(payer, &deposit_call(dollars, id, 1, vault));
    exchange.must_refuse::<InvalidInstrument>(payer, &deposit_call(dollars, U256::ONE, 1, payer));
    exchange.must_refuse::<InvalidInstrument>(payer, &deposit_call(exchange.world.at.asset_registry, id, 1, payer));
    let too_much = deposit_call(dollars, id, POCKET + 1, payer);
    exchange.must_refuse::<TestUSD::ERC20InsufficientBalance>(payer, &too_much);
}

/// The credit would be more than what arrived.
#[test]
fn a_token_that_keeps_a_part_is_refused() {
    let mut exchange = Exchange::new();
    let (payer, token) = (trader(0).address(), exchange.world.fee_token);
    let first_with_fee = 10_000_u128.div_ceil(u128::from(TOKEN_FEE_BPS));
    exchange.must_refuse::<DepositMismatch>(payer, &deposit_call(token, U256::ZERO, first_with_fee, payer));
    exchange.must(payer, &deposit_call(token, U256::ZERO, first_with_fee - 1, payer));
    assert_eq!(exchange.balance(payer, (token, U256::ZERO)), first_with_fee - 1);
}

/// Otherwise a settlement could overflow somebody's balance and hold up everybody's fills.
#[test]
fn all_balances_of_an_instrument_fit_128_bits() {
    let mut exchange = Exchange::new();
    let (payer, dollars) = (trader(0).address(), exchange.dollars());
    let amount = U256::from(u128::MAX);
    exchange
        .world
        .must(payer, dollars.0, &TestToken::mintCall { to: payer, amount });
    let room = u128::MAX - exchange.total(dollars);
    exchange.must_refuse::<TooMuchDeposited>(payer, &deposit_call(dollars.0, dollars.1, room + 1, payer));
    exchange.must(payer, &deposit_call(dollars.0, dollars.1, room, payer));
    assert_eq!(exchange.total(dollars), u128::MAX);
}

#[test]
fn tokens_come_in_by_deposit_alone() {
    let mut exchange = Exchange::new();
    let (from, to) = (trader(0).address(), exchange.world.vault);
    let (shares, id) = exchange.shares(1);
    let single = AssetShares::safeTransferFromCall {
        from,
        to,
        id,
        value: U256::ONE,
        data: Bytes::new(),
    };
    exchange.world.must_refuse::<UnsolicitedTransfer>(from, shares, &single);
    let batch = AssetShares::safeBatchTransferFromCall {
        from,
        to,
        ids: vec![id],
        values: vec![U256::ONE],
        data: Bytes::new(),
    };
    exchange.world.must_refuse::<UnsolicitedTransfer>(from, shares, &batch);

    // An ERC-20 token asks nobody; what it brings belongs to nobody and spoils nothing.
    let dollars = exchange.dollars();
    let (total, held) = (exchange.total(dollars), exchange.holdings(dollars));
    exchange.world.must(
        from,
        dollars.0,
        &TestUSD::transferCall {
            to,
            value: U256::from(9),
        },
    );
    assert_eq!(
        (exchange.total(dollars), exchange.holdings(dollars)),
        (total, held + U256::from(9))
    );
    exchange.must(from, &deposit_call(dollars.0, dollars.1, 5, from));
    assert_eq!(exchange.total(dollars), total + 5);
}

#[test]
fn licences_that_stay_with_their_holder_stay_out() {
    let mut exchange = Exchange::new();
    let (owner, licenses) = (trader(0).address(), exchange.world.at.license_registry);
    for transferable in [false, true] {
        let terms = LicenseTerms {
            transferable,
            ..LicenseTerms::default()
        };
        let terms_id = exchange
            .world
            .must(owner, licenses, &LicenseRegistry::registerTermsCall { terms })
            .value;
        let asset_id = U256::ONE;
        let attach = LicenseRegistry::attachTermsCall {
            assetId: asset_id,
            termsId: terms_id,
        };
        exchange.world.must(owner, licenses, &attach);
        let mint = LicenseRegistry::mintCall {
            assetId: asset_id,
            termsId: terms_id,
            amount: U256::from(5),
            receiver: owner,
            maxFee: U256::ZERO,
        };
        let series = exchange.world.must(owner, licenses, &mint).value;
        let approve = AssetShares::setApprovalForAllCall {
            operator: exchange.world.vault,
            approved: true,
        };
        exchange.world.must(owner, licenses, &approve);
        let deposit = deposit_call(licenses, series, 5, owner);
        if transferable {
            exchange.must(owner, &deposit);
            assert_eq!(exchange.balance(owner, (licenses, series)), 5);
        } else {
            exchange.must_refuse::<NotTransferable>(owner, &deposit);
        }
    }
}

impl Exchange {
    /// A withdrawal of 40 dollars' base units by trader 0 to somebody else.
    fn withdrawal(&self) -> Withdrawal {
        Withdrawal {
            account: trader(0).address(),
            token: self.world.at.test_usd,
            id: U256::ZERO,
            amount: 40,
            receiver: Address::repeat_byte(0x77),
            nonce: 8,
            deadline: START_SECS + 60,
            group: GROUP,
        }
    }
}

#[test]
fn a_cosigned_withdrawal_is_paid_at_once_and_once() {
    let mut exchange = Exchange::new();
    let (w, dollars, stranger) = (exchange.withdrawal(), exchange.dollars(), trader(3).address());
    let account = signature_of(&w, &trader(0), &exchange.domain);
    let call = withdraw_call(&w, account, cosigned(&w, &exchange.domain));
    let total = exchange.total(dollars);
    exchange.world.pass(60);
    let (_, logs) = exchange.must(stranger, &call);
    let event: Withdrawn = only(&logs);
    assert_eq!(
        (event.account, event.nonce, event.token, event.id),
        (w.account, 8, w.token, w.id)
    );
    assert_eq!((event.amount, event.receiver, event.group), (40, w.receiver, GROUP));
    assert_eq!(exchange.holdings_of(w.receiver, dollars), 40);
    assert_eq!(exchange.balance(w.account, dollars), DEPOSIT - 40);
    assert_eq!(
        (exchange.total(dollars), exchange.holdings(dollars)),
        (total - 40, U256::from(total - 40))
    );
    exchange.must_refuse::<WithdrawalNonceUsed>(stranger, &call);
    let used = |account, nonce| ExchangeVault::isWithdrawalNonceUsedCall { account, nonce };
    let vault = exchange.world.vault;
    assert!(exchange.world.view(vault, &used(w.account, 8)));
    assert!(!exchange.world.view(vault, &used(stranger, 8)) && !exchange.world.view(vault, &used(w.account, 9)));

    let others = Withdrawal {
        account: trader(1).address(),
        ..w
    };
    let call = withdraw_call(&others, Bytes::new(), cosigned(&others, &exchange.domain));
    exchange.must(others.account, &call);
}

/// A co-signature that is hoarded past its deadline is worth nothing: the engine has credited the money back by then.
#[test]
fn a_withdrawal_ends_with_its_deadline() {
    let mut exchange = Exchange::new();
    let w = exchange.withdrawal();
    let call = withdraw_call(&w, Bytes::new(), cosigned(&w, &exchange.domain));
    exchange.world.pass(61);
    exchange.must_refuse::<DeadlinePassed>(w.account, &call);
}

#[test]
fn a_withdrawal_needs_both_signatures() {
    let mut exchange = Exchange::new();
    let domain = exchange.domain.clone();
    let w = exchange.withdrawal();
    let (own, other) = (
        signature_of(&w, &trader(0), &domain),
        signature_of(&w, &trader(1), &domain),
    );
    let good = cosigned(&w, &domain);
    let stranger = trader(3).address();
    for bad in [Bytes::new(), other.clone(), own.slice(..64), good.clone()] {
        exchange.must_refuse::<NotAuthorised>(stranger, &withdraw_call(&w, bad, good.clone()));
    }
    for bad in [Bytes::new(), other, own.clone(), good.slice(..64)] {
        exchange.must_refuse::<NotCosigned>(stranger, &withdraw_call(&w, own.clone(), bad.clone()));
        exchange.must_refuse::<NotCosigned>(w.account, &withdraw_call(&w, Bytes::new(), bad));
    }
    let changed = Withdrawal {
        amount: 41,
        ..w.clone()
    };
    exchange.must_refuse::<NotAuthorised>(stranger, &withdraw_call(&changed, own, cosigned(&changed, &domain)));
    exchange.must_refuse::<NotCosigned>(w.account, &withdraw_call(&changed, Bytes::new(), good));

    let of_nobody = Withdrawal {
        account: Address::ZERO,
        ..w
    };
    let unsigned = Bytes::from(vec![0; 65]);
    let call = withdraw_call(&of_nobody, unsigned, cosigned(&of_nobody, &domain));
    exchange.must_refuse::<NotAuthorised>(stranger, &call);
}

/// A trading key that leaks can trade badly, not steal.
#[test]
fn a_key_withdraws_to_its_account_alone() {
    let mut exchange = Exchange::new();
    let (account, key, stranger) = (trader(0).address(), trader(3), trader(2).address());
    exchange.must(account, &ExchangeVault::registerKeyCall { key: key.address() });
    let domain = exchange.domain.clone();
    let call = |w: &Withdrawal| withdraw_call(w, signature_of(w, &key, &domain), cosigned(w, &domain));
    let away = exchange.withdrawal();
    exchange.must_refuse::<NotAuthorised>(stranger, &call(&away));
    let home = Withdrawal {
        receiver: account,
        ..away
    };
    exchange.must(stranger, &call(&home));
    let not_by_calling = Withdrawal { nonce: 9, ..home };
    let unsigned = withdraw_call(&not_by_calling, Bytes::new(), cosigned(&not_by_calling, &domain));
    exchange.must_refuse::<NotAuthorised>(key.address(), &unsigned);
}

#[test]
fn a_withdrawal_is_of_what_is_there_to_somebody_else() {
    let mut exchange = Exchange::new();
    let (vault, domain) = (exchange.world.vault, exchange.domain.clone());
    let w = exchange.withdrawal();
    let call = |w: &Withdrawal| withdraw_call(w, Bytes::new(), cosigned(w, &domain));
    for receiver in [Address::ZERO, vault] {
        exchange.must_refuse::<InvalidAccount>(w.account, &call(&Withdrawal { receiver, ..w.clone() }));
    }
    exchange.must_refuse::<ZeroAmount>(w.account, &call(&Withdrawal { amount: 0, ..w.clone() }));
    let more = Withdrawal {
        amount: DEPOSIT + 1,
        ..w.clone()
    };
    exchange.must_refuse::<InsufficientVaultBalance>(w.account, &call(&more));
    let other_token = Withdrawal {
        token: exchange.world.fee_token,
        ..w.clone()
    };
    exchange.must_refuse::<InsufficientVaultBalance>(w.account, &call(&other_token));
    exchange.must(w.account, &call(&Withdrawal { amount: DEPOSIT, ..w }));
}

fn exit_call((token, id): super::Instrument, amount: u128) -> ExchangeVault::requestExitCall {
    ExchangeVault::requestExitCall {
        token,
        id,
        amount,
        group: GROUP,
    }
}

#[test]
fn an_exit_is_paid_after_the_delay_by_anyone() {
    let mut exchange = Exchange::new();
    let (account, stranger, shares) = (trader(0).address(), trader(3).address(), exchange.shares(1));
    let (exit, logs) = exchange.must(account, &exit_call(shares, 70));
    let event: ExitRequested = only(&logs);
    assert_eq!(
        (exit, event.exitId, event.account, event.token, event.id),
        (1, 1, account, shares.0, shares.1)
    );
    assert_eq!(
        (event.amount, event.group, event.executableAt),
        (70, GROUP, START_SECS + EXIT_DELAY_SECS)
    );
    let vault = exchange.world.vault;
    let waiting = exchange.world.view(vault, &ExchangeVault::exitOfCall { exitId: 1 });
    assert_eq!((waiting.account, waiting.amount, waiting.group), (account, 70, GROUP));
    let execute = ExchangeVault::executeExitCall { exitId: exit };
    exchange.world.pass(EXIT_DELAY_SECS - 1);
    exchange.must_refuse::<ExitTooEarly>(stranger, &execute);
    exchange.world.pass(1);
    let outside = exchange.holdings_of(account, shares);
    let (paid, logs) = exchange.must(stranger, &execute);
    let event: ExitExecuted = only(&logs);
    assert_eq!(
        (event.exitId, event.account, event.token, event.id),
        (1, account, shares.0, shares.1)
    );
    assert_eq!((paid, event.paid, event.group), (70, 70, GROUP));
    assert_eq!(exchange.holdings_of(account, shares), outside + 70);
    assert_eq!(exchange.balance(account, shares), DEPOSIT - 70);
    exchange.must_refuse::<UnknownExit>(stranger, &execute);
    exchange.must_refuse::<UnknownExit>(account, &ExchangeVault::cancelExitCall { exitId: exit });
}

#[test]
fn an_exit_can_be_given_up_by_its_account() {
    let mut exchange = Exchange::new();
    let (account, shares) = (trader(0).address(), exchange.shares(1));
    let (exit, _) = exchange.must(account, &exit_call(shares, 70));
    let cancel = ExchangeVault::cancelExitCall { exitId: exit };
    exchange.must_refuse::<NotYourExit>(trader(1).address(), &cancel);
    let event: ExitCancelled = only(&exchange.must(account, &cancel).1);
    assert_eq!((event.exitId, event.account), (exit, account));
    exchange.must_refuse::<UnknownExit>(account, &cancel);
    exchange.must_refuse::<UnknownExit>(account, &ExchangeVault::executeExitCall { exitId: 99 });
    exchange.must_refuse::<ZeroAmount>(account, &exit_call(shares, 0));
    exchange.must_refuse::<InvalidInstrument>(account, &exit_call((Address::repeat_byte(0x44), U256::ZERO), 1));
}

/// The exit pays what fills have left, or nothing, and ends.
#[test]
fn an_exit_that_was_overtaken_by_fills_pays_what_is_left() {
    for (sold, left) in [(DEPOSIT - 7, 7), (DEPOSIT, 0)] {
        let mut exchange = Exchange::new();
        let (seller, shares) = (trader(1).address(), exchange.shares(1));
        let (exit, _) = exchange.must(seller, &exit_call(shares, DEPOSIT));
        exchange.world.pass(EXIT_DELAY_SECS);
        let lasting = |order| souk_contracts::exchange::Order {
            baseAmount: DEPOSIT,
            expiry: u64::MAX,
            ..order
        };
        let buy = lasting(exchange.order(0, BUY));
        let sell = souk_contracts::exchange::Order {
            limitPrice: 0,
            ..lasting(exchange.order(1, SELL))
        };
        let all = ExchangeVault::Fill {
            baseAmount: sold,
            ..fill()
        };
        assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), all), None);
        let (paid, logs) = exchange.must(trader(3).address(), &ExchangeVault::executeExitCall { exitId: exit });
        assert_eq!((paid, only::<ExitExecuted>(&logs).paid), (left, left));
        assert_eq!(exchange.balance(seller, shares), 0);
    }
}

/// EX-2: who refuses to be paid waits alone.
#[test]
fn an_account_that_refuses_its_payment_blocks_nobody() {
    let mut exchange = Exchange::new();
    let (wallet, vault, shares) = (exchange.world.wallet, exchange.world.vault, exchange.shares(1));
    let payload = exit_call(shares, 50).abi_encode().into();
    exchange
        .world
        .must(DEPLOYER, wallet, &Wallet::actCall { target: vault, payload });
    exchange.must(trader(0).address(), &exit_call(shares, 60));
    exchange
        .world
        .must(DEPLOYER, wallet, &Wallet::refuseCall { refuses: true });
    exchange.world.pass(EXIT_DELAY_SECS);
    let execute = |exit_id| ExchangeVault::executeExitCall { exitId: exit_id };
    let refusal = exchange
        .world
        .send(DEPLOYER, vault, &execute(1))
        .expect_err("the wallet refuses");
    assert_eq!(refusal.selector(), [0x08, 0xc3, 0x79, 0xa0], "its own error, a text");
    assert_eq!(exchange.must(DEPLOYER, &execute(2)).0, 60);
    exchange
        .world
        .must(DEPLOYER, wallet, &Wallet::refuseCall { refuses: false });
    assert_eq!(exchange.must(DEPLOYER, &execute(1)).0, 50);
    let left = exchange.balance(wallet, shares);
    assert_eq!(left, DEPOSIT - 50);
}

/// A token that calls back in the middle of a transfer gets nowhere that moves balances.
#[test]
fn nothing_that_moves_balances_can_be_entered_twice() {
    let mut exchange = Exchange::new();
    let (account, vault, token) = (
        trader(0).address(),
        exchange.world.vault,
        exchange.world.reentrant_token,
    );
    let instrument = (token, U256::ZERO);
    exchange.must(account, &deposit_call(token, U256::ZERO, 100, account));
    let w = Withdrawal {
        token,
        receiver: account,
        ..exchange.withdrawal()
    };
    let withdraw = withdraw_call(
        &w,
        signature_of(&w, &trader(0), &exchange.domain),
        cosigned(&w, &exchange.domain),
    );
    let (exit, _) = exchange.must(account, &exit_call(instrument, 30));
    exchange.world.pass(30);
    let inner: [Vec<u8>; 5] = [
        deposit_call(token, U256::ZERO, 1, account).abi_encode(),
        withdraw.abi_encode(),
        ExchangeVault::executeExitCall { exitId: exit }.abi_encode(),
        ExchangeVault::escapeCall { token, id: U256::ZERO }.abi_encode(),
        ExchangeVault::flushRoyaltyCall {
            market: exchange.markets[0],
        }
        .abi_encode(),
    ];
    exchange.world.must(
        DEPLOYER,
        token,
        &TestToken::mintCall {
            to: token,
            amount: U256::from(1_000),
        },
    );
    for payload in inner {
        exchange.world.must(
            DEPLOYER,
            token,
            &TestToken::armCall {
                target: vault,
                payload: payload.into(),
            },
        );
        let before = (exchange.balance(account, instrument), exchange.total(instrument));
        exchange.must_refuse::<ReentrancyGuardReentrantCall>(account, &deposit_call(token, U256::ZERO, 5, account));
        exchange.must_refuse::<ReentrancyGuardReentrantCall>(account, &withdraw);
        assert_eq!(
            (exchange.balance(account, instrument), exchange.total(instrument)),
            before
        );
    }
    exchange.world.pass(EXIT_DELAY_SECS);
    exchange.must_refuse::<ReentrancyGuardReentrantCall>(DEPLOYER, &ExchangeVault::executeExitCall { exitId: exit });
    assert_eq!(exchange.balance(account, instrument), 100);
}
