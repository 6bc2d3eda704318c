//! A world for one scenario: a real Postgres, a dev chain with the contracts on it, an event log, and the `souk` program on top.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::primitives::{B256, b256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};
use souk_contracts::Deployment;
use souk_devstack::{Anvil, AnvilConfig, Kafka, KafkaConfig, Postgres, PostgresConfig};
use souk_provenance::hash::state_hash;
use souk_provenance::tables::Schema;
use souk_schema::{BlockRef, ChainId};
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The chain of every scenario.
pub const CHAIN: ChainId = ChainId(31_337);

/// Key of the first account that dev chains fund; it deploys.
const DEPLOYER_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

/// How long anything may take to settle on a busy machine before the scenario is called stuck.
const PATIENCE: Duration = Duration::from_secs(180);

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
        // Finality far behind the head, so that every reorganisation of a scenario is one that may happen.
        let config = AnvilConfig {
            slots_in_an_epoch: 1_000,
            block_gas_limit: Some(10_000_000_000),
            ..AnvilConfig::default()
        };
        let anvil = Anvil::start(&config).await?;
        let key = PrivateKeySigner::from_bytes(&DEPLOYER_KEY)?;
        let deployer = key.address();
        let node = ProviderBuilder::new()
            .wallet(EthereumWallet::from(key))
            .connect(&anvil.http_url())
            .await?
            .erased();
        node.client().set_poll_interval(Duration::from_millis(20));
        let deployment = souk_contracts::deploy(&node, deployer, deployer).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("contracts.json"), serde_json::to_vec(&deployment)?)?;
        Ok(World {
            postgres,
            kafka,
            anvil,
            node,
            deployment,
            folder,
            database_url,
        })
    }

    /// The arguments that name this world's parts to `souk up`, with the chain behind `rpc`.
    pub fn arguments(&self, database_url: &str, rpc: &str) -> Vec<String> {
        let contracts = self.folder.path().join("contracts.json").display().to_string();
        let mut arguments: Vec<String> = [
            "--database-url",
            database_url,
            "--rpc",
            rpc,
            "--deployment",
            &contracts,
            "--start-block",
            "0",
            "--port",
            "0",
        ]
        .map(String::from)
        .to_vec();
        if let Some(kafka) = &self.kafka {
            arguments.extend(["--kafka".to_string(), kafka.bootstrap()]);
        }
        arguments
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

    /// The hash of tables made by indexing the canonical chain once, without any fault, into a database of its own (IDX-1's measure).
    pub async fn hash_of_indexing_once(&self, name: &str) -> Result<B256> {
        let database_url = self.postgres.create_database(name).await?;
        let contracts = self.folder.path().join("contracts.json").display().to_string();
        let rpc = self.anvil.http_url();
        let data_dir = self.data_dir(name).display().to_string();
        let arguments = [
            "--database-url",
            &database_url,
            "--rpc",
            &rpc,
            "--deployment",
            &contracts,
            "--start-block",
            "0",
        ];
        let rest = ["--port", "0", "--data-dir", &data_dir];
        let souk = Souk::start(&arguments.into_iter().chain(rest).map(String::from).collect::<Vec<_>>()).await?;
        let pool = PgPool::connect(&database_url).await?;
        let hash = self.settled_hash(&pool).await?;
        souk.stop().await?;
        pool.close().await;
        Ok(hash)
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

/// A running `souk up`.
pub struct Souk {
    child: Child,
    /// Where it serves.
    pub url: String,
    /// What it printed on standard output so far.
    pub printed: Vec<String>,
}

impl Souk {
    /// Starts it and waits until it is ready.
    pub async fn start(arguments: &[String]) -> Result<Souk> {
        let mut child = spawn_up(arguments)?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut printed = Vec::new();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                printed.push(line.clone());
                if let Some(rest) = line.strip_prefix("ready ") {
                    return Ok(rest.split(' ').next().unwrap_or_default().to_string());
                }
            }
            bail!("it ended before it was ready, after printing {printed:?}")
        };
        let url = tokio::time::timeout(PATIENCE, ready)
            .await
            .context("not ready in time")??;
        // Whoever prints into a pipe that nobody reads would stop some day.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Souk { child, url, printed })
    }

    /// Waits until it ends by itself; its exit code.
    pub async fn ended(mut self) -> Result<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .context("it goes on")??;
        Ok(status.code().unwrap_or(-1))
    }

    /// Has it end in order.
    pub async fn stop(mut self) -> Result<()> {
        terminate(&self.child).await?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .context("it did not end")??;
        ensure!(status.success(), "souk up ended with {status} after SIGTERM");
        Ok(())
    }
}

/// Starts `souk up` without waiting for anything; it is killed when dropped.
pub fn spawn_up(arguments: &[String]) -> Result<Child> {
    let mut command = Command::new(program());
    command
        .arg("up")
        .args(arguments)
        .env("SOUK_LOG", "warn")
        .env_remove("SOUK_CONFIG");
    Ok(command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?)
}

/// Sends SIGTERM.
async fn terminate(child: &Child) -> Result<()> {
    let pid = child.id().context("it has ended already")?;
    let status = Command::new("kill").arg(pid.to_string()).status().await?;
    ensure!(status.success(), "kill: {status}");
    Ok(())
}

/// What a `souk` command printed and how it ended.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a `souk` command to its end.
pub async fn run(arguments: &[&str]) -> Result<Answer> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program());
    command
        .args(arguments)
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("SOUK_LOG", "error")
        .stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output())
        .await
        .context("the command hangs")??;
    Ok(Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// The `souk` program that was built along with the tests.
fn program() -> PathBuf {
    let this = std::env::current_exe().expect("a test has a path");
    let folder = this.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps");
    let program = folder.join("souk");
    assert!(
        program.is_file(),
        "{} is missing: `cargo build -p souk` makes it",
        program.display()
    );
    program
}
