//! Where a group's view begins: the tables as far as they are, then the stream of events up to where the engine is, then the books.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_exchange::market_data::Replica;
use souk_ledger::read::MarketRow;
use souk_schema::exchange::encoding::{VERSION_HEADER, decode_outcomes};
use souk_schema::exchange::{CommandNumber, MarketId, MarketSpec, MarketState, Outcome, Side, UnixMillis, Venue};
use souk_sequencer::GroupHandle;
use sqlx::PgPool;

use super::view::{GroupView, MarketView, Opened, Seed};
use crate::error::{ApiError, ErrorCode};
use crate::store::Reader;
use crate::store::exchange::{fills, groups, markets, orders};

/// How long one look at the end of the stream may wait.
const WAIT: Duration = Duration::from_millis(250);

/// How long the stream may stand still before that is said, and the view begun anew: only a primary writes it, and none may be running.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records of the stream that are read at a time.
const AT_ONCE: ReadLimits = ReadLimits {
    max_records: 500,
    max_bytes: 16 * 1024 * 1024,
};

/// The view of a group at some command. Outcomes after that are for the caller, who has to have subscribed to them before.
///
/// # Errors
/// When database or event log do not answer, a record cannot be read, or no primary publishes what the engine has decided.
pub async fn seed(pool: &PgPool, log: &Arc<dyn EventLog>, handle: &GroupHandle) -> Result<GroupView, ApiError> {
    let (seed, next) = from_tables(pool, handle).await?;
    let mut view = GroupView::new(seed);
    let stream = StreamName::new(handle.group().event_stream()).map_err(ApiError::internal)?;
    // Where the engine is, and its books there. A standby may be behind the tables for a moment.
    let (number, books) = loop {
        let (number, books) = handle.read(|engine| {
            let books: Vec<(MarketId, Replica)> =
                engine.markets().map(|market| (market.id(), levels(&market))).collect();
            (engine.commands(), books)
        });
        if number >= view.number() {
            break (number, books);
        }
        tokio::time::sleep(WAIT).await;
    };
    let later = catch_up(&mut view, log, &stream, next, number).await?;
    for (market, levels) in books {
        view.set_levels(market, levels);
    }
    later.iter().for_each(|outcome| drop(view.apply(outcome)));
    Ok(view)
}

fn levels(market: &souk_exchange::MarketView<'_>) -> Replica {
    let mut levels = Replica::default();
    for side in [Side::Buy, Side::Sell] {
        for level in market.levels(side, usize::MAX) {
            levels.change(side, level.price, level.lots);
        }
    }
    levels
}

/// Applies the stream's outcomes up to a command, which is in the stream or about to be; those after it that were read along.
async fn catch_up(
    view: &mut GroupView,
    log: &Arc<dyn EventLog>,
    stream: &StreamName,
    mut next: u64,
    until: CommandNumber,
) -> Result<Vec<Outcome>, ApiError> {
    let unreadable = |problem: String| ApiError::internal(format!("{stream}: {problem}"));
    let mut later = Vec::new();
    let mut moved = Instant::now();
    while view.number() < until {
        let records = log
            .read(stream, next, AT_ONCE)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        if records.is_empty() {
            if moved.elapsed() >= PATIENCE {
                let (have, group) = (view.number(), view.group());
                tracing::warn!(%group, %have, %until, "readers wait for outcomes that no primary has published: does `souk exchange` run?");
                return Err(ApiError::new(
                    ErrorCode::Unavailable,
                    "the market group has no primary at the moment",
                ));
            }
            let waited = log.wait_beyond(stream, next, WAIT).await;
            waited.map_err(|error| unreadable(error.to_string()))?;
        }
        for record in records {
            moved = Instant::now();
            let version = record.headers.iter().find(|(name, _)| name == VERSION_HEADER);
            let version = version
                .and_then(|(_, version)| version.parse().ok())
                .unwrap_or_default();
            let batch = decode_outcomes(version, &record.payload)
                .map_err(|error| unreadable(format!("record {}: {error}", record.sequence)))?;
            next = record.sequence + 1;
            for outcome in batch.outcomes {
                if outcome.number <= until {
                    view.apply(&outcome);
                } else {
                    later.push(outcome);
                }
            }
        }
    }
    Ok(later)
}

/// The group as the tables have it, and the next record of its stream of events.
async fn from_tables(pool: &PgPool, handle: &GroupHandle) -> Result<(Seed, u64), ApiError> {
    let group = handle.group();
    let reader = Reader::begin(pool).await?;
    let tables = groups::tables(&reader).await?;
    let Some(tables) = tables.into_iter().find(|tables| tables.group == group) else {
        return Ok((Seed::empty(group), 0));
    };
    let (rows, opened) = {
        let mut transaction = reader.transaction().await;
        let opened = souk_ledger::read::groups(&mut **transaction).await?;
        let rows = souk_ledger::read::markets(&mut **transaction, Some(group)).await?;
        (rows, opened.into_iter().find(|row| row.group == group))
    };
    let fills = fills::unsettled(&reader, group).await?;
    let seed = Seed {
        number: tables.command,
        time: UnixMillis(tables.time),
        group,
        settlement_limit: opened.as_ref().map_or(MarketState::Open, |row| row.settlement_limit),
        opened: opened.map(|row| Opened {
            venue: Venue {
                chain: row.chain,
                vault: row.vault,
            },
            exit_delay_secs: row.exit_delay_secs,
            settlement_grace_secs: row.settlement_grace_secs,
        }),
        instruments: markets::instruments(&reader, group).await?,
        markets: rows.into_iter().map(|row| Arc::new(market(row))).collect(),
        accounts: markets::accounts(&reader, group).await?,
        orders: orders::all_open(&reader, group).await?,
        fills,
    };
    Ok((seed, tables.next_sequence))
}

fn market(row: MarketRow) -> MarketView {
    MarketView {
        id: row.market,
        base: row.base_instrument,
        quote: row.quote_instrument,
        state: row.state,
        auction_ends_at: row.auction_ends_at,
        last_price: row.last_price,
        spec: Arc::new(MarketSpec {
            key: row.key,
            base: row.base,
            quote: row.quote.contract,
            kind: row.kind,
            units: row.units,
            fees: row.fees,
            limits: row.limits,
            reference_price: row.reference_price,
        }),
    }
}
