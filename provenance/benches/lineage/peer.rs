//! Postgres as the peer: the same edges in a table that suits a recursive query best, and the same economy in Souk's own tables.

use std::error::Error;
use std::fmt::Write;

use souk_devstack::Postgres;
use souk_provenance::store;
use souk_provenance::tables::Schema;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolCopyExt, PgPoolOptions};

use super::economy::{self, CHAINS, Economy, Fact};

const CHUNK_BYTES: usize = 4 << 20;

pub async fn connect(postgres: &Postgres) -> Result<PgPool, Box<dyn Error>> {
    let options: PgConnectOptions = postgres.create_database("lineage").await?.parse()?;
    // Room for the working tables of the recursion, so that it never touches a disk.
    let options = options.options([("search_path", "souk"), ("work_mem", "512MB")]);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await?;
    store::migrate(&pool, &Schema::new("souk")?).await?;
    Ok(pool)
}

/// Edges as pairs of integers with a covering index: quicker than any table that says more.
pub async fn fill_edges(pool: &PgPool, economy: &Economy) -> Result<(), Box<dyn Error>> {
    sqlx::raw_sql("create table edge (child integer not null, parent integer not null)")
        .execute(pool)
        .await?;
    let rows = economy
        .edges
        .iter()
        .map(|(child, parent)| format!("{child}\t{parent}\n"));
    copy(pool, "copy edge from stdin", rows).await?;
    sqlx::raw_sql("create unique index edge_up on edge (child, parent)")
        .execute(pool)
        .await?;
    sqlx::raw_sql("vacuum (analyze) edge").execute(pool).await?;
    Ok(())
}

/// The size of the set of all ancestors, from Souk's own tables by their own index. Claims name their parents as text; here Postgres
/// reads as much of it as it must. Counting spares it sending the rows.
pub async fn count_in_tables(pool: &PgPool, asset: u32) -> Result<usize, sqlx::Error> {
    let query = "with recursive up (chain_id, key) as (
                     select $1::bigint, $2::bytea
                     union
                     select case when parent_key is not null then d.chain_id
                                 else split_part(split_part(parent_id, '/', 1), ':', 2)::bigint end,
                            coalesce(parent_key, decode(substr(split_part(parent_id, '/', 2), 10)
                                || lpad(to_hex(split_part(parent_id, '/', 3)::bigint),
                                        (length(to_hex(split_part(parent_id, '/', 3)::bigint)) + 1) / 2 * 2, '0'), 'hex'))
                     from up join derivation d on d.chain_id = up.chain_id and d.child_key = up.key and d.valid_to is null
                 ) select count(*) - 1 from up";
    let id = economy::asset_id(asset);
    let query = sqlx::query_scalar(query)
        .bind(id.chain.0 as i64)
        .bind(id.token.key().as_bytes().to_vec());
    let count: i64 = query.fetch_one(pool).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The same from the bare pairs.
pub async fn count_in_pairs(pool: &PgPool, asset: u32) -> Result<usize, sqlx::Error> {
    let query = "with recursive up (id) as (
                     select parent from edge where child = $1
                     union
                     select edge.parent from up join edge on edge.child = up.id
                 ) select count(*) from up";
    let count: i64 = sqlx::query_scalar(query).bind(asset as i32).fetch_one(pool).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The number of ancestors and the sum of their least depths, from the bare pairs: what an answer of ours holds, less the edges.
pub async fn count_with_depths(pool: &PgPool, asset: u32) -> Result<(usize, u64), sqlx::Error> {
    let query = "with recursive up (id, depth) as (
                     select parent, 1 from edge where child = $1
                     union
                     select edge.parent, up.depth + 1 from up join edge on edge.child = up.id
                 ) select count(*), coalesce(sum(depth), 0)::bigint from (select min(depth) as depth from up group by id) as least";
    let (count, depths): (i64, i64) = sqlx::query_as(query).bind(asset as i32).fetch_one(pool).await?;
    Ok((
        usize::try_from(count).unwrap_or_default(),
        u64::try_from(depths).unwrap_or_default(),
    ))
}

/// Souk's own tables with the whole economy, as a projector leaves them.
pub async fn fill_tables(pool: &PgPool, economy: &Economy) -> Result<(), Box<dyn Error>> {
    let last = economy.last_block();
    let blocks = CHAINS.iter().flat_map(|chain| {
        (0..=last).map(move |block| {
            let hash = economy::block_hash(block);
            format!(
                "{chain}\t{block}\t\\\\x{hash:x}\t\\\\x{hash:x}\t{}\n",
                economy::timestamp(block)
            )
        })
    });
    copy(
        pool,
        "copy block (chain_id, number, hash, parent_hash, timestamp) from stdin",
        blocks,
    )
    .await?;
    let key = |asset: u32| {
        economy::asset_id(asset)
            .token
            .key()
            .as_bytes()
            .iter()
            .fold(String::from("\\\\x"), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    };
    let assets = economy.facts().filter_map(|(chain, place, fact)| match fact {
        Fact::Asset(asset) => Some(format!(
            "{chain}\t{}\t\\\\x00\t{asset}\t1\tmodel\t0\t{}\t{}\n",
            key(asset),
            place.block,
            place.log_index
        )),
        Fact::Edge(..) => None,
    });
    let columns = "chain_id, asset_key, registry, asset_id, kind, name, contributor_share_e8, valid_from, log_index";
    copy(pool, &format!("copy asset ({columns}) from stdin"), assets).await?;
    let derivations = economy.facts().filter_map(|(chain, place, fact)| match fact {
        Fact::Edge(child, parent) => {
            let native = chain == economy::chain(parent);
            let parent_key = if native { key(parent) } else { "\\N".into() };
            let parent_id = if native {
                "\\N".into()
            } else {
                economy::asset_id(parent).to_string()
            };
            let license = economy::license(parent) % souk_schema::U256::from(10).pow(souk_schema::U256::from(77));
            let columns = format!("{chain}\t{}\t{parent_key}\t{parent_id}\t7\t{license}\t0", key(child));
            Some(format!("{columns}\t{}\t{}\n", place.block, place.log_index))
        }
        Fact::Asset(_) => None,
    });
    let columns = "chain_id, child_key, parent_key, parent_id, relation, license_id, status, valid_from, log_index";
    copy(pool, &format!("copy derivation ({columns}) from stdin"), derivations).await?;
    for chain in CHAINS {
        let insert = "insert into projection (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set, decoder_version,
                                              head_number, head_hash, head_timestamp)
                      values ($1, $2, 1, $3 + 2, 0, $4, '{}', 1, $3, $5, $6)";
        sqlx::query(insert)
            .bind(chain.0 as i64)
            .bind(chain.stream(1))
            .bind(last as i64)
            .bind(economy::block_hash(0).as_slice())
            .bind(economy::block_hash(last).as_slice())
            .bind(economy::timestamp(last) as i64)
            .execute(pool)
            .await?;
    }
    store::build_read_indexes(pool, &Schema::new("souk")?).await?;
    sqlx::raw_sql("vacuum (analyze) asset, derivation, block")
        .execute(pool)
        .await?;
    Ok(())
}

async fn copy(pool: &PgPool, statement: &str, rows: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut copy = pool.copy_in_raw(statement).await?;
    let mut chunk = String::with_capacity(CHUNK_BYTES * 2);
    for row in rows {
        chunk += &row;
        if chunk.len() >= CHUNK_BYTES {
            copy.send(chunk.as_bytes()).await?;
            chunk.clear();
        }
    }
    copy.send(chunk.as_bytes()).await?;
    copy.finish().await?;
    Ok(())
}
