//! `souk market`: the operator lists markets and changes their state and rules. Each is a command in the group's stream, so it is done once for
//! every engine of the group. What a vault takes is its owner's transaction.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;
use souk_contracts::LicenseRegistry;
use souk_contracts::exchange::market_id;
use souk_eventlog::EventLog;
use souk_exchange::{Engine, MarketView};
use souk_schema::caip::EvmAssetId;
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, GroupId, Lots, MarketKind, MarketLimits, MarketSpec, MarketState, MarketUnits,
    Ppm, Side, Ticks, UnixMillis,
};
use souk_schema::{Address, B256, TokenRef, TokenStandard, U256};
use souk_sequencer::GroupHandle;
use souk_settlement::markets::{self, TokenKind};
use souk_settlement::{AdminSigner, Node};
use sqlx::PgPool;

use crate::cli::{
    GroupArgs, ListMarketArgs, ListTokenArgs, MarketRulesArgs, MarketStateArgs, MarketStateName, ShowMarketsArgs,
    TokenKindName, VaultArgs,
};
use crate::commands::say;
use crate::config::read_deployment;
use crate::exchange;
use crate::instance::{DataDir, DevChain};
use crate::keys;
use crate::parts::{Store, Supervisor};

/// What the largest order at the highest price stays below, in quote base units; the engine takes twice that.
const LARGEST_ORDER: u128 = 1 << 99;

/// Most open orders of one account in a market.
const OPEN_ORDERS_IN_MARKET: u32 = 500;

/// Lists a market.
///
/// # Errors
/// One line for what does not fit, or what the vault or the engine refuses.
pub async fn list(args: &ListMarketArgs, dir: &DataDir) -> Result<()> {
    let Owner { chain, admin, node } = Owner::of(&args.vault, dir).await?;
    let (spec, asset) = specification(args, &chain, &node).await?;
    // Nothing that is priced in it could be written otherwise.
    exchange::token_name(&node, spec.quote).await?;
    with_group(&args.group, dir, async |group| {
        markets::list_market(&node, &admin, &group.handle, &spec, asset).await?;
        print_one(&args.group, &group.handle, spec.key)
    })
    .await
}

/// Has the vault take a token.
///
/// # Errors
/// One line for what the vault refuses, or a token that pays and does not say how it is written.
pub async fn token(args: &ListTokenArgs, dir: &DataDir) -> Result<()> {
    let Owner { admin, node, .. } = Owner::of(&args.vault, dir).await?;
    let kind = match args.kind {
        TokenKindName::Erc20 => TokenKind::Erc20,
        TokenKindName::Erc1155 => TokenKind::Erc1155,
    };
    let name = match kind {
        TokenKind::Erc20 => {
            let (symbol, decimals) = exchange::token_name(&node, args.token).await?;
            format!("{} ({symbol}, {decimals} decimals)", args.token)
        }
        TokenKind::Erc1155 => args.token.to_string(),
    };
    let vault = node.vault();
    match markets::list_token(&node, &admin, args.token, kind).await? {
        true => say(format!("the vault {vault} takes {name} now")),
        false => say(format!("the vault {vault} took {name} before")),
    }
    Ok(())
}

/// Changes a market's fees and limits.
///
/// # Errors
/// One line for what the engine refuses.
pub async fn rules(args: &MarketRulesArgs, dir: &DataDir) -> Result<()> {
    with_group(&args.group, dir, async |group| {
        let present = group.handle.read(|engine| {
            let market = engine.market_by_key(args.market)?;
            Some((market.fees(), market.limits()))
        });
        let (fees, limits) = present.with_context(|| format!("the group has no market {}", args.market))?;
        let (fees, limits) = changed(args, fees, limits);
        let market = args.market;
        let body = CommandBody::SetMarketRules { market, fees, limits };
        if let Err(rejection) = group.handle.submit(body).await?.result {
            bail!("{rejection}");
        }
        print_one(&args.group, &group.handle, market)
    })
    .await
}

/// Fees and limits with what is named instead of what is.
fn changed(args: &MarketRulesArgs, fees: FeeSchedule, limits: MarketLimits) -> (FeeSchedule, MarketLimits) {
    let fees = FeeSchedule {
        maker_ppm: args.maker_ppm.map_or(fees.maker_ppm, Ppm),
        taker_ppm: args.taker_ppm.map_or(fees.taker_ppm, Ppm),
        royalty_ppm: args.royalty_ppm.map_or(fees.royalty_ppm, Ppm),
    };
    let limits = MarketLimits {
        min_lots: args.min_lots.map_or(limits.min_lots, Lots),
        max_lots: args.max_lots.map_or(limits.max_lots, Lots),
        max_price: args.max_price.map_or(limits.max_price, Ticks),
        max_open_orders: args.max_open_orders.unwrap_or(limits.max_open_orders),
        band_ppm: match args.band_ppm {
            Some(band) => (band > 0).then_some(Ppm(band)),
            None => limits.band_ppm,
        },
        auction_secs: args.auction_secs.unwrap_or(limits.auction_secs),
    };
    (fees, limits)
}

/// A vault's chain, and the key of its owner.
struct Owner {
    chain: DevChain,
    admin: AdminSigner,
    node: Node,
}

impl Owner {
    async fn of(args: &VaultArgs, dir: &DataDir) -> Result<Owner> {
        let (chain, is_dev) = match (&args.rpc, &args.deployment) {
            (Some(rpc), Some(deployment)) => {
                let chain = DevChain {
                    rpc: rpc.to_string(),
                    deployment: read_deployment(deployment)?,
                    group: GroupId(1),
                };
                (chain, false)
            }
            _ => match dir.running()?.dev_chain {
                Some(chain) => (chain, true),
                None => bail!("name the chain that the vault is on with --rpc and --deployment"),
            },
        };
        let admin = match keys::admin(args.admin_key_file.as_deref())? {
            Some(key) => key,
            None if is_dev => keys::dev_admin()?,
            None => bail!("listing needs the key of the vault's owner: give --admin-key-file, or SOUK_ADMIN_KEY"),
        };
        let node = exchange::connected(&chain.rpc, exchange::vault_of(&chain.deployment)?).await?;
        Ok(Owner { chain, admin, node })
    }
}

/// Changes a market's state.
///
/// # Errors
/// One line for what the engine refuses.
pub async fn state(args: &MarketStateArgs, dir: &DataDir) -> Result<()> {
    let state = match args.state {
        MarketStateName::Auction => MarketState::Auction,
        MarketStateName::Open => MarketState::Open,
        MarketStateName::PostOnly => MarketState::PostOnly,
        MarketStateName::Halted => MarketState::Halted,
        MarketStateName::Closed => MarketState::Closed,
    };
    with_group(&args.group, dir, async |group| {
        let body = CommandBody::SetMarketState {
            market: args.market,
            state,
        };
        if let Err(rejection) = group.handle.submit(body).await?.result {
            bail!("{rejection}");
        }
        say(format!("market {} is {state:?} now", args.market));
        Ok(())
    })
    .await
}

/// Prints the markets.
///
/// # Errors
/// One line when the group cannot be reached.
pub async fn show(args: &ShowMarketsArgs, dir: &DataDir) -> Result<()> {
    with_group(&args.group, dir, async |group| {
        group.handle.read(|engine: &Engine| {
            for market in engine.markets() {
                print_market(args.group.instance.json, &market);
            }
        });
        Ok(())
    })
    .await
}

/// A group that runs elsewhere, followed by an engine of this process's own.
pub struct Followed {
    /// The engine.
    pub handle: GroupHandle,
    /// Its database.
    pub pool: PgPool,
    /// Its event log.
    pub log: Arc<dyn EventLog>,
}

/// Reaches a group through an engine of this process's own, which reads the same stream.
///
/// # Errors
/// Those of the work, or one line where no group can be reached.
pub async fn with_group<T>(
    args: &GroupArgs,
    dir: &DataDir,
    work: impl AsyncFnOnce(&Followed) -> Result<T>,
) -> Result<T> {
    let store = Store::of_command(&args.instance, dir)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let groups = exchange::groups_of(log.as_ref()).await?;
    let group = match (args.group.map(GroupId), groups.as_slice()) {
        (Some(group), groups) if groups.contains(&group) => group,
        (None, &[.., newest]) => newest,
        (Some(group), _) => {
            bail!("the log has no market group {group}; start one with `souk exchange --group {group}`")
        }
        (None, []) => bail!("the log has no market group: start one with `souk up` or `souk exchange`"),
    };
    let mut supervisor = Supervisor::new()?;
    let handle = exchange::follow(&mut supervisor, group, &log, &pool).await?;
    let followed = Followed { handle, pool, log };
    let done = supervisor
        .meanwhile(async {
            ensure!(
                followed.handle.running().await,
                "the engine of market group {group} did not get ready"
            );
            work(&followed).await
        })
        .await;
    supervisor.cancel().cancel();
    let stopped = supervisor.until_stopped().await;
    let done = done?.ok_or_else(|| anyhow!("stopped before it was done; look with `souk market show`"))?;
    stopped.map(|()| done)
}

async fn specification(args: &ListMarketArgs, chain: &DevChain, node: &Node) -> Result<(MarketSpec, U256)> {
    let base: EvmAssetId = args.base.parse().context("--base")?;
    ensure!(
        base.standard == TokenStandard::Erc1155,
        "--base is traded by ids of ERC-1155 contracts: shares or licence series"
    );
    let of = chain.deployment.addresses;
    let quote = args.quote.unwrap_or(of.test_usd);
    let is_shares = base.token.contract == of.asset_shares;
    let is_licence = base.token.contract == of.license_registry;
    let (asset, kind) = if is_licence {
        let registry = LicenseRegistry::new(of.license_registry, node.provider());
        let series = registry
            .seriesOf(base.token.id)
            .call()
            .await
            .context("the licence registry")?;
        ensure!(
            !series.assetId.is_zero(),
            "no licence of the series {} was ever minted",
            base.token.id
        );
        let expires_secs = args.expires_at.or(Some(series.expiresAt).filter(|secs| *secs != 0));
        let expires_at = expires_secs.map(|secs| UnixMillis(secs.saturating_mul(1_000)));
        (args.asset.unwrap_or(series.assetId), MarketKind::Licence { expires_at })
    } else {
        let own = is_shares.then_some(base.token.id);
        let asset = args
            .asset
            .or(own)
            .context("say with --asset whose revenue gets the royalties")?;
        (asset, MarketKind::Shares)
    };
    let fees = FeeSchedule {
        maker_ppm: Ppm(args.maker_ppm),
        taker_ppm: Ppm(args.taker_ppm),
        royalty_ppm: Ppm(args.royalty_ppm),
    };
    let units = MarketUnits {
        lot_size: Amount(args.lot_size),
        tick_size: Amount(args.tick_size),
    };
    ensure!(
        args.tick_size > 0 && args.lot_size > 0,
        "--tick-size and --lot-size are at least 1"
    );
    let reference_price = units
        .ticks(Amount(args.price))
        .with_context(|| format!("--price is not a whole number of ticks of {}", args.tick_size))?;
    let listing = Listing {
        base: base.token,
        quote,
        kind,
        units,
        fees,
        reference_price,
        max_lots: Lots(args.max_lots),
        band_ppm: (args.band_ppm > 0).then_some(Ppm(args.band_ppm)),
        auction_secs: args.auction_secs,
    };
    Ok((listing.spec(), asset))
}

/// What an operator says of a market; the rest follows.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// What is traded.
    pub base: TokenRef,
    /// What pays.
    pub quote: Address,
    /// Shares or licences.
    pub kind: MarketKind,
    /// Lot and tick; neither is 0.
    pub units: MarketUnits,
    /// What trading costs.
    pub fees: FeeSchedule,
    /// About what a lot is worth.
    pub reference_price: Ticks,
    /// Most lots of an order.
    pub max_lots: Lots,
    /// How far from the last price trading may go without an auction.
    pub band_ppm: Option<Ppm>,
    /// How long an auction gathers orders.
    pub auction_secs: u32,
}

impl Listing {
    /// The market. Prices go up to a thousand times the reference, or as far as the largest order fits.
    pub fn spec(self) -> MarketSpec {
        let units = self.units;
        let room = LARGEST_ORDER / units.tick_size.0.saturating_mul(u128::from(self.max_lots.0)).max(1);
        let most = u64::try_from(room).unwrap_or(u64::MAX);
        MarketSpec {
            key: market_id(
                self.base.contract,
                self.base.id,
                self.quote,
                units.lot_size.0,
                units.tick_size.0,
            ),
            base: self.base,
            quote: self.quote,
            kind: self.kind,
            units,
            fees: self.fees,
            limits: MarketLimits {
                min_lots: Lots(1),
                max_lots: self.max_lots,
                max_price: Ticks(self.reference_price.0.saturating_mul(1_000).min(most)),
                max_open_orders: OPEN_ORDERS_IN_MARKET,
                band_ppm: self.band_ppm,
                auction_secs: self.auction_secs,
            },
            reference_price: self.reference_price,
        }
    }
}

fn print_one(args: &GroupArgs, handle: &GroupHandle, key: B256) -> Result<()> {
    handle.read(|engine| {
        let market = engine
            .market_by_key(key)
            .context("the engine does not know the market after all")?;
        print_market(args.instance.json, &market);
        Ok(())
    })
}

fn print_market(as_json: bool, market: &MarketView<'_>) {
    let (spec, state) = (market.spec(), market.effective_state());
    let best = |side| market.best(side).map(|level| level.price.0);
    let (bid, ask, last) = (best(Side::Buy), best(Side::Sell), market.last_price().0);
    if as_json {
        let (base, tick) = (
            json!({ "contract": spec.base.contract, "id": spec.base.id.to_string() }),
            spec.units.tick_size,
        );
        let line = json!({
            "market": spec.key, "number": market.id(), "base": base, "quote": spec.quote, "state": state, "tickSize": tick,
            "lastTicks": last, "bidTicks": bid, "askTicks": ask, "fees": market.fees(), "limits": market.limits(),
        });
        say(line);
        return;
    }
    let or_none = |price: Option<u64>| price.map_or("–".to_string(), |ticks| ticks.to_string());
    say(format!(
        "{}  {state:?}  {}/{}  last {last}, bid {}, ask {} ticks of {}",
        spec.key,
        spec.base.contract,
        spec.base.id,
        or_none(bid),
        or_none(ask),
        spec.units.tick_size
    ));
}
