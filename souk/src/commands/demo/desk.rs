//! The demo's traders at an exchange: signed in, with a seeded stream of what they want, which becomes signed orders and cancels here.
//!
//! Never sends by itself what it drew: whoever drives it says when. Start at [`Desk::open`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use alloy::sol_types::Eip712Domain;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use souk_contracts::Deployment;
use souk_contracts::exchange::domain;
use souk_demo::trade::{Draft, Flow, FlowMarket, Intent, MarketUnits, Signed, Timed, sign};
use souk_demo::{AccountNo, Plan, PlannedMarket, TICK_MICROS, Traded};

use super::client::{Exchange, Trader};
use crate::exchange::vault_of;

/// Most lots of a quote of shares, and of licences.
const QUOTE_LOTS: (u64, u64) = (25, 2);
/// How long an order is good for.
const LIFETIME_SECS: u64 = 3_600;
/// How long a market may take to open.
const OPENING_LIMIT: Duration = Duration::from_secs(30);

/// A market that the exchange has open.
#[derive(Clone, Debug)]
pub struct OpenMarket {
    /// Its id, and how its numbers are written.
    pub units: MarketUnits,
    /// As the flow sees it.
    pub flow: FlowMarket,
}

/// Those of the plan's markets that the exchange has, by what it says of them; waits for their opening auctions.
///
/// # Errors
/// One line where there are none, or they do not open.
pub async fn open_markets(exchange: &Exchange, plan: &Plan) -> Result<Vec<OpenMarket>> {
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

/// What a trader does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Sends an order.
    Place(Box<Signed>),
    /// Takes an earlier order back.
    Cancel {
        /// Who.
        trader: AccountNo,
        /// The order's nonce.
        nonce: u64,
    },
}

/// The traders, signed in, and the stream of what they want.
pub struct Desk {
    /// Where they trade.
    pub exchange: Exchange,
    domain: Eip712Domain,
    traders: HashMap<AccountNo, Trader>,
    markets: Vec<OpenMarket>,
    flow: Flow,
    /// Nonces of the orders so far, by their number in the flow.
    nonces: Vec<u64>,
}

impl Desk {
    /// Signs the plan's traders in, and begins a stream over these markets.
    ///
    /// # Errors
    /// One line where the deployment has no exchange, or the exchange does not let them in.
    pub async fn open(
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

    /// What comes next, and how many milliseconds after the one before; an order is signed at `now_secs`, unix seconds.
    ///
    /// # Errors
    /// One line where an order cannot be signed.
    pub fn next(&mut self, now_secs: u64) -> Result<(u64, Deed)> {
        loop {
            let Timed { pause_ms, intent } = self.flow.next().context("the flow has ended")?;
            match intent {
                Intent::Place { .. } => return Ok((pause_ms, Deed::Place(Box::new(self.sign(intent, now_secs)?)))),
                Intent::Cancel { trader, order } => {
                    let nonce = usize::try_from(order).ok().and_then(|order| self.nonces.get(order));
                    if let Some(&nonce) = nonce {
                        return Ok((pause_ms, Deed::Cancel { trader, nonce }));
                    }
                }
            }
        }
    }

    /// The id of a market in the vault, by its place among those of the desk.
    ///
    /// # Errors
    /// Where there is none at that place.
    pub fn market_id(&self, place: usize) -> Result<String> {
        let market = self.markets.get(place).context("the desk has fewer markets")?;
        Ok(market.units.market.to_string())
    }

    /// A trader of the flow.
    ///
    /// # Errors
    /// Where the account is none of the flow's.
    pub fn trader(&self, number: AccountNo) -> Result<&Trader> {
        self.traders
            .get(&number)
            .context("a trader of the flow is not signed in")
    }

    fn sign(&mut self, intent: Intent, now_secs: u64) -> Result<Signed> {
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
        let draft = Draft {
            intent,
            nonce,
            expiry_secs: now_secs + LIFETIME_SECS,
        };
        Ok(sign(trader.account(), &self.domain, self.markets[market].units, draft)?)
    }

    /// Takes an order back; false where it is not open any more.
    ///
    /// # Errors
    /// One line where the exchange does not answer, or refuses for another reason.
    pub async fn cancel(&self, trader: AccountNo, nonce: u64) -> Result<bool> {
        match self.traders.get(&trader) {
            Some(trader) => self.exchange.cancel(trader, nonce).await,
            None => Ok(false),
        }
    }

    /// Symbol, last price and 24 hours of each market.
    ///
    /// # Errors
    /// One line where the exchange does not answer.
    pub async fn tickers(&self) -> Result<Vec<Value>> {
        const QUERY: &str =
            "{ markets(first: 100) { nodes { marketId state ticker { symbol bid ask last trades quoteVolume } } } }";
        let mut data = self.exchange.ask(QUERY, json!({}), None).await?;
        let nodes = data["markets"]["nodes"].take();
        Ok(nodes.as_array().cloned().unwrap_or_default())
    }
}
