//! `souk demo --trade`: the family's traders at work on the exchange of a running instance, through its GraphQL alone.
//!
//! As fast as orders are taken, paced as they would come, or over a span of simulated time ([`simulated`](super::simulated)).

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use souk_contracts::Deployment;
use souk_demo::trade::Signed;
use souk_demo::{AccountNo, Family};

use super::client::{Exchange, Placement};
use super::desk::{Deed, Desk, open_markets};
use super::simulated::{self, Simulated};
use crate::cli::DemoArgs;
use crate::commands::say;
use crate::config::read_deployment;
use crate::instance::DataDir;

/// Orders that are sent together at most.
const BATCH: usize = 50;

/// What came of a flow.
#[derive(Debug, Default)]
pub struct Tally {
    placed: u64,
    cancelled: u64,
    refused: BTreeMap<String, u64>,
}

/// Where the traders trade.
struct Place {
    url: String,
    deployment: Deployment,
    /// The node of a dev chain, whose clock can be moved.
    node: Option<String>,
}

/// Places the orders that the arguments ask for.
///
/// # Errors
/// One line where no exchange runs, or it does not take the orders.
pub async fn run(args: &DemoArgs, dir: &DataDir) -> Result<()> {
    let Place { url, deployment, node } = place(args, dir)?;
    let plan = souk_demo::plan(args.seed, &Family::embedded().context("the demo's family tree")?)?;
    let exchange = Exchange::new(&url);
    let markets = open_markets(&exchange, &plan).await?;
    let desk = Desk::open(exchange, &deployment, &plan, markets, args.seed).await?;

    let started = Instant::now();
    let mut floor = Floor::new(desk).await?;
    let simulated = match args.simulate {
        Some(span) => {
            let node = node.context(
                "--simulate moves the clock of the dev chain that `souk up` runs: leave --url out, and name its data folder",
            )?;
            Some(simulated::trade(&mut floor, &node, span).await?)
        }
        None => {
            floor.trade(args.orders, args.paced).await?;
            None
        }
    };
    let tickers = floor.desk.tickers().await?;
    report(args, &floor.tally, (started.elapsed(), simulated), &tickers);
    Ok(())
}

fn place(args: &DemoArgs, dir: &DataDir) -> Result<Place> {
    match (&args.url, &args.deployment) {
        (Some(url), Some(deployment)) => Ok(Place {
            url: url.to_string(),
            deployment: read_deployment(deployment)?,
            node: None,
        }),
        (Some(_), None) => {
            bail!("--url names an exchange, but not what orders are signed for: add --deployment <FILE>")
        }
        (None, _) => {
            let instance = dir.running()?;
            let chain = instance
                .dev_chain
                .context("the running souk has no dev chain of its own, so the demo's traders have nothing there")?;
            Ok(Place {
                url: instance.url,
                deployment: chain.deployment,
                node: Some(chain.rpc),
            })
        }
    }
}

/// The traders, and what they are about to send.
pub struct Floor {
    /// The traders.
    pub desk: Desk,
    /// Seconds that the exchange's time is ahead of this machine's, where time was simulated.
    lead_secs: u64,
    signed: Vec<Signed>,
    cancels: Vec<(AccountNo, u64)>,
    /// What came of it so far.
    pub tally: Tally,
}

impl Floor {
    /// Nothing sent yet.
    async fn new(desk: Desk) -> Result<Floor> {
        let engine_secs = desk.exchange.engine_ms().await? / 1_000;
        Ok(Floor {
            desk,
            lead_secs: engine_secs.saturating_sub(now_secs()),
            signed: Vec::new(),
            cancels: Vec::new(),
            tally: Tally::default(),
        })
    }

    /// Places so many orders, with the cancels between them.
    async fn trade(&mut self, orders: u64, paced: bool) -> Result<()> {
        let style =
            ProgressStyle::with_template("trading {bar:32} {human_pos}/{human_len} orders, {per_sec}, {eta} left");
        let bar = ProgressBar::new(orders).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        while bar.position() < orders {
            let (pause_ms, deed) = self.desk.next(now_secs() + self.lead_secs)?;
            if paced && pause_ms > 0 {
                self.send().await?;
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            if matches!(deed, Deed::Place(_)) {
                bar.inc(1);
            }
            self.gather(deed).await?;
        }
        self.send().await?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Keeps a deed until enough have gathered to be sent together.
    ///
    /// # Errors
    /// One line where the exchange does not answer.
    pub async fn gather(&mut self, deed: Deed) -> Result<()> {
        match deed {
            Deed::Place(order) => self.signed.push(*order),
            Deed::Cancel { trader, nonce } => self.cancels.push((trader, nonce)),
        }
        if self.signed.len() == BATCH {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends what has gathered: the orders first, then the cancels, which are of earlier orders.
    ///
    /// # Errors
    /// One line where the exchange does not answer.
    pub async fn send(&mut self) -> Result<()> {
        while !self.signed.is_empty() {
            let placements = self.desk.exchange.place(&self.signed).await?;
            let (mut again, mut wait_ms) = (Vec::new(), 0);
            for (order, placement) in self.signed.drain(..).zip(placements) {
                match placement {
                    Placement::Placed => self.tally.placed += 1,
                    Placement::Refused(code) => *self.tally.refused.entry(code).or_default() += 1,
                    Placement::Later(millis) => {
                        wait_ms = wait_ms.max(millis);
                        again.push(order);
                    }
                }
            }
            if !again.is_empty() {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            self.signed = again;
        }
        let desk = &self.desk;
        let cancelling = self.cancels.drain(..).map(|(trader, nonce)| desk.cancel(trader, nonce));
        for cancelled in futures::future::join_all(cancelling).await {
            self.tally.cancelled += u64::from(cancelled?);
        }
        Ok(())
    }
}

/// Unix seconds by this machine's clock.
pub fn now_secs() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn report(args: &DemoArgs, tally: &Tally, (took, simulated): (Duration, Option<Simulated>), tickers: &[Value]) {
    let Tally {
        placed,
        cancelled,
        refused,
    } = tally;
    if args.json {
        let secs = took.as_secs_f64();
        let simulated = simulated.map(|span| json!({ "fromSecs": span.from_secs, "toSecs": span.to_secs }));
        say(json!({
            "placed": placed, "cancelled": cancelled, "refused": refused, "secs": secs, "simulated": simulated, "markets": tickers,
        }));
        return;
    }
    say(format!(
        "placed {placed} orders and cancelled {cancelled} in {:.1} s",
        took.as_secs_f64()
    ));
    if let Some(Simulated { from_secs, to_secs }) = simulated {
        say(format!(
            "simulated {} s of trading, from unix second {from_secs} to {to_secs}",
            to_secs - from_secs
        ));
    }
    for (code, count) in refused {
        say(format!("  refused {count}: {code}"));
    }
    let cell = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.as_u64().map_or("–".into(), |n| n.to_string()), str::to_string)
    };
    say(format!(
        "{:<44} {:>10} {:>10} {:>10} {:>8} {:>16}",
        "market", "bid", "ask", "last", "trades", "volume, 24 h"
    ));
    for market in tickers {
        let ticker = &market["ticker"];
        let [symbol, bid, ask, last, trades, volume] =
            ["symbol", "bid", "ask", "last", "trades", "quoteVolume"].map(|field| cell(&ticker[field]));
        say(format!(
            "{symbol:<44} {bid:>10} {ask:>10} {last:>10} {trades:>8} {volume:>16}"
        ));
    }
}
