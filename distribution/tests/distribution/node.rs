//! A real node: a dev chain with our contracts on it.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Block, Transaction};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use souk_contracts::PayoutDistributor::{self, PayoutDistributorInstance};
use souk_contracts::{DeployConfig, EconomyConfig, deploy_with, dev};
use souk_devstack::{Anvil, AnvilConfig};
use souk_distribution::publish::Publisher;

use crate::chain::REGISTRY;
use crate::support::{PATIENCE, Running, Stand};

/// How long a root can be disputed: longer than any test takes, unless it has time pass.
pub const WINDOW_SECS: u64 = 3_600;

/// A dev chain with the contracts on it.
pub struct Node {
    pub anvil: Anvil,
    /// Leaves whatever is not said to the node, which has the keys.
    pub provider: DynProvider,
    distributor: Address,
}

impl Node {
    /// One whose blocks begin at this time, which is in its genesis block; on a port of its own unless there is one to take over.
    pub async fn start(genesis_secs: u64, port: Option<u16>) -> Node {
        let config = AnvilConfig {
            genesis_timestamp_secs: Some(genesis_secs),
            port,
            ..AnvilConfig::default()
        };
        let anvil = Anvil::start(&config).await.expect("anvil starts");
        let provider = ProviderBuilder::new()
            .connect(&anvil.http_url())
            .await
            .expect("it answers");
        let us = admin().address();
        let config = DeployConfig {
            vault: dev::vault_config(us, us, us),
            economy: EconomyConfig {
                dispute_window_secs: WINDOW_SECS,
                ..dev::economy_config(us, us, us, us)
            },
        };
        let deployed = deploy_with(&provider, us, None, config)
            .await
            .expect("contracts are deployed");
        let plain = ProviderBuilder::new().disable_recommended_fillers();
        let plain = plain.connect(&anvil.http_url()).await.expect("it answers");
        Node {
            anvil,
            provider: plain.erased(),
            distributor: deployed.addresses.payout_distributor.expect("there is one"),
        }
    }

    /// Another chain in its place, which has the contracts at the same addresses.
    pub async fn begun_anew(self, genesis_secs: u64) -> Node {
        let url = self.anvil.http_url();
        self.anvil.stop().await;
        let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let anew = Node::start(genesis_secs, port).await;
        assert_eq!((anew.anvil.http_url(), anew.distributor), (url, self.distributor));
        anew
    }

    pub async fn genesis(&self) -> B256 {
        let block = self.provider.get_block_by_number(0.into()).await.expect("it answers");
        block.expect("every chain has one").header.hash
    }

    /// The root that waits; zero where none does.
    pub async fn pending(&self) -> B256 {
        self.distributor().pendingRoot().call().await.expect("it answers").root
    }

    pub fn distributor(&self) -> PayoutDistributorInstance<DynProvider> {
        PayoutDistributor::new(self.distributor, self.provider.clone())
    }

    /// So many seconds pass, and a block says so.
    pub async fn passes(&self, secs: u64) {
        self.ask("evm_increaseTime", json!([secs])).await;
        self.ask("evm_mine", json!([])).await;
    }

    /// There are so many blocks, at least.
    pub async fn reaches(&self, number: u64) {
        let head = self.provider.get_block_number().await.expect("it answers");
        self.ask("anvil_mine", json!([number.saturating_sub(head)])).await;
    }

    pub async fn mines_by_itself(&self, so: bool) {
        self.ask("evm_setAutomine", json!([so])).await;
    }

    /// What a block pays for gas at least, from the next one on; in wei.
    pub async fn base_fee_is(&self, wei: u64) {
        self.ask("anvil_setNextBlockBaseFeePerGas", json!([format!("{wei:#x}")]))
            .await;
    }

    /// A block that costs so much wei per gas.
    pub async fn mines_at(&self, wei: u64) {
        self.base_fee_is(wei).await;
        self.ask("evm_mine", json!([])).await;
    }

    pub async fn proposer_has(&self, wei: U256) {
        self.ask("anvil_setBalance", json!([admin().address(), wei])).await;
    }

    /// How many transactions of the proposer are in blocks.
    pub async fn proposals(&self) -> u64 {
        let count = self.provider.get_transaction_count(admin().address()).latest().await;
        count.expect("it answers")
    }

    /// The transaction of the proposer that waits for a block, once there is one.
    pub async fn waiting_of_proposer(&self) -> Transaction {
        let found = async {
            loop {
                let block = self
                    .provider
                    .get_block_by_number(BlockNumberOrTag::Pending)
                    .full()
                    .await;
                let block = block.expect("it answers").expect("it has one");
                if let Some(found) = of_proposer(block) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is sent")
    }

    /// The transaction of the proposer in the newest block.
    pub async fn newest_of_proposer(&self) -> Transaction {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).full().await;
        of_proposer(block.expect("it answers").expect("it has one")).expect("it has one of the proposer")
    }

    async fn ask(&self, method: &'static str, params: Value) -> Value {
        let asked = self.provider.raw_request(method.into(), params);
        asked.await.expect("it answers")
    }

    pub async fn publisher(&self, stand: &Stand, running: &Running, rpc: &str, epoch: Duration) -> Publisher {
        let payouts = running.handle.clone();
        let connecting = Publisher::connect(
            rpc,
            admin(),
            REGISTRY,
            self.distributor,
            payouts,
            stand.store().await,
            epoch,
        );
        connecting.await.expect("it answers")
    }
}

fn of_proposer(block: Block) -> Option<Transaction> {
    let mut transactions = block.transactions.into_transactions();
    transactions.find(|transaction| transaction.inner.signer() == admin().address())
}

/// Deploys, and proposes.
pub fn admin() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).expect("a key")
}
