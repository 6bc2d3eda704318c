//! Writes an economy to a chain: real signed transactions, many in flight, every receipt checked.
//!
//! Each account's transactions are a fixed sequence, so its nonce tells how many of them the chain has already: an interrupted load goes on
//! where it stopped, and a finished one sends nothing. Never for a chain where money is worth something. Start at [`load`].

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;
use alloy::transports::TransportError;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use souk_contracts::{AssetRegistry, ContributionBook, Deployment, LicenseRegistry};

use crate::action::{Action, AssetNo, Economy, Stage, Step};
use crate::cast::DEV_FUNDER_KEY;
use crate::encode::{Call, Encoder, Known, Unknown};
use crate::node::{Fees, Node, Receipt};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// How many transactions are sent before the fees are looked up again.
const FEES_EVERY: u64 = 32;

/// How to load.
#[derive(Clone, Debug)]
pub struct Options {
    /// Key of a funded account that pays the others' gas.
    pub funder: B256,
    /// Most transactions that wait for their receipts at a time.
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
            in_flight: 32,
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

/// Why an economy is not on the chain, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The node could not be asked, or answered with an error.
    #[error("the node did not answer: {0}; check the RPC URL and that the node is up")]
    Node(#[from] TransportError),
    /// A contract could not be asked.
    #[error("the asset registry did not answer: {0}; check that the contracts are deployed on this chain")]
    Registry(#[from] alloy::contract::Error),
    /// The deployment belongs to another chain.
    #[error("the contracts are on chain {expected}, the node serves chain {found}; give the URL of the right node")]
    WrongChain {
        /// Chain of the deployment.
        expected: u64,
        /// Chain of the node.
        found: u64,
    },
    /// The funder's key, or a signature with any key, failed.
    #[error("a transaction could not be signed: {0}; check the funder's key")]
    Signer(String),
    /// The funder is too poor.
    #[error("the funder {funder} has {balance} wei and needs {needed}; start the dev chain with a larger balance")]
    Funds {
        /// The funder.
        funder: Address,
        /// What it has.
        balance: U256,
        /// What all accounts need together.
        needed: U256,
    },
    /// The node took no transaction for the step.
    #[error(
        "the node refused the step `{step}`: {source}; start it with a fresh chain if others use the demo's accounts"
    )]
    Refused {
        /// Who does what.
        step: String,
        /// What the node said.
        source: TransportError,
    },
    /// A step needs more gas than a block has.
    #[error("the step `{step}` needs {gas} gas and a block of this chain has {block_gas}; raise the block gas limit")]
    TooMuchGas {
        /// Who does what.
        step: String,
        /// What the step may use.
        gas: u64,
        /// What a block has.
        block_gas: u64,
    },
    /// No receipt came in time.
    #[error("the step `{step}` ({hash}) was not mined within {} s; check that the chain makes blocks", limit.as_secs())]
    NotMined {
        /// Who does what.
        step: String,
        /// Its transaction.
        hash: B256,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The step ran and failed.
    #[error("the step `{step}` failed in block {block}: {reason}; start with a fresh chain")]
    Failed {
        /// Who does what.
        step: String,
        /// Where it failed.
        block: u64,
        /// What the contract said.
        reason: String,
    },
    /// The step made other events than it should.
    #[error("the step `{step}` made {found} events instead of {expected}: these are not the contracts of this program")]
    OtherEvents {
        /// Who does what.
        step: String,
        /// As planned.
        expected: u64,
        /// As in the receipt.
        found: u64,
    },
    /// Somebody else registered assets meanwhile.
    #[error(
        "asset {id} is not the one that was registered as such: somebody else registers assets now; load into a quiet chain"
    )]
    OtherAsset {
        /// The id.
        id: U256,
    },
    /// An event that a step refers to is not on the chain.
    #[error("the step `{step}` refers to {what:?}, which is not on the chain; start with a fresh chain")]
    Missing {
        /// Who does what.
        step: String,
        /// What was looked for.
        what: String,
    },
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
    let first_asset_id = first_asset_id(&node, deployment, economy, nonces.iter().any(|&nonce| nonce > 0)).await?;
    let mut loader = Loader {
        encoder: Encoder::new(economy, deployment, first_asset_id),
        fees: node.fees().await?,
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
        skip: nonces.clone(),
        nonces,
        known: Known::default(),
        waiting: FuturesUnordered::new(),
        assets: 0,
        sent: 0,
        events: 0,
        funded: false,
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

/// A transaction on its way.
type Waiting = BoxFuture<'static, Result<(Step, Receipt), LoadError>>;

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
    fees: Fees,
    known: Known,
    waiting: FuturesUnordered<Waiting>,
    assets: u64,
    sent: u64,
    events: u64,
    funded: bool,
}

impl Loader<'_, '_> {
    async fn stage(&mut self, stage: Stage) -> Result<(), LoadError> {
        self.state.stage = stage.name;
        (self.progress)(&self.state);
        let mut last_registered = Vec::new();
        let mut before = None;
        for step in stage.steps {
            let from = step.from;
            let registered = match &step.action {
                Action::Register(assets) => assets.last().map(|last| (assets.len() as u64, last.content_hash)),
                _ => None,
            };
            self.assets += registered.map_or(0, |(count, _)| count);
            if self.skip[from] > 0 {
                self.skip[from] -= 1;
                self.state.transactions += 1;
                self.state.events += step.events(&self.economy.terms).total();
                continue;
            }
            if stage.ordered && before.replace(from).is_some_and(|before| before != from) {
                self.drain(0).await?;
            }
            if let Some((_, content_hash)) = registered {
                last_registered.push((self.assets - 1, content_hash));
            }
            self.drain(self.options.in_flight.saturating_sub(1)).await?;
            self.send(step).await?;
        }
        self.drain(0).await?;
        self.check_ids(&last_registered).await
    }

    /// Sends one step's transaction and leaves it waiting for its receipt.
    async fn send(&mut self, step: Step) -> Result<(), LoadError> {
        if !self.funded {
            self.hand_out_gas_money().await?;
            self.funded = true;
        }
        if self.sent.is_multiple_of(FEES_EVERY) {
            self.fees = self.node.fees().await?;
        }
        let call = self.encode(&step).await?;
        if call.gas > self.fees.block_gas {
            let (gas, block_gas) = (call.gas, self.fees.block_gas);
            return Err(LoadError::TooMuchGas {
                step: self.label(&step),
                gas,
                block_gas,
            });
        }
        let nonce = &mut self.nonces[step.from];
        let signer = self.economy.accounts[step.from].signer();
        let signed = self
            .node
            .sign(signer, *nonce, &call, U256::ZERO, self.fees)
            .map_err(|error| LoadError::Signer(error.to_string()))?;
        *nonce += 1;
        self.sent += 1;
        let delivery = Delivery {
            node: self.node.clone(),
            label: self.label(&step),
            from: signer.address(),
            limit: self.options.receipt_limit,
        };
        self.waiting
            .push(Box::pin(async move { Ok((step, delivery.run(&call, &signed).await?)) }));
        Ok(())
    }

    /// Waits until at most `most` transactions are without receipt.
    async fn drain(&mut self, most: usize) -> Result<(), LoadError> {
        while self.waiting.len() > most {
            let Some(mined) = self.waiting.next().await else {
                return Ok(());
            };
            let (step, receipt) = mined?;
            let (expected, found) = (step.events(&self.economy.terms).total(), receipt.events());
            if expected != found {
                return Err(LoadError::OtherEvents {
                    step: self.label(&step),
                    expected,
                    found,
                });
            }
            tracing::trace!(gas = %receipt.gas_used, step = %step.action, "mined");
            self.events += found;
            self.state.events += found;
            self.state.transactions += 1;
            (self.progress)(&self.state);
        }
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

    /// Brings every account's balance to what gas may cost it.
    async fn hand_out_gas_money(&mut self) -> Result<(), LoadError> {
        let signer =
            PrivateKeySigner::from_bytes(&self.options.funder).map_err(|error| LoadError::Signer(error.to_string()))?;
        let funder = signer.address();
        let mut gifts = Vec::new();
        let mut needed = U256::ZERO;
        for account in &self.economy.accounts {
            let has = self.node.balance(account.address()).await?;
            // What is left after half was used up is enough to go on with.
            if has < self.options.gas_money / U256::from(2) {
                gifts.push((account, self.options.gas_money - has));
                needed += self.options.gas_money - has;
            }
        }
        let balance = self.node.balance(funder).await?;
        if balance < needed {
            return Err(LoadError::Funds {
                funder,
                balance,
                needed,
            });
        }
        let mut nonce = self.node.nonce(funder).await?;
        let mut waiting = FuturesUnordered::new();
        for (account, gift) in gifts {
            let call = Call {
                to: account.address(),
                data: Bytes::new(),
                gas: TRANSFER_GAS,
            };
            let signed = self
                .node
                .sign(&signer, nonce, &call, gift, self.fees)
                .map_err(|error| LoadError::Signer(error.to_string()))?;
            nonce += 1;
            let label = format!("gas money for {}", account.name);
            let delivery = Delivery {
                node: self.node.clone(),
                label,
                from: funder,
                limit: self.options.receipt_limit,
            };
            waiting.push(async move { delivery.run(&call, &signed).await });
            if waiting.len() >= self.options.in_flight {
                waiting.next().await.transpose()?;
            }
        }
        while waiting.next().await.transpose()?.is_some() {}
        Ok(())
    }

    fn label(&self, step: &Step) -> String {
        format!(
            "{}: {}: {}",
            self.state.stage, self.economy.accounts[step.from].name, step.action
        )
    }
}

/// One transaction's way to its receipt.
struct Delivery {
    node: Node,
    label: String,
    from: Address,
    limit: Duration,
}

impl Delivery {
    async fn run(self, call: &Call, signed: &[u8]) -> Result<Receipt, LoadError> {
        let Self {
            node,
            label: step,
            from,
            limit,
        } = self;
        let hash = match node.send(signed).await {
            Ok(hash) => hash,
            Err(source) => return Err(LoadError::Refused { step, source }),
        };
        let Some(receipt) = node.receipt(hash, limit).await? else {
            return Err(LoadError::NotMined { step, hash, limit });
        };
        if !receipt.succeeded() {
            let block = receipt.block_number.to::<u64>();
            let reason = node.why(from, call, block.saturating_sub(1)).await;
            return Err(LoadError::Failed { step, block, reason });
        }
        Ok(receipt)
    }
}
