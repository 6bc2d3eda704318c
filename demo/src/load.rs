//! Writes an economy to a chain: real signed transactions, many in flight, every receipt checked.
//!
//! Each account's transactions are a fixed sequence, so its nonce tells how many of them the chain has already: an interrupted load goes on
//! where it stopped, and a finished one sends nothing. Officers' keys are everybody's, so what they did is looked up instead. A deployment
//! without the contracts of the economy gets everything else. Never for a chain where money is worth something. Start at [`load`].

mod error;
mod gas_money;
mod names;
mod offices;
mod wave;
mod windows;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use alloy::primitives::{B256, U256};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use souk_contracts::{AssetRegistry, ContributionBook, Deployment, LicenseRegistry};

use crate::action::{Action, AssetNo, Economy, Stage, Step};
use crate::cast::DEV_FUNDER_KEY;
use crate::encode::{Call, Encoder, Known, Unknown};
use crate::node::{Fees, Node};
use crate::work::Named;
pub use error::LoadError;
use offices::Offices;
use wave::{Parcel, Wave};

/// How to load.
#[derive(Clone, Debug)]
pub struct Options {
    /// Key of a funded account that pays the others' gas.
    pub funder: B256,
    /// Most transactions that wait for their receipts at a time. Few large waves are quicker than many small ones: a dev chain
    /// computes its whole state root for every block.
    pub in_flight: usize,
    /// How long a receipt may take.
    pub receipt_limit: Duration,
    /// Wei that every account gets for gas.
    pub gas_money: U256,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            funder: DEV_FUNDER_KEY,
            in_flight: 512,
            receipt_limit: Duration::from_secs(120),
            // Fifty ether.
            gas_money: U256::from(50) * U256::from(10).pow(U256::from(18)),
        }
    }
}

/// How far the load is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage in hand.
    pub stage: String,
    /// Transactions mined, those of earlier loads included.
    pub transactions: u64,
    /// Events that they made.
    pub events: u64,
}

/// What was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whether the chain had all of it before, so that nothing was sent.
    pub already_loaded: bool,
    /// Assets of the economy.
    pub assets: u64,
    /// Id of its first asset; the others follow without gaps.
    pub first_asset_id: U256,
    /// Transactions that this load sent, without those that handed out gas money.
    pub transactions: u64,
    /// Events that they made.
    pub events: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Assets that are worth looking at: name and id.
    pub examples: Vec<(String, U256)>,
}

/// Writes the stages of an economy to the chain behind `rpc_url` (http or ws), through the contracts of `deployment`. Calls `progress`
/// after every transaction.
///
/// # Errors
/// [`LoadError`], naming the step that failed; loading again goes on behind the last transaction that was mined.
pub async fn load(
    rpc_url: &str,
    deployment: &Deployment,
    economy: &Economy,
    stages: impl IntoIterator<Item = Stage>,
    options: &Options,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<Summary, LoadError> {
    let started = Instant::now();
    let node = Node::connect(rpc_url).await?;
    if node.chain_id() != deployment.chain_id {
        return Err(LoadError::WrongChain {
            expected: deployment.chain_id,
            found: node.chain_id(),
        });
    }
    let mut nonces = Vec::with_capacity(economy.accounts.len());
    for account in &economy.accounts {
        nonces.push(node.nonce(account.address()).await?);
    }
    let mut skip = nonces.clone();
    economy.officers.clone().for_each(|officer| skip[officer] = 0);
    let first_asset_id = first_asset_id(&node, deployment, economy, skip.iter().any(|&nonce| nonce > 0)).await?;
    let offices = Offices::ask(&node, deployment, economy).await?;
    let mut loader = Loader {
        encoder: Encoder::new(economy, deployment, first_asset_id),
        fees: node.fees().await?,
        wave: Wave::new(node.clone(), options.receipt_limit),
        node,
        deployment,
        economy,
        options,
        progress,
        state: Progress {
            stage: String::new(),
            transactions: 0,
            events: 0,
        },
        skip,
        nonces,
        offices,
        known: Known::default(),
        names_until: HashMap::new(),
        told_time: false,
        assets: 0,
        sent: 0,
        events: 0,
    };
    for stage in stages {
        loader.stage(stage).await?;
    }
    Ok(Summary {
        already_loaded: loader.sent == 0,
        assets: loader.assets,
        first_asset_id,
        transactions: loader.sent,
        events: loader.events,
        elapsed: started.elapsed(),
        examples: economy
            .examples
            .iter()
            .map(|(name, asset)| (name.clone(), first_asset_id + U256::from(*asset)))
            .collect(),
    })
}

/// Where the economy's assets begin: behind all others if it is new here, else where its first asset is.
async fn first_asset_id(
    node: &Node,
    deployment: &Deployment,
    economy: &Economy,
    begun: bool,
) -> Result<U256, LoadError> {
    let registry = deployment.addresses.asset_registry;
    if begun {
        let (owner, content_hash) = economy.first_asset;
        let filter = Filter::new()
            .address(registry)
            .event_signature(AssetRegistry::AssetRegistered::SIGNATURE_HASH)
            .topic2(economy.accounts[owner].address())
            .from_block(deployment.block);
        for log in node.logs(&filter).await? {
            if let Ok(event) = AssetRegistry::AssetRegistered::decode_log(&log.inner)
                && event.contentHash == content_hash
            {
                return Ok(event.assetId);
            }
        }
    }
    let count = AssetRegistry::new(registry, node.provider())
        .assetCount()
        .call()
        .await?;
    Ok(count + U256::ONE)
}

struct Loader<'a, 'p> {
    node: Node,
    deployment: &'a Deployment,
    economy: &'a Economy,
    options: &'a Options,
    encoder: Encoder<'a>,
    progress: &'p mut (dyn FnMut(&Progress) + Send),
    state: Progress,
    /// Per account, how many of its next steps the chain has already.
    skip: Vec<u64>,
    nonces: Vec<u64>,
    offices: Offices,
    fees: Fees,
    known: Known,
    /// Up to which block the names of a kind were looked up, exclusive.
    names_until: HashMap<Named, u64>,
    /// Whether this stage's deadlines have a time to be counted from.
    told_time: bool,
    wave: Wave,
    assets: u64,
    sent: u64,
    events: u64,
}

impl Loader<'_, '_> {
    async fn stage(&mut self, stage: Stage) -> Result<(), LoadError> {
        self.state.stage = stage.name;
        (self.progress)(&self.state);
        self.told_time = false;
        let mut last_registered = Vec::new();
        let mut before = None;
        for mut step in stage.steps {
            let Some(from) = self.offices.sender(&step) else {
                continue;
            };
            step.from = from;
            let registered = match &step.action {
                Action::Register(assets) => assets.last().map(|last| (assets.len() as u64, last.content_hash)),
                _ => None,
            };
            self.assets += registered.map_or(0, |(count, _)| count);
            if self.is_there(&step).await? {
                self.state.transactions += 1;
                self.state.events += step.events(&self.economy.terms).total();
                continue;
            }
            if stage.ordered && before.replace(from).is_some_and(|before| before != from) {
                self.finish_wave().await?;
            }
            if let Some((_, content_hash)) = registered {
                last_registered.push((self.assets - 1, content_hash));
            }
            self.send(step).await?;
        }
        self.finish_wave().await?;
        self.check_ids(&last_registered).await
    }

    /// Whether the chain has the step already, by its account's nonce or, of an officer, by what it did.
    async fn is_there(&mut self, step: &Step) -> Result<bool, LoadError> {
        let officer = self.economy.officers.contains(&step.from);
        match &step.action {
            Action::Work(work) if officer => {
                if !self.is_done(work).await? {
                    // Others may have used the key since.
                    let account = self.economy.accounts[step.from].address();
                    self.nonces[step.from] = self.nonces[step.from].max(self.node.nonce(account).await?);
                    return Ok(false);
                }
                Ok(true)
            }
            _ => {
                let skip = &mut self.skip[step.from];
                let there = *skip > 0;
                *skip -= u64::from(there);
                Ok(there)
            }
        }
    }

    /// Adds one step's transaction to the wave, behind the end of the wave before if it is full.
    async fn send(&mut self, step: Step) -> Result<(), LoadError> {
        if self.sent == 0 {
            gas_money::hand_out(&self.node, self.economy, self.options, self.fees).await?;
        }
        self.tell_time(&step).await?;
        let mut call = self.encode(&step).await?;
        let mut events = step.events(&self.economy.terms).total();
        if self.is_late(&step).await? {
            (call, events) = (self.nothing(&step), 0);
        }
        self.wait(&step).await?;
        let block_gas = self.fees.block_gas;
        if call.gas > block_gas {
            return Err(LoadError::TooMuchGas {
                step: self.label(&step),
                gas: call.gas,
                block_gas,
            });
        }
        if self.wave.is_full(self.options.in_flight, call.gas, block_gas) {
            self.finish_wave().await?;
        }
        let nonce = &mut self.nonces[step.from];
        let signer = self.economy.accounts[step.from].signer();
        let signed = self.node.sign(signer, *nonce, &call, U256::ZERO, self.fees);
        *nonce += 1;
        self.sent += 1;
        let parcel = Parcel {
            label: self.label(&step),
            from: signer.address(),
            call,
            events,
        };
        self.wave
            .add(parcel, signed.map_err(|error| LoadError::Signer(error.to_string()))?);
        Ok(())
    }

    /// Waits until everything sent is mined; fees may have changed by then.
    async fn finish_wave(&mut self) -> Result<(), LoadError> {
        let (state, progress) = (&mut self.state, &mut *self.progress);
        let events = self
            .wave
            .finish(|events| {
                state.events += events;
                state.transactions += 1;
                progress(state);
            })
            .await?;
        self.events += events;
        self.fees = self.node.fees().await?;
        Ok(())
    }

    /// Encodes a step, looking up on the chain what only the chain knows.
    async fn encode(&mut self, step: &Step) -> Result<Call, LoadError> {
        loop {
            let unknown = match self.encoder.call(step, &self.known) {
                Ok(call) => return Ok(call),
                Err(unknown) => unknown,
            };
            let found = match unknown {
                Unknown::Series(asset, terms) => {
                    let id = self.find_series(asset, terms).await?;
                    id.and_then(|id| self.known.series.insert((asset, terms), id).or(Some(id)))
                }
                Unknown::Contribution(asset, evidence) => {
                    let id = self.find_contribution(asset, evidence).await?;
                    id.and_then(|id| self.known.contributions.insert(evidence, id).or(Some(id)))
                }
                Unknown::Named(kind, name) => self.find_name(kind, name).await?,
                Unknown::Vault | Unknown::Economy => None,
            };
            if found.is_none() {
                return Err(LoadError::Missing {
                    step: self.label(step),
                    what: format!("{unknown:?}"),
                });
            }
        }
    }

    /// The newest series of the asset under the terms.
    async fn find_series(&self, asset: AssetNo, terms: usize) -> Result<Option<U256>, LoadError> {
        let filter = Filter::new()
            .address(self.deployment.addresses.license_registry)
            .event_signature(LicenseRegistry::LicenseMinted::SIGNATURE_HASH)
            .topic2(self.encoder.asset_id(asset))
            .topic3(self.encoder.terms_id(terms))
            .from_block(self.deployment.block);
        let logs = self.node.logs(&filter).await?;
        let newest = logs
            .last()
            .and_then(|log| LicenseRegistry::LicenseMinted::decode_log(&log.inner).ok());
        Ok(newest.map(|event| event.licenseId))
    }

    async fn find_contribution(&self, asset: AssetNo, evidence: B256) -> Result<Option<U256>, LoadError> {
        let filter = Filter::new()
            .address(self.deployment.addresses.contribution_book)
            .event_signature(ContributionBook::ContributionRecorded::SIGNATURE_HASH)
            .topic2(self.encoder.asset_id(asset))
            .from_block(self.deployment.block);
        let logs = self.node.logs(&filter).await?;
        let mut events = logs
            .iter()
            .filter_map(|log| ContributionBook::ContributionRecorded::decode_log(&log.inner).ok());
        Ok(events
            .find(|event| event.evidenceHash == evidence)
            .map(|event| event.contributionId))
    }

    /// Everything later refers to assets by id, so their order on the chain must be the planned one.
    async fn check_ids(&self, last_registered: &[(AssetNo, B256)]) -> Result<(), LoadError> {
        let registry = AssetRegistry::new(self.deployment.addresses.asset_registry, self.node.provider());
        for &(asset, content_hash) in last_registered {
            let id = self.encoder.asset_id(asset);
            if registry.assetInfo(id).call().await?.contentHash != content_hash {
                return Err(LoadError::OtherAsset { id });
            }
        }
        Ok(())
    }

    fn label(&self, step: &Step) -> String {
        format!(
            "{}: {}: {}",
            self.state.stage, self.economy.accounts[step.from].name, step.action
        )
    }
}
