//! A world whose parts run in processes of their own, with the demo economy on its chain and a node that mines on.

use std::path::PathBuf;
use std::time::Duration;

use alloy::providers::Provider;
use anyhow::{Result, ensure};
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use crate::program::{Part, run};
use crate::world::{Backend, DEPLOYER_KEY, World};

/// Blocks above one that make it final here.
pub const FINALITY: &str = "2";

/// A world with the demo economy on its chain, and what every part is told.
pub struct Apart {
    pub world: World,
    /// Where it is written which contracts there are.
    pub deployment: PathBuf,
    /// A file with the key of whoever works for the contracts.
    pub key: PathBuf,
    /// What says where state and log are.
    pub store: Vec<String>,
    /// Mines, so that what was sent becomes final.
    _miner: AbortOnDropHandle<()>,
}

/// The parts of an exchange, each a process of its own.
pub struct Parts {
    pub index: Part,
    pub project: Part,
    pub exchange: Part,
    pub serve: Part,
    /// Where it serves.
    pub url: String,
}

impl Parts {
    /// Has them end in order.
    pub async fn stop(self) -> Result<()> {
        self.serve.stop().await?;
        self.exchange.stop().await?;
        self.project.stop().await?;
        self.index.stop().await
    }
}

impl Apart {
    /// Starts it with everything but the parts.
    pub async fn start(backend: Backend) -> Result<Apart> {
        let world = World::start(backend).await?;
        let deployment = world.folder.path().join("contracts.json");
        let key = world.folder.path().join("operator.key");
        std::fs::write(&key, DEPLOYER_KEY.to_string())?;
        let node = world.node.clone();
        let miner = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                // The node is gone at the end of the scenario.
                let _: Result<Value, _> = node.raw_request("evm_mine".into(), Vec::<()>::new()).await;
            }
        });
        let mut store = world.store_arguments(&world.database_url);
        store.extend(["--data-dir".into(), world.data_dir("apart").display().to_string()]);
        let apart = Apart {
            deployment,
            key,
            store,
            world,
            _miner: AbortOnDropHandle::new(miner),
        };
        apart.done("demo", &apart.contracts()).await?;
        Ok(apart)
    }

    /// The chain and what is on it.
    pub fn contracts(&self) -> Vec<String> {
        let rpc = self.world.anvil.http_url();
        ["--rpc", &rpc, "--deployment", &self.deployment.display().to_string()]
            .map(String::from)
            .to_vec()
    }

    /// Starts the parts of an exchange.
    pub async fn parts(&self) -> Result<Parts> {
        let rpc = self.world.anvil.http_url();
        let (deployment, key) = (self.deployment.display().to_string(), self.key.display().to_string());
        let on_chain = ["--rpc", &rpc, "--deployment", &deployment, "--finality", FINALITY];
        let index = self.part("index", &[&on_chain[..], &["--start-block", "0"]].concat())?;
        let project = self.part("project", &[])?;
        let mut exchange = self.part("exchange", &[&on_chain[..], &["--operator-key-file", &key]].concat())?;
        exchange.logged("the exchange runs").await?;
        let mut serve = self.part("serve", &["--rpc", &rpc, "--cosigner-key-file", &key, "--port", "0"])?;
        let url = serve.address().await?;
        Ok(Parts {
            index,
            project,
            exchange,
            serve,
            url,
        })
    }

    /// Has engine, ledger and vault compared, which must be equal.
    pub async fn verified(&self) -> Result<()> {
        let verify = [&self.store[..], &self.contracts()].concat();
        let printed = self.done("verify exchange", &verify).await?;
        ensure!(printed.contains("with the vault, 0 differences"), "LED-2: {printed}");
        Ok(())
    }

    /// Starts a part.
    pub fn part(&self, name: &str, own: &[&str]) -> Result<Part> {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        Part::start(name, &[&self.store[..], &own].concat())
    }

    /// Runs a command that has to succeed; what it printed.
    pub async fn done(&self, command: &str, own: &[String]) -> Result<String> {
        let words: Vec<&str> = command.split(' ').chain(own.iter().map(String::as_str)).collect();
        let answer = run(&words).await?;
        ensure!(answer.code == 0, "souk {command}: {answer:?}");
        Ok(answer.out)
    }
}
