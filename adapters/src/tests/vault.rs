//! What the exchange's vault says about whose its holdings are.

use alloy_primitives::address;
use souk_contracts::ExchangeVault;
use souk_schema::event::{VaultCredited, VaultDebited, VaultFeeAccountChanged, VaultFilled, VaultMarketListed};

use super::*;

const MARKET: B256 = B256::repeat_byte(0x33);
/// `address(bytes20(keccak256(abi.encode("souk.royalty", market))))`, as viem computes it.
const ROYALTY_ACCOUNT: Address = address!("96f8b8523ac0343d2256a713094bc9e78f3107cd");

fn fill() -> ExchangeVault::SettledFill {
    ExchangeVault::SettledFill {
        buyer: ALICE,
        seller: BOB,
        buyNonce: 1,
        sellNonce: 2,
        baseAmount: 10,
        quoteAmount: 1_000,
        buyerFee: 1,
        sellerFee: 2,
        royalty: 3,
    }
}

fn settled(fill: ExchangeVault::SettledFill) -> ExchangeVault::FillSettled {
    ExchangeVault::FillSettled {
        group: 4,
        number: 5,
        market: MARKET,
        fill,
    }
}

/// One log of every event that means something, with the event.
fn cases() -> Vec<(RawLog, DomainEvent)> {
    let shares = TokenRef::new(SHARES, U256::from(7));
    let coins = TokenRef::new(COINS, U256::ZERO);
    let emitted = |event: LogData| log(VAULT, event);
    let credited = |account, token, amount: u64| {
        DomainEvent::VaultCredited(VaultCredited {
            vault: VAULT,
            account,
            token,
            amount: U256::from(amount),
        })
    };
    let debited = |account, token, amount: u64| {
        DomainEvent::VaultDebited(VaultDebited {
            vault: VAULT,
            account,
            token,
            amount: U256::from(amount),
        })
    };
    let deposited = ExchangeVault::Deposited {
        depositId: 1,
        account: ALICE,
        token: SHARES,
        id: U256::from(7),
        amount: 40,
        group: 0,
    };
    let withdrawn = ExchangeVault::Withdrawn {
        account: BOB,
        nonce: 1,
        token: COINS,
        id: U256::ZERO,
        amount: 5,
        receiver: ALICE,
        group: 0,
    };
    let exited = ExchangeVault::ExitExecuted {
        exitId: 1,
        account: ALICE,
        token: SHARES,
        id: U256::from(7),
        paid: 3,
        group: 0,
    };
    let escaped = ExchangeVault::Escaped {
        account: BOB,
        token: COINS,
        id: U256::ZERO,
        amount: 9,
    };
    let changed = ExchangeVault::FeeAccountChanged {
        previous: Address::ZERO,
        current: BOB,
    };
    let fee_account = DomainEvent::VaultFeeAccountChanged(VaultFeeAccountChanged {
        vault: VAULT,
        previous: Address::ZERO,
        current: BOB,
    });
    let mut cases = vec![
        (emitted(deposited.encode_log_data()), credited(ALICE, shares, 40)),
        (emitted(withdrawn.encode_log_data()), debited(BOB, coins, 5)),
        (emitted(exited.encode_log_data()), debited(ALICE, shares, 3)),
        (emitted(escaped.encode_log_data()), debited(BOB, coins, 9)),
        (emitted(changed.encode_log_data()), fee_account),
    ];
    cases.extend(of_markets());
    cases
}

fn of_markets() -> [(RawLog, DomainEvent); 3] {
    let listed = ExchangeVault::MarketListed {
        market: MARKET,
        base: SHARES,
        baseId: U256::from(7),
        quote: COINS,
        lotSize: 1,
        tickSize: 1,
        assetId: U256::from(7),
    };
    let flushed = ExchangeVault::RoyaltyFlushed {
        market: MARKET,
        assetId: U256::from(7),
        quote: COINS,
        amount: 3,
        revenueId: U256::ONE,
    };
    let market = DomainEvent::VaultMarketListed(VaultMarketListed {
        vault: VAULT,
        market: MARKET,
        base: TokenRef::new(SHARES, U256::from(7)),
        quote: TokenRef::new(COINS, U256::ZERO),
        asset: Some(asset(7)),
        royalty_account: ROYALTY_ACCOUNT,
    });
    let royalty = DomainEvent::VaultDebited(VaultDebited {
        vault: VAULT,
        account: ROYALTY_ACCOUNT,
        token: TokenRef::new(COINS, U256::ZERO),
        amount: U256::from(3),
    });
    let filled = DomainEvent::VaultFilled(VaultFilled {
        vault: VAULT,
        market: MARKET,
        group: 4,
        number: 5,
        buyer: ALICE,
        seller: BOB,
        base_amount: U256::from(10),
        quote_amount: U256::from(1_000),
        buyer_fee: U256::ONE,
        seller_fee: U256::from(2),
        royalty: U256::from(3),
    });
    [
        (log(VAULT, listed.encode_log_data()), market),
        (log(VAULT, flushed.encode_log_data()), royalty),
        (log(VAULT, settled(fill()).encode_log_data()), filled),
    ]
}

pub(super) fn logs() -> Vec<RawLog> {
    cases().into_iter().map(|(log, _)| log).collect()
}

#[test]
fn what_moves_balances_within_the_vault_is_said_of_the_account() {
    for (log, event) in cases() {
        assert_eq!(decoder().decode(&log), Ok(vec![event]));
    }
}

#[test]
fn a_fill_that_keeps_more_than_its_seller_gets_is_none() {
    let keeping = |seller_fee, royalty| ExchangeVault::SettledFill {
        sellerFee: seller_fee,
        royalty,
        ..fill()
    };
    assert!(reason(VAULT, &settled(keeping(998, 3))).contains("keeps 998 and 3 of the 1000"));
    assert!(reason(VAULT, &settled(keeping(u128::MAX, u128::MAX))).contains("of the 1000"));
    one(VAULT, &settled(keeping(997, 3)));
}

/// The exchange reads the vault's logs from the stream, those too that move nothing.
#[test]
fn all_of_the_vaults_logs_are_kept() {
    for selector in ExchangeVault::ExchangeVaultEvents::SELECTORS {
        assert!(decoder().watches(&VAULT, &[selector.into()]));
        assert!(!decoder().watches(&ROUTER, &[selector.into()]), "of the vault alone");
    }
    let heartbeat = ExchangeVault::Heartbeat { operator: ALICE };
    assert_eq!(decoder().decode(&log(VAULT, heartbeat.encode_log_data())), Ok(vec![]));
}

#[test]
fn to_the_shares_contract_what_is_in_the_vault_is_the_vaults() {
    let moved = token::TransferSingle {
        operator: VAULT,
        from: ALICE,
        to: VAULT,
        id: U256::from(7),
        value: U256::from(40),
    };
    let expected = DomainEvent::TokenTransferred {
        token: TokenRef::new(SHARES, U256::from(7)),
        standard: TokenStandard::Erc1155,
        from: ALICE,
        to: VAULT,
        amount: U256::from(40),
    };
    assert_eq!(one(SHARES, &moved), expected);
}
