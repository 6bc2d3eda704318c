//! Batch loading: what many parts of one answer ask for at the same time is read in one statement.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use souk_schema::{ChainId, U256};

use super::assets::{self, AssetRow, ShareIssueRow};
use super::blocks::{self, BlockRow};
use super::events::{self, EventRow, LogPlace};
use super::exchange::markets::{self, StatsKey, StatsRow, UnderlyingRow};
use super::foreign::{self, ForeignRow};
use super::licenses::{self, TermsId, TermsRow};
use super::listing::{self, Listing, Page, Rows};
use super::observations::{self, Described, ObservationRow};
use super::revenues::{self, TotalRow};
use super::{Reader, chains};
use crate::error::ApiError;
use crate::scalars::Key;
use crate::session::ReaderCell;

/// Loads through the one view of a request.
pub struct Loaders(pub Arc<ReaderCell>);

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageOf<L>(pub L, pub Page);

/// The length of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountOf<L>(pub L);

impl<L: Listing> Loader<PageOf<L>> for Loaders {
    type Value = Arc<Rows<L::Row>>;
    type Error = ApiError;

    async fn load(&self, keys: &[PageOf<L>]) -> Result<HashMap<PageOf<L>, Self::Value>, ApiError> {
        let wanted: Vec<(L, Page)> = keys
            .iter()
            .map(|PageOf(list, page)| (list.clone(), page.clone()))
            .collect();
        let found = listing::pages(self.0.reader().await?, &wanted).await?;
        Ok(found
            .into_iter()
            .map(|((list, page), rows)| (PageOf(list, page), Arc::new(rows)))
            .collect())
    }
}

impl<L: Listing> Loader<CountOf<L>> for Loaders {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[CountOf<L>]) -> Result<HashMap<CountOf<L>, i64>, ApiError> {
        let lists: Vec<L> = keys.iter().map(|CountOf(list)| list.clone()).collect();
        let found = listing::counts(self.0.reader().await?, &lists).await?;
        Ok(found.into_iter().map(|(list, total)| (CountOf(list), total)).collect())
    }
}

/// Declares what is loaded by a key of its own, and by which function.
macro_rules! keyed {
    ($($(#[doc = $doc:literal])+ $name:ident($key:ty) -> $value:ty, |$reader:ident, $keys:ident| $load:expr;)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub $key);

        impl Loader<$name> for Loaders {
            type Value = $value;
            type Error = ApiError;

            async fn load(&self, keys: &[$name]) -> Result<HashMap<$name, $value>, ApiError> {
                let $keys: Vec<$key> = keys.iter().map(|$name(key)| key.clone()).collect();
                let $reader: &Reader = self.0.reader().await?;
                let found: HashMap<$key, $value> = $load;
                Ok(found.into_iter().map(|(key, value)| ($name(key), value)).collect())
            }
        }
    )+ };
}

keyed! {
    /// An asset by chain and key.
    AssetByKey((ChainId, Vec<u8>)) -> AssetRow, |reader, keys| {
        let rows = assets::by_key(reader, &keys).await?;
        rows.into_iter().map(|row| ((row.chain.0, row.key.0.key().as_bytes().to_vec()), row)).collect()
    };
    /// What other protocols know an asset as, by its CAIP-19 id.
    ForeignById(String) -> Vec<ForeignRow>, |reader, keys| foreign::by_id(reader, &keys).await?;
    /// What was found of something wanted, by its key.
    ObservationByKey(Vec<u8>) -> ObservationRow, |reader, keys| observations::by_key(reader, &keys).await?;
    /// The document that was found of something wanted, by its key.
    ObservedContent(Vec<u8>) -> Vec<u8>, |reader, keys| observations::contents(reader, &keys).await?;
    /// Where a thing of another protocol was last said to be described, as of a block.
    DescribedAt((ChainId, Vec<u8>, i64)) -> Described, |reader, keys| observations::described(reader, &keys).await?;
    /// An asset's share issue as of a block.
    ShareIssueOf((ChainId, Vec<u8>, i64)) -> ShareIssueRow, |reader, keys| assets::share_issues(reader, &keys).await?;
    /// What an asset earned up to a block.
    RevenueTotalsOf((ChainId, Vec<u8>, i64)) -> Vec<TotalRow>, |reader, keys| revenues::totals(reader, &keys).await?;
    /// Licence terms.
    TermsById(TermsId) -> TermsRow, |reader, keys| licenses::terms(reader, &keys).await?;
    /// A licence series of an asset, by its number.
    SeriesOfParent((ChainId, Vec<u8>, U256)) -> Key, |reader, keys| licenses::of_parents(reader, &keys).await?;
    /// A block by number.
    BlockByNumber((ChainId, i64)) -> BlockRow, |reader, keys| blocks::by_number(reader, &keys).await?;
    /// The last block that is not later than a time.
    BlockByTime((ChainId, i64)) -> BlockRow, |reader, keys| blocks::by_time(reader, &keys).await?;
    /// The events of a log.
    EventsOfLog(LogPlace) -> Vec<EventRow>, |reader, keys| events::of_logs(reader, &keys).await?;
    /// What a market of the exchange did in a day.
    StatsOf(StatsKey) -> StatsRow, |reader, keys| markets::stats(reader, &keys).await?;
    /// The asset that a token is a share or a licence of.
    UnderlyingOf((ChainId, Vec<u8>)) -> UnderlyingRow, |reader, keys| markets::assets_of_tokens(reader, &keys).await?;
    /// The shares and licence series of an asset.
    TradedOf((ChainId, Vec<u8>)) -> Vec<UnderlyingRow>, |reader, keys| markets::tokens_of_assets(reader, &keys).await?;
    /// How many logs of a chain are in quarantine.
    QuarantineCount(ChainId) -> i64, |reader, keys| {
        chains::quarantined(reader, &keys).await?.into_iter().map(|(chain, count)| (chain.0, count)).collect()
    };
}
