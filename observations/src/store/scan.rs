//! Finds what is wanted in the tables of chains: versions of assets with a URI, things of other protocols with one, and attestations.
//!
//! Blocks that were searched are not searched again while they are canonical. Everything above is, each time; that it is wanted already
//! changes nothing.

use futures::TryStreamExt;
use souk_schema::event::{DomainEvent, ForeignEvent, ForeignKind};
use souk_schema::observation::{Subject, SubjectKind, Wanted};
use souk_schema::{B256, ChainId, TokenRef};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::{Store, WantedRow};
use crate::uri;

/// How many are written in one statement.
const BATCH: usize = 500;

/// Where a chain's tables are.
#[derive(Clone, Debug, FromRow)]
struct ChainRow {
    chain_id: i64,
    epoch: i64,
    head_number: i64,
    head_hash: Vec<u8>,
    finalized_number: Option<i64>,
    finalized_hash: Option<Vec<u8>>,
}

/// Something wanted, with the log that names it.
struct Named {
    wanted: Wanted,
    block: i64,
    log_index: i32,
}

/// The chains whose tables changed since they were searched.
const CHANGED: &str = "select p.chain_id, p.epoch, p.head_number, p.head_hash, p.finalized_number, p.finalized_hash
    from projection p left join observations.scan s on s.chain_id = p.chain_id
    where p.head_number is not null and (s.chain_id is null or (s.epoch, s.head_hash) <> (p.epoch, p.head_hash))";

/// The block up to which a chain need not be searched again: -1 for none.
const SEARCHED: &str = "select case
        when s.epoch <> $2 then -1
        when exists (select from block b where b.chain_id = $1 and b.number = s.head_number and b.hash = s.head_hash) then s.head_number
        when exists (select from block b where b.chain_id = $1 and b.number = s.finalized_number and b.hash = s.finalized_hash)
            then s.finalized_number
        else -1 end
    from observations.scan s where s.chain_id = $1";

const VERSIONS: &str =
    "select chain_id, 1::int2 as kind, asset_key as subject_key, metadata_uri as uri, content_hash as commitment,
        valid_from, log_index
    from asset_version where chain_id = $1 and valid_from > $2 and metadata_uri <> ''";

const THINGS: &str = "select block_number, log_index, body from event
    where chain_id = $1 and block_number > $2 and name in ('foreign_asset_registered', 'foreign_asset_described')";

const ATTESTATIONS: &str =
    "select attestation_key, valid_from, log_index from attestation where chain_id = $1 and valid_from > $2";

const WANT: &str = "insert into observations.wanted
        (key, chain_id, kind, subject_key, uri, commitment, host, block_number, log_index, is_settled, not_before)
    select w.key, $1, w.kind, w.subject_key, w.uri, w.commitment, w.host, w.block, w.log_index,
        f.key is not null and f.again_at is null, coalesce(f.again_at, now())
    from unnest($2::bytea[], $3::int2[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::int8[], $9::int4[])
        as w (key, kind, subject_key, uri, commitment, host, block, log_index)
    left join observations.found f on f.key = w.key
    order by w.block, w.log_index
    on conflict (key) do nothing";

const ADVANCE: &str = "insert into observations.scan (chain_id, epoch, head_number, head_hash, finalized_number, finalized_hash)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (chain_id) do update set epoch = excluded.epoch, head_number = excluded.head_number, head_hash = excluded.head_hash,
        finalized_number = excluded.finalized_number, finalized_hash = excluded.finalized_hash";

impl Store {
    /// Searches what is new in the tables of every chain; true if there was anything to search.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn scan(&self) -> Result<bool, sqlx::Error> {
        let changed: Vec<ChainRow> = sqlx::query_as(CHANGED).fetch_all(&self.pool).await?;
        for chain in &changed {
            self.scan_chain(chain.chain_id).await?;
        }
        Ok(!changed.is_empty())
    }

    /// Searches a chain as of one moment, so that blocks and rows fit together.
    async fn scan_chain(&self, chain: i64) -> Result<(), sqlx::Error> {
        let mut view = self
            .pool
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let now = "select chain_id, epoch, head_number, head_hash, finalized_number, finalized_hash from projection
             where chain_id = $1 and head_number is not null";
        let Some(now) = sqlx::query_as::<_, ChainRow>(now)
            .bind(chain)
            .fetch_optional(&mut *view)
            .await?
        else {
            return Ok(());
        };
        let searched: Option<i64> = sqlx::query_scalar(SEARCHED)
            .bind(chain)
            .bind(now.epoch)
            .fetch_optional(&mut *view)
            .await?;
        let searched = searched.unwrap_or(-1);
        self.want_versions(&mut view, chain, searched).await?;
        self.want_things(&mut view, chain, searched).await?;
        self.want_attestations(&mut view, chain, searched).await?;
        sqlx::query(ADVANCE)
            .bind(chain)
            .bind(now.epoch)
            .bind(now.head_number)
            .bind(&now.head_hash)
            .bind(now.finalized_number)
            .bind(&now.finalized_hash)
            .execute(&self.pool)
            .await?;
        view.commit().await
    }

    async fn want_versions(&self, view: &mut PgConnection, chain: i64, after: i64) -> Result<(), sqlx::Error> {
        #[derive(FromRow)]
        struct Row {
            #[sqlx(flatten)]
            wanted: WantedRow,
            valid_from: i64,
            log_index: i32,
        }
        let rows = sqlx::query_as::<_, Row>(VERSIONS).bind(chain).bind(after).fetch(view);
        let named = rows.and_then(|row| async move {
            Ok(Named {
                wanted: row.wanted.wanted()?,
                block: row.valid_from,
                log_index: row.log_index,
            })
        });
        let mut batches = std::pin::pin!(named.try_chunks(BATCH));
        while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
            self.want(chain, batch).await?;
        }
        Ok(())
    }

    async fn want_things(&self, view: &mut PgConnection, chain: i64, after: i64) -> Result<(), sqlx::Error> {
        let rows = sqlx::query_as::<_, (i64, i32, Json<DomainEvent>)>(THINGS)
            .bind(chain)
            .bind(after)
            .fetch(view);
        let named = rows.try_filter_map(|(block, log_index, Json(event))| async move {
            Ok(described(chain, event).map(|wanted| Named {
                wanted,
                block,
                log_index,
            }))
        });
        let mut batches = std::pin::pin!(named.try_chunks(BATCH));
        while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
            self.want(chain, batch).await?;
        }
        Ok(())
    }

    async fn want_attestations(&self, view: &mut PgConnection, chain: i64, after: i64) -> Result<(), sqlx::Error> {
        let rows = sqlx::query_as::<_, (Vec<u8>, i64, i32)>(ATTESTATIONS)
            .bind(chain)
            .bind(after)
            .fetch(view);
        let named = rows.and_then(|(key, block, log_index)| async move {
            let key = TokenRef::try_from(&key[..]).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok(Named {
                wanted: Wanted::attestation(ChainId(chain.unsigned_abs()), key),
                block,
                log_index,
            })
        });
        let mut batches = std::pin::pin!(named.try_chunks(BATCH));
        while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
            self.want(chain, batch).await?;
        }
        Ok(())
    }

    async fn want(&self, chain: i64, batch: Vec<Named>) -> Result<(), sqlx::Error> {
        let wanted = |at: usize| &batch[at].wanted;
        let all = 0..batch.len();
        let keys: Vec<Vec<u8>> = all.clone().map(|at| wanted(at).key().to_vec()).collect();
        let subjects = all.clone().map(|at| wanted(at).subject.key.key().as_bytes().to_vec());
        let commitments = all.clone().map(|at| wanted(at).commitment.map(|hash| hash.to_vec()));
        sqlx::query(WANT)
            .bind(chain)
            .bind(keys)
            .bind(all.clone().map(|at| wanted(at).subject.kind as i16).collect::<Vec<_>>())
            .bind(subjects.collect::<Vec<_>>())
            .bind(all.clone().map(|at| wanted(at).uri.as_str()).collect::<Vec<_>>())
            .bind(commitments.collect::<Vec<_>>())
            .bind(all.clone().map(|at| host(wanted(at))).collect::<Vec<_>>())
            .bind(batch.iter().map(|named| named.block).collect::<Vec<_>>())
            .bind(batch.iter().map(|named| named.log_index).collect::<Vec<_>>())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Whom something is asked of.
fn host(wanted: &Wanted) -> Option<String> {
    match wanted.subject.kind {
        SubjectKind::Attestation => Some(format!("chain {}", wanted.subject.chain)),
        SubjectKind::Asset | SubjectKind::Thing => uri::host(&wanted.uri),
    }
}

/// Whether things of a kind have documents. A file of Vana's is data and no description, and a datatoken has that of its NFT.
pub fn is_described(kind: ForeignKind) -> bool {
    matches!(
        kind,
        ForeignKind::Agent | ForeignKind::StoryIp | ForeignKind::OceanDataNft
    )
}

/// What a thing of another protocol is described by.
fn described(chain: i64, event: DomainEvent) -> Option<Wanted> {
    let (thing, uri, commitment) = match event {
        DomainEvent::Foreign(ForeignEvent::ForeignAssetRegistered(event)) => (event.thing, event.uri, None),
        DomainEvent::Foreign(ForeignEvent::ForeignAssetDescribed(event)) => (event.thing, event.uri, event.hash),
        _ => return None,
    };
    (is_described(thing.kind) && !uri.is_empty()).then(|| thing_wanted(chain, thing.key, uri, commitment))
}

fn thing_wanted(chain: i64, key: TokenRef, uri: String, commitment: Option<B256>) -> Wanted {
    Wanted {
        subject: Subject {
            chain: ChainId(chain.unsigned_abs()),
            kind: SubjectKind::Thing,
            key,
        },
        uri,
        commitment,
    }
}
