//! A dev chain with Souk's contracts on it, and what the benchmarks write to it.

use std::net::SocketAddr;
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256, b256, keccak256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::{AssetRegistry, Deployment};
use souk_demo::{Options, Synthetic};
use souk_devstack::{Anvil, AnvilConfig, Mining};
use souk_indexer::ChainSource;
use souk_schema::caip::EvmAssetId;
use souk_schema::{BlockRef, TokenRef, TokenStandard};

use crate::dev_chain::DEV_CHAIN;

/// Key of the first account that dev chains fund, public knowledge everywhere.
const OPERATOR_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

/// Gas to register one asset, at the dearest; and what surrounds it.
const REGISTER_GAS: u64 = 250_000;

/// Logs of one registration: `Transfer` and `AssetRegistered`.
pub const LOGS_PER_ASSET: u64 = 2;

/// A running chain.
pub struct BenchChain {
    anvil: Anvil,
    /// Where the contracts are.
    pub deployment: Deployment,
    /// Its node.
    pub provider: DynProvider,
    /// The account that deployed, which the node signs for.
    pub operator: Address,
}

impl BenchChain {
    /// Starts a chain and deploys the contracts.
    ///
    /// # Errors
    /// One line when anvil is missing or the contracts cannot be deployed.
    pub async fn start(config: &AnvilConfig) -> Result<BenchChain> {
        let anvil = Anvil::start(config).await?;
        let key = PrivateKeySigner::from_bytes(&OPERATOR_KEY).context("the dev chain's well-known key")?;
        let operator = key.address();
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(key))
            .connect(&anvil.http_url())
            .await?;
        provider.client().set_poll_interval(Duration::from_millis(20));
        let provider = provider.erased();
        let on_demand = config.mining == Mining::OnDemand;
        if on_demand {
            provider.anvil_set_auto_mine(true).await?;
        }
        let deployment = souk_contracts::deploy(&provider, operator, operator).await?;
        if on_demand {
            provider.anvil_set_auto_mine(false).await?;
        }
        Ok(BenchChain {
            anvil,
            deployment,
            provider,
            operator,
        })
    }

    /// Writes a synthetic economy of at least so many events; returns how many.
    ///
    /// # Errors
    /// One line that names the step that failed.
    pub async fn write(&self, seed: u64, events: u64) -> Result<u64> {
        let stages = Synthetic::new(seed, events);
        let economy = stages.economy().clone();
        let (options, url) = (Options::default(), self.http_url());
        let summary = souk_demo::load(&url, &self.deployment, &economy, stages, &options, &mut |_| {}).await?;
        tracing::info!(
            events = summary.events,
            secs = summary.elapsed.as_secs_f64(),
            "economy written"
        );
        Ok(summary.events)
    }

    /// The chain as the indexer watches it: every log that the benchmarks write, fetched over HTTP, announced over WebSocket.
    ///
    /// # Errors
    /// Never for the addresses that anvil gives.
    pub fn source(&self) -> Result<ChainSource> {
        let endpoints = vec![self.http_url().parse()?, self.anvil.ws_url().parse()?];
        Ok(ChainSource::new(
            DEV_CHAIN,
            endpoints,
            self.watch_set()?,
            self.deployment.block,
        ))
    }

    /// The same with the endpoints in the order of `souk up`'s own dev chain, through another port that leads to the node.
    ///
    /// # Errors
    /// Never for the addresses that anvil gives.
    pub fn live_source(&self, port: u16) -> Result<ChainSource> {
        let mut source = self.source()?;
        source.endpoints.reverse();
        for endpoint in &mut source.endpoints {
            ensure!(endpoint.set_port(Some(port)).is_ok(), "{endpoint} takes no port");
        }
        Ok(source)
    }

    /// The node's process.
    pub fn pid(&self) -> u32 {
        self.anvil.pid()
    }

    /// Where the node listens.
    ///
    /// # Errors
    /// Never for the address that anvil gives.
    pub fn address(&self) -> Result<SocketAddr> {
        let url = self.http_url();
        let address = url.strip_prefix("http://").context("anvil is not reached over HTTP")?;
        Ok(address.parse()?)
    }

    /// Souk's contracts and the test money.
    ///
    /// # Errors
    /// Never for one deployment.
    pub fn watch_set(&self) -> Result<WatchSet> {
        let money = ContractSet::Erc20 {
            address: self.deployment.addresses.test_usd,
        };
        Ok(WatchSet::new(vec![ContractSet::from(&self.deployment), money])?)
    }

    /// Where the node answers.
    pub fn http_url(&self) -> String {
        self.anvil.http_url()
    }

    /// The newest block.
    ///
    /// # Errors
    /// One line when the node does not answer.
    pub async fn head(&self) -> Result<BlockRef> {
        let block = self.provider.get_block_by_number(Default::default()).await?;
        let header = block.context("the chain has no newest block")?.header;
        Ok(BlockRef {
            number: header.number,
            hash: header.hash,
        })
    }

    /// The asset with this number, as a CAIP-19 id.
    pub fn asset_id(&self, number: u64) -> String {
        let id = EvmAssetId {
            chain: DEV_CHAIN,
            standard: TokenStandard::Erc721,
            token: TokenRef {
                contract: self.deployment.addresses.asset_registry,
                id: U256::from(number),
            },
        };
        id.to_string()
    }

    /// A transaction of the operator that registers assets; `salt` makes what it registers differ from what another one does.
    pub fn registration(&self, assets: u64, salt: u64) -> TransactionRequest {
        let input = |number: u64| AssetRegistry::AssetInput {
            owner: self.operator,
            kind: (number % 7) as u8,
            name: format!("model {salt}.{number}"),
            contentHash: keccak256([salt.to_be_bytes(), number.to_be_bytes()].concat()),
            metadataUri: format!("ipfs://benchmark/{salt}/{number}"),
            contributorShareE8: 1_000_000,
        };
        let call = AssetRegistry::registerBatchCall {
            inputs: (0..assets).map(input).collect(),
        };
        TransactionRequest::default()
            .from(self.operator)
            .to(self.deployment.addresses.asset_registry)
            .gas_limit(100_000 + assets * REGISTER_GAS)
            .value(U256::ZERO)
            .input(call.abi_encode().into())
    }

    /// Stops the node.
    pub async fn stop(self) {
        self.anvil.stop().await;
    }
}
