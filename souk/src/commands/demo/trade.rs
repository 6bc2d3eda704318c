//! `souk demo --trade`: the family's traders at work on the exchange of a running instance, through its GraphQL alone.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use alloy::sol_types::Eip712Domain;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use souk_contracts::Deployment;
use souk_contracts::exchange::domain;
use souk_demo::trade::{Draft, Flow, FlowMarket, Intent, MarketUnits, Signed, Timed, sign};
use souk_demo::{AccountNo, Family, Plan, PlannedMarket, TICK_MICROS, Traded};

use super::client::{Exchange, Placement, Trader};
use crate::cli::DemoArgs;
use crate::commands::say;
use crate::config::read_deployment;
use crate::exchange::vault_of;
use crate::instance::DataDir;

/// Orders that are sent together at most.
const BATCH: usize = 50;
/// Most lots of a quote of shares, and of licences.
const QUOTE_LOTS: (u64, u64) = (25, 2);
/// How long an order is good for.
const LIFETIME_SECS: u64 = 3_600;
/// How long a market may take to open.
const OPENING_LIMIT: Duration = Duration::from_secs(30);

/// What came of a flow.
#[derive(Debug, Default)]
struct Tally {
    placed: u64,
    cancelled: u64,
    refused: BTreeMap<String, u64>,
}

/// Places the orders that the arguments ask for.
///
/// # Errors
/// One line where no exchange runs, or it does not take the orders.
pub async fn run(args: &DemoArgs, dir: &DataDir) -> Result<()> {
    let (url, deployment) = match (&args.url, &args.deployment) {
        (Some(url), Some(deployment)) => (url.to_string(), read_deployment(deployment)?),
        (Some(_), None) => {
            bail!("--url names an exchange, but not what orders are signed for: add --deployment <FILE>")
        }
        (None, _) => {
            let instance = dir.running()?;
            let chain = instance
                .dev_chain
                .context("the running souk has no dev chain of its own, so the demo's traders have nothing there")?;
            (instance.url, chain.deployment)
        }
    };
    let plan = souk_demo::plan(args.seed, &Family::embedded().context("the demo's family tree")?)?;
    let exchange = Exchange::new(&url);
    let markets = open_markets(&exchange, &plan).await?;
    let mut desk = Desk::open(exchange, &deployment, &plan, markets, args.seed).await?;

    let started = Instant::now();
    let tally = desk.trade(args.orders, args.paced).await?;
    report(args, &tally, started.elapsed(), &desk.tickers().await?);
    Ok(())
}

/// A market that the exchange has open.
#[derive(Clone, Debug)]
struct OpenMarket {
    units: MarketUnits,
    flow: FlowMarket,
}

/// Those of the plan's markets that the exchange has, by what it says of them; waits for their opening auctions.
async fn open_markets(exchange: &Exchange, plan: &Plan) -> Result<Vec<OpenMarket>> {
    const QUERY: &str = "{ markets(first: 100) { nodes { marketId kind state lotSize tickSize asset { name } } } }";
    let deadline = Instant::now() + OPENING_LIMIT;
    loop {
        let data = exchange.ask(QUERY, json!({}), None).await?;
        let nodes = data["markets"]["nodes"]
            .as_array()
            .context("the exchange answers without markets")?;
        let planned = plan.trading.markets.iter();
        let listed: Vec<(&PlannedMarket, &Value)> = planned
            .filter_map(|planned| Some((planned, listing(plan, planned, nodes)?)))
            .collect();
        let open: Vec<OpenMarket> = listed
            .iter()
            .filter_map(|(planned, node)| open_market(planned, node))
            .collect();
        if !open.is_empty() && open.len() == listed.len() {
            return Ok(open);
        }
        ensure!(
            Instant::now() < deadline,
            "the demo's markets are not open: load them with `souk up --demo`, or list and open them with `souk market`"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A planned market among those that the exchange has.
fn listing<'a>(plan: &Plan, planned: &PlannedMarket, nodes: &'a [Value]) -> Option<&'a Value> {
    let name = plan.asset_name(planned.asset)?;
    let kind = match planned.traded {
        Traded::Shares => "SHARES",
        Traded::Licences(_) => "LICENCE",
    };
    nodes
        .iter()
        .find(|node| node["asset"]["name"] == name && node["kind"] == kind)
}

/// What is traded on a market, if it is open.
fn open_market(planned: &PlannedMarket, node: &Value) -> Option<OpenMarket> {
    let quote_lots = match planned.traded {
        Traded::Shares => QUOTE_LOTS.0,
        Traded::Licences(_) => QUOTE_LOTS.1,
    };
    let amount = |field: &str| node[field].as_str()?.parse().ok();
    (node["state"] == "OPEN").then_some(())?;
    Some(OpenMarket {
        units: MarketUnits {
            market: node["marketId"].as_str()?.parse::<B256>().ok()?,
            lot_size: amount("lotSize")?,
            tick_size: amount("tickSize")?,
        },
        flow: FlowMarket {
            price_ticks: planned.price_micros / TICK_MICROS,
            quote_lots,
        },
    })
}

/// The traders, signed in, and the stream of what they want.
struct Desk {
    exchange: Exchange,
    domain: Eip712Domain,
    traders: HashMap<AccountNo, Trader>,
    markets: Vec<OpenMarket>,
    flow: Flow,
    /// Nonces of the orders so far, by their number in the flow.
    nonces: Vec<u64>,
}

impl Desk {
    async fn open(
        exchange: Exchange,
        deployment: &Deployment,
        plan: &Plan,
        markets: Vec<OpenMarket>,
        seed: u64,
    ) -> Result<Desk> {
        let trading = &plan.trading;
        let mut traders = HashMap::new();
        for &number in trading.makers.iter().chain(&trading.takers) {
            traders.insert(number, exchange.sign_in(&plan.economy.accounts[number]).await?);
        }
        // Another day, another flow: what was traded so far moves the seed on.
        let before: u64 = traders.values().map(|trader| trader.nonce).sum();
        let flows: Vec<FlowMarket> = markets.iter().map(|market| market.flow).collect();
        Ok(Desk {
            domain: domain(deployment.chain_id, vault_of(deployment)?),
            flow: Flow::new(
                seed ^ before << 16,
                &flows,
                trading.makers.clone(),
                trading.takers.clone(),
            ),
            exchange,
            traders,
            markets,
            nonces: Vec::new(),
        })
    }

    /// Places so many orders, with the cancels between them.
    async fn trade(&mut self, orders: u64, paced: bool) -> Result<Tally> {
        let style =
            ProgressStyle::with_template("trading {bar:32} {human_pos}/{human_len} orders, {per_sec}, {eta} left");
        let bar = ProgressBar::new(orders).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut tally = Tally::default();
        let (mut signed, mut cancels, mut drawn) = (Vec::new(), Vec::new(), 0);
        while drawn < orders {
            let Some(Timed { pause_ms, intent }) = self.flow.next() else {
                break;
            };
            if paced && pause_ms > 0 {
                self.send(&mut signed, &mut cancels, &mut tally).await?;
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            match intent {
                Intent::Place { .. } => {
                    signed.push(self.sign(intent)?);
                    drawn += 1;
                    bar.set_position(drawn);
                }
                Intent::Cancel { trader, order } => {
                    cancels.extend(
                        usize::try_from(order)
                            .ok()
                            .and_then(|order| self.nonces.get(order))
                            .map(|&nonce| (trader, nonce)),
                    );
                }
            }
            if signed.len() == BATCH {
                self.send(&mut signed, &mut cancels, &mut tally).await?;
            }
        }
        self.send(&mut signed, &mut cancels, &mut tally).await?;
        bar.finish_and_clear();
        Ok(tally)
    }

    fn sign(&mut self, intent: Intent) -> Result<Signed> {
        let Intent::Place { trader, market, .. } = intent else {
            bail!("only orders are signed");
        };
        let trader = self
            .traders
            .get_mut(&trader)
            .context("a trader of the flow is not signed in")?;
        let nonce = trader.nonce;
        trader.nonce += 1;
        self.nonces.push(nonce);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let draft = Draft {
            intent,
            nonce,
            expiry_secs: now + LIFETIME_SECS,
        };
        Ok(sign(trader.account(), &self.domain, self.markets[market].units, draft)?)
    }

    /// Sends what has gathered: the orders first, then the cancels, which are of earlier orders.
    async fn send(
        &self,
        signed: &mut Vec<Signed>,
        cancels: &mut Vec<(AccountNo, u64)>,
        tally: &mut Tally,
    ) -> Result<()> {
        while !signed.is_empty() {
            let placements = self.exchange.place(signed).await?;
            let (mut again, mut wait_ms) = (Vec::new(), 0);
            for (order, placement) in signed.drain(..).zip(placements) {
                match placement {
                    Placement::Placed => tally.placed += 1,
                    Placement::Refused(code) => *tally.refused.entry(code).or_default() += 1,
                    Placement::Later(millis) => {
                        wait_ms = wait_ms.max(millis);
                        again.push(order);
                    }
                }
            }
            if !again.is_empty() {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            *signed = again;
        }
        let cancelling = cancels.drain(..).map(|(trader, nonce)| async move {
            match self.traders.get(&trader) {
                Some(trader) => self.exchange.cancel(trader, nonce).await,
                None => Ok(false),
            }
        });
        for cancelled in futures::future::join_all(cancelling).await {
            tally.cancelled += u64::from(cancelled?);
        }
        Ok(())
    }

    /// Symbol, last price and 24 hours of each market.
    async fn tickers(&self) -> Result<Vec<Value>> {
        const QUERY: &str =
            "{ markets(first: 100) { nodes { marketId state ticker { symbol bid ask last trades quoteVolume } } } }";
        let mut data = self.exchange.ask(QUERY, json!({}), None).await?;
        let nodes = data["markets"]["nodes"].take();
        Ok(nodes.as_array().cloned().unwrap_or_default())
    }
}

fn report(args: &DemoArgs, tally: &Tally, took: Duration, tickers: &[Value]) {
    let Tally {
        placed,
        cancelled,
        refused,
    } = tally;
    if args.json {
        let secs = took.as_secs_f64();
        say(json!({ "placed": placed, "cancelled": cancelled, "refused": refused, "secs": secs, "markets": tickers }));
        return;
    }
    say(format!(
        "placed {placed} orders and cancelled {cancelled} in {:.1} s",
        took.as_secs_f64()
    ));
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
