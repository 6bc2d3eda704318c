//! What an asset earns, what of it is paid out, and where its shares and licences trade.

use async_graphql::Object;

use super::Asset;
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::contribution::{Revenue, RevenueTotal};
use crate::graphql::exchange::market::Market;
use crate::graphql::exchange::query::markets_of_asset;
use crate::graphql::payout::line::PayoutLine;
use crate::session::AsOf;
use crate::store::loaders::RevenueTotalsOf;
use crate::store::revenues;

/// The fields of an asset about money.
pub struct AssetMoney(pub(super) Asset);

/// The fields of an asset about money.
#[Object]
impl AssetMoney {
    /// What it earned, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn revenues(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what had arrived then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Revenue>, ApiError> {
        let revenue = Revenue::maker(&self.0.session, self.0.pinned(as_of), self.0.row.chain);
        Connection::of(
            &self.0.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            revenues::OfAsset(self.0.scope(as_of).await?),
            revenue,
        )
        .await
    }

    /// What it earned in all, per token.
    #[graphql(complexity = "5 + 2 * child_complexity")]
    async fn revenue_totals(
        &self,
        #[graphql(desc = "Only what had arrived then.")] as_of: Option<AsOf>,
    ) -> Result<Vec<RevenueTotal>, ApiError> {
        let at = self.0.scope(as_of).await?.at;
        let totals = self
            .0
            .session
            .load(RevenueTotalsOf((self.0.row.chain.0, self.0.key(), at)))
            .await?;
        Ok(totals
            .unwrap_or_default()
            .into_iter()
            .map(|row| RevenueTotal::new(self.0.row.chain, row))
            .collect())
    }

    /// The markets in which its shares and its licences trade; null where no exchange runs.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn markets(&self) -> Result<Option<Vec<Market>>, ApiError> {
        if self.0.session.exchange().is_err() {
            return Ok(None);
        }
        markets_of_asset(&self.0.session, &self.0.evm_id()).await.map(Some)
    }

    /// The lines of revenues that are paid for it: what it earned itself, and what reached it from what was made from it. Newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn payout_lines(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let asset = self.0.evm_id().into();
        PayoutLine::of_asset(&self.0.session, self.0.pinned(as_of), &asset, arguments).await
    }
}
