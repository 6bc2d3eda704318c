//! A node on which a test deploys what packages publish, and the chain that an indexer would have recorded of it.

use alloy::eips::BlockNumberOrTag;
use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, Log, TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use alloy_primitives::{Address, Bytes, address, hex};
use souk_adapters::{Decoder, WatchSet};
use souk_devstack::{Anvil, AnvilConfig, published_bytecode};
use souk_schema::record::{Block, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};

use super::super::support::CHAIN;

/// The first account of the well-known test mnemonic, which anvil funds.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
pub const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

pub struct Node {
    pub provider: DynProvider,
    pub signer: PrivateKeySigner,
    _anvil: Anvil,
}

impl Node {
    pub async fn start() -> Node {
        let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
        let signer: PrivateKeySigner = KEY.parse().expect("a private key");
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(signer.clone()))
            .connect_http(anvil.http_url().parse().expect("a URL"))
            .erased();
        Node {
            provider,
            signer,
            _anvil: anvil,
        }
    }

    async fn send(&self, request: TransactionRequest) -> TransactionReceipt {
        let sent = self.provider.send_transaction(request.with_from(DEPLOYER)).await;
        let receipt = sent.expect("a transaction").get_receipt().await.expect("a receipt");
        assert!(receipt.status(), "reverted: {receipt:?}");
        receipt
    }

    /// Deploys a contract as a package of `tools/` publishes it.
    pub async fn deploy(&self, artifact: &str, arguments: Vec<u8>) -> Address {
        let code = published_bytecode(artifact).unwrap_or_else(|error| panic!("{error}"));
        let code = hex::decode(code).expect("hex");
        let request = TransactionRequest::default().with_deploy_code([code, arguments].concat());
        self.send(request).await.contract_address.expect("a contract")
    }

    pub async fn call(&self, contract: Address, call: &impl SolCall) -> TransactionReceipt {
        let data = Bytes::from(call.abi_encode());
        self.send(TransactionRequest::default().with_to(contract).with_input(data))
            .await
    }

    /// The stream of the whole chain for a watch set.
    pub async fn records(&self, watch_set: &WatchSet) -> Vec<ChainRecord> {
        let mut decoder = Decoder::new(watch_set);
        let head = self.provider.get_block_number().await.expect("a head");
        let genesis = self.block(0).await;
        let record = |body| ChainRecord { chain: CHAIN, body };
        let mut records = vec![record(ChainRecordBody::StreamOpened(StreamOpened {
            generation: 1,
            start_block: 1,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: genesis.header.hash,
        }))];
        for number in 1..=head {
            let header = self.block(number).await.header;
            let filter = Filter::new().select(number);
            let logs = self.provider.get_logs(&filter).await.expect("logs");
            let block = Block {
                number,
                hash: header.hash,
                parent_hash: header.parent_hash,
                timestamp: header.timestamp,
                logs: watched(&mut decoder, logs),
                proof: CompletenessProof::ReceiptsRoot,
            };
            records.push(record(ChainRecordBody::BlockAppended(block)));
        }
        records
    }

    async fn block(&self, number: u64) -> alloy::rpc::types::Block {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Number(number))
            .await;
        block.expect("an answer").expect("a block")
    }
}

/// The logs that belong into the stream; what factories create is watched from that log on.
fn watched(decoder: &mut Decoder, logs: Vec<Log>) -> Vec<RawLog> {
    let mut watched = Vec::new();
    for log in logs {
        let raw = RawLog {
            address: log.address(),
            topics: log.topics().to_vec(),
            data: log.data().data.clone(),
            transaction_hash: log.transaction_hash.expect("mined"),
            transaction_index: u32::try_from(log.transaction_index.expect("mined")).expect("small"),
            log_index: u32::try_from(log.log_index.expect("mined")).expect("small"),
        };
        if decoder.watches(&raw.address, &raw.topics) {
            if let Some((child, kind)) = decoder.discover(&raw).expect("an address") {
                decoder.add_child(child, kind);
            }
            watched.push(raw);
        }
    }
    watched
}
