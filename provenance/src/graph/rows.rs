//! The queries behind the graph: rows of `projection`, `block`, `asset`, `derivation` and `foreign_link`, and of
//! `derivation_status_change`, become positions and changes.
//!
//! All of a pass runs in one repeatable-read transaction, so that rows and positions belong together (API-1).

use std::cmp::Reverse;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Row, Transaction};

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{B256, BlockRef, ChainId, TokenRef, TokenStandard, U256};

use super::facts::{ChainPosition, Change, EdgeStatus, Identity, Place};
use super::handle::GraphError;

/// A canonical block with its time (Unix, seconds).
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownBlock {
    pub block: BlockRef,
    pub timestamp: u64,
}

/// Blocks after `from` (exclusive; `None`: from the first) up to `to` (inclusive).
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub chain: ChainId,
    pub from: Option<u64>,
    pub to: u64,
}

impl Range {
    fn bind<'q>(&self, sql: &'static str) -> Result<Query<'q, Postgres, PgArguments>, GraphError> {
        let from = match self.from {
            Some(from) => stored(from)?,
            None => -1,
        };
        Ok(sqlx::query(sql)
            .bind(stored(self.chain.0)?)
            .bind(from)
            .bind(stored(self.to)?))
    }
}

/// How far every chain is projected.
pub(super) async fn positions(connection: &mut PgConnection) -> Result<Vec<(ChainId, ChainPosition)>, GraphError> {
    let sql = "select chain_id, stream, generation, genesis_hash, epoch, next_sequence, head_number, head_hash, head_timestamp,
                      finalized_number, finalized_hash
               from projection order by chain_id";
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter().map(position).collect()
}

fn position(row: &PgRow) -> Result<(ChainId, ChainPosition), GraphError> {
    let identity = Identity {
        stream: row.try_get("stream")?,
        generation: number("generation", row.try_get::<i32, _>("generation")?)?,
        genesis_hash: hash(row.try_get("genesis_hash")?)?,
        epoch: number("epoch", row.try_get::<i64, _>("epoch")?)?,
    };
    let block = |number_column: &str, hash_column: &str| -> Result<Option<BlockRef>, GraphError> {
        let (Some(block), Some(block_hash)) =
            (row.try_get::<Option<i64>, _>(number_column)?, row.try_get(hash_column)?)
        else {
            return Ok(None);
        };
        Ok(Some(BlockRef {
            number: number(number_column, block)?,
            hash: hash(block_hash)?,
        }))
    };
    let position = ChainPosition {
        identity,
        next_sequence: Some(number("next_sequence", row.try_get::<i64, _>("next_sequence")?)?),
        head: block("head_number", "head_hash")?,
        head_timestamp: number(
            "head_timestamp",
            row.try_get::<Option<i64>, _>("head_timestamp")?.unwrap_or(0),
        )?,
        finalized: block("finalized_number", "finalized_hash")?,
    };
    Ok((
        ChainId(number("chain_id", row.try_get::<i64, _>("chain_id")?)?),
        position,
    ))
}

/// Begins a transaction that sees one state of all tables, and changes none.
///
/// Plans are held to index lookups: one that was made while a table was empty would otherwise read the whole table after it has grown.
pub(super) async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, GraphError> {
    let mut transaction = pool
        .begin_with("begin isolation level repeatable read, read only")
        .await?;
    transaction.execute("set local enable_seqscan = off").await?;
    Ok(transaction)
}

/// The newest canonical blocks of the range, oldest first, at most `limit`.
pub(super) async fn newest_blocks(
    connection: &mut PgConnection,
    range: Range,
    limit: usize,
) -> Result<Vec<KnownBlock>, GraphError> {
    let sql = "select number, hash, timestamp from block where chain_id = $1 and number > $2 and number <= $3 order by number desc limit $4";
    let rows = range
        .bind(sql)?
        .bind(stored(limit as u64)?)
        .fetch_all(connection)
        .await?;
    rows.iter().rev().map(known_block).collect()
}

/// The canonical blocks of these numbers.
pub(super) async fn blocks_at(
    connection: &mut PgConnection,
    chain: ChainId,
    numbers: impl Iterator<Item = u64>,
) -> Result<Vec<KnownBlock>, GraphError> {
    let numbers = numbers.map(stored).collect::<Result<Vec<i64>, GraphError>>()?;
    let sql = "select number, hash, timestamp from block where chain_id = $1 and number = any($2)";
    let rows = sqlx::query(sql)
        .bind(stored(chain.0)?)
        .bind(numbers)
        .fetch_all(connection)
        .await?;
    rows.iter().map(known_block).collect()
}

fn known_block(row: &PgRow) -> Result<KnownBlock, GraphError> {
    let block = BlockRef {
        number: number("number", row.try_get::<i64, _>("number")?)?,
        hash: hash(row.try_get("hash")?)?,
    };
    Ok(KnownBlock {
        block,
        timestamp: number("timestamp", row.try_get::<i64, _>("timestamp")?)?,
    })
}

/// The block of the range that holds its `count`-th fact; `None` when it has fewer.
pub(super) async fn block_of_fact(
    connection: &mut PgConnection,
    range: Range,
    count: i64,
) -> Result<Option<u64>, GraphError> {
    let sql = "select valid_from from (
                   (select valid_from from asset where chain_id = $1 and valid_from > $2 and valid_from <= $3 order by valid_from limit $4)
                   union all
                   (select valid_from from derivation where chain_id = $1 and valid_from > $2 and valid_from <= $3 order by valid_from limit $4)
                   union all
                   (select valid_from from execution_completion where chain_id = $1 and valid_from > $2 and valid_from <= $3 order by valid_from limit $4)
                   union all
                   (select valid_from from foreign_link where chain_id = $1 and valid_from > $2 and valid_from <= $3 order by valid_from limit $4)
                   union all
                   (select valid_from from dispute where chain_id = $1 and valid_from > $2 and valid_from <= $3 order by valid_from limit $4)
               ) as fact order by valid_from offset $4 - 1 limit 1";
    let row = range.bind(sql)?.bind(count).fetch_optional(connection).await?;
    row.map(|row| number("valid_from", row.try_get::<i64, _>(0)?))
        .transpose()
}

/// What begins in the blocks of the range.
pub(super) async fn beginnings(connection: &mut PgConnection, range: Range) -> Result<Vec<Change>, GraphError> {
    let mut changes = Vec::new();
    let assets = "select asset_key, valid_from, log_index from asset where chain_id = $1 and valid_from > $2 and valid_from <= $3";
    for row in range.bind(assets)?.fetch_all(&mut *connection).await? {
        let asset = asset(range.chain, row.try_get(0)?)?;
        changes.push(Change::Registered {
            asset,
            place: place(&row, 1)?,
        });
    }
    // Claims alone need the time of their block.
    let derivations = "select child_key, parent_key, parent_id, relation, license_id, status, valid_from, log_index,
                              case when parent_id is not null then
                                  (select b.timestamp from block b where b.chain_id = d.chain_id and b.number = d.valid_from)
                              end as timestamp
                       from derivation d where chain_id = $1 and valid_from > $2 and valid_from <= $3";
    for row in range.bind(derivations)?.fetch_all(&mut *connection).await? {
        changes.push(derivation(range.chain, &row)?);
    }
    claims(connection, range, &mut changes).await?;
    status_changes(connection, range, &mut changes).await?;
    Ok(changes)
}

/// What other protocols link.
async fn claims(connection: &mut PgConnection, range: Range, changes: &mut Vec<Change>) -> Result<(), GraphError> {
    let sql = "select child_id, parent_id, relation, valid_from, log_index, ordinal,
                      (select b.timestamp from block b where b.chain_id = l.chain_id and b.number = l.valid_from) as timestamp
               from foreign_link l where chain_id = $1 and valid_from > $2 and valid_from <= $3";
    for row in range.bind(sql)?.fetch_all(connection).await? {
        let place = place_of_link(&row, 3)?;
        let unfit = |what: &'static str| GraphError::Row {
            chain: range.chain,
            what,
            value: format!("block {}, log {}", place.block, place.log_index),
        };
        let id = |at: usize| -> Result<AssetId, GraphError> {
            let text: &str = row.try_get(at)?;
            text.parse().map_err(|_| unfit("a link to what has no CAIP-19 id"))
        };
        let relation = u8::try_from(row.try_get::<i16, _>(2)?).ok();
        let relation = relation.and_then(|number| Relation::try_from(number).ok());
        let time: Option<i64> = row.try_get(6)?;
        let time = time.ok_or_else(|| unfit("a link whose block is not in `block`"))?;
        changes.push(Change::Claimed {
            child: id(0)?,
            parent: id(1)?,
            relation: relation.ok_or_else(|| unfit("a link of unknown relation"))?,
            claimed_at: number("timestamp", time)?,
            place,
        });
    }
    Ok(())
}

/// How the statuses of edges change in the blocks of the range. Only children are looked at of which something new is known: their edges
/// are new, or an execution made them, or somebody disputes or decides.
async fn status_changes(
    connection: &mut PgConnection,
    range: Range,
    changes: &mut Vec<Change>,
) -> Result<(), GraphError> {
    let sql = "with news(child) as (
                   select output_key from execution_completion
                   where chain_id = $1 and valid_from > $2 and valid_from <= $3 and output_key is not null
                   union
                   select output_key from round_aggregation
                   where chain_id = $1 and valid_from > $2 and valid_from <= $3 and output_key is not null
                   union
                   select asset_key from dispute where chain_id = $1 and valid_from > $2 and valid_from <= $3
                   union
                   select d.asset_key from dispute_resolution r
                   join dispute d on d.chain_id = r.chain_id and d.dispute_key = r.dispute_key
                   where r.chain_id = $1 and r.valid_from > $2 and r.valid_from <= $3
                   union
                   select p.output_key from challenge c
                   join execution_completion p on p.chain_id = c.chain_id and p.execution_key = c.execution_key
                   where c.chain_id = $1 and c.valid_from > $2 and c.valid_from <= $3 and p.output_key is not null
                   union
                   select p.output_key from challenge_resolution r
                   join execution_completion p on p.chain_id = r.chain_id and p.execution_key = r.execution_key
                   where r.chain_id = $1 and r.valid_from > $2 and r.valid_from <= $3 and p.output_key is not null
                   union
                   select d.child_key from derivation d
                   where d.chain_id = $1 and d.valid_from > $2 and d.valid_from <= $3
                     and (exists (select from execution_completion x where x.chain_id = $1 and x.output_key = d.child_key)
                          or exists (select from round_aggregation x where x.chain_id = $1 and x.output_key = d.child_key)
                          or exists (select from dispute x where x.chain_id = $1 and x.asset_key = d.child_key))
               )
               select s.declared_block, s.declared_log_index, s.block, s.status from news
               cross join lateral (
                   -- The offset keeps the subquery whole, so that the child restricts what the view looks at.
                   select * from derivation_status_change
                   where chain_id = $1 and child_key = news.child and block > $2 and block <= $3 offset 0
               ) s";
    for row in range.bind(sql)?.fetch_all(connection).await? {
        let place = place(&row, 0)?;
        let status: i16 = row.try_get(3)?;
        changes.push(Change::StatusChanged {
            place,
            block: number("block", row.try_get::<i64, _>(2)?)?,
            status: EdgeStatus::from_number(status).ok_or_else(|| GraphError::Row {
                chain: range.chain,
                what: "a derivation of unknown status",
                value: format!("block {}, log {}: {status}", place.block, place.log_index),
            })?,
        });
    }
    Ok(())
}

/// What ends in the blocks of the range, whenever it began, by falling block.
pub(super) async fn endings(connection: &mut PgConnection, range: Range) -> Result<Vec<Change>, GraphError> {
    let mut changes = Vec::new();
    let assets = "select asset_key, valid_to from asset where chain_id = $1 and valid_to is not null and valid_to > $2 and valid_to <= $3";
    for row in range.bind(assets)?.fetch_all(&mut *connection).await? {
        let asset = asset(range.chain, row.try_get(0)?)?;
        changes.push(Change::Unregistered {
            asset,
            block: number("valid_to", row.try_get::<i64, _>("valid_to")?)?,
        });
    }
    let derivations = "select valid_from, log_index, valid_to from derivation
                       where chain_id = $1 and valid_to is not null and valid_to > $2 and valid_to <= $3";
    for row in range.bind(derivations)?.fetch_all(&mut *connection).await? {
        changes.push(Change::Ended {
            place: place(&row, 0)?,
            block: number("valid_to", row.try_get::<i64, _>("valid_to")?)?,
        });
    }
    let links = "select valid_from, log_index, ordinal, valid_to from foreign_link
                 where chain_id = $1 and valid_to is not null and valid_to > $2 and valid_to <= $3";
    for row in range.bind(links)?.fetch_all(&mut *connection).await? {
        changes.push(Change::Ended {
            place: place_of_link(&row, 0)?,
            block: number("valid_to", row.try_get::<i64, _>("valid_to")?)?,
        });
    }
    changes.sort_by_key(|change| Reverse(change.block()));
    Ok(changes)
}

/// Reads by position: looking columns up by name costs more than all the rest when millions of rows are loaded.
fn derivation(chain: ChainId, row: &PgRow) -> Result<Change, GraphError> {
    let place = place(row, 6)?;
    let unfit = |what: &'static str| {
        let value = format!("block {}, log {}", place.block, place.log_index);
        GraphError::Row { chain, what, value }
    };
    let (parent, claimed_at) = match row.try_get::<Option<&[u8]>, _>(1)? {
        Some(key) => (AssetId::Evm(asset(chain, key)?), None),
        None => {
            let text: Option<&str> = row.try_get(2)?;
            let text = text.ok_or_else(|| unfit("a derivation without a parent"))?;
            let time: Option<i64> = row.try_get(8)?;
            let time = time.ok_or_else(|| unfit("a derivation whose block is not in `block`"))?;
            // A text that is no CAIP-19 id still names something: itself.
            let parent = text.parse().unwrap_or_else(|_| AssetId::Other(text.to_string()));
            (parent, Some(number("timestamp", time)?))
        }
    };
    let relation = u8::try_from(row.try_get::<i16, _>(3)?).ok();
    let relation = relation.and_then(|number| Relation::try_from(number).ok());
    let license = natural(row.try_get_raw(4)?.as_bytes().map_err(sqlx::Error::Decode)?);
    Ok(Change::Derived {
        child: asset(chain, row.try_get(0)?)?,
        parent,
        relation: relation.ok_or_else(|| unfit("a derivation of unknown relation"))?,
        license: license.ok_or_else(|| unfit("a derivation whose licence id is no number of 256 bits"))?,
        status: EdgeStatus::from_number(row.try_get(5)?).ok_or_else(|| unfit("a derivation of unknown status"))?,
        claimed_at,
        place,
    })
}

/// A `numeric` as `numeric_send` writes it: number of digits, weight of the first, sign, scale, then digits to the base 10,000, highest
/// first; digits that are left out are zero. `None` for what is no natural number of 256 bits.
fn natural(bytes: &[u8]) -> Option<U256> {
    let mut words = bytes.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]]));
    let (count, weight, sign) = (words.next()?, words.next()?, words.next()?);
    if sign != 0 || count > weight.checked_add(1)? {
        return None;
    }
    let digits = words.skip(1).chain(std::iter::repeat(0));
    let places = usize::try_from(weight + 1).ok()?;
    digits.take(places).try_fold(U256::ZERO, |number, digit| {
        number
            .checked_mul(U256::from(10_000))?
            .checked_add(U256::from(u16::try_from(digit).ok()?))
    })
}

/// Assets are the ERC-721 tokens of their registry.
fn asset(chain: ChainId, key: &[u8]) -> Result<EvmAssetId, GraphError> {
    let unfit = |_| GraphError::Row {
        chain,
        what: "a key that no token has",
        value: format!("{key:02x?}"),
    };
    Ok(EvmAssetId {
        chain,
        standard: TokenStandard::Erc721,
        token: TokenRef::try_from(key).map_err(unfit)?,
    })
}

/// Block and log index in two columns from `at` on.
fn place(row: &PgRow, at: usize) -> Result<Place, GraphError> {
    let block = number("valid_from", row.try_get::<i64, _>(at)?)?;
    let log_index = number("log_index", row.try_get::<i32, _>(at + 1)?)?;
    Ok(Place {
        block,
        log_index,
        ordinal: 0,
    })
}

/// Block, log index and ordinal in three columns from `at` on.
fn place_of_link(row: &PgRow, at: usize) -> Result<Place, GraphError> {
    let ordinal = number("ordinal", row.try_get::<i32, _>(at + 2)?)?;
    Ok(Place {
        ordinal,
        ..place(row, at)?
    })
}

fn number<Stored, Number>(column: &str, stored: Stored) -> Result<Number, GraphError>
where
    Stored: Copy + std::fmt::Display,
    Number: TryFrom<Stored>,
{
    Number::try_from(stored).map_err(|_| GraphError::Number {
        column: column.to_string(),
        value: stored.to_string(),
    })
}

fn stored(number: u64) -> Result<i64, GraphError> {
    i64::try_from(number).map_err(|_| GraphError::Number {
        column: "a bound".into(),
        value: number.to_string(),
    })
}

fn hash(bytes: &[u8]) -> Result<B256, GraphError> {
    B256::try_from(bytes).map_err(|_| GraphError::Number {
        column: "a hash".into(),
        value: format!("{bytes:02x?}"),
    })
}
