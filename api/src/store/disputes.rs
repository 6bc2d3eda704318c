//! Disputes over assets, how they were judged, and what they hold.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use souk_schema::{Address as RawAddress, ChainId, U256};
use sqlx::FromRow;

use super::listing::{SortType, listing};
use super::loaders::Loaders;
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};

const BY_LOG: &[(&str, SortType)] = &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)];

/// A row of `dispute`, with what became of it as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct DisputeRow {
    /// The dispute in its court.
    pub dispute_key: Key,
    /// The asset.
    pub asset_key: Key,
    /// Who says that something is wrong.
    pub challenger: Address,
    /// The tag's number.
    pub tag: i16,
    /// What the challenger loses if wrong.
    pub bond: BigInt,
    /// Commitment to the evidence.
    pub evidence_hash: Bytes32,
    /// Where the evidence is.
    pub evidence_uri: String,
    /// The block that raised it.
    pub valid_from: Long,
    /// The log that raised it.
    pub log_index: i32,
    /// Whether it was judged.
    pub is_judged: bool,
    /// The outcome's number; there once it is over, as are the next.
    pub outcome: Option<i16>,
    /// Who got the bond.
    pub bond_to: Option<Address>,
    /// The block that ended it.
    pub resolved_block: Option<Long>,
    /// The log that ended it.
    pub resolved_log_index: Option<i32>,
}

macro_rules! disputes_where {
    ($condition:literal) => {
        concat!(
            "dispute t left join dispute_resolution r on r.chain_id = t.chain_id and r.dispute_key = t.dispute_key \
             and r.valid_from <= k.at where ",
            $condition,
            " and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)"
        )
    };
}

const DISPUTE: &str = "t.dispute_key, t.asset_key, t.challenger, t.tag, t.bond::text as bond, t.evidence_hash, t.evidence_uri, t.valid_from, \
    t.log_index, exists (select from dispute_judgement j where j.chain_id = t.chain_id and j.dispute_key = t.dispute_key \
    and j.valid_from <= k.at) as is_judged, r.outcome, r.bond_to, r.valid_from as resolved_block, r.log_index as resolved_log_index";

listing! {
    /// The disputes over an asset, newest first.
    DisputesOf of DisputeRow {
        name: "disputes",
        columns: DISPUTE,
        from: disputes_where!("t.chain_id = k.chain and t.asset_key = k.key"),
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// The disputes of a chain, newest first; the key is empty, or one byte: 1 for those that are not over, 0 for those that are.
    DisputesOfChain of DisputeRow {
        name: "chainDisputes",
        columns: DISPUTE,
        from: disputes_where!(
            "t.chain_id = k.chain and (k.key = ''::bytea or (k.key = '\\x01'::bytea) = (r.valid_from is null))"
        ),
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// A dispute by its own key: at most one row.
    DisputeByKey of DisputeRow {
        name: "dispute",
        columns: DISPUTE,
        from: disputes_where!("t.chain_id = k.chain and t.dispute_key = k.key"),
        sort: BY_LOG,
        descending: false,
    }
}

/// A row of `dispute_judgement`.
#[derive(Clone, Debug, FromRow)]
pub struct JudgementRow {
    /// Who judged.
    pub judge: Address,
    /// Whether the challenger is right.
    pub upheld: bool,
    /// Unix time in seconds.
    pub resolvable_at: BigInt,
    /// Commitment to the reasons.
    pub ruling_hash: Bytes32,
    /// The block of the judgement.
    pub valid_from: Long,
    /// The log of the judgement.
    pub log_index: i32,
}

listing! {
    /// The judgements of a dispute, oldest first; the last counts.
    JudgementsOf of JudgementRow {
        name: "judgements",
        columns: "t.judge, t.upheld, t.resolvable_at::text as resolvable_at, t.ruling_hash, t.valid_from, t.log_index",
        from: "dispute_judgement t where t.chain_id = k.chain and t.dispute_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}

/// What a dispute holds in one token.
#[derive(Clone, Debug, FromRow)]
pub struct HeldRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// The ERC-20.
    pub token: Address,
    /// Base units.
    pub amount: BigInt,
    /// In how many lines.
    pub lines: i64,
}

/// What a dispute holds as of a block: by chain, registry, the dispute's number and the block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeldBy(pub (ChainId, RawAddress, U256, i64));

impl Loader<HeldBy> for Loaders {
    /// There is none where payouts are not written to tables. What a root counted that was finalised all the same is held no more: it is
    /// vested, and no change tells of a release.
    type Value = Vec<HeldRow>;
    type Error = ApiError;

    async fn load(&self, keys: &[HeldBy]) -> Result<HashMap<HeldBy, Self::Value>, ApiError> {
        let reader = self.0.reader().await?;
        if !has_payouts(reader).await? {
            return Ok(HashMap::new());
        }
        let chains = keys.iter().map(|HeldBy((chain, ..))| chain_number(*chain));
        let registries = keys.iter().map(|HeldBy((_, registry, ..))| registry.to_vec());
        let query = sqlx::query(
            "select k.i as parent_index, l.token, sum(l.amount)::text as amount, count(*) as lines \
             from unnest($1::int8[], $2::bytea[], $3::text[], $4::int8[]) with ordinality as k(chain, registry, hold, at, i) \
             cross join lateral (select distinct c.revenue from payouts.portion_change c where c.chain_id = k.chain \
             and c.registry = k.registry and c.hold = 'dispute' and c.hold_id = k.hold::numeric and c.block_number <= k.at) h \
             join payouts.line l on (l.chain_id, l.registry, l.revenue) = (k.chain, k.registry, h.revenue) and l.block_number <= k.at \
             where (select count(*) filter (where c.change = 'held') > count(*) filter (where c.change = 'released') \
             from payouts.portion_change c where (c.chain_id, c.registry, c.revenue) = (k.chain, k.registry, h.revenue) \
             and (c.portion = l.portion or c.portion is null) and c.hold = 'dispute' and c.hold_id = k.hold::numeric \
             and c.block_number <= k.at) \
             and not coalesce((select c.change = 'ended' from payouts.portion_change c \
             where (c.chain_id, c.registry, c.revenue) = (k.chain, k.registry, h.revenue) and (c.portion = l.portion or c.portion is null) \
             and c.change in ('ended', 'restored') and c.block_number <= k.at order by c.number desc limit 1), false) \
             and not exists (select from payouts.portion_change c \
             where (c.chain_id, c.registry, c.revenue) = (k.chain, k.registry, h.revenue) and (c.portion = l.portion or c.portion is null) \
             and c.change = 'vested' and c.block_number <= k.at) \
             group by k.i, l.token order by k.i, l.token",
        )
        .bind(chains.collect::<Vec<_>>())
        .bind(registries.collect::<Vec<_>>())
        .bind(keys.iter().map(|HeldBy((_, _, id, _))| id.to_string()).collect::<Vec<_>>())
        .bind(keys.iter().map(|HeldBy((.., at))| *at).collect::<Vec<_>>());
        let mut found: HashMap<HeldBy, Self::Value> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
        for row in reader.all::<HeldRow>(query).await? {
            let key = usize::try_from(row.parent - 1).ok().and_then(|at| keys.get(at));
            if let Some(rows) = key.and_then(|key| found.get_mut(key)) {
                rows.push(row);
            }
        }
        Ok(found)
    }
}

async fn has_payouts(reader: &Reader) -> Result<bool, ApiError> {
    let query = sqlx::query("select to_regclass('payouts.portion_change') is not null");
    let rows: Vec<(bool,)> = reader.all(query).await?;
    Ok(rows.first().is_some_and(|(found,)| *found))
}
