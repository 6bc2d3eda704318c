//! What the projections write is what is read, from a real Postgres.

use std::collections::BTreeMap;

use souk_adapters::{ContractSet, WatchSet};
use souk_analytics::load::{Deployment, LoadError, Records, deployments, load};
use souk_analytics::{Dated, Period, statement};
use souk_devstack::{Postgres, PostgresConfig};
use souk_distribution::fold::Changes;
use souk_distribution::store::Store;
use souk_payouts::state::PortionChange;
use souk_provenance::store::migrate;
use souk_provenance::tables::Schema;
use souk_schema::{Address, ChainId};
use sqlx::PgPool;

use crate::economy::{Economy, Size, account};

const CHAIN: ChainId = ChainId(7);
const STREAM: &str = "chain.7";
const REGISTRY: Address = Address::repeat_byte(1);
const DISTRIBUTOR: Address = Address::repeat_byte(2);

/// Writes the economy as the two projections do, lines up to one record and the rest up to the next one.
async fn write(pool: &PgPool, economy: &Economy) -> Store {
    migrate(pool, &Schema::live()).await.expect("the tables are made");
    let store = Store::connect(pool.clone(), CHAIN).await.expect("the tables are made");
    assert_eq!(store.begin(STREAM).await.expect("a position"), 0);
    let changes = Changes {
        lines: economy
            .lines
            .iter()
            .map(|line| (REGISTRY, line.block, line.what))
            .collect(),
        portions: economy
            .changes
            .iter()
            .map(|change| (REGISTRY, change.block, change.what))
            .collect(),
        ..Changes::default()
    };
    assert!(store.write(STREAM, 0, 1, &changes).await.expect("lines are written"));
    let lines = economy.lines.iter().map(|line| (line.block, line.at));
    let changed = economy.changes.iter().map(|change| (change.block, change.at));
    let claimed = economy.claims.iter().map(|claim| (claim.block, claim.at));
    let blocks: BTreeMap<u64, u64> = lines.chain(changed).chain(claimed).collect();
    for (number, at) in blocks {
        sqlx::query("insert into souk.block values ($1, $2, $3, $3, $4)")
            .bind(7_i64)
            .bind(number.cast_signed())
            .bind(&[0_u8; 32][..])
            .bind(at.cast_signed())
            .execute(pool)
            .await
            .expect("a block");
    }
    for (index, claim) in economy.claims.iter().enumerate() {
        sqlx::query(
            "insert into souk.payout_claim (chain_id, distributor, account, token, amount, cumulative, valid_from, log_index)
             values ($1, $2, $3, $4, $5::numeric, 0, $6, $7)",
        )
        .bind(7_i64)
        .bind(DISTRIBUTOR.as_slice())
        .bind(claim.what.account.as_slice())
        .bind(claim.what.token.as_slice())
        .bind(claim.what.amount.to_string())
        .bind(claim.block.cast_signed())
        .bind(i32::try_from(index).expect("few claims"))
        .execute(pool)
        .await
        .expect("a claim");
    }
    let watch_set = WatchSet {
        sets: vec![ContractSet::Souk {
            registry: REGISTRY,
            licenses: Address::ZERO,
            shares: Address::ZERO,
            contributions: Address::ZERO,
            router: Address::ZERO,
            vault: None,
            distributor: Some(DISTRIBUTOR),
            tasks: None,
            executions: None,
            disputes: None,
            gateway: None,
        }],
    };
    sqlx::query(
        "insert into souk.projection (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set, decoder_version)
         values ($1, $2, 0, 2, 0, $3, $4::jsonb, 1)",
    )
    .bind(7_i64)
    .bind(STREAM)
    .bind(&[0_u8; 32][..])
    .bind(serde_json::to_string(&watch_set).expect("JSON"))
    .execute(pool)
    .await
    .expect("a position");
    store
}

#[tokio::test]
async fn records_come_back_and_make_the_same_statement() {
    let postgres = Postgres::start(&PostgresConfig::throw_away())
        .await
        .expect("a private Postgres starts");
    let url = postgres.create_database("analytics").await.expect("a new database");
    let pool = PgPool::connect(&url).await.expect("connects");
    let economy = Economy::new(2, Size::Any);
    let store = write(&pool, &economy).await;

    let deployment = Deployment {
        chain: CHAIN,
        registry: REGISTRY,
        distributor: Some(DISTRIBUTOR),
    };
    assert_eq!(deployments(&pool).await.expect("deployments"), [deployment]);
    let apart = load(&pool, &deployment, account(1)).await;
    assert!(
        matches!(apart, Err(LoadError::Apart(CHAIN))),
        "claims are a record ahead"
    );
    assert!(
        store
            .write(STREAM, 1, 2, &Changes::default())
            .await
            .expect("a record is written")
    );

    for whose in (1..4).map(account) {
        let records = load(&pool, &deployment, whose).await.expect("records");
        let of_account: Vec<_> = economy
            .lines
            .iter()
            .filter(|line| line.what.recipient == whose)
            .copied()
            .collect();
        assert_eq!(records.lines, of_account);
        let earns =
            |change: &&Dated<PortionChange>| of_account.iter().any(|line| line.what.revenue == change.what.revenue);
        let changes: Vec<_> = economy.changes.iter().filter(earns).copied().collect();
        assert_eq!(records.changes, changes);
        let claims = economy.claims.iter().filter(|claim| claim.what.account == whose);
        assert!(records.claims.iter().eq(claims));
        let period = Period::default();
        let read = statement(&records.lines, &records.changes, &records.claims, whose, period).expect("a statement");
        let told = economy.statement(whose, period);
        assert_eq!(read.totals, told.totals);
        assert!(read.frame.equals_missing(&told.frame));
    }
    let nothing = load(&pool, &deployment, account(99)).await.expect("records");
    assert_eq!(nothing, Records::default());
}
