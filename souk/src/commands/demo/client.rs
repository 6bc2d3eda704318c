//! A client of the exchange's GraphQL, as any trader's program could be: signs in, sends signed orders, cancels.

use alloy::primitives::{Address, hex};
use alloy::signers::SignerSync;
use anyhow::{Context, Result, anyhow, bail};
use reqwest::Client;
use serde_json::{Value, json};
use souk_demo::Account;
use souk_demo::trade::Signed;

/// Talks to one server.
#[derive(Clone, Debug)]
pub struct Exchange {
    http: Client,
    url: String,
}

/// A trader who is signed in.
#[derive(Clone, Debug)]
pub struct Trader {
    account: Account,
    token: String,
    /// The nonce to sign next.
    pub nonce: u64,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The exchange has it.
    Placed,
    /// It was refused, with this code.
    Refused(String),
    /// Too many at once: send it again after so many milliseconds.
    Later(u64),
}

impl Trader {
    /// Whose it is.
    pub fn account(&self) -> &Account {
        &self.account
    }
}

impl Exchange {
    /// The exchange behind a running instance's address.
    pub fn new(url: &str) -> Exchange {
        Exchange {
            http: Client::new(),
            url: format!("{}/graphql", url.trim_end_matches('/')),
        }
    }

    /// Asks, and gives the `data`.
    ///
    /// # Errors
    /// One line for a server that does not answer, or answers with errors.
    pub async fn ask(&self, query: &str, variables: Value, token: Option<&str>) -> Result<Value> {
        let mut answer = self.raw(query, variables, token).await?;
        if let Some(message) = answer["errors"][0]["message"].as_str() {
            bail!("the exchange answers: {message}");
        }
        Ok(answer["data"].take())
    }

    /// Signs an account in (EIP-4361).
    ///
    /// # Errors
    /// One line for a server that does not answer, or refuses.
    pub async fn sign_in(&self, account: &Account) -> Result<Trader> {
        let asked = self
            .ask("{ signInChallenge { nonce domains chains } }", json!({}), None)
            .await?;
        let challenge = &asked["signInChallenge"];
        let word = |value: &Value| {
            value
                .as_str()
                .map(str::to_string)
                .context("a sign-in challenge has gaps")
        };
        let message = message(
            account.address(),
            &word(&challenge["domains"][0])?,
            &word(&challenge["nonce"])?,
            &number(&challenge["chains"][0]).context("a sign-in challenge names no chain")?,
        );
        let signature = account.signer().sign_message_sync(message.as_bytes())?;
        let variables = json!({ "message": message, "signature": hex::encode_prefixed(signature.as_bytes()) });
        let query = "mutation ($message: String!, $signature: Bytes!) { signIn(message: $message, signature: $signature) { token } }";
        let token = word(&self.ask(query, variables, None).await?["signIn"]["token"])?;
        let viewer = self.ask("{ viewer { nextNonce } }", json!({}), Some(&token)).await?;
        let nonce = number(&viewer["viewer"]["nextNonce"]).and_then(|nonce| nonce.parse().ok());
        Ok(Trader {
            account: account.clone(),
            token,
            nonce: nonce.context("the exchange does not say which nonce is next")?,
        })
    }

    /// Places orders together, each by itself.
    ///
    /// # Errors
    /// One line for a server that does not answer.
    pub async fn place(&self, orders: &[Signed]) -> Result<Vec<Placement>> {
        const QUERY: &str = "mutation ($orders: [SignedOrderInput!]!) { placeOrders(orders: $orders) {
            placed { commandNumber } refusal { code details } } }";
        let variables = json!({ "orders": orders.iter().map(order_input).collect::<Vec<_>>() });
        let data = self.ask(QUERY, variables, None).await?;
        let placements = data["placeOrders"]
            .as_array()
            .context("the exchange answers without placements")?;
        Ok(placements.iter().map(placement).collect())
    }

    /// Engine time of the group that lags most, in unix milliseconds.
    ///
    /// # Errors
    /// One line for a server that does not answer, or has no group.
    pub async fn engine_ms(&self) -> Result<u64> {
        let groups = self.ask("{ marketGroups { time } }", json!({}), None).await?;
        let times = groups["marketGroups"].as_array().into_iter().flatten();
        let times = times.filter_map(|group| number(&group["time"])?.parse().ok());
        times.min().context("the exchange does not tell the time")
    }

    /// Cancels the order with this nonce; false where it is not open any more.
    ///
    /// # Errors
    /// One line for a server that does not answer, or refuses for another reason.
    pub async fn cancel(&self, trader: &Trader, nonce: u64) -> Result<bool> {
        const QUERY: &str = "mutation ($order: OrderBy!) { cancelOrder(order: $order) { commandNumber } }";
        let variables = json!({ "order": { "nonce": nonce.to_string() } });
        let answer = self.raw(QUERY, variables, Some(&trader.token)).await?;
        match answer["errors"][0]["extensions"]["code"].as_str() {
            None => Ok(true),
            Some("UNKNOWN_ORDER") => Ok(false),
            Some(_) => Err(anyhow!("a cancel was refused: {}", answer["errors"][0]["message"])),
        }
    }

    async fn raw(&self, query: &str, variables: Value, token: Option<&str>) -> Result<Value> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{} does not answer", self.url))?;
        let text = answer.text().await?;
        serde_json::from_str(&text).with_context(|| format!("{} does not answer with JSON", self.url))
    }
}

fn placement(answer: &Value) -> Placement {
    let refusal = &answer["refusal"];
    match refusal["code"].as_str() {
        None => Placement::Placed,
        Some("RATE_LIMITED") => {
            let secs = refusal["details"]["retryAfterSecs"].as_u64();
            Placement::Later(secs.map_or(500, |secs| secs * 1_000).max(100))
        }
        Some(code) => Placement::Refused(code.to_string()),
    }
}

/// A number that is written as a string or as a number.
fn number(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::to_string)
        .or_else(|| value.as_u64().map(|number| number.to_string()))
}

/// A sign-in message for the server's own address.
fn message(account: Address, domain: &str, nonce: &str, chain: &str) -> String {
    let chain = chain.trim_start_matches("eip155:");
    format!(
        "{domain} wants you to sign in with your Ethereum account:\n{account}\n\nTrade on Souk.\n\nURI: http://{domain}/\nVersion: 1\n\
         Chain ID: {chain}\nNonce: {nonce}\nIssued At: {}",
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ")
    )
}

/// An order as GraphQL takes it.
fn order_input(signed: &Signed) -> Value {
    const KINDS: [&str; 4] = ["LIMIT", "MARKET", "STOP", "STOP_LIMIT"];
    const TIMES: [&str; 3] = ["GOOD_TIL_CANCELLED", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"];
    const POST_ONLY: [&str; 3] = ["NO", "REJECT", "SLIDE"];
    const SELF_TRADE: [&str; 4] = ["CANCEL_TAKER", "CANCEL_MAKER", "CANCEL_BOTH", "DECREMENT"];
    let (order, instructions) = (&signed.order, &signed.order.instructions);
    json!({
        "account": order.account,
        "market": order.market,
        "side": if order.side == souk_contracts::exchange::BUY { "BUY" } else { "SELL" },
        "baseAmount": order.baseAmount.to_string(),
        "limitPrice": order.limitPrice.to_string(),
        "feeCap": order.feeCap.to_string(),
        "nonce": order.nonce.to_string(),
        "expiry": order.expiry,
        "instructions": {
            "type": KINDS.get(usize::from(instructions.kind)),
            "timeInForce": TIMES.get(usize::from(instructions.timeInForce)),
            "postOnly": POST_ONLY.get(usize::from(instructions.postOnly)),
            "selfTrade": SELF_TRADE.get(usize::from(instructions.selfTrade)),
            "displayAmount": instructions.displayAmount.to_string(),
            "triggerPrice": instructions.triggerPrice.to_string(),
            "goodUntil": instructions.goodUntil,
            "clientOrderId": Some(instructions.clientOrderId).filter(|id| !id.is_zero()),
        },
        "signature": hex::encode_prefixed(signed.signature),
    })
}
