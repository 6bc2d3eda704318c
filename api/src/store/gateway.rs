//! One asset on several chains: announcements, and mirrors with what is known of their origin.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use souk_schema::ChainId as RawChain;
use sqlx::FromRow;

use super::chain_number;
use super::listing::{SortType, listing};
use super::loaders::Loaders;
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, ChainId, Key, Long};

/// A row of `announcement`.
#[derive(Clone, Debug, FromRow)]
pub struct AnnouncementRow {
    /// The gateway.
    pub gateway: Address,
    /// Its id.
    pub announcement_id: Bytes32,
    /// The other chain's number.
    pub target_chain: BigInt,
    /// Commitment to the content then.
    pub content_hash: Bytes32,
    /// The block that made it.
    pub valid_from: Long,
    /// The log that made it.
    pub log_index: i32,
}

listing! {
    /// The announcements of an asset, newest first.
    AnnouncementsOf of AnnouncementRow {
        name: "announcements",
        columns: "t.gateway, t.announcement_id, t.target_chain::text as target_chain, t.content_hash, t.valid_from, t.log_index",
        from: "announcement t where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)],
        descending: true,
    }
}

/// A row of `mirror`, with what is known of the announcement now.
#[derive(Clone, Debug, FromRow)]
pub struct MirrorRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// The mirror's chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The mirror's gateway.
    pub gateway: Address,
    /// The announcement that it names.
    pub announcement_id: Bytes32,
    /// The mirror.
    pub mirror_key: Key,
    /// The origin's chain.
    pub origin_chain: BigInt,
    /// The origin.
    pub origin_key: Key,
    /// The origin's gateway.
    pub origin_gateway: Address,
    /// Commitment to the content that was announced.
    pub content_hash: Bytes32,
    /// Who says so.
    pub relayer: Address,
    /// The block of the mirror's chain.
    pub valid_from: Long,
    /// The log of the mirror's chain.
    pub log_index: i32,
    /// The block of the origin's chain that announced exactly this; none where it was not seen.
    pub announced_at: Option<Long>,
    /// The log of that.
    pub announced_log_index: Option<i32>,
    /// Whether that block is final.
    pub confirmed: bool,
}

/// The mirrors that an asset is in, as one or as the origin of one: by chain and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MirrorsOf(pub (RawChain, Vec<u8>));

impl Loader<MirrorsOf> for Loaders {
    type Value = Vec<MirrorRow>;
    type Error = ApiError;

    async fn load(&self, keys: &[MirrorsOf]) -> Result<HashMap<MirrorsOf, Vec<MirrorRow>>, ApiError> {
        let chains = keys.iter().map(|MirrorsOf((chain, _))| chain_number(*chain));
        let query = sqlx::query(
            "select k.i as parent_index, m.chain_id, m.gateway, m.announcement_id, m.mirror_key, m.origin_chain::text as origin_chain, \
             m.origin_key, m.origin_gateway, m.content_hash, m.relayer, m.valid_from, m.log_index, c.announced_at, \
             (select a.log_index from announcement a where a.chain_id = m.origin_chain and a.announcement_id = m.announcement_id \
              and a.gateway = m.origin_gateway and a.asset_key = m.origin_key and a.target_chain = m.chain_id \
              and a.content_hash = m.content_hash and a.valid_from = c.announced_at order by a.log_index limit 1) as announced_log_index, \
             c.confirmed \
             from unnest($1::int8[], $2::bytea[]) with ordinality as k(chain, key, i) \
             cross join lateral (select * from mirror m where m.chain_id = k.chain and m.mirror_key = k.key \
             union all select * from mirror m where m.origin_chain = k.chain and m.origin_key = k.key \
             and (m.chain_id, m.mirror_key) <> (k.chain, k.key)) m \
             cross join lateral (select v.announced_at, v.confirmed from mirror_confirmation v where v.chain_id = m.chain_id \
             and v.mirror_key = m.mirror_key and v.valid_from = m.valid_from and v.log_index = m.log_index) c \
             order by k.i, m.chain_id, m.valid_from, m.log_index",
        )
        .bind(chains.collect::<Vec<_>>())
        .bind(keys.iter().map(|MirrorsOf((_, key))| key.clone()).collect::<Vec<_>>());
        let mut found: HashMap<MirrorsOf, Vec<MirrorRow>> = HashMap::new();
        for row in self.0.reader().await?.all::<MirrorRow>(query).await? {
            if let Some(key) = usize::try_from(row.parent - 1).ok().and_then(|at| keys.get(at)) {
                found.entry(key.clone()).or_default().push(row);
            }
        }
        Ok(found)
    }
}
