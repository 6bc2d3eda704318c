//! An exchange with two markets and some money in it, and people who sign.

use std::time::Duration;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use souk_api::exchange::signing;
use souk_api::{ApiConfig, ExchangeParts, RunningGroup, TokenName, TokenNames};
use souk_contracts::exchange::{market_id, sign};
use souk_eventlog::{EmbeddedLog, EventLog};
use souk_ledger::project::{LedgerConfig, LedgerStatus};
use souk_schema::exchange::command::{Fact, OpenGroup, Rules};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, GroupId, Instructions, Lots, MarketKind, MarketLimits, MarketSpec, MarketState,
    MarketUnits, OrderKind, Outcome, PostOnly, Ppm, SelfTrade, Side, SignedOrder, Source, Ticks, TimeInForce, Venue,
};
use souk_schema::{Address, B256, ChainId, TokenRef, U256};
use souk_sequencer::{GroupConfig, GroupHandle};
use souk_settlement::{Cosigner, CosignerKey};
use tokio::sync::watch;

use crate::fixture::*;

pub const VENUE: Venue = Venue {
    chain: ChainId(31_337),
    vault: Address::repeat_byte(0x88),
};

/// Base units of a dollar.
pub const DOLLAR: u128 = 1_000_000;

/// A price of one dollar, in ticks of a cent.
pub const DOLLAR_TICKS: u64 = 100;

/// Somebody with a key.
#[derive(Clone)]
pub struct Trader(pub PrivateKeySigner);

impl Trader {
    pub fn new(number: u8) -> Trader {
        Trader(PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap())
    }

    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs an order for the venue; `account` and the rest are as they are.
    pub fn sign(&self, mut order: SignedOrder) -> SignedOrder {
        order.signature = Signature(sign(signing::order_digest(&order, VENUE), &self.0).unwrap());
        order
    }
}

/// An exchange behind a server.
pub struct Desk {
    pub souk: Souk,
    pub handle: GroupHandle,
    pub ledger: watch::Receiver<LedgerStatus>,
    /// Shares of asset 2 for dollars.
    pub shares: B256,
    /// Licences of series 8 for dollars; pre-open.
    pub licences: B256,
    pub alice: Trader,
    pub bob: Trader,
    pub cosigner: Address,
    /// How tokens are written, as the server has it.
    pub tokens: TokenNames,
    /// A deadline for withdrawals, Unix seconds.
    pub deadline: u64,
    /// Ends the projector alone.
    projector: tokio::task::JoinHandle<()>,
    /// Ends the engine alone.
    engine: tokio_util::sync::CancellationToken,
    position: std::sync::atomic::AtomicU64,
}

/// A market for dollars.
pub fn spec(base: TokenRef, kind: MarketKind) -> MarketSpec {
    let usd = Address::repeat_byte(USD);
    let (lot, tick) = (1, DOLLAR / 100);
    MarketSpec {
        key: market_id(base.contract, base.id, usd, lot, tick),
        base,
        quote: usd,
        kind,
        units: MarketUnits {
            lot_size: Amount(lot),
            tick_size: Amount(tick),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(1_000),
            taker_ppm: Ppm(2_000),
            royalty_ppm: Ppm(5_000),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(1_000_000),
            max_price: Ticks(1_000_000),
            max_open_orders: 200,
            band_ppm: None,
            auction_secs: 0,
        },
        reference_price: Ticks(DOLLAR_TICKS),
    }
}

fn parts(handle: &GroupHandle, cosigner: Option<Cosigner>) -> ExchangeParts {
    let tokens = TokenNames::default();
    let symbol = "tUSD".into();
    tokens.insert(
        VENUE.chain,
        Address::repeat_byte(USD),
        TokenName { symbol, decimals: 6 },
    );
    ExchangeParts {
        groups: vec![RunningGroup {
            handle: handle.clone(),
            cosigner,
        }],
        tokens,
    }
}

impl Desk {
    /// Alice has 1,000 shares and Bob 10,000 dollars; the market of shares is open.
    pub async fn open() -> Desk {
        Desk::with(|_| {}).await
    }

    /// The same, with changes to the configuration.
    pub async fn with(change: impl FnOnce(&mut ApiConfig)) -> Desk {
        let database = Database::seeded().await;
        let schema = souk_ledger::tables::Schema::live();
        souk_ledger::store::migrate(&database.pool, &schema).await.unwrap();
        let log: std::sync::Arc<dyn EventLog> =
            std::sync::Arc::new(EmbeddedLog::connect(database.pool.clone()).await.unwrap());
        let cancel = tokio_util::sync::CancellationToken::new();
        let group = GroupConfig {
            tick_every: Duration::ZERO,
            ..GroupConfig::new(GroupId(1))
        };
        let engine = cancel.child_token();
        let (handle, running) = souk_sequencer::start(group, log.clone(), database.pool.clone(), engine.clone())
            .await
            .unwrap();
        tokio::spawn(running);
        let (status, ledger) = watch::channel(LedgerStatus::new(GroupId(1)));
        let config = LedgerConfig::new(GroupId(1));
        let projecting = souk_ledger::project::run(config, log, database.pool.clone(), status, cancel.clone());
        let projector = tokio::spawn(async move { projecting.await.unwrap() });
        let key = CosignerKey::from(PrivateKeySigner::from_bytes(&B256::repeat_byte(0xc0)).unwrap());
        let cosigner = Cosigner::new(key, VENUE, GroupId(1));
        let address = cosigner.address();
        let parts = parts(&handle, Some(cosigner));
        let tokens = parts.tokens.clone();
        let mut souk = Souk::offering(database, change, Some(parts)).await;
        // What was started for it ends with it.
        let server = std::mem::replace(&mut souk.cancel, cancel.clone());
        tokio::spawn(async move {
            cancel.cancelled().await;
            server.cancel();
        });
        let shares = spec(
            TokenRef::new(Address::repeat_byte(SHARES), U256::from(2)),
            MarketKind::Shares,
        );
        let licences = spec(
            TokenRef::new(Address::repeat_byte(LICENSES), U256::from(8)),
            MarketKind::Licence { expires_at: None },
        );
        let desk = Desk {
            souk,
            handle,
            ledger,
            shares: shares.key,
            licences: licences.key,
            alice: Trader::new(0xa1),
            bob: Trader::new(0xb0),
            cosigner: address,
            tokens,
            deadline: souk_api::auth::now_secs() + 3_600,
            projector,
            engine,
            position: std::sync::atomic::AtomicU64::new(1),
        };
        desk.begin(shares, licences).await;
        desk
    }

    async fn begin(&self, shares: MarketSpec, licences: MarketSpec) {
        let key = shares.key;
        self.does(CommandBody::OpenGroup(OpenGroup {
            group: GroupId(1),
            chain: VENUE.chain,
            vault: VENUE.vault,
            fee_account: Address::repeat_byte(0xfe),
            exit_delay_secs: 86_400,
            settlement_grace_secs: 3_600,
            max_open_orders: 500,
            rules: Rules::LATEST,
        }))
        .await;
        let base = shares.base;
        self.does(CommandBody::ListMarket(Box::new(shares))).await;
        self.does(CommandBody::ListMarket(Box::new(licences))).await;
        self.deposit(1, self.alice.address(), base, 1_000).await;
        let usd = TokenRef::new(Address::repeat_byte(USD), U256::ZERO);
        self.deposit(2, self.bob.address(), usd, 10_000 * DOLLAR).await;
        self.does(CommandBody::SetMarketState {
            market: key,
            state: MarketState::Auction,
        })
        .await;
        self.does(CommandBody::Tick).await;
        // Fields answer once the hub has begun.
        self.settles(
            "{ markets(first: 1) { nodes { state } } }",
            "/markets/nodes/0/state",
            json!("OPEN"),
        )
        .await;
    }

    /// Another server for the same exchange, which begins with what the tables and the log say now.
    pub async fn another_server(&self) -> Souk {
        Souk::offering(self.souk.database.again(), |_| {}, Some(parts(&self.handle, None))).await
    }

    /// The tables fall behind from now on.
    pub async fn stop_the_projector(&mut self) {
        self.projector.abort();
        let ended = (&mut self.projector).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    }

    /// Ends the engine, and waits until it says so.
    pub async fn stop_the_engine(&self) {
        self.engine.cancel();
        let mut status = self.handle.status();
        let ended = status
            .wait_for(|status| status.phase == souk_sequencer::Phase::Stopped)
            .await;
        assert!(ended.is_ok());
    }

    /// A command of the operator, which is taken.
    pub async fn does(&self, body: CommandBody) -> Outcome {
        let outcome = self.handle.submit(body).await.unwrap();
        assert!(outcome.result.is_ok(), "{outcome:?}");
        outcome
    }

    /// A fact of the chain, which is taken.
    pub async fn fact(&self, fact: Fact) -> Outcome {
        let position = self.position.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let source = Source::Chain {
            chain: VENUE.chain,
            position,
        };
        let outcome = self.handle.submit_fact(source, fact).await.unwrap();
        assert!(outcome.result.is_ok(), "{outcome:?}");
        outcome
    }

    pub async fn deposit(&self, deposit_id: u64, account: Address, token: TokenRef, amount: u128) {
        self.fact(Fact::Deposited {
            deposit_id,
            account,
            token,
            amount: Amount(amount),
        })
        .await;
    }

    /// Waits until the tables have what the engine has decided so far.
    pub async fn tables(&self) {
        let number = self.handle.read(|engine| engine.commands());
        let mut ledger = self.ledger.clone();
        let waiting = ledger.wait_for(|status| status.last_number >= number);
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap()
            .unwrap();
    }

    /// Asks until the answer has a value at a JSON pointer.
    pub async fn settles(&self, query: &str, pointer: &str, expected: Value) {
        let asking = async {
            loop {
                let answer = self.souk.answer(query, json!({})).await;
                if answer["data"].pointer(pointer) == Some(&expected) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(30), asking).await;
        settled.unwrap_or_else(|_| panic!("{query} never had {expected} at {pointer}"));
    }

    /// A limit order in the market of shares, not signed yet.
    pub fn order(&self, whose: &Trader, side: Side, lots: u128, ticks: u64, nonce: u64) -> SignedOrder {
        let expiry_secs = souk_api::auth::now_secs() + 3_600;
        SignedOrder {
            account: whose.address(),
            market: self.shares,
            side,
            base_amount: Amount(lots),
            limit_price: Amount(u128::from(ticks) * DOLLAR / 100),
            fee_cap: Amount(100 * DOLLAR),
            nonce,
            expiry_secs,
            instructions: Instructions {
                kind: OrderKind::Limit,
                time_in_force: TimeInForce::GoodTilCancelled,
                post_only: PostOnly::No,
                self_trade: SelfTrade::CancelTaker,
                display_amount: Amount(0),
                trigger_price: Amount(0),
                good_until_secs: 0,
                client_order_id: B256::ZERO,
            },
            signature: Signature([0; 65]),
            signer: Address::ZERO,
        }
    }

    /// Signs and places a limit order; the order.
    pub async fn place(&self, whose: &Trader, side: Side, lots: u128, ticks: u64, nonce: u64) -> Value {
        let order = whose.sign(self.order(whose, side, lots, ticks, nonce));
        let mut answer = self.send(&order).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"]["placeOrder"].take()
    }

    /// Sends an order as it is; the whole answer.
    pub async fn send(&self, order: &SignedOrder) -> Value {
        self.souk
            .answer(
                &format!("mutation($o: SignedOrderInput!) {{ placeOrder(order: $o) {{ repeated commandNumber order {{ {ORDER} }} }} }}"),
                json!({ "o": input(order) }),
            )
            .await
    }

    /// The code of the first error of what an order's placement answers.
    pub async fn refusal(&self, order: &SignedOrder) -> (String, Value) {
        let answer = self.send(order).await;
        let extensions = &answer["errors"][0]["extensions"];
        let code = extensions["code"]
            .as_str()
            .unwrap_or_else(|| panic!("it was taken: {answer:#}"));
        (code.into(), extensions.clone())
    }

    /// The message that somebody signs to sign in.
    pub async fn message(&self, whose: Address) -> String {
        let challenge = self.souk.ask("{ signInChallenge { nonce domains chains } }").await;
        let challenge = &challenge["signInChallenge"];
        let domain = format!("127.0.0.1:{}", self.souk.address.port());
        assert!(
            challenge["domains"].as_array().unwrap().contains(&json!(domain)),
            "{challenge}"
        );
        assert_eq!(challenge["chains"], json!([CHAIN]));
        format!(
            "{domain} wants you to sign in with your Ethereum account:\n{whose}\n\nSign in to Souk.\n\nURI: http://{domain}/\nVersion: 1\n\
             Chain ID: 31337\nNonce: {}\nIssued At: 2026-01-01T00:00:00Z",
            challenge["nonce"].as_str().unwrap()
        )
    }

    /// What signing a message in answers.
    pub async fn enter(&self, message: &str, signer: &Trader, account: Option<Address>) -> Value {
        let signature = signer.0.sign_message_sync(message.as_bytes()).unwrap();
        let signature = alloy_primitives::hex::encode_prefixed(signature.as_bytes());
        let account = account.map(|account| format!("{account:#x}"));
        self.souk
            .answer(
                "mutation($m: String!, $s: Bytes!, $a: Address) { signIn(message: $m, signature: $s, account: $a) { token account signer chainId } }",
                json!({ "m": message, "s": signature, "a": account }),
            )
            .await
    }

    /// A session's token at another server of the same exchange.
    pub async fn sign_in_at(&self, souk: &Souk, whose: &Trader) -> String {
        let nonce = souk.ask("{ signInChallenge { nonce } }").await["signInChallenge"]["nonce"].clone();
        let domain = format!("127.0.0.1:{}", souk.address.port());
        let message = format!(
            "{domain} wants you to sign in with your Ethereum account:\n{}\n\n\nURI: http://{domain}/\nVersion: 1\nChain ID: 31337\n\
             Nonce: {}\nIssued At: 2026-01-01T00:00:00Z",
            whose.address(),
            nonce.as_str().unwrap()
        );
        let signature = whose.0.sign_message_sync(message.as_bytes()).unwrap();
        let signature = alloy_primitives::hex::encode_prefixed(signature.as_bytes());
        let query = "mutation($m: String!, $s: Bytes!) { signIn(message: $m, signature: $s) { token } }";
        let answer = souk.answer(query, json!({ "m": message, "s": signature })).await;
        answer["data"]["signIn"]["token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:#}"))
            .into()
    }

    /// A session's token.
    pub async fn sign_in(&self, whose: &Trader) -> String {
        let message = self.message(whose.address()).await;
        let answer = self.enter(&message, whose, None).await;
        answer["data"]["signIn"]["token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:#}"))
            .into()
    }

    /// The data of a request of somebody with a session.
    pub async fn as_viewer(&self, token: &str, query: &str) -> Value {
        let mut answer = self.souk.answer_to(Some(token), query, json!({})).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// The code of the first error of a request of somebody with a session.
    pub async fn code_for(&self, token: &str, query: &str) -> String {
        let answer = self.souk.answer_to(Some(token), query, json!({})).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{query}\n{answer:#}")).into()
    }
}

/// What tests ask of an order.
pub const ORDER: &str = "orderId status closeCause side type price priceTicks amount filled remaining cost average nonce fee { cost currency } \
    market { symbol }";

/// An order as the mutation takes it.
pub fn input(order: &SignedOrder) -> Value {
    let instructions = &order.instructions;
    let id = instructions.client_order_id;
    let kind = ["LIMIT", "MARKET", "STOP", "STOP_LIMIT"][instructions.kind as usize];
    let in_force = ["GOOD_TIL_CANCELLED", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"][instructions.time_in_force as usize];
    let post_only = ["NO", "REJECT", "SLIDE"][instructions.post_only as usize];
    let self_trade = ["CANCEL_TAKER", "CANCEL_MAKER", "CANCEL_BOTH", "DECREMENT"][instructions.self_trade as usize];
    let side = if order.side == Side::Buy { "BUY" } else { "SELL" };
    json!({
        "account": order.account, "market": order.market, "side": side,
        "baseAmount": order.base_amount.to_string(), "limitPrice": order.limit_price.to_string(),
        "feeCap": order.fee_cap.to_string(), "nonce": order.nonce.to_string(), "expiry": order.expiry_secs,
        "instructions": {
            "type": kind, "timeInForce": in_force, "postOnly": post_only, "selfTrade": self_trade,
            "displayAmount": instructions.display_amount.to_string(),
            "triggerPrice": instructions.trigger_price.to_string(),
            "goodUntil": instructions.good_until_secs,
            "clientOrderId": (!id.is_zero()).then_some(id),
        },
        "signature": alloy_primitives::hex::encode_prefixed(order.signature.0),
    })
}
