//! Everything that runs: a chain that a test drives block by block, the contracts, an indexer, an engine, the facts between them.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, SolCall};
use serde_json::{Value, json};
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::exchange::{digest, domain, market_id, sign};
use souk_contracts::{Addresses, AssetRegistry, AssetShares, ExchangeVault, TestUSD, deploy_with, dev};
use souk_devstack::{Anvil, AnvilConfig, Postgres};
use souk_eventlog::{EmbeddedLog, EventLog};
use souk_exchange::Engine;
use souk_indexer::{ChainSource, IndexerStatus, OnRewrite};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, GroupId, Instructions, Lots, MarketKind, MarketLimits, MarketSpec, MarketState,
    MarketUnits, Outcome, Ppm, Side, SignedOrder, Ticks,
};
use souk_schema::{ChainId, TokenRef};
use souk_sequencer::{GroupConfig, GroupHandle};
use souk_settlement::facts::FollowError;
use souk_settlement::settler::batch::typed_order;
use souk_settlement::vault_log::Contracts;
use souk_settlement::{
    AdminSigner, FactConfig, FactFollower, Finality, Node, Operator, OperatorSigner, Settler, SettlerConfig, Store,
    markets,
};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const CHAIN: ChainId = ChainId(31_337);
pub const GROUP: GroupId = GroupId(1);
/// A block is final when it has so many after it.
pub const DEPTH: u64 = 2;
/// Dollars and shares that each trader deposits.
pub const DOLLARS: u128 = 1_000_000;
pub const SHARES: u128 = 500;
/// Quote base units of one tick.
pub const TICK: u128 = 100;
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub anvil: Anvil,
    pub provider: DynProvider,
    pub at: Addresses,
    pub vault: Address,
    pub pool: PgPool,
    pub log: Arc<dyn EventLog>,
    pub store: Store,
    pub group: GroupHandle,
    pub node: Node,
    pub operator: Operator,
    pub buyer: PrivateKeySigner,
    pub seller: PrivateKeySigner,
    pub asset: U256,
    domain: Eip712Domain,
    /// The present follower of facts, and what ends it.
    following: Option<(CancellationToken, JoinHandle<Result<(), FollowError>>)>,
    cancel: CancellationToken,
    _server: Arc<Postgres>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

impl World {
    /// A group that is open, without a market; traders with shares and dollars in their pockets.
    pub async fn new() -> World {
        let (server, pool) = crate::postgres::database().await;
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(pool.clone()).await.unwrap());
        let store = Store::connect(pool.clone()).await.unwrap();
        let anvil = Anvil::start(&AnvilConfig::default()).await.unwrap();
        let provider = ProviderBuilder::new()
            .connect(&anvil.http_url())
            .await
            .unwrap()
            .erased();
        let admin = AdminSigner::from(PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).unwrap());
        let roles = dev::vault_config(dev::OPERATOR, dev::COSIGNER, dev::FEE_ACCOUNT);
        let deployment = deploy_with(&provider, admin.address(), Address::repeat_byte(0xd1), roles)
            .await
            .unwrap();
        let at = deployment.addresses;
        let vault = at.exchange_vault.unwrap();
        let node = Node::connect(&anvil.http_url(), vault).await.unwrap();

        let cancel = CancellationToken::new();
        let mut config = GroupConfig::new(GROUP);
        config.tick_every = Duration::from_millis(100);
        let (group, running) = souk_sequencer::start(config, log.clone(), pool.clone(), cancel.clone())
            .await
            .unwrap();
        tokio::spawn(running);
        assert!(group.running().await);
        markets::open_group(&node, &group, 100).await.unwrap();

        let watch = WatchSet::new(vec![ContractSet::from(&deployment)]);
        let mut source = ChainSource::new(
            CHAIN,
            vec![anvil.http_url().parse().unwrap()],
            watch.unwrap(),
            deployment.block,
        );
        source.poll_interval_ms = 20;
        source.finality = souk_indexer::Finality::Depth(DEPTH);
        source.on_rewrite = OnRewrite::NewGeneration;
        let (status, _) = watch::channel(IndexerStatus::starting(CHAIN));
        tokio::spawn(souk_indexer::run(source, log.clone(), status, cancel.clone()));
        let mut world = World {
            domain: domain(CHAIN.0, vault),
            operator: Operator::new(OperatorSigner::from(
                PrivateKeySigner::from_bytes(&dev::OPERATOR_KEY).unwrap(),
            )),
            anvil,
            provider,
            at,
            vault,
            pool,
            log,
            store,
            group,
            node,
            buyer: key(0x11),
            seller: key(0x22),
            asset: U256::ONE,
            following: None,
            cancel,
            _server: server,
        };
        world.follow_facts();
        world.rpc("anvil_autoImpersonateAccount", json!([true])).await;
        world.rpc("evm_setAutomine", json!([false])).await;
        world.give_tokens().await;
        world
    }

    /// Starts a follower of facts, which takes a snapshot after every record or every few.
    fn follow_facts(&mut self) {
        let facts = FactConfig::alone(GROUP, contracts(&self.at));
        let follower = FactFollower::new(
            facts,
            (CHAIN, self.node.genesis()),
            self.group.clone(),
            self.log.clone(),
            self.store.clone(),
        );
        let cancel = self.cancel.child_token();
        let following = tokio::spawn(follower.snapshot_every(1).run(cancel.clone()));
        self.following = Some((cancel, following));
    }

    /// Ends the follower of facts, lets something be done to what it left, and starts another one.
    pub async fn restart_facts(&mut self, meanwhile: impl AsyncFnOnce(&World)) {
        let (cancel, follower) = self.following.take().unwrap();
        cancel.cancel();
        follower.await.unwrap().unwrap();
        meanwhile(self).await;
        self.follow_facts();
    }

    /// Likewise, with deposits that are credited and a market that is open.
    pub async fn trading() -> World {
        let world = World::new().await;
        world.list().await;
        let (buyer, seller) = (world.buyer.address(), world.seller.address());
        world.deposit(buyer, world.dollars(), DOLLARS).await;
        world.deposit(seller, world.shares(), SHARES).await;
        world.mine(1 + DEPTH).await;
        world
            .until("both deposits to be credited", |engine| {
                available(engine, buyer, world.dollars()) == DOLLARS as i128
                    && available(engine, seller, world.shares()) == SHARES as i128
            })
            .await;
        world
    }

    async fn give_tokens(&mut self) {
        let (buyer, seller) = (self.buyer.address(), self.seller.address());
        for account in [buyer, seller] {
            self.rpc("anvil_setBalance", json!([account, "0x56bc75e2d63100000"]))
                .await;
        }
        let register = AssetRegistry::registerCall {
            owner: seller,
            kind: 1,
            assetName: "weights".into(),
            contentHash: B256::repeat_byte(1),
            metadataUri: "ipfs://weights".into(),
            contributorShareE8: 0,
        };
        self.send(seller, self.at.asset_registry, register).await;
        let issue = AssetShares::issueCall {
            assetId: self.asset,
            supply: U256::from(10 * SHARES),
            receivers: vec![buyer, seller],
            amounts: vec![U256::from(5 * SHARES); 2],
        };
        self.send(seller, self.at.asset_shares, issue).await;
        for account in [buyer, seller] {
            let amount = U256::from(5 * DOLLARS);
            self.send(account, self.at.test_usd, TestUSD::mintCall { to: account, amount })
                .await;
            let spender = self.vault;
            self.send(
                account,
                self.at.test_usd,
                TestUSD::approveCall { spender, value: amount },
            )
            .await;
            let approve = AssetShares::setApprovalForAllCall {
                operator: spender,
                approved: true,
            };
            self.send(account, self.at.asset_shares, approve).await;
        }
        self.mine(1).await;
    }

    pub async fn rpc(&self, method: &'static str, params: Value) -> Value {
        self.provider.raw_request(method.into(), params).await.unwrap()
    }

    /// Sends a transaction that waits for the next block; returns its hash.
    pub async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> B256 {
        let input = Bytes::from(call.abi_encode());
        let transaction = json!({ "from": from, "to": to, "input": input, "gas": "0xf4240" });
        let hash = self.rpc("eth_sendTransaction", json!([transaction])).await;
        hash.as_str().unwrap().parse().unwrap()
    }

    /// Mines what waits, and then empty blocks.
    pub async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.rpc("evm_mine", json!([])).await;
        }
    }

    /// Waits until a transaction waits for the next block.
    pub async fn until_sent(&self) {
        let sent = async {
            while self.rpc("txpool_status", json!([])).await["pending"] == "0x0" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, sent).await.is_ok(), "nothing is sent");
    }

    pub async fn succeeded(&self, transaction: B256) -> bool {
        let receipt = self.rpc("eth_getTransactionReceipt", json!([transaction])).await;
        receipt["status"] == "0x1"
    }

    pub async fn forward(&self, secs: u64) {
        self.rpc("evm_increaseTime", json!([secs])).await;
    }

    pub async fn snapshot(&self) -> Value {
        self.rpc("evm_snapshot", json!([])).await
    }

    pub async fn go_back(&self, mark: Value) {
        assert_eq!(self.rpc("evm_revert", json!([mark])).await, true);
    }

    pub fn dollars(&self) -> TokenRef {
        TokenRef::new(self.at.test_usd, U256::ZERO)
    }

    pub fn shares(&self) -> TokenRef {
        TokenRef::new(self.at.asset_shares, self.asset)
    }

    /// Sends a deposit; it waits for the next block.
    pub async fn deposit(&self, account: Address, token: TokenRef, amount: u128) {
        let deposit = ExchangeVault::depositCall {
            token: token.contract,
            id: token.id,
            amount,
            account,
            group: GROUP.0,
        };
        self.send(account, self.vault, deposit).await;
    }

    pub fn spec(&self) -> MarketSpec {
        let (lot_size, tick_size) = (Amount(1), Amount(TICK));
        MarketSpec {
            key: market_id(
                self.at.asset_shares,
                self.asset,
                self.at.test_usd,
                lot_size.0,
                tick_size.0,
            ),
            base: self.shares(),
            quote: self.at.test_usd,
            kind: MarketKind::Shares,
            units: MarketUnits { lot_size, tick_size },
            fees: FeeSchedule {
                maker_ppm: Ppm(10_000),
                taker_ppm: Ppm(20_000),
                royalty_ppm: Ppm(10_000),
            },
            limits: MarketLimits {
                min_lots: Lots(1),
                max_lots: Lots(1_000),
                max_price: Ticks(1_000),
                max_open_orders: 50,
                band_ppm: None,
                auction_secs: 0,
            },
            reference_price: Ticks(10),
        }
    }

    /// Lists the market on chain and in the engine, and opens it.
    pub async fn list(&self) {
        let spec = self.spec();
        let admin = AdminSigner::from(PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).unwrap());
        self.rpc("evm_setAutomine", json!([true])).await;
        // Twice, because it may be repeated.
        for _ in 0..2 {
            markets::list_market(&self.node, &admin, &self.group, &spec, self.asset)
                .await
                .unwrap();
        }
        self.rpc("evm_setAutomine", json!([false])).await;
        let state = MarketState::Auction;
        self.command(CommandBody::SetMarketState {
            market: spec.key,
            state,
        })
        .await;
        self.until("the market to open", |engine| {
            self.market_state(engine) == MarketState::Open
        })
        .await;
    }

    pub fn market_state(&self, engine: &Engine) -> MarketState {
        engine.market_by_key(self.spec().key).unwrap().state()
    }

    /// Gives a command, and waits until what came of it is in the stream of events, where settlement reads.
    pub async fn command(&self, body: CommandBody) -> Outcome {
        let outcome = self.group.submit(body).await.unwrap();
        let mut status = self.group.status();
        status
            .wait_for(|status| status.published >= outcome.number)
            .await
            .unwrap();
        assert!(outcome.result.is_ok(), "{outcome:?}");
        outcome
    }

    /// Places a good til cancelled order.
    pub async fn place(&self, trader: &PrivateKeySigner, side: Side, lots: u128, price: u64, nonce: u64) -> Outcome {
        let mut order = SignedOrder {
            account: trader.address(),
            market: self.spec().key,
            side,
            base_amount: Amount(lots),
            limit_price: Amount(u128::from(price) * TICK),
            fee_cap: Amount(DOLLARS),
            nonce,
            expiry_secs: now_secs() + 20 * 24 * 3_600,
            instructions: Instructions {
                kind: Default::default(),
                time_in_force: Default::default(),
                post_only: Default::default(),
                self_trade: Default::default(),
                display_amount: Amount(0),
                trigger_price: Amount(0),
                good_until_secs: 0,
                client_order_id: B256::ZERO,
            },
            signature: Signature([0; 65]),
            signer: trader.address(),
        };
        let digest = digest(&typed_order(&order), &self.domain);
        order.signature = Signature(sign(digest, trader).unwrap());
        self.command(CommandBody::PlaceOrder(Box::new(order))).await
    }

    /// The seller sells so many lots to the buyer at 10 ticks.
    pub async fn trade(&self, lots: u128, nonce: u64) {
        let (buyer, seller) = (self.buyer.clone(), self.seller.clone());
        self.place(&seller, Side::Sell, lots, 10, nonce).await;
        self.place(&buyer, Side::Buy, lots, 10, nonce).await;
    }

    /// Waits until the engine is so, and its events say so, too.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Engine) -> bool) {
        let mut outcomes = self.group.outcomes();
        let waited = tokio::time::timeout(PATIENCE, async {
            while !self.group.read(&is_so) {
                // A receiver that lags has seen something as well.
                let _ = outcomes.recv().await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain for {what}");
        // The engine's own count: the status may be behind what was just seen in the engine.
        let seen = self.group.read(Engine::commands);
        let mut status = self.group.status();
        status.wait_for(|status| status.published >= seen).await.unwrap();
    }

    pub fn settler_config(&self) -> SettlerConfig {
        let mut config = SettlerConfig::new(GROUP);
        config.finality = Finality::Depth(DEPTH);
        config.policy.longest_wait_ms = 0;
        // Anvil takes no less than this.
        config.policy.fees.tip_wei = 1_000_000_000;
        // Whoever starts anew goes on from a snapshot of nearly everything.
        config.snapshot_every = 1;
        config
    }

    pub async fn settler(&self) -> Settler {
        self.settler_with(self.settler_config()).await
    }

    pub async fn settler_with(&self, config: SettlerConfig) -> Settler {
        let (node, log) = (self.node.clone(), self.log.clone());
        Settler::open(config, self.operator.clone(), node, log, self.store.clone())
            .await
            .unwrap()
    }

    /// What the vault says that an account has.
    pub async fn in_vault(&self, account: Address, token: TokenRef) -> u128 {
        let balance = self
            .node
            .contract()
            .balanceOf(account, token.contract, token.id)
            .call()
            .await
            .unwrap();
        balance.to()
    }

    /// State, block and number of fills of a transaction, as the table has it.
    pub async fn row(&self, id: i64) -> (String, Option<i64>, i64) {
        sqlx::query_as(
            "select state, block_number, attempts from settlement.transaction where group_id = 1 and id = $1",
        )
        .bind(id)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

pub fn contracts(at: &Addresses) -> Contracts {
    Contracts {
        vault: at.exchange_vault.unwrap(),
        licences: at.license_registry,
    }
}

/// What an account may use, 0 for one that the engine does not know.
pub fn available(engine: &Engine, account: Address, token: TokenRef) -> i128 {
    let instrument = engine.instrument_of(token);
    let account = engine.account(account);
    instrument
        .zip(account)
        .map_or(0, |(instrument, account)| account.balance(instrument).available)
}

pub fn now_secs() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
