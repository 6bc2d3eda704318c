//! A dev chain that a test drives block by block, and the slow, obvious oracle of what its stream has to hold.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256, hex, keccak256};
use serde_json::{Value, json};
use souk_devstack::{Anvil, AnvilConfig, Mining};
use souk_schema::record::RawLog;

/// The first dev account, unlocked.
pub const SENDER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// `Transfer(address,address,uint256)`.
pub const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// Time of block 0; every block after it is one second later, so that two nodes that mine the same have the same hashes.
const GENESIS_TIME: u64 = 1_800_000_000;

/// The event of the test's factory: its first indexed field is the new contract.
pub fn created() -> B256 {
    keccak256("Created(address)")
}

/// One node under the test's control.
pub struct Chain {
    pub anvil: Anvil,
    client: reqwest::Client,
    height: u64,
}

impl Chain {
    pub async fn start() -> Chain {
        Chain::start_with(AnvilConfig::default()).await
    }

    pub async fn start_with(config: AnvilConfig) -> Chain {
        let config = AnvilConfig {
            mining: Mining::OnDemand,
            genesis_timestamp_secs: config.genesis_timestamp_secs.or(Some(GENESIS_TIME)),
            block_gas_limit: Some(1_000_000_000),
            ..config
        };
        let anvil = Anvil::start(&config).await.unwrap();
        Chain {
            anvil,
            client: reqwest::Client::new(),
            height: 0,
        }
    }

    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self
            .client
            .post(self.anvil.http_url())
            .json(&body)
            .send()
            .await
            .unwrap();
        let mut answer: Value = response.json().await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Sends a transaction that waits for the next block; returns its hash.
    pub async fn send(&self, to: Option<Address>, input: Vec<u8>) -> String {
        let input = Bytes::from(input);
        // Named gas keeps the node from estimating, which looks at blocks that are not there yet.
        let transaction = json!({ "from": SENDER, "to": to, "input": input, "gas": "0x1dcd6500" });
        self.rpc("eth_sendTransaction", json!([transaction]))
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Mines one block of what was sent; `salt` makes an otherwise equal block another one.
    pub async fn mine_salted(&mut self, salt: u64) {
        self.height += 1;
        self.rpc(
            "evm_setNextBlockTimestamp",
            json!([GENESIS_TIME + self.height * 10 + salt]),
        )
        .await;
        self.rpc("evm_mine", json!([])).await;
    }

    pub async fn mine(&mut self) {
        self.mine_salted(0).await;
    }

    pub async fn mine_empty(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.mine().await;
        }
    }

    /// Creates a contract in a block of its own.
    pub async fn deploy(&mut self, runtime: &[u8]) -> Address {
        // PUSH2 length, DUP1, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 0, RETURN, then the code.
        let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
        let mut code = vec![0x61, length[0], length[1], 0x80, 0x60, 12, 0x60, 0, 0x39, 0x60, 0, 0xf3];
        code.extend_from_slice(runtime);
        let hash = self.send(None, code).await;
        self.mine().await;
        let receipt = self.rpc("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt["status"], "0x1");
        receipt["contractAddress"].as_str().unwrap().parse().unwrap()
    }

    /// A token that emits as many transfers as its input says.
    pub async fn deploy_token(&mut self) -> Address {
        self.deploy(&token_code()).await
    }

    /// A contract whose input is the address that it says it created.
    pub async fn deploy_factory(&mut self) -> Address {
        let mut code = vec![0x60, 0, 0x35, 0x7f];
        code.extend_from_slice(created().as_slice());
        code.extend_from_slice(&[0x60, 0, 0x60, 0, 0xa2, 0x00]);
        self.deploy(&code).await
    }

    pub async fn transfers(&self, token: Address, count: u64) {
        self.send(Some(token), U256::from(count).to_be_bytes_vec()).await;
    }

    pub async fn create(&self, factory: Address, child: Address) {
        self.send(Some(factory), child.into_word().to_vec()).await;
    }

    /// A mark to go back to.
    pub async fn snapshot(&self) -> (Value, u64) {
        (self.rpc("evm_snapshot", json!([])).await, self.height)
    }

    /// Forgets every block since the mark; what is mined next is a reorganisation.
    pub async fn go_back(&mut self, (mark, height): (Value, u64)) {
        assert_eq!(self.rpc("evm_revert", json!([mark])).await, true);
        self.height = height;
    }

    pub async fn head(&self) -> (u64, B256) {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
        (
            quantity(&block["number"]),
            block["hash"].as_str().unwrap().parse().unwrap(),
        )
    }

    /// The oracle: every block from `start` on with the logs of these contracts, each asked for by its own hash.
    pub async fn canonical(&self, start: u64, watched: &dyn Fn(u64, &RawLog) -> bool) -> Vec<OracleBlock> {
        let (head, _) = self.head().await;
        let mut blocks = Vec::new();
        for number in start..=head {
            let block = self
                .rpc("eth_getBlockByNumber", json!([format!("{number:#x}"), false]))
                .await;
            let found = self.rpc("eth_getLogs", json!([{ "blockHash": block["hash"] }])).await;
            let logs = found
                .as_array()
                .unwrap()
                .iter()
                .map(raw_log)
                .filter(|log| watched(number, log))
                .collect();
            let word = |key: &str| block[key].as_str().unwrap().parse().unwrap();
            let timestamp = quantity(&block["timestamp"]);
            blocks.push(OracleBlock {
                number,
                hash: word("hash"),
                parent_hash: word("parentHash"),
                timestamp,
                logs,
            });
        }
        blocks
    }
}

/// A block as the oracle knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleBlock {
    pub number: u64,
    pub hash: B256,
    pub parent_hash: B256,
    pub timestamp: u64,
    pub logs: Vec<RawLog>,
}

fn raw_log(log: &Value) -> RawLog {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    RawLog {
        address: text(&log["address"]).parse().unwrap(),
        topics: log["topics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|topic| text(topic).parse().unwrap())
            .collect(),
        data: Bytes::from(hex::decode(text(&log["data"])).unwrap()),
        transaction_hash: text(&log["transactionHash"]).parse().unwrap(),
        transaction_index: quantity(&log["transactionIndex"]) as u32,
        log_index: quantity(&log["logIndex"]) as u32,
    }
}

fn quantity(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

/// Counts its input down to 0 and emits `Transfer(caller, n)` with 32 bytes of data for each.
fn token_code() -> Vec<u8> {
    // PUSH1 0, CALLDATALOAD; at 3: JUMPDEST, DUP1, ISZERO, PUSH1 end, JUMPI, DUP1, CALLER, PUSH32 topic, PUSH1 32, PUSH1 0, LOG3,
    // PUSH1 1, SWAP1, SUB, PUSH1 3, JUMP; end: JUMPDEST, STOP.
    let mut code = vec![0x60, 0, 0x35, 0x5b, 0x80, 0x15, 0x60, 0, 0x57, 0x80, 0x33, 0x7f];
    code.extend_from_slice(TRANSFER.as_slice());
    code.extend_from_slice(&[0x60, 32, 0x60, 0, 0xa3, 0x60, 1, 0x90, 0x03, 0x60, 3, 0x56]);
    code[7] = u8::try_from(code.len()).unwrap();
    code.extend_from_slice(&[0x5b, 0x00]);
    code
}
