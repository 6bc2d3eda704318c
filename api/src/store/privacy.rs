//! What datasets were charged in differential privacy, from the view `privacy_charge`, whose rule is the only one.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use souk_schema::ChainId;
use sqlx::FromRow;

use super::chain_number;
use super::listing::{SortType, listing};
use super::loaders::Loaders;
use crate::error::ApiError;
use crate::scalars::{BigInt, Key, Long};

/// A row of `privacy_charge`.
#[derive(Clone, Debug, FromRow)]
pub struct ChargeRow {
    /// The execution or the round that used the dataset.
    pub source_key: Key,
    /// Whether it is a round: an execution and a round can have the same key, and the log tells which it is.
    pub is_round: bool,
    /// The privacy mode's number.
    pub privacy: i16,
    /// Millionths of an epsilon.
    pub epsilon_micros: BigInt,
    /// The block from which it counts.
    pub valid_from: Long,
    /// The log that says so.
    pub log_index: i32,
}

/// The charges of `k.key` that count as of `k.at`. What used the dataset at all is found by indexes first, and the view asked for each: alone
/// it would be computed for every dataset. The offset keeps its subquery whole, so that the source restricts what it looks at.
macro_rules! charges {
    () => {
        "(select e.execution_key as source_key from execution e where e.chain_id = k.chain and e.dataset_keys @> array[k.key] \
         union select e.execution_key from execution e where e.chain_id = k.chain and e.asset_key = k.key \
         union select u.round_key from round_update u where u.chain_id = k.chain and u.dataset_key = k.key) used \
         cross join lateral (select * from privacy_charge p where p.chain_id = k.chain and p.dataset_key = k.key \
         and p.source_key = used.source_key offset 0) t \
         where t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)"
    };
}

listing! {
    /// The charges of a dataset that count, newest first.
    ChargesOf of ChargeRow {
        name: "privacyCharges",
        columns: "t.source_key, exists (select from round_aggregation a where a.chain_id = t.chain_id and a.round_key = t.source_key \
                  and a.valid_from = t.valid_from and a.log_index = t.log_index) as is_round, t.privacy, \
                  t.epsilon_micros::text as epsilon_micros, t.valid_from, t.log_index",
        from: charges!(),
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)],
        descending: true,
    }
}

/// The sum of a dataset's charges as of a block: by chain, key and block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EpsilonOf(pub (ChainId, Vec<u8>, i64));

impl Loader<EpsilonOf> for Loaders {
    type Value = BigInt;
    type Error = ApiError;

    async fn load(&self, keys: &[EpsilonOf]) -> Result<HashMap<EpsilonOf, BigInt>, ApiError> {
        let chains = keys.iter().map(|EpsilonOf((chain, ..))| chain_number(*chain));
        let query = sqlx::query(concat!(
            "select k.i, x.sum from unnest($1::int8[], $2::bytea[], $3::int8[]) with ordinality as k(chain, key, at, i) \
             cross join lateral (select coalesce(sum(t.epsilon_micros), 0)::text as sum from ",
            charges!(),
            ") x"
        ))
        .bind(chains.collect::<Vec<_>>())
        .bind(keys.iter().map(|EpsilonOf((_, key, _))| key.clone()).collect::<Vec<_>>())
        .bind(keys.iter().map(|EpsilonOf((.., at))| *at).collect::<Vec<_>>());
        let rows: Vec<(i64, BigInt)> = self.0.reader().await?.all(query).await?;
        let at = |parent: i64| keys.get(usize::try_from(parent - 1).ok()?).cloned();
        Ok(rows
            .into_iter()
            .filter_map(|(parent, sum)| Some((at(parent)?, sum)))
            .collect())
    }
}
