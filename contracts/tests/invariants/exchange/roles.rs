//! Who may do what to the vault itself, the bounds of its delays, and the escape.

use alloy::primitives::{Address, U256};
use souk_contracts::AssetRegistry::UnknownAsset;
use souk_contracts::ExchangeVault::{
    self, CosignerChanged, EscapeClosed, EscapeEntered, EscapeOpen, Escaped, FeeAccountChanged, Heartbeat,
    InvalidAccount, InvalidDelay, InvalidMarket, InvalidTokenKind, MarketAlreadyListed, MarketListed, OnlyOperator,
    OperatorAlive, OperatorChanged, OwnableUnauthorizedAccount, TokenAlreadyListed, TokenListed, VaultConfig,
    ZeroAmount,
};
use souk_contracts::exchange;

use super::{DEPOSIT, Exchange, cosigned, deposit_call, only, settle_call, trader, withdraw_call};
use crate::world::{DEPLOYER, ESCAPE_DELAY_SECS, OPERATOR, World, vault_config};

#[test]
fn delays_have_bounds() {
    const MINUTE: u64 = 60;
    const MONTH: u64 = 30 * 86_400;
    let with = |exit, grace, escape| VaultConfig {
        exitDelaySecs: exit,
        settlementGraceSecs: grace,
        escapeDelaySecs: escape,
        ..vault_config()
    };
    let mut world = World::new();
    for good in [with(MINUTE, MINUTE, MINUTE), with(MONTH, MONTH, MONTH)] {
        assert!(world.create_vault(good).is_ok());
    }
    let bad = [
        with(MINUTE - 1, MINUTE - 1, MINUTE),
        with(MONTH + 1, MINUTE, MONTH + 1),
        with(MONTH, MINUTE - 1, MONTH),
        with(MINUTE, MINUTE + 1, MONTH),
        with(MINUTE + 1, MINUTE, MINUTE),
        with(MINUTE, MINUTE, MONTH + 1),
    ];
    for config in bad {
        assert!(
            world
                .create_vault(config)
                .expect_err("out of bounds")
                .is::<InvalidDelay>()
        );
    }
    let nobody = [
        VaultConfig {
            operator: Address::ZERO,
            ..vault_config()
        },
        VaultConfig {
            cosigner: Address::ZERO,
            ..vault_config()
        },
        VaultConfig {
            feeAccount: Address::ZERO,
            ..vault_config()
        },
    ];
    for config in nobody {
        assert!(world.create_vault(config).expect_err("nobody").is::<InvalidAccount>());
    }
}

#[test]
fn the_owner_appoints() {
    let mut exchange = Exchange::new();
    let (vault, new) = (exchange.world.vault, Address::repeat_byte(0x77));
    let operator = |new| ExchangeVault::setOperatorCall { newOperator: new };
    let cosigner = |new| ExchangeVault::setCosignerCall { newCosigner: new };
    let fees = |new| ExchangeVault::setFeeAccountCall { newFeeAccount: new };
    for stranger in [OPERATOR, trader(0).address()] {
        exchange.must_refuse::<OwnableUnauthorizedAccount>(stranger, &operator(new));
        exchange.must_refuse::<OwnableUnauthorizedAccount>(stranger, &cosigner(new));
        exchange.must_refuse::<OwnableUnauthorizedAccount>(stranger, &fees(new));
    }
    for nobody in [Address::ZERO, vault] {
        exchange.must_refuse::<InvalidAccount>(DEPLOYER, &operator(nobody));
        exchange.must_refuse::<InvalidAccount>(DEPLOYER, &cosigner(nobody));
        exchange.must_refuse::<InvalidAccount>(DEPLOYER, &fees(nobody));
    }
    let changed: OperatorChanged = only(&exchange.must(DEPLOYER, &operator(new)).1);
    assert_eq!((changed.previous, changed.current), (OPERATOR, new));
    let changed: CosignerChanged = only(&exchange.must(DEPLOYER, &cosigner(new)).1);
    assert_eq!(
        (changed.previous, changed.current),
        (crate::world::cosigner().address(), new)
    );
    let changed: FeeAccountChanged = only(&exchange.must(DEPLOYER, &fees(new)).1);
    assert_eq!((changed.previous, changed.current), (crate::world::FEE_ACCOUNT, new));
    exchange.must_refuse::<OnlyOperator>(OPERATOR, &settle_call(1, vec![], vec![]));
    exchange.must(new, &settle_call(1, vec![], vec![]));
    assert_eq!(exchange.world.view(vault, &ExchangeVault::cosignerCall {}), new);
    assert_eq!(exchange.world.view(vault, &ExchangeVault::feeAccountCall {}), new);
}

#[test]
fn tokens_are_listed_once_by_the_owner() {
    let mut exchange = Exchange::new();
    let token = Address::repeat_byte(0x55);
    let list = |token, kind| ExchangeVault::listTokenCall { token, kind };
    exchange.must_refuse::<OwnableUnauthorizedAccount>(OPERATOR, &list(token, 1));
    for kind in [0, 3, 255] {
        exchange.must_refuse::<InvalidTokenKind>(DEPLOYER, &list(token, kind));
    }
    exchange.must_refuse::<InvalidAccount>(DEPLOYER, &list(Address::ZERO, 1));
    let event: TokenListed = only(&exchange.must(DEPLOYER, &list(token, 2)).1);
    assert_eq!((event.token, event.kind), (token, 2));
    exchange.must_refuse::<TokenAlreadyListed>(DEPLOYER, &list(token, 1));
    let vault = exchange.world.vault;
    assert_eq!(exchange.world.view(vault, &ExchangeVault::tokenKindCall { token }), 2);
}

#[test]
fn markets_are_listed_once_by_the_owner() {
    let mut exchange = Exchange::new();
    let (shares, dollars) = (exchange.world.at.asset_shares, exchange.world.at.test_usd);
    let list = ExchangeVault::listMarketCall {
        base: shares,
        baseId: U256::from(2),
        quote: dollars,
        lotSize: 100,
        tickSize: 3,
        assetId: U256::from(1),
    };
    let call = |change: fn(&mut ExchangeVault::listMarketCall)| {
        let mut call = list.clone();
        change(&mut call);
        call
    };
    exchange.must_refuse::<OwnableUnauthorizedAccount>(OPERATOR, &list);
    let mut swapped = list.clone();
    (swapped.base, swapped.quote) = (dollars, shares);
    let invalid = [
        swapped,
        call(|c| c.base = Address::repeat_byte(1)),
        call(|c| c.quote = Address::repeat_byte(1)),
        call(|c| c.quote = c.base),
        call(|c| c.lotSize = 0),
        call(|c| c.tickSize = 0),
    ];
    for call in invalid {
        exchange.must_refuse::<InvalidMarket>(DEPLOYER, &call);
    }
    exchange.must_refuse::<UnknownAsset>(DEPLOYER, &call(|c| c.assetId = U256::from(9)));

    let (market, logs) = exchange.must(DEPLOYER, &list);
    let event: MarketListed = only(&logs);
    assert_eq!(market, exchange::market_id(shares, U256::from(2), dollars, 100, 3));
    assert_eq!(
        (event.market, event.base, event.baseId, event.quote),
        (market, shares, U256::from(2), dollars)
    );
    assert_eq!((event.lotSize, event.tickSize, event.assetId), (100, 3, U256::from(1)));
    exchange.must_refuse::<MarketAlreadyListed>(DEPLOYER, &list);
    exchange.must_refuse::<MarketAlreadyListed>(DEPLOYER, &call(|c| c.assetId = U256::from(2)));
    exchange.must(DEPLOYER, &call(|c| c.tickSize = 4));
}

/// EX-2: without the operator, what is in the vault comes out.
#[test]
fn a_silent_operator_opens_the_escape() {
    let mut exchange = Exchange::new();
    let (stranger, vault) = (Address::repeat_byte(0x77), exchange.world.vault);
    let enter = ExchangeVault::enterEscapeCall {};
    let (shares, account) = (exchange.shares(1), trader(0).address());
    let escape = ExchangeVault::escapeCall {
        token: shares.0,
        id: shares.1,
    };
    let (exit, _) = exchange.must(
        account,
        &ExchangeVault::requestExitCall {
            token: shares.0,
            id: shares.1,
            amount: 10,
            group: 0,
        },
    );

    exchange.world.pass(ESCAPE_DELAY_SECS);
    exchange.must_refuse::<OperatorAlive>(stranger, &enter);
    exchange.must_refuse::<OnlyOperator>(stranger, &ExchangeVault::heartbeatCall {});
    let beat: Heartbeat = only(&exchange.must(OPERATOR, &ExchangeVault::heartbeatCall {}).1);
    assert_eq!(beat.operator, OPERATOR);
    exchange.world.pass(ESCAPE_DELAY_SECS);
    exchange.must_refuse::<OperatorAlive>(stranger, &enter);
    exchange.must(OPERATOR, &settle_call(1, vec![], vec![]));
    exchange.world.pass(ESCAPE_DELAY_SECS);
    exchange.must(DEPLOYER, &ExchangeVault::setOperatorCall { newOperator: OPERATOR });
    exchange.must_refuse::<OperatorAlive>(stranger, &enter);
    exchange.must_refuse::<EscapeClosed>(account, &escape);
    exchange.world.pass(1);
    let event: EscapeEntered = only(&exchange.must(stranger, &enter).1);
    assert_eq!(event.by, stranger);

    exchange.must_refuse::<EscapeOpen>(stranger, &enter);
    exchange.must_refuse::<EscapeOpen>(OPERATOR, &settle_call(1, vec![], vec![]));
    exchange.must_refuse::<EscapeOpen>(account, &deposit_call(shares.0, shares.1, 1, account));
    let withdrawal = exchange::Withdrawal {
        account,
        token: shares.0,
        id: shares.1,
        amount: 1,
        receiver: account,
        deadline: u64::MAX,
        ..Default::default()
    };
    let cosigned = cosigned(&withdrawal, &exchange.domain);
    exchange.must_refuse::<EscapeOpen>(account, &withdraw_call(&withdrawal, Default::default(), cosigned));

    let paid = exchange
        .must(stranger, &ExchangeVault::executeExitCall { exitId: exit })
        .0;
    assert_eq!(paid, 10, "an exit that waited is paid all the same");
    let outside = exchange.holdings_of(account, shares);
    let (paid, logs) = exchange.must(account, &escape);
    let event: Escaped = only(&logs);
    assert_eq!(
        (event.account, event.token, event.id, event.amount),
        (account, shares.0, shares.1, DEPOSIT - 10)
    );
    assert_eq!((paid, exchange.balance(account, shares)), (DEPOSIT - 10, 0));
    assert_eq!(exchange.holdings_of(account, shares), outside + paid);
    exchange.must_refuse::<ZeroAmount>(account, &escape);
    exchange.must(OPERATOR, &ExchangeVault::heartbeatCall {});
    assert!(
        exchange.world.view(vault, &ExchangeVault::escapeOpenCall {}),
        "for ever"
    );
}
