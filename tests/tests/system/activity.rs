//! An economy that goes on while a scenario happens: real transactions of `souk_demo`'s synthetic economy.

use anyhow::Result;
use souk_demo::{Options, Synthetic};
use tokio::task::JoinHandle;

use crate::world::World;

/// Transactions under way.
pub struct Activity(JoinHandle<Result<()>>);

impl Activity {
    /// Begins to write about so many events to the world's chain.
    pub fn start(world: &World, events: u64) -> Activity {
        Activity::seeded(world, 7, events)
    }

    /// The same, with an economy of its own for each seed.
    pub fn seeded(world: &World, seed: u64, events: u64) -> Activity {
        let (url, deployment) = (world.anvil.http_url(), world.deployment);
        Activity(tokio::task::spawn_blocking(move || {
            let stages = Synthetic::new(seed, events);
            let economy = stages.economy().clone();
            // Few at a time, so that the activity lasts and blocks are many.
            let options = Options {
                in_flight: 2,
                ..Options::default()
            };
            // Its progress callback is not shared between threads, so neither is the load.
            let mut progress = |_: &souk_demo::Progress| {};
            let load = souk_demo::load(&url, &deployment, &economy, stages, &options, &mut progress);
            tokio::runtime::Handle::current().block_on(load)?;
            Ok(())
        }))
    }

    /// Waits until all of it is on the chain.
    pub async fn finished(self) -> Result<()> {
        self.0.await?
    }
}
