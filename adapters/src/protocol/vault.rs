//! The exchange vault's events, as far as they say whose its holdings are. The exchange itself reads the raw logs.

use alloy::sol_types::{SolEvent, SolValue};
use alloy_primitives::{Address, B256, U256, keccak256};
use souk_contracts::ExchangeVault;
use souk_schema::TokenRef;
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;

use super::{read, some};
use crate::decoder::Undecodable;

/// Keys, nonces, exits that are only asked for and the operator's signs of life move nothing: they give no event.
pub(super) fn decode(log: &RawLog, registry: Address) -> Result<Option<DomainEvent>, Undecodable> {
    let credited = |account, token, id, amount: u128| {
        DomainEvent::VaultCredited(event::VaultCredited {
            vault: log.address,
            account,
            token: TokenRef::new(token, id),
            amount: U256::from(amount),
        })
    };
    let debited = |account, token, id: U256, amount: u128| {
        DomainEvent::VaultDebited(event::VaultDebited {
            vault: log.address,
            account,
            token: TokenRef::new(token, id),
            amount: U256::from(amount),
        })
    };
    let event = match log.topics[0] {
        ExchangeVault::Deposited::SIGNATURE_HASH => {
            let deposited: ExchangeVault::Deposited = read(log)?;
            credited(deposited.account, deposited.token, deposited.id, deposited.amount)
        }
        ExchangeVault::Withdrawn::SIGNATURE_HASH => {
            let withdrawn: ExchangeVault::Withdrawn = read(log)?;
            debited(withdrawn.account, withdrawn.token, withdrawn.id, withdrawn.amount)
        }
        ExchangeVault::ExitExecuted::SIGNATURE_HASH => {
            let exited: ExchangeVault::ExitExecuted = read(log)?;
            debited(exited.account, exited.token, exited.id, exited.paid)
        }
        ExchangeVault::Escaped::SIGNATURE_HASH => {
            let escaped: ExchangeVault::Escaped = read(log)?;
            debited(escaped.account, escaped.token, escaped.id, escaped.amount)
        }
        ExchangeVault::RoyaltyFlushed::SIGNATURE_HASH => {
            let flushed: ExchangeVault::RoyaltyFlushed = read(log)?;
            debited(
                royalty_account(flushed.market),
                flushed.quote,
                U256::ZERO,
                flushed.amount,
            )
        }
        ExchangeVault::MarketListed::SIGNATURE_HASH => listed(log, registry)?,
        ExchangeVault::FeeAccountChanged::SIGNATURE_HASH => {
            let changed: ExchangeVault::FeeAccountChanged = read(log)?;
            DomainEvent::VaultFeeAccountChanged(event::VaultFeeAccountChanged {
                vault: log.address,
                previous: changed.previous,
                current: changed.current,
            })
        }
        ExchangeVault::FillSettled::SIGNATURE_HASH => filled(log)?,
        _ => return Ok(None),
    };
    Ok(Some(event))
}

fn listed(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    let listed: ExchangeVault::MarketListed = read(log)?;
    Ok(DomainEvent::VaultMarketListed(event::VaultMarketListed {
        vault: log.address,
        market: listed.market,
        base: TokenRef::new(listed.base, listed.baseId),
        quote: TokenRef::new(listed.quote, U256::ZERO),
        asset: some(registry, listed.assetId),
        royalty_account: royalty_account(listed.market),
    }))
}

fn filled(log: &RawLog) -> Result<DomainEvent, Undecodable> {
    let ExchangeVault::FillSettled {
        group,
        number,
        market,
        fill,
    } = read(log)?;
    if fill.sellerFee.saturating_add(fill.royalty) > fill.quoteAmount {
        return Err(Undecodable::new(format!(
            "fill {number} keeps {} and {} of the {} that its seller gets",
            fill.sellerFee, fill.royalty, fill.quoteAmount
        )));
    }
    Ok(DomainEvent::VaultFilled(event::VaultFilled {
        vault: log.address,
        market,
        group,
        number,
        buyer: fill.buyer,
        seller: fill.seller,
        base_amount: U256::from(fill.baseAmount),
        quote_amount: U256::from(fill.quoteAmount),
        buyer_fee: U256::from(fill.buyerFee),
        seller_fee: U256::from(fill.sellerFee),
        royalty: U256::from(fill.royalty),
    }))
}

/// Where a market's royalties gather in the vault until they are flushed: `VaultMarkets.royaltyAccount`.
fn royalty_account(market: B256) -> Address {
    let hash = keccak256(("souk.royalty".to_string(), market).abi_encode_params());
    Address::from_slice(&hash[..20])
}
