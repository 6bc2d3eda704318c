//! One of the demo's traders over GraphQL, with nothing of the program's own client: signs in, signs an order, sends it, takes it back.

use alloy::primitives::{Address, B256, Bytes, hex};
use alloy::signers::SignerSync;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use souk_contracts::ExchangeVault::{Withdrawal, withdrawCall};
use souk_contracts::exchange::domain;
use souk_demo::trade::{Draft, Intent, MarketUnits, Style, TradeSide, sign};
use souk_demo::{Account, Family, Plan};

/// The demo's seed.
pub const SEED: u64 = 1;

/// A market as GraphQL has it.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    pub units: MarketUnits,
    /// Of the last trade or the listing, in ticks.
    pub price_ticks: u64,
}

/// A trader of the demo.
pub struct Trader {
    url: String,
    /// Its key.
    pub account: Account,
    vault: Address,
    token: String,
    nonce: u64,
}

/// What the demo's economy is.
pub fn plan() -> Result<Plan> {
    Ok(souk_demo::plan(SEED, &Family::embedded()?)?)
}

impl Trader {
    /// Signs in one of the demo's makers, by its place among them.
    pub async fn maker(url: &str, vault: Address, place: usize) -> Result<Trader> {
        let plan = plan()?;
        let account = plan.economy.accounts[plan.trading.makers[place]].clone();
        Trader::sign_in(url, vault, account).await
    }

    /// Signs an account in.
    pub async fn sign_in(url: &str, vault: Address, account: Account) -> Result<Trader> {
        let challenge = asked(url, "{ signInChallenge { nonce domains chains } }", json!({}), None).await?;
        let challenge = &challenge["data"]["signInChallenge"];
        let host = text(&challenge["domains"][0])?;
        let chain = challenge["chains"][0].to_string();
        let chain = chain.trim_matches('"').trim_start_matches("eip155:");
        let message = format!(
            "{host} wants you to sign in with your Ethereum account:\n{}\n\nTrade on Souk.\n\nURI: http://{host}/\nVersion: 1\nChain ID: {chain}\nNonce: {}\n\
             Issued At: {}",
            account.address(),
            text(&challenge["nonce"])?,
            humantime(),
        );
        let signature = account.signer().sign_message_sync(message.as_bytes())?;
        let variables = json!({ "message": message, "signature": hex::encode_prefixed(signature.as_bytes()) });
        let query = "mutation ($message: String!, $signature: Bytes!) { signIn(message: $message, signature: $signature) { token } }";
        let signed_in = asked(url, query, variables, None).await?;
        let token = text(&signed_in["data"]["signIn"]["token"]).with_context(|| signed_in.to_string())?;
        let viewer = asked(url, "{ viewer { nextNonce } }", json!({}), Some(token)).await?;
        let nonce = viewer["data"]["viewer"]["nextNonce"].to_string();
        Ok(Trader {
            url: url.into(),
            vault,
            token: token.into(),
            nonce: nonce.trim_matches('"').parse()?,
            account,
        })
    }

    /// Places a sell order of one lot; its nonce, or the code with which it is refused.
    pub async fn sell(
        &mut self,
        market: Market,
        price_ticks: u64,
        expiry_secs: u64,
    ) -> Result<std::result::Result<u64, String>> {
        self.place(market, TradeSide::Sell, 1, price_ticks, expiry_secs).await
    }

    /// Places a limit order; its nonce, or the code with which it is refused.
    pub async fn place(
        &mut self,
        market: Market,
        side: TradeSide,
        lots: u64,
        price_ticks: u64,
        expiry_secs: u64,
    ) -> Result<std::result::Result<u64, String>> {
        let draft = Draft {
            intent: Intent::Place {
                trader: 0,
                market: 0,
                side,
                price_ticks,
                lots,
                style: Style::Rest,
            },
            nonce: self.nonce,
            expiry_secs,
        };
        self.nonce += 1;
        let signed = sign(&self.account, &domain(31_337, self.vault), market.units, draft)?;
        let order = &signed.order;
        let input = json!({
            "account": order.account, "market": order.market, "side": side_of(side), "baseAmount": order.baseAmount.to_string(),
            "limitPrice": order.limitPrice.to_string(), "feeCap": order.feeCap.to_string(), "nonce": order.nonce.to_string(),
            "expiry": order.expiry, "signature": hex::encode_prefixed(signed.signature),
            "instructions": { "type": "LIMIT", "timeInForce": "GOOD_TIL_CANCELLED", "postOnly": "NO", "selfTrade": "CANCEL_MAKER" },
        });
        let query = "mutation ($order: SignedOrderInput!) { placeOrder(order: $order) { commandNumber } }";
        let answer = asked(&self.url, query, json!({ "order": input }), None).await?;
        Ok(match answer["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => Err(code.into()),
            None if answer["errors"].is_null() => Ok(draft.nonce),
            None => anyhow::bail!("{answer}"),
        })
    }

    /// What the trader is told of itself.
    pub async fn viewer(&self, fields: &str) -> Result<Value> {
        let query = format!("{{ viewer {{ {fields} }} }}");
        let mut answer = asked(&self.url, &query, json!({}), Some(&self.token)).await?;
        anyhow::ensure!(answer["errors"].is_null(), "{query}: {answer}");
        Ok(answer["data"]["viewer"].take())
    }

    /// Has a withdrawal to itself debited and co-signed: what the vault is to be called with.
    pub async fn withdraw(&mut self, token: &str, amount: u128, deadline_secs: u64) -> Result<withdrawCall> {
        let withdrawal = json!({
            "account": self.account.address(), "token": token, "amount": amount.to_string(), "receiver": self.account.address(),
            "nonce": self.nonce.to_string(), "deadline": deadline_secs,
        });
        self.nonce += 1;
        let query = "mutation ($withdrawal: WithdrawalInput!) { withdraw(withdrawal: $withdrawal) {
            account token id amount receiver nonce deadline group operatorSignature } }";
        let answer = asked(&self.url, query, json!({ "withdrawal": withdrawal }), Some(&self.token)).await?;
        let approved = &answer["data"]["withdraw"];
        let signature = text(&approved["operatorSignature"]).with_context(|| answer.to_string())?;
        Ok(withdrawCall {
            withdrawal: Withdrawal {
                account: text(&approved["account"])?.parse()?,
                token: text(&approved["token"])?.parse()?,
                id: text(&approved["id"])?.parse()?,
                amount: text(&approved["amount"])?.parse()?,
                receiver: text(&approved["receiver"])?.parse()?,
                nonce: text(&approved["nonce"])?.parse()?,
                deadline: number(&approved["deadline"])?,
                group: u32::try_from(number(&approved["group"])?)?,
            },
            // It is the account itself that calls.
            accountSignature: Bytes::new(),
            operatorSignature: signature.parse()?,
        })
    }

    /// Takes an order back; the code with which that is refused, if it is.
    pub async fn cancel(&self, nonce: u64) -> Result<Option<String>> {
        let query = "mutation ($order: OrderBy!) { cancelOrder(order: $order) { commandNumber } }";
        let variables = json!({ "order": { "nonce": nonce.to_string() } });
        let answer = asked(&self.url, query, variables, Some(&self.token)).await?;
        Ok(answer["errors"][0]["extensions"]["code"].as_str().map(str::to_string))
    }
}

/// What GraphQL answers, errors and all.
pub async fn asked(url: &str, query: &str, variables: Value, token: Option<&str>) -> Result<Value> {
    let mut request = reqwest::Client::new().post(format!("{url}/graphql"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let body = json!({ "query": query, "variables": variables });
    Ok(request.json(&body).send().await?.json().await?)
}

/// The first market of shares, with the parts per million that it takes of maker, taker and seller.
pub async fn shares_market(url: &str) -> Result<(Market, [u128; 3])> {
    let query = "{ markets(first: 100) { nodes { kind state marketId lotSize tickSize ticker { last }
        fees { makerPpm takerPpm royaltyPpm } } } }";
    let answer = asked(url, query, json!({}), None).await?;
    let nodes = answer["data"]["markets"]["nodes"].as_array().context("no markets")?;
    let node = nodes
        .iter()
        .find(|node| node["kind"] == "SHARES" && node["state"] == "OPEN")
        .with_context(|| format!("no market of shares is open: {answer}"))?;
    let units = MarketUnits {
        market: text(&node["marketId"])?.parse()?,
        lot_size: text(&node["lotSize"])?.parse()?,
        tick_size: text(&node["tickSize"])?.parse()?,
    };
    let fees = &node["fees"];
    let [maker, taker, royalty] =
        ["makerPpm", "takerPpm", "royaltyPpm"].map(|name| number(&fees[name]).map(u128::from));
    let price_ticks = 0;
    Ok((Market { units, price_ticks }, [maker?, taker?, royalty?]))
}

/// The market of the first licence series, with its id in the registry and the second at which the series ends.
pub async fn licence_market(url: &str) -> Result<(Market, String, u64)> {
    let query = "{ markets(first: 100) { nodes { kind marketId lotSize tickSize seriesEndsAt base { number } ticker { last } } } }";
    let answer = asked(url, query, json!({}), None).await?;
    let nodes = answer["data"]["markets"]["nodes"].as_array().context("no markets")?;
    let node = nodes
        .iter()
        .find(|node| node["kind"] == "LICENCE")
        .context("no licence market")?;
    let key: B256 = text(&node["marketId"])?.parse()?;
    let units = MarketUnits {
        market: key,
        lot_size: text(&node["lotSize"])?.parse()?,
        tick_size: text(&node["tickSize"])?.parse()?,
    };
    let planned = plan()?;
    let licence = planned
        .trading
        .markets
        .iter()
        .find(|market| market.traded != souk_demo::Traded::Shares);
    let price_ticks = licence.context("no licence market is planned")?.price_micros / souk_demo::TICK_MICROS;
    let ends_at: u64 = node["seriesEndsAt"].to_string().trim_matches('"').parse()?;
    Ok((
        Market { units, price_ticks },
        text(&node["base"]["number"])?.into(),
        ends_at / 1_000,
    ))
}

/// What the market does with orders, by its id.
pub async fn state_of(url: &str, market: B256) -> Result<String> {
    let query = "query ($id: Bytes32!) { market(id: $id) { state } }";
    let answer = asked(url, query, json!({ "id": market }), None).await?;
    Ok(text(&answer["data"]["market"]["state"])
        .with_context(|| answer.to_string())?
        .into())
}

fn side_of(side: TradeSide) -> &'static str {
    match side {
        TradeSide::Buy => "BUY",
        TradeSide::Sell => "SELL",
    }
}

/// A number, written as one or as text.
pub fn number(value: &Value) -> Result<u64> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.with_context(|| format!("no number: {value}"))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("no text: {value}"))
}

/// Now, as EIP-4361 writes it.
fn humantime() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
