//! The demo's markets on the exchange: listed on chain and in the engine, and opened by an auction.

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};
use souk_contracts::{LicenseRegistry, terms_id};
use souk_demo::{PlannedMarket, TICK_MICROS, Traded, Trading};
use souk_schema::TokenRef;
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, Lots, MarketKind, MarketSpec, MarketState, MarketUnits, Ppm, Ticks, UnixMillis,
};
use souk_settlement::markets::list_market;

use crate::commands::market::Listing;
use crate::exchange::RunningGroup;
use crate::instance::DevChain;
use crate::keys;

/// Seconds of the auction that opens a market: long enough to be seen, short enough to be waited for.
const AUCTION_SECS: u32 = 2;

const FEES: FeeSchedule = FeeSchedule {
    maker_ppm: Ppm(500),
    taker_ppm: Ppm(1_500),
    royalty_ppm: Ppm(2_500),
};

/// Lists the markets that the demo trades, and has each open by an auction; what is there already is left as it is. `first_asset_id` is
/// the id on chain of the economy's first asset.
///
/// # Errors
/// One line when the vault or the engine refuses.
pub async fn open(
    chain: &DevChain,
    economy: &souk_demo::Economy,
    trading: &Trading,
    first_asset_id: U256,
    group: &RunningGroup,
) -> Result<Vec<MarketSpec>> {
    let admin = keys::dev_admin()?;
    let mut specs = Vec::with_capacity(trading.markets.len());
    for planned in &trading.markets {
        let asset = first_asset_id + U256::from(planned.asset);
        let spec = specification(chain, economy, planned, asset, group).await?;
        list_market(&group.node, &admin, &group.handle, &spec, asset)
            .await
            .with_context(|| format!("the market of asset {asset}"))?;
        let state = group
            .handle
            .read(|engine| engine.market_by_key(spec.key).map(|market| market.state()));
        if state == Some(MarketState::PreOpen) {
            let body = CommandBody::SetMarketState {
                market: spec.key,
                state: MarketState::Auction,
            };
            let outcome = group.handle.submit(body).await?;
            ensure!(
                outcome.result.is_ok(),
                "the market of asset {asset} does not open: {:?}",
                outcome.result
            );
        }
        specs.push(spec);
    }
    Ok(specs)
}

async fn specification(
    chain: &DevChain,
    economy: &souk_demo::Economy,
    planned: &PlannedMarket,
    asset: U256,
    group: &RunningGroup,
) -> Result<MarketSpec> {
    let of = chain.deployment.addresses;
    let (base, kind) = match planned.traded {
        Traded::Shares => (TokenRef::new(of.asset_shares, asset), MarketKind::Shares),
        Traded::Licences(terms) => {
            let terms = terms_id(&economy.terms[terms].to_contract(of.test_usd, &economy.edition));
            let registry = LicenseRegistry::new(of.license_registry, group.node.provider());
            let minted = registry
                .LicenseMinted_filter()
                .topic2(asset)
                .topic3(terms)
                .from_block(chain.deployment.block);
            let minted = minted.query().await.context("the licence registry's events")?;
            let (newest, _) = minted
                .last()
                .context("nobody bought a licence of the demo's licence market")?;
            let expires_at = (newest.expiresAt != 0).then(|| UnixMillis(newest.expiresAt.saturating_mul(1_000)));
            (
                TokenRef::new(of.license_registry, newest.licenseId),
                MarketKind::Licence { expires_at },
            )
        }
    };
    let listing = Listing {
        base,
        quote: of.test_usd,
        kind,
        units: MarketUnits {
            lot_size: Amount(1),
            tick_size: Amount(u128::from(TICK_MICROS)),
        },
        fees: FEES,
        reference_price: Ticks(planned.price_micros / TICK_MICROS),
        max_lots: Lots(100_000),
        band_ppm: Some(Ppm(250_000)),
        auction_secs: AUCTION_SECS,
    };
    Ok(listing.spec())
}
