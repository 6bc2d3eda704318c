//! A small economy in a database of its own, and a server over it.
//!
//! One private Postgres serves all tests that run at the same time; each test has a database of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use souk_api::{ApiConfig, ExchangeParts, Server, StatusSources};
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_provenance::graph::GraphHandle;
use souk_schema::{Address, TokenRef, U256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;

/// The chain of the economy.
pub const CHAIN: &str = "eip155:31337";
/// Its last block, which has this number.
pub const HEAD: i64 = 20;

/// An address of twenty equal bytes.
pub fn address(byte: u8) -> String {
    format!("0x{}", format!("{byte:02x}").repeat(20))
}

pub const REGISTRY: u8 = 0x11;
pub const LICENSES: u8 = 0x22;
pub const SHARES: u8 = 0x33;
pub const BOOK: u8 = 0x44;
pub const ROUTER: u8 = 0x55;
pub const USD: u8 = 0x66;
pub const PLAIN_721: u8 = 0x77;
pub const ALICE: u8 = 0xa1;
pub const BOB: u8 = 0xb0;
pub const CAROL: u8 = 0xc0;

/// An asset's CAIP-19 id.
pub fn asset(number: u64) -> String {
    format!("{CHAIN}/erc721:{}/{number}", address(REGISTRY))
}

/// Time of a block.
pub fn time(block: i64) -> i64 {
    1000 + 10 * block
}

/// SQL of a token's key.
pub fn key(contract: u8, id: u64) -> String {
    let token = TokenRef::new(Address::repeat_byte(contract), U256::from(id));
    format!("'\\x{}'::bytea", hex(token.key().as_bytes()))
}

/// SQL of twenty equal bytes.
pub fn bytes(byte: u8) -> String {
    format!("'\\x{}'::bytea", hex(&[byte; 20]))
}

/// SQL of a block's hash on a fork.
pub fn hash(number: i64, fork: u8) -> String {
    let mut hash = [fork; 32];
    hash[24..].copy_from_slice(&number.to_be_bytes());
    hash[..8].copy_from_slice(&(number * 1_000_003 + i64::from(fork)).to_be_bytes());
    format!("'\\x{}'::bytea", hex(&hash))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The Postgres of the tests that run now, with the runtime that its parts live on.
struct Shared {
    postgres: Option<Postgres>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.postgres.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts a Postgres, or takes the one that other tests hold.
fn shared() -> Arc<Shared> {
    static HELD: Mutex<Weak<Shared>> = Mutex::new(Weak::new());
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = held.upgrade() {
        return shared;
    }
    let started = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut config = PostgresConfig::throw_away();
        // Statements are counted in the server's own log.
        config.settings.extend([
            ("log_statement".into(), "all".into()),
            ("log_line_prefix".into(), "%d ".into()),
        ]);
        let postgres = runtime.block_on(Postgres::start(&config)).expect("Postgres starts");
        Arc::new(Shared {
            postgres: Some(postgres),
            runtime: Some(runtime),
        })
    });
    let shared = started.join().unwrap();
    *held = Arc::downgrade(&shared);
    shared
}

/// A database with tables, and nothing in them yet.
pub struct Database {
    shared: Arc<Shared>,
    pub name: String,
    pub pool: PgPool,
}

impl Database {
    /// Without tables.
    pub async fn bare() -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("api_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let shared = tokio::task::spawn_blocking(shared).await.unwrap();
        let url = shared.postgres.as_ref().unwrap().create_database(&name).await.unwrap();
        let options: PgConnectOptions = url.parse().unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(24)
            .connect_with(options.options([("search_path", "souk")]))
            .await
            .unwrap();
        Database { shared, name, pool }
    }

    pub async fn empty() -> Database {
        let database = Database::bare().await;
        sqlx::query("create schema souk").execute(&database.pool).await.unwrap();
        sqlx::migrate!("../migrations/souk").run(&database.pool).await.unwrap();
        database
    }

    /// The same database, for another server.
    pub fn again(&self) -> Database {
        Database {
            shared: self.shared.clone(),
            name: self.name.clone(),
            pool: self.pool.clone(),
        }
    }

    /// With the economy in it.
    pub async fn seeded() -> Database {
        let database = Database::empty().await;
        database.sql(&economy()).await;
        database
    }

    pub async fn sql(&self, statements: &str) {
        let sent = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.pool).await;
        sent.unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// How many statements of this database the server has logged, without those that open and close transactions or connections.
    pub fn statements(&self) -> usize {
        let log = std::fs::read_to_string(self.shared.postgres.as_ref().unwrap().log()).unwrap();
        let mine = format!("{} LOG:  execute", self.name);
        log.lines().filter(|line| line.starts_with(&mine)).count()
    }
}

/// A server over a database.
pub struct Souk {
    pub database: Database,
    pub address: SocketAddr,
    pub cancel: CancellationToken,
    pub graph: GraphHandle,
    pub log: Arc<dyn EventLog>,
    pub running: tokio::task::JoinHandle<Result<(), souk_api::ServeError>>,
    pub http: reqwest::Client,
}

impl Drop for Souk {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Souk {
    /// Over the economy, with room for any question.
    pub async fn start() -> Souk {
        Souk::over(Database::seeded().await, |_| {}).await
    }

    /// Over a database, with changes to the configuration.
    pub async fn over(database: Database, change: impl FnOnce(&mut ApiConfig)) -> Souk {
        Souk::offering(database, change, None).await
    }

    /// Over a database, with an exchange.
    pub async fn offering(
        database: Database,
        change: impl FnOnce(&mut ApiConfig),
        exchange: Option<ExchangeParts>,
    ) -> Souk {
        Souk::with(database, change, |server| match exchange {
            Some(exchange) => server.with_exchange(exchange).unwrap(),
            None => server,
        })
        .await
    }

    /// Over a database, with whatever else the server offers.
    pub async fn with(
        database: Database,
        change: impl FnOnce(&mut ApiConfig),
        offer: impl FnOnce(Server) -> Server,
    ) -> Souk {
        let cancel = CancellationToken::new();
        let graph = GraphHandle::start(database.pool.clone(), cancel.clone()).await.unwrap();
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(database.pool.clone()).await.unwrap());
        let mut config = ApiConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..ApiConfig::default()
        };
        change(&mut config);
        let status = StatusSources {
            log: log.clone(),
            indexers: Arc::new(Vec::new),
        };
        let server = Server::bind(config, database.pool.clone(), graph.clone(), status, cancel.clone())
            .await
            .unwrap();
        let server = offer(server);
        let address = server.address().unwrap();
        let running = tokio::spawn(server.run());
        Souk {
            database,
            address,
            cancel,
            graph,
            log,
            running,
            http: reqwest::Client::new(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The whole answer to a query.
    pub async fn answer(&self, query: &str, variables: Value) -> Value {
        self.answer_to(None, query, variables).await
    }

    /// The whole answer to a query of somebody with a session.
    pub async fn answer_to(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let mut request = self.http.post(self.url("/graphql")).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a query that has no errors.
    pub async fn ask(&self, query: &str) -> Value {
        let mut answer = self.answer(query, json!({})).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// Code and message of the first error of a query that has one.
    pub async fn error(&self, query: &str) -> (String, String) {
        let answer = self.answer(query, json!({})).await;
        let error = &answer["errors"][0];
        let text = |value: &Value| {
            value
                .as_str()
                .unwrap_or_else(|| panic!("{query}\n{answer:#}"))
                .to_string()
        };
        (text(&error["extensions"]["code"]), text(&error["message"]))
    }

    /// Appends so many records to the chain's stream.
    pub async fn append(&self, records: usize) {
        let stream = StreamName::new("chain.31337").unwrap();
        let record = NewRecord {
            headers: Vec::new(),
            payload: b"record".as_slice().into(),
        };
        self.log.append_shared(&stream, vec![record; records]).await.unwrap();
    }
}

/// Says that the chain's tables changed.
pub const NOTIFY: &str = "notify souk_projection, '31337';";

/// SQL that adds a block and moves the projection there.
pub fn block(number: i64, fork: u8) -> String {
    format!(
        "insert into block values (31337, {number}, {}, {}, {}); \
         update projection set head_number = {number}, head_hash = {}, head_timestamp = {}, next_sequence = next_sequence + 1 where chain_id = 31337;",
        hash(number, fork),
        hash(number - 1, fork),
        time(number),
        hash(number, fork),
        time(number),
    )
}

/// SQL that takes back blocks down to one that stays, as far as events, assets, derivations and owners go.
pub fn revert_to(number: i64, fork: u8) -> String {
    format!(
        "delete from event where block_number > {number}; delete from asset where valid_from > {number}; delete from asset_version where valid_from > {number}; \
         delete from derivation where valid_from > {number}; delete from ownership where valid_from > {number}; \
         update ownership set valid_to = null where valid_to > {number}; delete from block where number > {number}; \
         update projection set head_number = {number}, head_hash = {}, head_timestamp = {}, next_sequence = next_sequence + 1;",
        hash(number, fork),
        time(number),
    )
}

/// SQL of an event about a token.
pub fn event(block: i64, log: i32, name: &str, subject: &str, body: &Value) -> String {
    let transaction = format!("'\\x{}'::bytea", hex(&[block as u8; 32]));
    format!(
        "insert into event values (31337, {block}, {log}, 0, {transaction}, 0, {}, '{name}', {subject}, '{body}');",
        bytes(REGISTRY)
    )
}

/// SQL of a registered asset with its owner, first version and event.
pub fn registered(number: u64, kind: i16, name: &str, owner: u8, block: i64, log: i32) -> String {
    let asset = key(REGISTRY, number);
    format!(
        "insert into asset values (31337, {asset}, {}, {number}, {kind}, '{name}', 10000000, {block}, null, {log}); \
         insert into asset_version values (31337, {asset}, 1, '\\x{}'::bytea, 'ipfs://{name}', {block}, null, {log}); \
         insert into ownership values (31337, {asset}, {}, {block}, null, {log}); {}",
        bytes(REGISTRY),
        hex(&[number as u8; 32]),
        bytes(owner),
        event(
            block,
            log,
            "asset_registered",
            &asset,
            &json!({ "type": "asset_registered", "name": name })
        ),
    )
}

/// SQL of a derivation within the registry.
pub fn derived(child: u64, parent: u64, relation: i16, license: u64, block: i64, log: i32) -> String {
    let (child, parent) = (key(REGISTRY, child), key(REGISTRY, parent));
    format!(
        "insert into derivation values (31337, {child}, {parent}, null, {relation}, {license}, 0, {block}, null, {log}); {}",
        event(
            block,
            log,
            "derivation_declared",
            &child,
            &json!({ "type": "derivation_declared" })
        ),
    )
}

/// What an asset costs whom, and when: see the comments.
fn economy() -> String {
    people_and_assets() + &rights_and_money()
}

fn people_and_assets() -> String {
    let mut sql = format!(
        "insert into projection (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set, decoder_version, \
         finalized_number, finalized_hash) values (31337, 'chain.31337', 1, 0, 0, {}, '{{}}', 1, 10, {});",
        hash(0, 1),
        hash(10, 1)
    );
    (0..=HEAD).for_each(|number| sql += &block(number, 1));
    // Four assets: an agent on a tuned model on a model trained on data, which the agent also looks things up in.
    sql += &registered(1, 0, "base-data", ALICE, 1, 0);
    sql += &registered(2, 1, "base-model", ALICE, 2, 0);
    sql += &derived(2, 1, 0, 0, 2, 1);
    sql += &registered(3, 1, "tuned 100%", BOB, 3, 0);
    sql += &derived(3, 2, 1, 7, 3, 1);
    sql += &registered(4, 3, "agent", BOB, 4, 0);
    sql += &derived(4, 3, 9, 0, 4, 1);
    sql += &derived(4, 1, 10, 0, 4, 2);
    // A parent on a chain that nobody indexes.
    sql += &format!(
        "insert into derivation values (31337, {}, null, 'eip155:1/erc721:{}/99', 7, 0, 0, 4, null, 3); {}",
        key(REGISTRY, 3),
        address(0x99),
        event(
            4,
            3,
            "foreign_parent_declared",
            &key(REGISTRY, 3),
            &json!({ "type": "foreign_parent_declared" })
        ),
    );
    // Block 5: the data goes from Alice to Carol.
    let data = key(REGISTRY, 1);
    sql += &format!(
        "update ownership set valid_to = 5 where token_key = {data}; insert into ownership values (31337, {data}, {}, 5, null, 0);",
        bytes(CAROL)
    );
    sql += &event(
        5,
        0,
        "token_transferred",
        &data,
        &json!({ "type": "token_transferred", "standard": "erc721" }),
    );
    // Block 6: 1000 shares of the model to Alice; block 8: 400 of them to Bob.
    let (model, shares) = (key(REGISTRY, 2), key(SHARES, 2));
    sql += &format!(
        "insert into share_issue values (31337, {model}, {shares}, {}, 1000, 6, null, 0); \
         insert into balance values (31337, {shares}, {alice}, 1000, 6, 8, 0), (31337, {shares}, {alice}, 600, 8, null, 0), (31337, {shares}, {bob}, 400, 8, null, 0);",
        bytes(ALICE),
        alice = bytes(ALICE),
        bob = bytes(BOB),
    );
    sql += &event(
        8,
        0,
        "token_transferred",
        &shares,
        &json!({ "type": "token_transferred", "standard": "erc1155" }),
    );
    // Block 7: version 2 of the data.
    sql += &format!(
        "insert into asset_version values (31337, {data}, 2, '\\x{}'::bytea, 'ipfs://v2', 7, null, 0);",
        hex(&[0xfe; 32])
    );
    sql += &event(7, 0, "asset_versioned", &data, &json!({ "type": "asset_versioned" }));
    sql
}

fn rights_and_money() -> String {
    let zero = format!("'\\x{}'::bytea", "00".repeat(32));
    let (data, model) = (key(REGISTRY, 1), key(REGISTRY, 2));
    let mut sql = String::new();
    // Terms 5 on the model; series 7 expires at the time of block 12, series 8 never does and is revoked in block 9. Bob holds both.
    let (expiring, revoked) = (key(LICENSES, 7), key(LICENSES, 8));
    sql += &format!(
        "insert into license_terms values (31337, {licenses}, 5, true, true, false, true, 1, 5000000, 250, {usd}, 864000, 0, 'ipfs://terms', 'MIT', 2, null, 2); \
         insert into terms_attachment values (31337, {model}, {licenses}, 5, 2, null, 3); \
         insert into license_series values (31337, {expiring}, {model}, 5, {expiry}, 3, null, 2), (31337, {revoked}, {model}, 5, 0, 3, 9, 3); \
         insert into license_revocation values (31337, {revoked}, {alice}, 'broken terms', 9, null, 0); \
         insert into balance values (31337, {expiring}, {bob}, 1, 3, null, 2), (31337, {revoked}, {bob}, 2, 3, null, 3);",
        licenses = bytes(LICENSES),
        usd = bytes(USD),
        expiry = time(12),
        alice = bytes(ALICE),
        bob = bytes(BOB),
    );
    sql += &event(9, 0, "license_revoked", &revoked, &json!({ "type": "license_revoked" }));
    // Two contributions of Carol to the data; the second is voided in block 10.
    sql += &format!(
        "insert into contribution values (31337, {}, {data}, {carol}, 1, 7, {zero}, {alice}, 4, null, 4), (31337, {}, {data}, {carol}, 2, 3, {zero}, {alice}, 4, 10, 5);",
        key(BOOK, 1),
        key(BOOK, 2),
        carol = bytes(CAROL),
        alice = bytes(ALICE),
    );
    // Two revenues of the model.
    sql += &format!(
        "insert into revenue values (31337, {}, {model}, {carol}, {usd}, 500, 1, {zero}, 10, null, 0), (31337, {}, {model}, {carol}, {usd}, 700, 2, {zero}, 11, null, 0);",
        key(ROUTER, 1),
        key(ROUTER, 2),
        carol = bytes(CAROL),
        usd = bytes(USD),
    );
    // A plain collection, a plain currency, and a log that nobody could read.
    sql += &format!(
        "insert into ownership values (31337, {}, {}, 12, null, 0); insert into balance values (31337, {}, {}, -5, 13, null, 0), (31337, {}, {}, 123456789012345678901234567890, 13, null, 0); \
         insert into quarantine values (31337, 6, 9, {zero}, {}, array[{zero}], '\\xbeef', 'topics do not fit', 1);",
        key(PLAIN_721, 42),
        bytes(ALICE),
        key(USD, 0),
        bytes(ALICE),
        key(USD, 0),
        bytes(BOB),
        bytes(REGISTRY),
    );
    sql
}
