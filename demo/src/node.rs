//! The few questions that loading an economy asks a node, and the signing of what it sends. Knows nothing of economies. Start at
//! [`Node::connect`].

use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::BlockNumberOrTag;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::{BatchRequest, NoParams};
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolInterface;
use alloy::transports::TransportError;
use futures::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;
use souk_contracts::{
    AssetRegistry, AssetShares, ContributionBook, DisputeCourt, ExecutionLog, Gateway, LicenseRegistry, RevenueRouter,
    TaskBoard, TestUSD,
};

use crate::encode::Call;

/// How many times the base fee a transaction offers to pay: blocks that fill up raise it while transactions wait.
const FEE_MARGIN: u128 = 30;
/// What the block's producer gets, in wei per gas.
const TIP_WEI: u128 = 10_000_000;
const LONGEST_POLL: Duration = Duration::from_millis(200);

/// A connection to a node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    provider: DynProvider,
    chain_id: u64,
    mining: Mining,
}

/// When the chain makes blocks, as far as one can ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mining {
    /// A dev chain that makes a block for every transaction, unless told to hold on.
    OnArrival,
    /// A dev chain that makes blocks only when told to.
    OnDemand,
    /// Any other chain, a dev chain with a clock among them.
    ByItself,
}

/// What a receipt says, as far as it matters here: logs are counted, not read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    status: U64,
    /// Block that the transaction is in.
    pub(crate) block_number: U64,
    /// Gas that it used.
    pub(crate) gas_used: U64,
    logs: Vec<IgnoredAny>,
}

impl Receipt {
    /// Whether the transaction did what it should.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == U64::ONE
    }

    /// Number of events that it made.
    pub(crate) fn events(&self) -> u64 {
        self.logs.len() as u64
    }
}

/// Prices at which transactions are sent, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max_wei: u128,
    tip_wei: u128,
    /// Most gas that a block takes.
    pub(crate) block_gas: u64,
    /// Time of the newest block in unix seconds.
    pub(crate) block_time: u64,
}

impl Node {
    /// Connects over HTTP or WebSocket.
    pub(crate) async fn connect(url: &str) -> Result<Self, TransportError> {
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect(url)
            .await?
            .erased();
        let chain_id = provider.get_chain_id().await?;
        let mining = mining_of(&provider).await;
        Ok(Self {
            provider,
            chain_id,
            mining,
        })
    }

    /// EIP-155 id of its chain.
    pub(crate) fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// What alloy's contract instances call through.
    pub(crate) fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Number of transactions that the account sent, waiting ones included.
    pub(crate) async fn nonce(&self, account: Address) -> Result<u64, TransportError> {
        self.provider.get_transaction_count(account).pending().await
    }

    /// Wei of the account.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256, TransportError> {
        self.provider.get_balance(account).await
    }

    /// Fees that the next blocks accept.
    pub(crate) async fn fees(&self) -> Result<Fees, TransportError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let header = block.map(|block| block.header);
        let base_wei = header.as_ref().and_then(|header| header.base_fee_per_gas).unwrap_or(0);
        let block_gas = header.as_ref().map_or(u64::MAX, |header| header.gas_limit);
        let block_time = header.map_or(0, |header| header.timestamp);
        Ok(Fees {
            max_wei: u128::from(base_wei) * FEE_MARGIN + TIP_WEI,
            tip_wei: TIP_WEI,
            block_gas,
            block_time,
        })
    }

    /// Time of the chain in unix seconds: no later block is older. Of a dev chain that makes blocks on arrival or on demand, the newest
    /// block may be as old as what it last was sent, so it makes one.
    pub(crate) async fn now(&self) -> Result<u64, TransportError> {
        if self.mining != Mining::ByItself {
            self.mine().await?;
        }
        Ok(self.fees().await?.block_time)
    }

    /// Seconds between the newest two blocks of a chain that makes them by itself; 0 of one that makes them when they are needed.
    pub(crate) async fn pace_secs(&self) -> Result<u64, TransportError> {
        if self.mining != Mining::ByItself {
            return Ok(0);
        }
        let newest = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let Some(newest) = newest.map(|block| block.header) else {
            return Ok(0);
        };
        let before = newest.number.saturating_sub(1);
        let before = self.provider.get_block_by_number(before.into()).await?;
        Ok(before.map_or(0, |block| newest.timestamp.saturating_sub(block.header.timestamp)))
    }

    async fn mine(&self) -> Result<(), TransportError> {
        let _: serde_json::Value = self
            .provider
            .raw_request("evm_mine".into(), NoParams::default())
            .await?;
        Ok(())
    }

    /// Logs that match, oldest first.
    pub(crate) async fn logs(&self, filter: &Filter) -> Result<Vec<Log>, TransportError> {
        self.provider.get_logs(filter).await
    }

    /// A signed transaction as the network takes it.
    pub(crate) fn sign(
        &self,
        signer: &PrivateKeySigner,
        nonce: u64,
        call: &Call,
        value: U256,
        fees: Fees,
    ) -> Result<Bytes, alloy::signers::Error> {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: call.gas,
            max_fee_per_gas: fees.max_wei,
            max_priority_fee_per_gas: fees.tip_wei,
            to: call.to,
            value,
            access_list: Default::default(),
            input: call.data.clone(),
        };
        let signature = signer.sign_hash_sync(&transaction.signature_hash())?;
        Ok(TxEnvelope::from(transaction.into_signed(signature))
            .encoded_2718()
            .into())
    }

    /// Hands in signed transactions together; each has its hash or what is wrong with it. A dev chain that mines on arrival holds on
    /// meanwhile, so that one block takes all of them: it computes the whole state root for every block.
    pub(crate) async fn send(&self, signed: Vec<Bytes>) -> Result<Vec<Result<B256, TransportError>>, TransportError> {
        match self.mining {
            Mining::OnArrival if signed.len() > 1 => {
                let held = Held::start(&self.provider).await?;
                let answers = self.send_batch(signed).await;
                held.end().await?;
                answers
            }
            Mining::OnDemand if !signed.is_empty() => {
                let answers = self.send_batch(signed).await?;
                self.mine().await?;
                Ok(answers)
            }
            _ => self.send_batch(signed).await,
        }
    }

    async fn send_batch(&self, signed: Vec<Bytes>) -> Result<Vec<Result<B256, TransportError>>, TransportError> {
        if signed.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::with_capacity(signed.len());
        for transaction in signed {
            answers.push(batch.add_call::<_, B256>("eth_sendRawTransaction", &(transaction,))?);
        }
        batch.send().await?;
        Ok(join_all(answers).await)
    }

    /// Waits for a receipt; `None` when there is none after `limit`.
    pub(crate) async fn receipt(&self, hash: B256, limit: Duration) -> Result<Option<Receipt>, TransportError> {
        let poll = async {
            let mut pause = Duration::from_millis(2);
            loop {
                let found: Option<Receipt> = self
                    .provider
                    .raw_request("eth_getTransactionReceipt".into(), (hash,))
                    .await?;
                if found.is_some() {
                    return Ok(found);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_POLL);
            }
        };
        tokio::time::timeout(limit, poll).await.unwrap_or(Ok(None))
    }

    /// Why a call fails when it is made at the end of `block`, in the contracts' own words.
    pub(crate) async fn why(&self, from: Address, call: &Call, block: u64) -> String {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_kind(call.to)
            .with_input(call.data.clone())
            .with_gas_limit(call.gas);
        match self.provider.call(request).block(block.into()).await {
            Ok(_) => format!(
                "repeated after block {block} it succeeds, so it may have run out of its {} gas",
                call.gas
            ),
            Err(error) => match error.as_error_resp().and_then(|response| response.as_revert_data()) {
                Some(data) => custom_error(&data),
                None => error.to_string(),
            },
        }
    }
}

async fn mining_of(provider: &DynProvider) -> Mining {
    let automine = provider.raw_request::<_, bool>("anvil_getAutomine".into(), NoParams::default());
    let interval = provider.raw_request::<_, Option<u64>>("anvil_getIntervalMining".into(), NoParams::default());
    match (automine.await, interval.await) {
        (Ok(true), _) => Mining::OnArrival,
        (Ok(false), Ok(None)) => Mining::OnDemand,
        _ => Mining::ByItself,
    }
}

/// A dev chain that holds on. It goes on even when whoever waits for it is interrupted.
struct Held {
    provider: Option<DynProvider>,
}

impl Held {
    async fn start(provider: &DynProvider) -> Result<Self, TransportError> {
        let held = Self {
            provider: Some(provider.clone()),
        };
        set_automine(provider, false).await?;
        Ok(held)
    }

    async fn end(mut self) -> Result<(), TransportError> {
        if let Some(provider) = &self.provider {
            set_automine(provider, true).await?;
        }
        self.provider = None;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(provider), Ok(runtime)) = (self.provider.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = set_automine(&provider, true).await {
                    tracing::warn!("the chain still holds on, and cannot be told to go on: {error}");
                }
            });
        }
    }
}

async fn set_automine(provider: &DynProvider, on: bool) -> Result<(), TransportError> {
    let _: serde_json::Value = provider.raw_request("evm_setAutomine".into(), (on,)).await?;
    Ok(())
}

/// The custom error with its fields, if one of the contracts knows it.
fn custom_error(data: &Bytes) -> String {
    fn named<E: SolInterface + std::fmt::Debug>(data: &[u8]) -> Option<String> {
        E::abi_decode(data).ok().map(|error| format!("{error:?}"))
    }
    named::<AssetRegistry::AssetRegistryErrors>(data)
        .or_else(|| named::<LicenseRegistry::LicenseRegistryErrors>(data))
        .or_else(|| named::<AssetShares::AssetSharesErrors>(data))
        .or_else(|| named::<ContributionBook::ContributionBookErrors>(data))
        .or_else(|| named::<RevenueRouter::RevenueRouterErrors>(data))
        .or_else(|| named::<TestUSD::TestUSDErrors>(data))
        .or_else(|| named::<TaskBoard::TaskBoardErrors>(data))
        .or_else(|| named::<ExecutionLog::ExecutionLogErrors>(data))
        .or_else(|| named::<DisputeCourt::DisputeCourtErrors>(data))
        .or_else(|| named::<Gateway::GatewayErrors>(data))
        .unwrap_or_else(|| format!("an unknown error {data}"))
}
