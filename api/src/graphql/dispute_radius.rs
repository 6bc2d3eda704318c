//! What a dispute reaches: descendants from the graph, held revenue from the tables of payouts, open orders from the exchange.

use std::collections::HashMap;

use async_graphql::{Object, SimpleObject};
use souk_provenance::graph::Direction;
use souk_schema::caip::{self, EvmAssetId};
use souk_schema::exchange::{Amount, Lots, MarketKind, Side};
use souk_schema::{TokenRef, TokenStandard};

use super::economy::Around;
use super::exchange::market::Market;
use super::exchange::query::all_markets;
use super::kinds::LineageDirection;
use super::lineage::{Lineage, LineageSize, lineage};
use crate::error::ApiError;
use crate::exchange::MarketAt;
use crate::scalars::{AssetId, BigInt, Key, Long};
use crate::store::disputes::{HeldBy, HeldRow};
use crate::store::loaders::UnderlyingOf;

/// What a dispute reaches.
pub struct BlastRadius {
    pub(super) around: Around,
    pub(super) dispute: Key,
    pub(super) asset: Key,
}

/// What a dispute holds in one token.
#[derive(Clone, Debug, SimpleObject)]
pub struct HeldRevenue {
    /// The ERC-20, as CAIP-19.
    currency: AssetId,
    /// How much, in base units.
    amount: BigInt,
    /// In how many lines of payouts.
    lines: Long,
}

/// Open orders in markets of one asset's shares.
#[derive(SimpleObject)]
pub struct AffectedMarket {
    /// The market.
    market: Market,
    /// How many orders can be filled.
    orders: Long,
    /// Shares that its book shows on both sides, in base units; what orders hide is not in it.
    base_amount: BigInt,
}

/// Open orders on shares of an asset and of what was made from it.
#[derive(SimpleObject)]
pub struct AffectedOrders {
    /// How many orders can be filled, in all markets.
    orders: Long,
    /// Shares that the books show, in base units, in all markets.
    base_amount: BigInt,
    /// The markets, by group and number.
    markets: Vec<AffectedMarket>,
}

impl BlastRadius {
    fn evm_id(&self) -> EvmAssetId {
        EvmAssetId {
            chain: self.around.chain.0,
            standard: TokenStandard::Erc721,
            token: self.asset.0,
        }
    }

    /// Which of these assets are the disputed one or were made from it.
    async fn affected(&self, assets: Vec<TokenRef>) -> Result<Vec<TokenRef>, ApiError> {
        let (root, chain) = (self.evm_id(), self.around.chain.0);
        self.around
            .session
            .with_graph(self.around.pin, move |graph, cut| {
                let mut affected: Vec<TokenRef> = assets.iter().copied().filter(|asset| *asset == root.token).collect();
                // Nothing is walked for nothing.
                let Some(node) = graph.node(&root).filter(|_| affected.len() < assets.len()) else {
                    return affected;
                };
                let reached = graph.lineage(node, Direction::Descendants, None, cut, usize::MAX).nodes;
                let reached = reached.into_iter().filter_map(|node| match graph.asset(node.node) {
                    caip::AssetId::Evm(id) if id.chain == chain => Some(id.token),
                    _ => None,
                });
                let reached: std::collections::HashSet<TokenRef> = reached.collect();
                affected.extend(assets.iter().filter(|asset| reached.contains(asset)));
                affected
            })
            .await
    }

    /// The markets of shares on the dispute's chain, by the asset of the shares.
    async fn share_markets(&self) -> Result<HashMap<TokenRef, Vec<MarketAt>>, ApiError> {
        let mut markets: HashMap<TokenRef, Vec<MarketAt>> = HashMap::new();
        let of_shares = |at: &MarketAt| {
            at.opened.venue.chain == self.around.chain.0 && matches!(at.market.spec.kind, MarketKind::Shares)
        };
        let found = all_markets(&self.around.session)?.into_iter().filter(of_shares);
        let underlying = futures::future::try_join_all(found.map(async |at| {
            let key = at.market.spec.base.key().as_bytes().to_vec();
            let row = self
                .around
                .session
                .load(UnderlyingOf((self.around.chain.0, key)))
                .await?;
            Ok::<_, ApiError>((row, at))
        }));
        for (row, at) in underlying.await? {
            if let Some(row) = row {
                markets.entry(row.asset_key.0).or_default().push(at);
            }
        }
        Ok(markets)
    }

    fn orders_of(&self, at: MarketAt) -> Result<AffectedMarket, ApiError> {
        let (orders, lots) = {
            let look = self.around.session.exchange()?.group(Some(at.group))?.hub()?.look();
            let shown = look.book(at.market.id).map_or(0u64, |book| {
                let sides = [Side::Buy, Side::Sell]
                    .into_iter()
                    .flat_map(|side| book.levels.levels(side));
                sides.fold(0, |sum: u64, (_, lots)| sum.saturating_add(lots.0))
            });
            (look.working_orders(at.market.id), Lots(shown))
        };
        let base = at.market.spec.units.base(lots).unwrap_or(Amount(u128::MAX));
        Ok(AffectedMarket {
            orders: Long::saturating(orders as u64),
            base_amount: base.0.into(),
            market: Market::new(&self.around.session, at),
        })
    }
}

/// What a dispute reaches.
#[Object]
impl BlastRadius {
    /// What was made from the asset, nearest first.
    #[graphql(complexity = "LineageSize(limit).cost(child_complexity)")]
    async fn descendants(
        &self,
        #[graphql(
            desc = "How many assets at most, from 1 to 1000; the nearest are kept.",
            default = 100
        )]
        limit: i32,
    ) -> Result<Lineage, ApiError> {
        let (size, direction) = (LineageSize(limit), LineageDirection::Descendants);
        lineage(
            &self.around.session,
            self.around.pin,
            &self.evm_id(),
            direction,
            None,
            size,
        )
        .await
    }

    /// The revenue that is held for it as of then, by token; null where payouts are not written to tables.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn held_revenue(&self) -> Result<Option<Vec<HeldRevenue>>, ApiError> {
        let at = self.around.scope(self.dispute).await?.at;
        let key = (self.around.chain.0, self.asset.0.contract, self.dispute.0.id, at);
        let rows = self.around.session.load(HeldBy(key)).await?;
        let held = |row: HeldRow| HeldRevenue {
            currency: self.around.erc20(row.token),
            amount: row.amount,
            lines: Long(row.lines),
        };
        Ok(rows.map(|rows| rows.into_iter().map(held).collect()))
    }

    /// The orders that are open now on shares of the asset and of what was made from it by then; null where no exchange runs.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn open_orders(&self) -> Result<Option<AffectedOrders>, ApiError> {
        if self.around.session.exchange().is_err() {
            return Ok(None);
        }
        let mut markets = self.share_markets().await?;
        let affected = self.affected(markets.keys().copied().collect()).await?;
        let affected = affected.iter().filter_map(|asset| markets.remove(asset)).flatten();
        let mut affected: Vec<MarketAt> = affected.collect();
        affected.sort_by_key(|at| (at.group, at.market.id));
        let markets: Vec<AffectedMarket> = affected
            .into_iter()
            .map(|at| self.orders_of(at))
            .collect::<Result<_, _>>()?;
        let orders = markets
            .iter()
            .fold(0i64, |sum, market| sum.saturating_add(market.orders.0));
        let base_amount = markets.iter().fold(0u128, |sum, market| {
            sum.saturating_add(market.base_amount.small().unwrap_or(u128::MAX))
        });
        Ok(Some(AffectedOrders {
            orders: Long(orders),
            base_amount: base_amount.into(),
            markets,
        }))
    }
}
