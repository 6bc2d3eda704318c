//! A world for one scenario: a real Postgres, a dev chain with the contracts on it, an event log, and the `souk` program on top.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, b256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use souk_contracts::Deployment;
use souk_devstack::{Anvil, AnvilConfig, Kafka, KafkaConfig, Postgres, PostgresConfig};
use souk_provenance::hash::state_hash;
use souk_provenance::tables::Schema;
use souk_schema::{BlockRef, ChainId};
use sqlx::PgPool;

pub use crate::program::{Souk, run, spawn_up};

/// The chain of every scenario.
pub const CHAIN: ChainId = ChainId(31_337);

/// Key of the first account that dev chains fund; it deploys.
pub const DEPLOYER_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

/// How long anything may take to settle on a busy machine before the scenario is called stuck.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Where the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Embedded,
    Kafka,
}

/// Everything but the `souk` program.
pub struct World {
    pub postgres: Postgres,
    pub kafka: Option<Kafka>,
    pub anvil: Anvil,
    pub node: DynProvider,
    pub deployment: Deployment,
    pub folder: tempfile::TempDir,
    pub database_url: String,
    /// Arguments that say which contracts are followed; Souk's own unless a scenario says otherwise.
    pub watched: Vec<String>,
}

impl World {
    /// Starts the parts and deploys the contracts.
    pub async fn start(backend: Backend) -> Result<World> {
        let postgres = Postgres::start(&PostgresConfig::throw_away()).await?;
        let database_url = postgres.create_database("souk").await?;
        let kafka = match backend {
            Backend::Embedded => None,
            Backend::Kafka => Some(Kafka::start(&KafkaConfig::default()).await?),
        };
        let anvil = Anvil::start(&chain_config()).await?;
        let node = node_of(&anvil).await?;
        let deployer = PrivateKeySigner::from_bytes(&DEPLOYER_KEY)?.address();
        let deployment = souk_contracts::deploy(&node, deployer, None).await?;
        let folder = tempfile::tempdir()?;
        let contracts = folder.path().join("contracts.json");
        std::fs::write(&contracts, serde_json::to_vec(&deployment)?)?;
        let watched = vec!["--deployment".into(), contracts.display().to_string()];
        Ok(World {
            postgres,
            kafka,
            anvil,
            node,
            deployment,
            folder,
            database_url,
            watched,
        })
    }

    /// Who deploys, and has every role.
    pub fn deployer(&self) -> Result<Address> {
        Ok(PrivateKeySigner::from_bytes(&DEPLOYER_KEY)?.address())
    }

    /// The arguments that name this world's parts to `souk up`, with the chain behind `rpc`.
    pub fn arguments(&self, database_url: &str, rpc: &str) -> Vec<String> {
        let mut arguments = self.store_arguments(database_url);
        arguments.extend(self.chain_arguments(rpc));
        arguments.extend(["--port", "0"].map(String::from));
        arguments
    }

    /// Where state and log are.
    pub fn store_arguments(&self, database_url: &str) -> Vec<String> {
        let mut arguments = vec!["--database-url".to_string(), database_url.to_string()];
        if let Some(kafka) = &self.kafka {
            arguments.extend(["--kafka".to_string(), kafka.bootstrap()]);
        }
        arguments
    }

    /// Which chain is followed, behind `rpc`, and which of its contracts.
    pub fn chain_arguments(&self, rpc: &str) -> Vec<String> {
        let chain = ["--rpc", rpc, "--start-block", "0"].map(String::from);
        chain.into_iter().chain(self.watched.iter().cloned()).collect()
    }

    /// Starts `souk up` on this world's parts, in a data folder of its own name.
    pub async fn souk(&self, name: &str) -> Result<Souk> {
        self.souk_behind(name, &self.anvil.ws_url()).await
    }

    /// Starts `souk up` with the chain behind another address, such as a proxy's.
    pub async fn souk_behind(&self, name: &str, rpc: &str) -> Result<Souk> {
        let mut arguments = self.arguments(&self.database_url, rpc);
        arguments.extend(["--data-dir".into(), self.data_dir(name).display().to_string()]);
        Souk::start(&arguments).await
    }

    /// The data folder of a `souk up` by its name.
    pub fn data_dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A pool on the scenario's database.
    pub async fn pool(&self) -> Result<PgPool> {
        Ok(PgPool::connect(&self.database_url).await?)
    }

    /// The chain's head.
    pub async fn head(&self) -> Result<BlockRef> {
        let block = self
            .node
            .get_block_by_number(alloy::eips::BlockNumberOrTag::Latest)
            .await?
            .context("no head")?;
        Ok(BlockRef {
            number: block.header.number,
            hash: block.header.hash,
        })
    }

    /// Waits until the tables are at the chain's head, and returns their hash.
    pub async fn settled_hash(&self, pool: &PgPool) -> Result<B256> {
        let started = Instant::now();
        loop {
            let head = self.head().await?;
            let projected = projected_head(pool).await;
            if projected.as_ref().is_ok_and(|projected| *projected == Some(head)) {
                return Ok(state_hash(pool, &Schema::live(), CHAIN).await?);
            }
            if started.elapsed() > PATIENCE {
                bail!("the chain is at {head:?}, the tables are stuck at {projected:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the tables are at another block than now.
    pub async fn moved_on(&self, pool: &PgPool) -> Result<()> {
        let before = projected_head(pool).await?;
        // Whatever else happens on the chain may be over.
        let _: Value = self.node.raw_request("evm_mine".into(), ()).await?;
        let started = Instant::now();
        while projected_head(pool).await? == before {
            ensure!(started.elapsed() < PATIENCE, "the tables are stuck at {before:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The hash of tables made by indexing the canonical chain once, without any fault, into a database of its own (IDX-1's measure).
    pub async fn hash_of_indexing_once(&self, name: &str) -> Result<B256> {
        let database_url = self.postgres.create_database(name).await?;
        // Its log is in its database, whatever the world's is.
        let mut arguments = vec!["--database-url".to_string(), database_url.clone()];
        arguments.extend(self.chain_arguments(&self.anvil.http_url()));
        arguments.extend(["--port".into(), "0".into(), "--data-dir".into()]);
        arguments.push(self.data_dir(name).display().to_string());
        let souk = Souk::start(&arguments).await?;
        let pool = PgPool::connect(&database_url).await?;
        let hash = self.settled_hash(&pool).await?;
        souk.stop().await?;
        pool.close().await;
        Ok(hash)
    }
}

/// A new chain. Finality is far behind the head, so that every reorganisation of a scenario is one that may happen.
pub fn chain_config() -> AnvilConfig {
    AnvilConfig {
        slots_in_an_epoch: 1_000,
        block_gas_limit: Some(10_000_000_000),
        ..AnvilConfig::default()
    }
}

/// A chain's node, with the deployer's key.
pub async fn node_of(anvil: &Anvil) -> Result<DynProvider> {
    let key = PrivateKeySigner::from_bytes(&DEPLOYER_KEY)?;
    let node = ProviderBuilder::new()
        .wallet(EthereumWallet::from(key))
        .connect(&anvil.http_url())
        .await?
        .erased();
    node.client().set_poll_interval(Duration::from_millis(20));
    Ok(node)
}

/// Sends a call from an account whose key the dev chain does not need; whether it succeeded.
pub async fn send_as<C: SolCall>(node: &impl Provider, from: Address, to: Address, call: C) -> Result<bool> {
    let _: Value = node.raw_request("anvil_impersonateAccount".into(), [from]).await?;
    let request = TransactionRequest::default().from(from).to(to).gas_limit(1_000_000);
    let request = request.input(call.abi_encode().into());
    let hash: B256 = node.raw_request("eth_sendTransaction".into(), [request]).await?;
    let mined = async {
        loop {
            let receipt: Value = node.raw_request("eth_getTransactionReceipt".into(), [hash]).await?;
            if !receipt.is_null() {
                return Ok(receipt["status"] == "0x1");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, mined).await.context("it is not mined")?
}

/// Waits until the database answers a question with yes. Only for questions that hold nothing from outside.
pub async fn until(pool: &PgPool, question: impl Into<String>) -> Result<()> {
    let question = question.into();
    let yes = async {
        loop {
            let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(question.clone()));
            let answer: Option<bool> = asked.fetch_optional(pool).await?.flatten();
            if answer == Some(true) {
                return Ok::<(), anyhow::Error>(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, yes)
        .await
        .with_context(|| format!("it does not come about that {question}"))?
}

/// A `souk up --demo` and what it keeps: a dev chain of its own, and a database that the scenario can look into.
pub struct Demo {
    /// Looks into the database.
    pub pool: PgPool,
    /// The data folder.
    pub dir: String,
    arguments: Vec<String>,
    _postgres: Postgres,
    _folder: tempfile::TempDir,
}

impl Demo {
    /// Prepares one, and starts nothing but Postgres.
    pub async fn prepare() -> Result<Demo> {
        let postgres = Postgres::start(&PostgresConfig::throw_away()).await?;
        let database_url = postgres.create_database("souk").await?;
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("data").display().to_string();
        let arguments = [
            "--data-dir",
            &dir,
            "--database-url",
            &database_url,
            "--port",
            "0",
            "--demo",
        ];
        Ok(Demo {
            pool: PgPool::connect(&database_url).await?,
            arguments: arguments.map(String::from).to_vec(),
            dir,
            _postgres: postgres,
            _folder: folder,
        })
    }

    /// Starts it, or starts it again.
    pub async fn start(&self) -> Result<Souk> {
        Souk::start(&self.arguments).await
    }
}

async fn projected_head(pool: &PgPool) -> Result<Option<BlockRef>> {
    let row: Option<(Option<i64>, Option<Vec<u8>>)> =
        sqlx::query_as("select head_number, head_hash from souk.projection where chain_id = $1")
            .bind(i64::try_from(CHAIN.0)?)
            .fetch_optional(pool)
            .await?;
    Ok(match row {
        Some((Some(number), Some(hash))) => Some(BlockRef {
            number: u64::try_from(number)?,
            hash: B256::try_from(&hash[..])?,
        }),
        _ => None,
    })
}
