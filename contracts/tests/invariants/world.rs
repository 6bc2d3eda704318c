//! An EVM in memory with all contracts deployed and wired, and a few accounts with money.
//!
//! Transactions cost nothing and every account may send them; a refused one changes nothing. Each test starts from a
//! copy of the same state. Start at [`World::new`].

use std::path::PathBuf;
use std::sync::OnceLock;

use alloy::primitives::{Address, B256, Bytes, Log, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::{SolCall, SolConstructor, SolError};
use revm::context::result::ExecutionResult;
use revm::context::{ContextTr, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::MainnetContext;
use revm::primitives::TxKind;
use revm::primitives::hardfork::SpecId;
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};
use souk_contracts::ExchangeVault::VaultConfig;
use souk_contracts::{
    Addresses, AssetRegistry, AssetShares, ContributionBook, ExchangeVault, LicenseRegistry, RevenueRouter, TestUSD,
};

sol! {
    /// The two tokens that only tests deploy.
    interface TestToken {
        constructor(uint256 feeBps);
        function mint(address to, uint256 amount) external;
        function arm(address target, bytes payload) external;
    }

    /// An account that is a contract, which only tests deploy.
    interface Wallet {
        function refuse(bool refuses) external;
        function act(address target, bytes payload) external returns (bytes);
    }
}

/// Unix seconds of the first block: not a whole day, so that rounding up to one shows.
pub const START_SECS: u64 = 1_700_000_123;
/// Number of the first block.
pub const START_BLOCK: u64 = 1_000;
/// What each account has of each token at the start, in base units.
pub const START_BALANCE: u128 = 1_000_000_000_000;
/// What the fee-on-transfer token takes, in parts per 10,000.
pub const TOKEN_FEE_BPS: u64 = 333;

/// Deploys, and is the admin of what has one.
pub const DEPLOYER: Address = Address::repeat_byte(0xde);
/// Settles fills.
pub const OPERATOR: Address = Address::repeat_byte(0x09);
/// Fees accrue to it.
pub const FEE_ACCOUNT: Address = Address::repeat_byte(0xfe);
/// Delay of the vault's exits, in seconds.
pub const EXIT_DELAY_SECS: u64 = 86_400;
/// How long fills settle after an order's expiry, in seconds.
pub const GRACE_SECS: u64 = 3_600;
/// Silence of the operator after which the escape can be opened, in seconds.
pub const ESCAPE_DELAY_SECS: u64 = 3 * 86_400;
/// Receives all revenue.
pub const DISTRIBUTOR: Address = Address::repeat_byte(0xd1);
/// The accounts that act. Neither the deployer nor the distributor.
pub const ACTORS: [Address; 4] = [
    Address::repeat_byte(0xa1),
    Address::repeat_byte(0xa2),
    Address::repeat_byte(0xa3),
    Address::repeat_byte(0xa4),
];

/// Everything that the chain holds.
pub type Db = CacheDB<EmptyDB>;

/// The chain: contracts, tokens and the present block.
pub struct World {
    vm: MainnetEvm<MainnetContext<Db>>,
    /// The contracts.
    pub at: Addresses,
    /// Loses [`TOKEN_FEE_BPS`] on every transfer.
    pub fee_token: Address,
    /// Calls back in the middle of a transfer once armed.
    pub reentrant_token: Address,
    /// The exchange's custody.
    pub vault: Address,
    /// An account that is a contract.
    pub wallet: Address,
}

/// A transaction that went through.
#[derive(Debug)]
pub struct Done<T> {
    /// What the call returned.
    pub value: T,
    /// The logs in order.
    pub logs: Vec<Log>,
}

/// A transaction that was reverted.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// ABI-encoded error.
    pub data: Bytes,
}

impl Refusal {
    /// Selector of the error, zero where it has none.
    pub fn selector(&self) -> [u8; 4] {
        self.data
            .get(..4)
            .and_then(|head| head.try_into().ok())
            .unwrap_or_default()
    }

    /// Whether it is the error `E`.
    pub fn is<E: SolError>(&self) -> bool {
        self.selector() == E::SELECTOR
    }
}

impl World {
    /// A fresh copy of the state after deployment.
    pub fn new() -> Self {
        static DEPLOYED: OnceLock<Db> = OnceLock::new();
        let db = DEPLOYED.get_or_init(|| {
            let mut world = Self::deploy();
            world.state()
        });
        Self::with_state(db.clone())
    }

    /// A chain with this state, at the first block's time.
    pub fn with_state(db: Db) -> Self {
        let at = Addresses::predict(DEPLOYER, 0);
        Self {
            vm: machine(db),
            at,
            fee_token: DEPLOYER.create(12),
            reentrant_token: DEPLOYER.create(13),
            vault: at.exchange_vault.expect("a deployment has a vault"),
            wallet: DEPLOYER.create(14),
        }
    }

    /// A copy of the state.
    pub fn state(&mut self) -> Db {
        self.vm.ctx.db_mut().clone()
    }

    fn deploy() -> Self {
        let mut world = Self::with_state(Db::default());
        let at = world.at;
        let router = RevenueRouter::constructorCall {
            assets: at.asset_registry,
            licenses: at.license_registry,
            admin: DEPLOYER,
            initialDistributor: DISTRIBUTOR,
        };
        let licenses = LicenseRegistry::constructorCall {
            assets: at.asset_registry,
            router: at.revenue_router,
        };
        world.create(
            "AssetRegistry",
            &AssetRegistry::constructorCall {
                licenses: at.license_registry,
            }
            .abi_encode(),
        );
        world.create("LicenseRegistry", &licenses.abi_encode());
        world.create(
            "AssetShares",
            &AssetShares::constructorCall {
                assets: at.asset_registry,
            }
            .abi_encode(),
        );
        world.create(
            "ContributionBook",
            &ContributionBook::constructorCall {
                assets: at.asset_registry,
            }
            .abi_encode(),
        );
        world.create("RevenueRouter", &router.abi_encode());
        world.create("TestUSD", &[]);
        world.create("ExchangeVault", &vault_arguments(&at, vault_config()).abi_encode());
        world.create_economy();
        let fee_bps = TestToken::constructorCall {
            feeBps: U256::from(TOKEN_FEE_BPS),
        };
        world.create("test/FeeOnTransferToken", &fee_bps.abi_encode());
        world.create("test/ReentrantToken", &[]);
        world.create("test/Wallet", &[]);
        world.fund();
        world
    }

    /// Gives each actor the same of every token, and lets the router take it.
    fn fund(&mut self) {
        for token in self.tokens() {
            for actor in ACTORS {
                let amount = U256::from(START_BALANCE);
                self.must(actor, token, &TestToken::mintCall { to: actor, amount });
                let spender = self.at.revenue_router;
                self.must(
                    actor,
                    token,
                    &TestUSD::approveCall {
                        spender,
                        value: U256::MAX,
                    },
                );
            }
        }
    }

    /// Every token, the plain one first.
    pub fn tokens(&self) -> [Address; 3] {
        [self.at.test_usd, self.fee_token, self.reentrant_token]
    }

    /// Unix seconds of the present block.
    pub fn now_secs(&self) -> u64 {
        self.vm.ctx.block.timestamp.to()
    }

    /// Moves time forward.
    pub fn pass(&mut self, secs: u64) {
        self.vm.ctx.block.timestamp += U256::from(secs);
    }

    /// Number of the present block.
    pub fn block(&self) -> u64 {
        self.vm.ctx.block.number.to()
    }

    /// Makes blocks.
    pub fn mine(&mut self, blocks: u64) {
        self.vm.ctx.block.number += U256::from(blocks);
    }

    /// Sends a transaction.
    ///
    /// # Errors
    /// The refusal, if the contract reverts.
    pub fn send<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<Done<C::Return>, Refusal> {
        let (output, logs) = self.send_raw(from, to, call.abi_encode().into())?;
        let value = C::abi_decode_returns(&output).expect("the ABI says what is returned");
        Ok(Done { value, logs })
    }

    /// Sends a transaction with any data.
    ///
    /// # Errors
    /// The refusal, if the contract reverts.
    pub fn send_raw(&mut self, from: Address, to: Address, data: Bytes) -> Result<(Bytes, Vec<Log>), Refusal> {
        let result = self.vm.transact_commit(transaction(from, TxKind::Call(to), data));
        outcome(result.expect("a valid transaction"))
    }

    /// Sends a transaction with a gas limit of its own; the logs, or `None` where it reverted or ran out of gas.
    pub fn send_starved(&mut self, from: Address, to: Address, call: &impl SolCall, gas: u64) -> Option<Vec<Log>> {
        let mut tx = transaction(from, TxKind::Call(to), call.abi_encode().into());
        tx.gas_limit = gas;
        // A limit below the transaction's own cost does not make it into a block.
        match self.vm.transact_commit(tx).ok()? {
            ExecutionResult::Success { logs, .. } => Some(logs),
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => None,
        }
    }

    /// Gas that a transaction takes; nothing changes.
    pub fn gas_of(&mut self, from: Address, to: Address, call: &impl SolCall) -> u64 {
        let tx = transaction(from, TxKind::Call(to), call.abi_encode().into());
        let result = self.vm.transact(tx).expect("a valid transaction").result;
        assert!(result.is_success(), "{result:?}");
        result.tx_gas_used()
    }

    /// Splits the chain off: what follows is on a chain with another id.
    pub fn fork(&mut self, chain_id: u64) {
        self.vm.ctx.cfg.chain_id = chain_id;
    }

    /// Deploys another vault; its address, or the refusal.
    ///
    /// # Errors
    /// The refusal, if the constructor reverts.
    pub fn create_vault(&mut self, config: VaultConfig) -> Result<Address, Refusal> {
        let arguments = vault_arguments(&self.at, config).abi_encode();
        self.try_create("ExchangeVault", &arguments)
    }

    /// Deploys a contract; its address, or the refusal.
    ///
    /// # Errors
    /// The refusal, if the constructor reverts.
    pub fn try_create(&mut self, artifact: &str, arguments: &[u8]) -> Result<Address, Refusal> {
        let mut code = creation_code(artifact);
        code.extend_from_slice(arguments);
        let result = self
            .vm
            .transact_commit(transaction(DEPLOYER, TxKind::Create, code.into()));
        let result = result.expect("a valid transaction");
        let created = result.created_address();
        outcome(result).map(|_| created.expect("a creation creates"))
    }

    /// Sends a transaction that must go through.
    #[track_caller]
    pub fn must<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Done<C::Return> {
        self.send(from, to, call)
            .unwrap_or_else(|refusal| panic!("{} was refused: {refusal:?}", C::SIGNATURE))
    }

    /// Sends a transaction that must be refused with the error `E`.
    #[track_caller]
    pub fn must_refuse<E: SolError>(&mut self, from: Address, to: Address, call: &impl SolCall) {
        match self.send(from, to, call) {
            Ok(_) => panic!("went through instead of {}", E::SIGNATURE),
            Err(refusal) => assert!(refusal.is::<E>(), "{refusal:?} instead of {}", E::SIGNATURE),
        }
    }

    /// Calls a view; nothing changes.
    #[track_caller]
    pub fn view<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        let tx = transaction(DEPLOYER, TxKind::Call(to), call.abi_encode().into());
        let result = self.vm.transact(tx).expect("a valid transaction").result;
        let (output, _) = outcome(result).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", C::SIGNATURE));
        C::abi_decode_returns(&output).expect("the ABI says what is returned")
    }

    /// Registers a plain asset for `owner`, who need not sign; its id.
    pub fn register(&mut self, owner: Address) -> U256 {
        let call = AssetRegistry::registerCall {
            owner,
            kind: 1,
            assetName: "model".into(),
            contentHash: B256::ZERO,
            metadataUri: "https://models.example/1".into(),
            contributorShareE8: 0,
        };
        self.must(DEPLOYER, self.at.asset_registry, &call).value
    }

    /// Balance of an ERC-20 token in base units.
    pub fn balance(&mut self, token: Address, account: Address) -> U256 {
        self.view(token, &TestUSD::balanceOfCall { account })
    }

    /// Deploys a contract that must come about.
    pub fn create(&mut self, artifact: &str, arguments: &[u8]) -> Address {
        self.try_create(artifact, arguments)
            .unwrap_or_else(|refusal| panic!("{artifact} was not created: {refusal:?}"))
    }
}

/// The key that co-signs withdrawals.
pub fn cosigner() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0xc0)).expect("a key")
}

/// What the vault is deployed with.
pub fn vault_config() -> VaultConfig {
    VaultConfig {
        operator: OPERATOR,
        cosigner: cosigner().address(),
        feeAccount: FEE_ACCOUNT,
        exitDelaySecs: EXIT_DELAY_SECS,
        settlementGraceSecs: GRACE_SECS,
        escapeDelaySecs: ESCAPE_DELAY_SECS,
    }
}

fn vault_arguments(at: &Addresses, config: VaultConfig) -> ExchangeVault::constructorCall {
    ExchangeVault::constructorCall {
        assets: at.asset_registry,
        router: at.revenue_router,
        admin: DEPLOYER,
        config,
    }
}

fn machine(db: Db) -> MainnetEvm<MainnetContext<Db>> {
    Context::mainnet()
        .with_db(db)
        .modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::CANCUN);
            cfg.disable_nonce_check = true;
            cfg.tx_chain_id_check = false;
        })
        .modify_block_chained(|block| {
            block.timestamp = U256::from(START_SECS);
            block.number = U256::from(START_BLOCK);
            block.gas_limit = u64::MAX;
        })
        .build_mainnet()
}

fn transaction(from: Address, kind: TxKind, data: Bytes) -> TxEnv {
    TxEnv::builder()
        .caller(from)
        .kind(kind)
        .data(data)
        .gas_limit(100_000_000)
        .gas_price(0)
        .build()
        .expect("a complete transaction")
}

fn outcome(result: ExecutionResult) -> Result<(Bytes, Vec<Log>), Refusal> {
    match result {
        ExecutionResult::Success { output, logs, .. } => Ok((output.into_data(), logs)),
        ExecutionResult::Revert { output, .. } => Err(Refusal { data: output }),
        ExecutionResult::Halt { reason, .. } => panic!("the machine halted: {reason:?}"),
    }
}

/// The committed artifacts, or those of `SOUK_ARTIFACTS`.
pub fn artifacts_dir() -> PathBuf {
    let committed = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    std::env::var_os("SOUK_ARTIFACTS").map_or_else(committed, PathBuf::from)
}

/// The artifact of a contract, as JSON.
pub fn artifact(name: &str) -> serde_json::Value {
    let path = artifacts_dir().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("an artifact is JSON")
}

fn creation_code(name: &str) -> Vec<u8> {
    let json = artifact(name);
    hex::decode(json["bytecode"].as_str().expect("bytecode is a string")).expect("bytecode is hex")
}
