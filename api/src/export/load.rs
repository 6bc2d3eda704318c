//! What the tables know of an asset as of a block: its events, what its executions and tasks say, who has it, and the graph around it.

use std::collections::{BTreeMap, BTreeSet};

use souk_schema::caip::EvmAssetId;
use souk_schema::event::{DomainEvent, LicenseTerms};
use souk_schema::id::TokenKey;
use souk_schema::observation::{Subject, SubjectKind, Verification, Wanted};
use souk_schema::{Address, B256, BlockRef, TokenRef, U256};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::error::{ApiError, ErrorCode};
use crate::scalars::{Address as AddressColumn, Bytes32, Key, Long};
use crate::store::observations::{self, ObservationRow};
use crate::store::{Reader, chain_number};

/// Most events that a document is made of.
const MOST_EVENTS: i64 = 20_000;

/// Most holders of shares in a document, those with the most.
const MOST_HOLDERS: i64 = 1_000;

/// Most rows that a document is made of: every event, edge and holder, and two assets an edge.
#[cfg(test)]
pub(super) const MOST_ROWS: usize = MOST_EVENTS as usize + 3 * MOST_EDGES + MOST_HOLDERS as usize;

/// Most edges of the lineage in a document; those further away are left out, and the document says so.
pub const MOST_EDGES: usize = 2_000;

/// An event with where it happened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// The event.
    pub event: DomainEvent,
    /// The block.
    pub block: BlockRef,
    /// Its time in seconds since 1970.
    pub time_secs: u64,
    /// The transaction.
    pub transaction: B256,
    /// The log in the block.
    pub log_index: u32,
}

/// A derivation as the tables have it.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The child.
    pub child: TokenRef,
    /// The parent in the same registry.
    pub parent: Option<TokenRef>,
    /// The parent elsewhere, as text.
    pub foreign_parent: Option<String>,
    /// The relation's number.
    pub relation: u8,
    /// The status's number as of the block; of a mirror, by what is confirmed by now.
    pub status: i16,
    /// The event that declared it; its `event` is that of the child.
    pub declared: Happened,
}

/// An asset of the lineage.
#[derive(Clone, Debug)]
pub struct Known {
    /// The asset.
    pub token: TokenRef,
    /// The kind's number.
    pub kind: u8,
    /// Its name.
    pub name: String,
    /// Its newest version.
    pub version: Option<(u32, B256, String)>,
}

/// What a metadata document says that is what the chain commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocument {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The licence that it names.
    pub licence: Option<String>,
}

/// Everything that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The asset.
    pub asset: EvmAssetId,
    /// As of this block.
    pub block: BlockRef,
    /// Its time.
    pub time_secs: u64,
    /// Everything that happened, in order.
    pub events: Vec<Happened>,
    /// Who owns the asset.
    pub owner: Option<Address>,
    /// Who has how many of its shares, those in the vault included.
    pub holders: Vec<(Address, U256)>,
    /// Terms by registry and id.
    pub terms: BTreeMap<(Address, U256), LicenseTerms>,
    /// The edges around it.
    pub edges: Vec<Edge>,
    /// Whether there are more.
    pub truncated: bool,
    /// The assets at their ends.
    pub nodes: Vec<Known>,
    /// What the document of its newest version says, if it is proved to be what the chain commits to.
    pub document: Option<VerifiedDocument>,
}

impl Loaded {
    /// How many rows it was read from.
    pub(super) fn rows(&self) -> usize {
        self.events.len() + self.edges.len() + self.nodes.len() + self.holders.len()
    }
}

/// Reads everything about an asset, as of a block or the newest.
///
/// # Errors
/// `NOT_FOUND` for an asset that is not registered there, `AS_OF_UNKNOWN` for a block that is not indexed, `TOO_LARGE` for one with more
/// events than a document takes; and when the database does not answer.
pub async fn load(reader: &Reader, asset: EvmAssetId, block: Option<u64>) -> Result<Loaded, ApiError> {
    let (at, block, time_secs) = as_of(reader, asset, block).await?;
    let scope = Scope {
        chain: chain_number(asset.chain),
        key: TokenKey::from(asset.token).as_bytes().to_vec(),
        at,
    };
    let own = known(reader, &scope, [asset.token].into()).await?;
    let Some(own) = own.first() else {
        return Err(ApiError::not_found(format!(
            "no asset {asset} is registered as of block {at}"
        )));
    };
    let (edges, truncated) = edges(reader, &scope, asset.token).await?;
    let ends = edges
        .iter()
        .flat_map(|edge| edge.parent.into_iter().chain([edge.child]));
    Ok(Loaded {
        asset,
        block,
        time_secs,
        document: document(reader, asset, own).await?,
        events: events(reader, &scope).await?,
        owner: owner(reader, &scope).await?,
        holders: holders(reader, &scope).await?,
        terms: terms(reader, &scope).await?,
        nodes: known(reader, &scope, ends.filter(|end| *end != asset.token).collect()).await?,
        edges,
        truncated,
    })
}

/// The asset and the block that queries are about.
struct Scope {
    chain: i64,
    key: Vec<u8>,
    at: i64,
}

async fn as_of(reader: &Reader, asset: EvmAssetId, block: Option<u64>) -> Result<(i64, BlockRef, u64), ApiError> {
    let chain = reader.snapshot.chain(asset.chain)?;
    let unknown = |what: String| ApiError::new(ErrorCode::AsOfUnknown, what);
    let newest = chain
        .head_number
        .ok_or_else(|| unknown("no block is indexed yet".into()))?;
    let at = match block {
        None => newest,
        Some(block) => i64::try_from(block).unwrap_or(i64::MAX),
    };
    let query = sqlx::query("select hash, timestamp from block where chain_id = $1 and number = $2")
        .bind(chain_number(asset.chain))
        .bind(at);
    let found: Vec<(Bytes32, Long)> = reader.all(query).await?;
    let Some((hash, time)) = found.first() else {
        return Err(unknown(format!("block {at} is not indexed; the newest is {newest}")));
    };
    let block = BlockRef {
        number: at.unsigned_abs(),
        hash: hash.0,
    };
    Ok((at, block, time.0.unsigned_abs()))
}

/// An event's row.
#[derive(FromRow)]
struct EventRow {
    block_number: Long,
    log_index: i32,
    transaction_hash: Bytes32,
    hash: Bytes32,
    timestamp: Long,
    body: Json<DomainEvent>,
}

impl From<EventRow> for Happened {
    fn from(row: EventRow) -> Happened {
        Happened {
            event: row.body.0,
            block: BlockRef {
                number: row.block_number.0.unsigned_abs(),
                hash: row.hash.0,
            },
            time_secs: row.timestamp.0.unsigned_abs(),
            transaction: row.transaction_hash.0,
            log_index: row.log_index.unsigned_abs(),
        }
    }
}

/// Events about the asset, its tasks, and the executions that ran it, used it, made it or were asked for by it.
async fn events(reader: &Reader, scope: &Scope) -> Result<Vec<Happened>, ApiError> {
    let query = sqlx::query(
        "with related as (
             select execution_key from execution
             where chain_id = $1 and valid_from <= $3 and (asset_key = $2 or caller_key = $2 or $2 = any(dataset_keys))
             union select execution_key from execution_completion where chain_id = $1 and output_key = $2 and valid_from <= $3
         ), subjects as (
             select $2::bytea as key
             union select task_key from task where chain_id = $1 and asset_key = $2
             union select execution_key from related
         ), places as (
             select valid_from, log_index from execution where chain_id = $1 and execution_key = any(array(table related))
             union select valid_from, log_index from execution_completion
             where chain_id = $1 and execution_key = any(array(table related))
         )
         select e.block_number, e.log_index, e.transaction_hash, b.hash, b.timestamp, e.body
         from event e join block b on b.chain_id = e.chain_id and b.number = e.block_number
         where e.chain_id = $1 and e.block_number <= $3
           and (e.subject_key = any(array(table subjects)) or (e.block_number, e.log_index) in (table places))
         order by e.block_number, e.log_index, e.ordinal limit $4",
    )
    .bind(scope.chain)
    .bind(scope.key.clone())
    .bind(scope.at)
    .bind(MOST_EVENTS + 1);
    let rows: Vec<EventRow> = reader.all(query).await?;
    if i64::try_from(rows.len()).is_ok_and(|count| count > MOST_EVENTS) {
        let message = format!(
            "the asset has more than {MOST_EVENTS} events, which is more than a document is made of: ask for it as of an earlier block, with \
             `block`, or for its events in GraphQL, page by page"
        );
        return Err(ApiError::new(ErrorCode::TooLarge, message));
    }
    Ok(rows.into_iter().map(Happened::from).collect())
}

async fn owner(reader: &Reader, scope: &Scope) -> Result<Option<Address>, ApiError> {
    let query = sqlx::query(
        "select owner from ownership where chain_id = $1 and token_key = $2 and valid_from <= $3
         and (valid_to is null or valid_to > $3) order by valid_from desc, log_index desc limit 1",
    )
    .bind(scope.chain)
    .bind(scope.key.clone())
    .bind(scope.at);
    let owners: Vec<(AddressColumn,)> = reader.all(query).await?;
    Ok(owners.first().map(|(owner,)| owner.0))
}

/// What the vault holds, it holds for the accounts that it credits.
async fn holders(reader: &Reader, scope: &Scope) -> Result<Vec<(Address, U256)>, ApiError> {
    let query = sqlx::query(
        "with shares as (select shares_key as key from share_issue where chain_id = $1 and asset_key = $2 and valid_from <= $3),
         vaults as (select distinct vault from vault_market where chain_id = $1)
         select account, sum(amount)::text from (
             select account, amount from balance b join shares on b.token_key = shares.key
             where b.chain_id = $1 and b.valid_from <= $3 and (b.valid_to is null or b.valid_to > $3)
               and not exists (select from vaults where vault = b.account)
             union all
             select account, amount from vault_balance b join shares on b.token_key = shares.key
             where b.chain_id = $1 and b.valid_from <= $3 and (b.valid_to is null or b.valid_to > $3)
         ) held group by account having sum(amount) > 0 order by sum(amount) desc, account limit $4",
    )
    .bind(scope.chain)
    .bind(scope.key.clone())
    .bind(scope.at)
    .bind(MOST_HOLDERS);
    let rows: Vec<(AddressColumn, String)> = reader.all(query).await?;
    let holder = |(account, amount): (AddressColumn, String)| Some((account.0, amount.parse().ok()?));
    // Sums beyond 2^256, which only a false token can come to, are left out.
    Ok(rows.into_iter().filter_map(holder).collect())
}

async fn terms(reader: &Reader, scope: &Scope) -> Result<BTreeMap<(Address, U256), LicenseTerms>, ApiError> {
    let query = sqlx::query(
        "select e.body from terms_attachment a
         join license_terms t on t.chain_id = a.chain_id and t.registry = a.registry and t.terms_id = a.terms_id
         join event e on e.chain_id = t.chain_id and e.block_number = t.valid_from and e.log_index = t.log_index
         where a.chain_id = $1 and a.asset_key = $2 and a.valid_from <= $3",
    )
    .bind(scope.chain)
    .bind(scope.key.clone())
    .bind(scope.at);
    let rows: Vec<(Json<DomainEvent>,)> = reader.all(query).await?;
    let registered = |(body,): (Json<DomainEvent>,)| match body.0 {
        DomainEvent::LicenseTermsRegistered {
            registry,
            terms_id,
            terms,
        } => Some(((registry, terms_id), terms)),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(registered).collect())
}

/// A derivation's row.
#[derive(FromRow)]
struct EdgeRow {
    child_key: Key,
    parent_key: Option<Key>,
    parent_id: Option<String>,
    relation: i16,
    status: i16,
    #[sqlx(flatten)]
    declared: EventRow,
}

/// Derivations of some assets (`child_key`), or from them (`parent_key`). A mirror is declared once the other chain confirms it.
macro_rules! edges_by {
    ($column:literal) => {
        concat!(
            "select d.child_key, d.parent_key, d.parent_id, d.relation, \
             coalesce(s.status, case when exists (select from mirror_confirmation m where m.chain_id = d.chain_id and m.mirror_key = d.child_key \
                 and m.valid_from = d.valid_from and m.log_index = d.log_index and m.confirmed) then 0::smallint end, d.status) as status, \
             e.block_number, e.log_index, e.transaction_hash, b.hash, b.timestamp, e.body \
             from derivation d \
             join event e on e.chain_id = d.chain_id and e.block_number = d.valid_from and e.log_index = d.log_index and e.ordinal = 0 \
             join block b on b.chain_id = d.chain_id and b.number = d.valid_from \
             left join lateral (select s.status from derivation_status s where s.chain_id = d.chain_id and s.child_key = d.child_key \
                 and s.declared_block = d.valid_from and s.declared_log_index = d.log_index \
                 and s.valid_from <= $3 and (s.valid_to is null or s.valid_to > $3) limit 1) s on true \
             where d.chain_id = $1 and d.",
            $column,
            " = any($2) and d.valid_from <= $3 and (d.valid_to is null or d.valid_to > $3) order by d.valid_from, d.log_index limit $4"
        )
    };
}

/// Edges above and below an asset, the nearest first, and whether some were left out.
async fn edges(reader: &Reader, scope: &Scope, asset: TokenRef) -> Result<(Vec<Edge>, bool), ApiError> {
    let (mut found, mut truncated) = (BTreeMap::new(), false);
    for (statement, is_up) in [(edges_by!("child_key"), true), (edges_by!("parent_key"), false)] {
        let mut level: BTreeSet<TokenRef> = [asset].into();
        let mut seen = level.clone();
        while !level.is_empty() && !truncated {
            let keys: Vec<Vec<u8>> = level
                .iter()
                .map(|token| TokenKey::from(*token).as_bytes().to_vec())
                .collect();
            let left = MOST_EDGES - found.len().min(MOST_EDGES);
            let query = sqlx::query(statement)
                .bind(scope.chain)
                .bind(keys)
                .bind(scope.at)
                .bind(i64::try_from(left + 1).unwrap_or(i64::MAX));
            let mut rows: Vec<EdgeRow> = reader.all(query).await?;
            truncated = rows.len() > left;
            rows.truncate(left);
            level.clear();
            for row in rows {
                let edge = Edge {
                    child: row.child_key.0,
                    parent: row.parent_key.map(|key| key.0),
                    foreign_parent: row.parent_id,
                    relation: u8::try_from(row.relation).unwrap_or(u8::MAX),
                    status: row.status,
                    declared: row.declared.into(),
                };
                let next = if is_up { edge.parent } else { Some(edge.child) };
                level.extend(next.filter(|next| seen.insert(*next)));
                found.insert((edge.declared.block.number, edge.declared.log_index), edge);
            }
        }
    }
    Ok((found.into_values().collect(), truncated))
}

/// An asset's row with its newest version.
#[derive(FromRow)]
struct KnownRow {
    asset_key: Key,
    kind: i16,
    name: String,
    version: Option<i32>,
    content_hash: Option<Bytes32>,
    metadata_uri: Option<String>,
}

/// What the document of an asset's newest version says, if it is proved to be what the chain commits to.
async fn document(reader: &Reader, asset: EvmAssetId, own: &Known) -> Result<Option<VerifiedDocument>, ApiError> {
    let Some((_, hash, uri)) = &own.version else {
        return Ok(None);
    };
    let subject = Subject {
        chain: asset.chain,
        kind: SubjectKind::Asset,
        key: asset.token,
    };
    let wanted = Wanted {
        subject,
        uri: uri.clone(),
        commitment: Some(*hash),
    };
    let found = observations::by_key(reader, &[wanted.key().to_vec()]).await?;
    let is_match = |row: &ObservationRow| {
        let verification = row.verification.map(i32::from).and_then(Verification::of_number);
        verification.is_some_and(Verification::is_match)
    };
    Ok(found.into_values().find(is_match).map(|row| VerifiedDocument {
        name: row.name,
        description: row.description,
        licence: row.licence,
    }))
}

async fn known(reader: &Reader, scope: &Scope, assets: BTreeSet<TokenRef>) -> Result<Vec<Known>, ApiError> {
    let keys: Vec<Vec<u8>> = assets
        .iter()
        .map(|token| TokenKey::from(*token).as_bytes().to_vec())
        .collect();
    let query = sqlx::query(
        "select a.asset_key, a.kind, a.name, v.version, v.content_hash, v.metadata_uri from asset a
         left join lateral (select v.version, v.content_hash, v.metadata_uri from asset_version v
             where v.chain_id = a.chain_id and v.asset_key = a.asset_key and v.valid_from <= $3
             order by v.valid_from desc, v.log_index desc limit 1) v on true
         where a.chain_id = $1 and a.asset_key = any($2) and a.valid_from <= $3 and (a.valid_to is null or a.valid_to > $3)",
    )
    .bind(scope.chain)
    .bind(keys)
    .bind(scope.at);
    let rows: Vec<KnownRow> = reader.all(query).await?;
    let known = |row: KnownRow| Known {
        token: row.asset_key.0,
        kind: u8::try_from(row.kind).unwrap_or(u8::MAX),
        name: row.name,
        version: row
            .version
            .zip(row.content_hash)
            .zip(row.metadata_uri)
            .map(|((version, hash), uri)| (version.unsigned_abs(), hash.0, uri)),
    };
    Ok(rows.into_iter().map(known).collect())
}
