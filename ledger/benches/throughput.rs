//! How many trades per second the projector writes: outcomes of the real engine from the embedded log into a private Postgres, against a raw
//! `COPY` of the very postings that this made, one a row, into a table with nothing but a primary key, and against one of all rows that were
//! copied, in the same run.
//!
//! `cargo bench -p souk-ledger --bench throughput`, or with another number of trades as its argument.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_exchange::Engine;
use souk_ledger::project::{LedgerConfig, project_until};
use souk_ledger::reconcile::ledger_adds_up;
use souk_ledger::store;
use souk_ledger::tables::{Purpose, Schema};
use souk_schema::exchange::command::{Fact, OpenGroup, Rules};
use souk_schema::exchange::encoding::{CURRENT_VERSION, VERSION_HEADER, encode_outcomes};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, Command, CommandBody, Event, FeeSchedule, FillNumber, GroupId, Instructions, Lots, MarketKind,
    MarketLimits, MarketSpec, MarketState, MarketUnits, Outcome, OutcomeBatch, Ppm, Side, SignedOrder, Source, Ticks,
    UnixMillis,
};
use souk_schema::{Address, B256, ChainId, TokenRef, U256};
use sqlx::Executor;
use sqlx::postgres::{PgPool, PgPoolOptions};

type Failure = Box<dyn std::error::Error>;

const GROUP: GroupId = GroupId(1);
const CHAIN: ChainId = ChainId(31_337);
const ACCOUNTS: u64 = 2_000;
const MARKETS: u64 = 10;
const OUTCOMES_PER_RECORD: usize = 200;
/// What is aimed at.
const TRADES_PER_SECOND: f64 = 20_000.0;
const OF_COPY: f64 = 0.4;
const QUOTE: Address = Address::repeat_byte(0x20);

fn account(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(1_000 + number)))
}

fn base(market: u64) -> TokenRef {
    TokenRef::new(Address::repeat_byte(0x10), U256::from(market + 1))
}

fn key(market: u64) -> B256 {
    B256::from(U256::from(market + 1))
}

/// Commands to an engine, and what came of them.
struct Market {
    engine: Engine,
    outcomes: Vec<Outcome>,
    position: u64,
    chain_position: u64,
    now: u64,
    nonces: Vec<u64>,
    trades: u64,
}

impl Market {
    fn take(&mut self, body: CommandBody) {
        let position = match &body {
            CommandBody::Fact(_) => &mut self.chain_position,
            _ => &mut self.position,
        };
        *position += 1;
        let position = *position;
        let source = match &body {
            CommandBody::Fact(_) => Source::Chain { chain: CHAIN, position },
            _ => Source::Gateway { id: 1, position },
        };
        let signed = match &body {
            CommandBody::PlaceOrder(order) => vec![(**order).clone()],
            _ => Vec::new(),
        };
        let mut events = Vec::new();
        let command = Command { source, body };
        let result = self.engine.apply(&command, UnixMillis(self.now), &mut events);
        assert_eq!(result, Ok(()), "{command:?}");
        self.trades += events.iter().filter(|event| matches!(event, Event::Traded(_))).count() as u64;
        self.outcomes.push(Outcome {
            number: self.engine.commands(),
            source,
            time: self.engine.time(),
            signed,
            result: Ok(events),
        });
    }

    fn open() -> Market {
        let mut market = Market {
            engine: Engine::new(),
            outcomes: Vec::new(),
            position: 0,
            chain_position: 0,
            now: 1_700_000_000_000,
            nonces: vec![0; ACCOUNTS as usize],
            trades: 0,
        };
        market.take(CommandBody::OpenGroup(OpenGroup {
            group: GROUP,
            chain: CHAIN,
            vault: Address::repeat_byte(0xee),
            fee_account: Address::repeat_byte(0xfe),
            exit_delay_secs: 1_000_000_000,
            settlement_grace_secs: 1_000_000_000,
            max_open_orders: 1_000_000,
            rules: Rules::LATEST,
        }));
        for number in 0..MARKETS {
            market.take(CommandBody::ListMarket(Box::new(spec(number))));
            market.take(CommandBody::SetMarketState {
                market: key(number),
                state: MarketState::Auction,
            });
        }
        let mut deposit_id = 0;
        for number in 0..ACCOUNTS {
            let tokens = (0..MARKETS).map(base).chain([TokenRef::new(QUOTE, U256::ZERO)]);
            for token in tokens {
                deposit_id += 1;
                market.take(CommandBody::Fact(Fact::Deposited {
                    deposit_id,
                    account: account(number),
                    token,
                    amount: Amount(1_000_000_000_000_000_000_000),
                }));
            }
        }
        market.now += 2_000;
        market.take(CommandBody::Tick);
        market
    }

    /// Orders of either side around one price, about as many lots bought as sold; every so often the chain settles.
    fn trade(&mut self, trades: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut settled = 0;
        while self.trades < trades {
            self.now += 1;
            let trader = random.random_range(0..ACCOUNTS);
            let nonce = &mut self.nonces[trader as usize];
            *nonce += 1;
            let order = SignedOrder {
                account: account(trader),
                market: key(random.random_range(0..MARKETS)),
                side: if random.random_range(0..2) == 0 {
                    Side::Buy
                } else {
                    Side::Sell
                },
                base_amount: Amount(1_000_000 * random.random_range(1..20)),
                limit_price: Amount(2_500_000_000 * random.random_range(9_990..10_011)),
                fee_cap: Amount(u128::MAX >> 30),
                nonce: *nonce,
                expiry_secs: self.now / 1_000 + 1_000_000,
                instructions: Instructions::for_benchmark(*nonce),
                signature: Signature([7; 65]),
                signer: account(trader),
            };
            self.take(CommandBody::PlaceOrder(Box::new(order)));
            if self.trades >= settled + 1_000 {
                settled = self.trades;
                self.take(CommandBody::Fact(Fact::FillsSettled {
                    through: FillNumber(settled),
                }));
            }
        }
    }
}

/// How the benchmark's orders are worked.
trait ForBenchmark {
    fn for_benchmark(nonce: u64) -> Self;
}

impl ForBenchmark for Instructions {
    fn for_benchmark(nonce: u64) -> Instructions {
        Instructions {
            kind: Default::default(),
            time_in_force: Default::default(),
            post_only: Default::default(),
            self_trade: souk_schema::exchange::SelfTrade::CancelMaker,
            display_amount: Amount::ZERO,
            trigger_price: Amount::ZERO,
            good_until_secs: 0,
            client_order_id: if nonce.is_multiple_of(2) {
                B256::from(U256::from(nonce))
            } else {
                B256::ZERO
            },
        }
    }
}

fn spec(number: u64) -> MarketSpec {
    MarketSpec {
        key: key(number),
        base: base(number),
        quote: QUOTE,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(1_000_000),
            tick_size: Amount(2_500_000_000),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(1_000),
            taker_ppm: Ppm(2_500),
            royalty_ppm: Ppm(1_000),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(1_000_000),
            max_price: Ticks(1_000_000),
            max_open_orders: 1_000_000,
            band_ppm: None,
            auction_secs: 1,
        },
        reference_price: Ticks(10_000),
    }
}

async fn record(log: &dyn EventLog, outcomes: &[Outcome]) -> Result<StreamName, Failure> {
    let stream = StreamName::new(GROUP.event_stream())?;
    let mut writer = log.open_writer(&stream).await?;
    for portion in outcomes.chunks(OUTCOMES_PER_RECORD * 100) {
        let records = portion.chunks(OUTCOMES_PER_RECORD).map(|outcomes| NewRecord {
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
            payload: encode_outcomes(&OutcomeBatch {
                command_sequence: 0,
                outcomes: outcomes.to_vec(),
                state_hash: None,
            })
            .0,
        });
        writer.append(records.collect()).await?;
    }
    Ok(stream)
}

/// What a batch copies in: each table with what is read of it, the postings first, one a row.
const COPIED: [(&str, &str); 5] = [
    ("one_a_row", "select * from posting order by group_id, number, entry"),
    ("transaction", "select * from transaction"),
    ("exchange_order", "select * from exchange_order"),
    ("fill", "select * from fill"),
    ("account_activity", "select * from account_activity"),
];

/// What the peer copies the postings into: a table with a row for each, its primary key and no check.
const ONE_A_ROW: &str = "create table one_a_row as select * from posting with no data;
    alter table one_a_row add primary key (group_id, number, entry)";

/// Copies rows out, and in again beside; only the time of writing counts. Returns it for the postings, one a row, and for the rows of the
/// tables as they are.
async fn copy(pool: &PgPool) -> Result<(Duration, Duration), Failure> {
    let (live, beside) = (Schema::live(), Schema::live().beside(Purpose::Bench, GROUP));
    store::migrate(pool, &beside).await?;
    let (mut from, mut to) = (store::connect(pool, &live).await?, store::connect(pool, &beside).await?);
    to.execute(ONE_A_ROW).await?;
    let mut took = Vec::new();
    for (table, query) in COPIED {
        let mut rows = Vec::new();
        let mut chunks = from
            .copy_out_raw(&format!("copy ({query}) to stdout (format binary)"))
            .await?;
        while let Some(chunk) = chunks.try_next().await? {
            rows.extend_from_slice(&chunk);
        }
        drop(chunks);
        let started = Instant::now();
        let mut copy = to
            .copy_in_raw(&format!("copy {table} from stdin (format binary)"))
            .await?;
        for chunk in rows.chunks(1 << 20) {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        took.push(started.elapsed());
    }
    Ok((took[0], took[1..].iter().sum()))
}

/// Adds a line to the table of `make bench`, where that asked for it: what was measured, its figure, the peer or limit, its figure, then
/// the ratio and what is aimed at.
#[allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn row(cells: [&str; 4], ratio: f64, aim: f64) -> Result<(), Failure> {
    let [what, figure, peer, of_peer] = cells;
    println!("{what}: {figure} ({peer} {of_peer}), ratio {ratio:.2}, aim ≥ {aim}");
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return Ok(());
    };
    let ok = if ratio >= aim { "ok" } else { "short" };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    writeln!(file, "ledger\t{}\t{ratio:.2}\t≥ {aim}\t{ok}", cells.join("\t"))?;
    Ok(())
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
async fn main() -> Result<(), Failure> {
    let trades = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(200_000);
    let mut market = Market::open();
    let before = market.outcomes.len();
    market.trade(trades);
    // As durable as the one that `souk up` starts.
    let postgres = PostgresConfig {
        fsync: true,
        settings: Vec::new(),
        ..PostgresConfig::throw_away()
    };
    let postgres = Postgres::start(&postgres).await?;
    let url = postgres.create_database("bench").await?;
    let pool = PgPoolOptions::new().max_connections(8).connect(&url).await?;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(pool.clone()).await?);
    let stream = record(&*log, &market.outcomes[..before]).await?;
    let project = async || -> Result<Duration, Failure> {
        let tail = log.next_sequence(&stream).await?;
        let started = Instant::now();
        project_until(LedgerConfig::new(GROUP), Arc::clone(&log), pool.clone(), tail).await?;
        Ok(started.elapsed())
    };
    project().await?;
    record(&*log, &market.outcomes[before..]).await?;
    let (trades, commands) = (market.trades, market.outcomes.len() - before);
    drop(market);
    let took = project().await?.as_secs_f64();
    let postings: i64 = sqlx::query_scalar("select count(*) from exchange.posting")
        .fetch_one(&pool)
        .await?;
    let books = ledger_adds_up(&pool, GROUP).await?;
    assert!(books.is_clean(), "{:?}", books.differences);
    let (postings_copied, all_copied) = copy(&pool).await?;
    let [postings_copied, all_copied] = [postings_copied, all_copied].map(|took| took.as_secs_f64());
    println!(
        "projected {trades} trades of {commands} commands ({postings} postings) in {took:.2} s: {:.0} trades/s, {:.0} commands/s",
        trades as f64 / took,
        commands as f64 / took,
    );
    println!(
        "raw COPY of all rows that were copied: {all_copied:.2} s; ratio {:.2}",
        all_copied / took
    );
    let per_second = trades as f64 / took;
    row(
        [
            "trades projected into the ledger",
            &format!("{per_second:.0}/s"),
            "aim",
            "20,000/s",
        ],
        per_second / TRADES_PER_SECOND,
        1.0,
    )?;
    row(
        [
            "the same, with their orders, fills and candles",
            &format!("{took:.2} s"),
            "raw COPY of the postings, one a row",
            &format!("{postings_copied:.2} s"),
        ],
        postings_copied / took,
        OF_COPY,
    )?;
    Ok(())
}
