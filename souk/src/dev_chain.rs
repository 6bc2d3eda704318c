//! The dev chain that `souk up` runs where no node was named: anvil with its state kept, and Souk's contracts on it.
//!
//! anvil writes its state down every few seconds, so that after a crash it can come back older than our log. Such a chain is not a
//! reorganisation and never taken for one: it is reported, thrown away, and begun anew as another chain with the same id.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::eips::BlockNumberOrTag;
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::{Deployment, dev};
use souk_devstack::{Anvil, AnvilConfig};
use souk_eventlog::{EventLog, ReadLimits};
use souk_indexer::{ChainSource, Finality, OnRewrite};
use souk_schema::exchange::GroupId;
use souk_schema::record::ChainRecordBody;
use souk_schema::{BlockRef, ChainId};
use souk_sequencer::Clock;

use tokio_util::sync::CancellationToken;

use crate::exchange::Settling;
use crate::instance::{DevChain, write_private};
use crate::keys;
use crate::payouts::Publishing;
use crate::projectors::chain_of;
use crate::records;

/// Chain id of the dev chain; what development tools expect of a local chain.
pub const DEV_CHAIN: ChainId = ChainId(31_337);

/// Blocks after which one is final on the dev chain, so that deposits and trades become final while somebody watches.
const FINALITY_BLOCKS: u64 = 2;

/// How long the dev chain rests before empty blocks make its last one final.
const REST: Duration = Duration::from_millis(400);

/// How often the chain's clock is looked at.
const CLOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Royalties that are worth a transaction on the dev chain, in millionths of a test dollar.
const FLUSH_FROM_MICROS: u128 = 1_000_000;

/// At least so long between two epochs of payouts on the dev chain.
const EPOCH: Duration = Duration::from_secs(5);

/// How soon a mined block is asked for where the WebSocket does not announce it, in milliseconds.
const POLL_INTERVAL_MS: u64 = 200;

/// A running dev chain with the contracts on it.
pub struct RunningDevChain {
    anvil: Anvil,
    deployment: Deployment,
    group: GroupId,
    clock: Clock,
}

/// What was written down about the chain in the folder.
#[derive(Serialize, Deserialize)]
struct Remembered {
    /// Unix time of block 0, in seconds.
    genesis_time: u64,
    genesis_hash: B256,
    deployment: Deployment,
    /// The market group that settles on it. A chain that was begun anew has another vault, and so another group.
    #[serde(default = "first_group")]
    group: GroupId,
}

fn first_group() -> GroupId {
    GroupId(1)
}

impl RunningDevChain {
    /// Starts the chain that the folder keeps, or a new one with the contracts deployed.
    ///
    /// `log_tail` is the newest block of the chain in our log; a chain that does not have it is thrown away. `fresh_group` is a market group
    /// that nobody used yet, for a new chain.
    ///
    /// # Errors
    /// One line when anvil is missing or does not start, or the contracts cannot be deployed.
    pub async fn start(folder: PathBuf, log_tail: Option<BlockRef>, fresh_group: GroupId) -> Result<RunningDevChain> {
        if let Some(remembered) = read_notes(&folder) {
            let anvil = start_anvil(&folder, remembered.genesis_time).await?;
            match why_not(&anvil, &remembered, log_tail).await? {
                None => {
                    let mut remembered = remembered;
                    if remembered.deployment.addresses.exchange_vault.is_none() {
                        tracing::info!("the dev chain is older than the exchange; its vault is deployed now");
                        add_vault(&anvil, &mut remembered.deployment).await?;
                        write_notes(&folder, &remembered)?;
                    }
                    if remembered.deployment.addresses.payout_distributor.is_none() {
                        tracing::info!("the dev chain is older than payouts; the economy's contracts are deployed now");
                        add_economy(&anvil, &mut remembered.deployment).await?;
                        write_notes(&folder, &remembered)?;
                    }
                    return Ok(RunningDevChain {
                        anvil,
                        deployment: remembered.deployment,
                        group: remembered.group,
                        clock: Clock::default(),
                    });
                }
                Some(reason) => {
                    tracing::warn!("{reason}; the dev chain is begun anew, and so is its stream, as a new generation");
                    anvil.stop().await;
                }
            }
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        let genesis_time = now();
        let anvil = start_anvil(&folder, genesis_time).await?;
        let deployment = deploy(&anvil).await?;
        let genesis_hash = block_hash(&anvil, 0)
            .await?
            .context("the dev chain has no genesis block")?;
        let remembered = Remembered {
            genesis_time,
            genesis_hash,
            deployment,
            group: fresh_group,
        };
        write_notes(&folder, &remembered)?;
        Ok(RunningDevChain {
            anvil,
            deployment,
            group: fresh_group,
            clock: Clock::default(),
        })
    }

    /// The chain as the indexer is to watch it.
    ///
    /// # Errors
    /// Never for the addresses that anvil gives.
    pub fn source(&self) -> Result<ChainSource> {
        let watch = WatchSet::new(vec![ContractSet::from(&self.deployment)])?;
        let endpoints = vec![self.anvil.ws_url().parse()?, self.anvil.http_url().parse()?];
        let mut source = ChainSource::new(DEV_CHAIN, endpoints, watch, 0);
        source.on_rewrite = OnRewrite::NewGeneration;
        source.finality = Finality::Depth(FINALITY_BLOCKS);
        source.poll_interval_ms = POLL_INTERVAL_MS;
        Ok(source)
    }

    /// What commands beside this instance need to know of it.
    pub fn description(&self) -> DevChain {
        DevChain {
            rpc: self.anvil.http_url(),
            deployment: self.deployment,
            group: self.group,
        }
    }

    /// Payouts on it, with the key that every dev chain knows.
    ///
    /// # Errors
    /// Never for that key.
    pub fn publishing(&self) -> Result<Publishing> {
        Ok(Publishing {
            rpc: self.anvil.http_url(),
            deployment: self.deployment,
            proposer: keys::dev_proposer()?.into(),
            epoch: EPOCH,
        })
    }

    /// The exchange on it, with the keys that every dev chain knows.
    ///
    /// # Errors
    /// Never for those keys.
    pub fn settling(&self) -> Result<Settling> {
        let operator = PrivateKeySigner::from_bytes(&dev::OPERATOR_KEY).context("the dev chain's well-known key")?;
        Ok(Settling {
            rpc: self.anvil.http_url(),
            deployment: self.deployment,
            finality: souk_settlement::Finality::Depth(FINALITY_BLOCKS),
            operator: operator.into(),
            flush_from: Some(FLUSH_FROM_MICROS),
            clock: self.clock.clone(),
            own_chain: true,
        })
    }

    /// Lets the chain go on: once it rests after transactions, as many empty blocks follow as make them final. Until cancelled.
    ///
    /// # Errors
    /// One line when the node cannot be reached at all; what it does not answer in between is asked again.
    pub async fn keep_final(&self, cancel: CancellationToken) -> Result<()> {
        let provider = ProviderBuilder::new().connect(&self.anvil.http_url()).await?;
        let (mut final_from, mut before) = (None, None);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(REST) => {}
            }
            let Ok(head) = provider.get_block_number().await else {
                continue;
            };
            let rests = before.replace(head) == Some(head);
            if rests && final_from != Some(head) && provider.anvil_mine(Some(FINALITY_BLOCKS), None).await.is_ok() {
                final_from = Some(head + FINALITY_BLOCKS);
            }
        }
    }

    /// Lets the exchange's clock go with the chain's: where somebody moves the chain's ahead of the host's, so does engine time go. Until
    /// cancelled.
    ///
    /// # Errors
    /// One line when the node cannot be reached at all; what it does not answer in between is asked again.
    pub async fn lead_clock(&self, cancel: CancellationToken) -> Result<()> {
        let provider = ProviderBuilder::new().connect(&self.anvil.http_url()).await?;
        loop {
            if let Ok(lead_secs) = lead_secs(&provider).await {
                self.clock.lead_by(lead_secs.saturating_mul(1_000));
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(CLOCK_INTERVAL) => {}
            }
        }
    }

    /// The market group that settles on it.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Waits until the chain's process ends, which it does not while all is well.
    pub async fn ended(&self) {
        self.anvil.ended().await;
    }

    /// Stops the chain, which writes its state down.
    pub async fn stop(&self) {
        self.anvil.stop().await;
    }
}

/// How often the chain is written down; a large one takes seconds to write.
const STATE_INTERVAL_SECS: u64 = 20;

/// Gas limit of a block: room for some thousand events in one, as the larger demo economies send them.
const BLOCK_GAS_LIMIT: u64 = 10_000_000_000;

/// The newest block of the dev chain in our log, over all generations of its stream.
///
/// # Errors
/// One line when the log cannot be read.
pub async fn log_tail(log: &dyn EventLog) -> Result<Option<BlockRef>> {
    let streams = log.streams().await?;
    let of_chain = streams
        .iter()
        .filter(|stream| chain_of(stream.as_str()) == Some(DEV_CHAIN));
    let Some(stream) = of_chain.max_by_key(|stream| (stream.as_str().len(), stream.as_str())) else {
        return Ok(None);
    };
    let mut until = log.next_sequence(stream).await?;
    while until > 0 {
        let from = until.saturating_sub(LOOK_BACK_RECORDS);
        let limits = ReadLimits {
            max_records: usize::try_from(until - from)?,
            max_bytes: usize::MAX,
        };
        for stored in log.read(stream, from, limits).await?.iter().rev() {
            match records::decode(stored)?.map(|record| record.body) {
                Some(ChainRecordBody::BlockAppended(block)) => return Ok(Some(block.block_ref())),
                Some(ChainRecordBody::BlockReverted(reverted)) => {
                    let number = reverted.number.saturating_sub(1);
                    return Ok(Some(BlockRef {
                        number,
                        hash: reverted.parent_hash,
                    }));
                }
                _ => {}
            }
        }
        until = from;
    }
    Ok(None)
}

/// Records read at a time on the way back to the newest block.
const LOOK_BACK_RECORDS: u64 = 16;

/// Starts anvil on the folder's chain.
///
/// anvil makes a genesis block at every start and can take that one for the kept chain's; with the same time it is the same block. The
/// chain's clock, which that sets back, is then set to now, or to the newest block's time where that was moved ahead of now.
async fn start_anvil(folder: &Path, genesis_time: u64) -> Result<Anvil> {
    let config = AnvilConfig {
        dir: Some(folder.to_path_buf()),
        keep_state: true,
        state_interval_secs: STATE_INTERVAL_SECS,
        chain_id: DEV_CHAIN.0,
        genesis_timestamp_secs: Some(genesis_time),
        block_gas_limit: Some(BLOCK_GAS_LIMIT),
        ..AnvilConfig::default()
    };
    let anvil = Anvil::start(&config).await?;
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await?;
    let head = provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
    let newest = head.map_or(0, |block| block.header.timestamp);
    let _: u64 = provider
        .raw_request("evm_setTime".into(), [now().max(newest)])
        .await
        .context("the dev chain's clock")?;
    Ok(anvil)
}

/// How far the clock of a dev chain is ahead of the host's, in seconds: what `evm_increaseTime` was told in all.
///
/// # Errors
/// When the node does not answer.
pub async fn lead_secs(provider: &impl Provider) -> Result<u64, TransportError> {
    let lead: i64 = provider.raw_request("evm_increaseTime".into(), [0]).await?;
    Ok(u64::try_from(lead).unwrap_or(0))
}

/// Unix time in seconds.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// What is remembered of the chain, within its folder.
const NOTES: &str = "deployment.json";

fn read_notes(folder: &Path) -> Option<Remembered> {
    serde_json::from_str(&fs::read_to_string(folder.join(NOTES)).ok()?).ok()
}

/// Writes down what is to be remembered, and beside it the deployment as `--deployment` takes it.
fn write_notes(folder: &Path, remembered: &Remembered) -> Result<()> {
    write_private(&folder.join(NOTES), &serde_json::to_vec_pretty(remembered)?)?;
    let contracts = serde_json::to_vec_pretty(&remembered.deployment)?;
    write_private(&folder.join("souk-contracts.json"), &contracts)
}

/// Why the chain that came back is not the one that we knew, if so.
async fn why_not(anvil: &Anvil, remembered: &Remembered, log_tail: Option<BlockRef>) -> Result<Option<String>> {
    if block_hash(anvil, 0).await? != Some(remembered.genesis_hash) {
        return Ok(Some("the dev chain's state was lost".into()));
    }
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await?;
    let addresses = &remembered.deployment.addresses;
    let newest = addresses.exchange_vault.unwrap_or(addresses.asset_registry);
    if provider.get_code_at(newest).await?.is_empty() {
        return Ok(Some("the dev chain came back older than its contracts".into()));
    }
    let Some(tail) = log_tail else { return Ok(None) };
    match block_hash(anvil, tail.number).await? {
        Some(hash) if hash == tail.hash => Ok(None),
        Some(_) => Ok(Some(format!(
            "the dev chain has another block {} than our log",
            tail.number
        ))),
        None => {
            let head = provider.get_block_number().await?;
            Ok(Some(format!(
                "the dev chain came back at block {head}, older than our log at block {}",
                tail.number
            )))
        }
    }
}

async fn block_hash(anvil: &Anvil, number: u64) -> Result<Option<B256>> {
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await?;
    let block = provider.get_block_by_number(number.into()).await?;
    Ok(block.map(|block| block.header.hash))
}

/// Deploys the contracts; all revenue goes to the deployer.
async fn deploy(anvil: &Anvil) -> Result<Deployment> {
    let (deployer, provider) = deployer(anvil).await?;
    // Revenue goes to the payout distributor that is deployed along.
    Ok(souk_contracts::deploy_with(&provider, deployer, None, vault_config()).await?)
}

async fn add_vault(anvil: &Anvil, deployment: &mut Deployment) -> Result<()> {
    let (deployer, provider) = deployer(anvil).await?;
    Ok(souk_contracts::add_vault(&provider, deployer, deployment, vault_config()).await?)
}

async fn add_economy(anvil: &Anvil, deployment: &mut Deployment) -> Result<()> {
    let (deployer, provider) = deployer(anvil).await?;
    let config = dev::economy_config(dev::PROPOSER, dev::JUDGE, dev::RELAYER, dev::FEE_ACCOUNT);
    Ok(souk_contracts::add_economy(&provider, deployer, deployment, config).await?)
}

fn vault_config() -> souk_contracts::ExchangeVault::VaultConfig {
    dev::vault_config(dev::OPERATOR, dev::COSIGNER, dev::FEE_ACCOUNT)
}

/// The account that deploys, and the chain with its key.
async fn deployer(anvil: &Anvil) -> Result<(Address, impl Provider)> {
    let key = PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).context("the dev chain's well-known key")?;
    let deployer = key.address();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(key))
        .connect(&anvil.http_url())
        .await?;
    provider.client().set_poll_interval(Duration::from_millis(20));
    Ok((deployer, provider))
}
