//! `book`: from the engine's outcome being durable to the message about it at every one of five hundred subscribers of a market's book.
//!
//! The whole exchange runs in this process as `souk up` runs it, on the demo's economy; orders come over GraphQL, signed, at the moments of
//! a schedule that waits for no answer. The clock starts when the log has acknowledged the record that holds a command: from then on its
//! outcome stands, and nobody was told of it yet. It stops when a client has read the whole message from its socket. Decoding, deciding,
//! the book's changes, GraphQL, framing and both ends of the sockets are in between; the clients share the machine with the server. What the
//! sockets alone take is measured beside it, on a machine that does nothing else.

mod bare;
mod clients;
mod exchange;
mod stamps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use indicatif::HumanCount;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::clients::{Clients, Heard};
use self::exchange::RunningExchange;
use self::stamps::Durable;
use super::latency::at_share;
use super::parts::Parts;
use super::row::{Figure, Row, Target};
use crate::commands::demo::desk::{Deed, Desk};
use crate::commands::demo::trade::now_secs;

const SUBSCRIBERS: usize = 500;
/// Orders and cancels that come in a second; cancels are about a quarter of them.
const DEEDS_PER_SEC: u32 = 50;
const DEEDS: u32 = 1_500;
/// Orders that fill the book before anybody listens.
const ORDERS_BEFORE: usize = 200;
const LIMIT: Duration = Duration::from_millis(10);
/// How long the last messages may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
///
/// # Errors
/// One line when a part fails, or a client misses a message.
pub async fn measure(parts: &Parts) -> Result<Vec<Row>> {
    let mut running = RunningExchange::start(parts).await?;
    let mut desk = running.desk().await?;
    fill(&mut desk).await?;
    let clients = Clients::subscribe(running.address()?, desk.market_id(0)?, SUBSCRIBERS).await?;
    let durable = running.durable.clone();
    durable.begin();
    let begun = Instant::now();
    running
        .meanwhile(trade(Arc::new(desk.exchange.clone()), &mut desk))
        .await?;
    let trading = begun.elapsed();
    let last = book_sequence(&desk).await?;
    let heard = running.meanwhile(clients.until(last, PATIENCE)).await?;
    running.stop().await?;
    let messages = heard.first().map_or(0, Vec::len);
    ensure!(messages > 0, "no client heard anything");
    let bytes = heard[0].iter().map(|told| told.bytes).sum::<usize>() / messages;
    let pause = trading / u32::try_from(messages)?;
    let bare = tokio::task::spawn_blocking(move || bare::measure(SUBSCRIBERS, bytes, pause)).await??;
    rows(&heard, &durable, trading, &bare)
}

/// Fills the book.
async fn fill(desk: &mut Desk) -> Result<()> {
    let mut orders = Vec::with_capacity(ORDERS_BEFORE);
    while orders.len() < ORDERS_BEFORE {
        if let (_, Deed::Place(order)) = desk.next(now_secs())? {
            orders.push(*order);
        }
    }
    for some in orders.chunks(50) {
        desk.exchange.place(some).await?;
    }
    Ok(())
}

/// Sends orders and cancels at the moments of the schedule, whatever became of those before.
async fn trade(exchange: Arc<crate::commands::demo::client::Exchange>, desk: &mut Desk) -> Result<()> {
    let mut answers = JoinSet::new();
    let begun = tokio::time::Instant::now();
    for number in 0..DEEDS {
        let (_, deed) = desk.next(now_secs())?;
        tokio::time::sleep_until(begun + Duration::from_secs(1) * number / DEEDS_PER_SEC).await;
        match deed {
            Deed::Place(order) => {
                let exchange = exchange.clone();
                answers.spawn(async move { exchange.place(&[*order]).await.map(|_| ()) });
            }
            Deed::Cancel { trader, nonce } => {
                let (exchange, trader) = (exchange.clone(), desk.trader(trader)?.clone());
                answers.spawn(async move { exchange.cancel(&trader, nonce).await.map(|_| ()) });
            }
        }
    }
    while let Some(answered) = answers.join_next().await {
        answered??;
    }
    Ok(())
}

/// The command that changed the book last; everything was answered before.
async fn book_sequence(desk: &Desk) -> Result<u64> {
    const QUERY: &str = "query ($market: Bytes32!) { market(id: $market) { orderBook { sequence } } }";
    let answer = desk
        .exchange
        .ask(QUERY, json!({ "market": desk.market_id(0)? }), None)
        .await?;
    number(&answer["market"]["orderBook"]["sequence"]).context("the market has no book")
}

/// A number that is written as a string or as a number.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn rows(heard: &[Vec<Heard>], durable: &Durable, trading: Duration, bare: &[Duration]) -> Result<Vec<Row>> {
    let messages = heard.first().map_or(0, Vec::len);
    let (mut first, mut all) = (Vec::new(), Vec::new());
    for number in 0..messages {
        let since = durable.of(heard[0][number].sequence)?;
        let mut one = Vec::with_capacity(heard.len());
        for client in heard {
            let told = client
                .get(number)
                .context("a client heard fewer messages than another")?;
            ensure!(
                told.sequence == heard[0][number].sequence,
                "clients heard different messages"
            );
            one.push(told.at.saturating_duration_since(since));
        }
        first.extend(one.iter().min());
        all.extend(one);
    }
    first.sort_unstable();
    all.sort_unstable();
    let row = |measured: String, figure, target| Row {
        name: "book",
        measured,
        figure: Figure::Time(figure),
        peer: "limit".into(),
        peer_figure: Figure::Time(LIMIT),
        target,
    };
    let beside_bare = |measured: &str, share| Row {
        peer: "bare writes and reads of as many bytes, nothing beside".into(),
        peer_figure: Figure::Time(at_share(bare, share)),
        ..row(measured.into(), at_share(&all, share), Target::ForComparison)
    };
    let per_sec = messages as f64 / trading.as_secs_f64();
    let measured = format!(
        "durable outcome to client, {SUBSCRIBERS} subscribers, {} messages each at {per_sec:.0}/s, p99",
        HumanCount(messages as u64)
    );
    let (nearest, nearest_p99) = (
        Figure::Time(at_share(&first, 0.5)),
        Figure::Time(at_share(&first, 0.99)),
    );
    Ok(vec![
        row(measured, at_share(&all, 0.99), Target::TimesLimit(1.0)),
        row(
            format!("p50 (first of the clients {nearest}, its p99 {nearest_p99})"),
            at_share(&all, 0.5),
            Target::ForComparison,
        ),
        row("max".into(), at_share(&all, 1.0), Target::ForComparison),
        beside_bare("p50", 0.5),
        beside_bare("p99", 0.99),
    ])
}
