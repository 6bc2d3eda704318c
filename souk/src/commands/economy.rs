//! What the commands about payouts and licences have in common: the deployment that they are about, folded from the log alone.

use anyhow::{Context, Result, bail, ensure};
use souk_distribution::{BlockTimes, Deployed, DistributionState, Folded, fold_to_end};
use souk_payouts::State;
use souk_schema::event::RoyaltyPolicy;
use souk_schema::{Address, ChainId, E8, U256};

use crate::cli::EconomyArgs;
use crate::commands::chains_of;
use crate::instance::DataDir;
use crate::parts::Store;

/// A chain's state, and which of its deployments is asked about.
pub struct Economy {
    state: DistributionState,
    times: BlockTimes,
    registry: Address,
}

impl Economy {
    /// Folds the log to its end.
    ///
    /// # Errors
    /// One line when there is no such chain or deployment, or it is not clear which is meant.
    pub async fn of(args: &EconomyArgs, dir: &DataDir) -> Result<Economy> {
        let store = Store::of_command(&args.instance, dir)?;
        let pool = store.database().await?;
        let log = store.log(&pool).await?;
        let chains = chains_of(log.as_ref(), args.chain.map(ChainId)).await?;
        ensure!(
            chains.len() == 1,
            "the log has several chains: name one with --chain <NUMBER>"
        );
        let chain = *chains.first().context("no chain")?;
        let Folded { state, times } = fold_to_end(chain, &log)
            .await?
            .with_context(|| format!("chain {chain} has no records"))?;
        let registries: Vec<Address> = state.deployed().map(|(registry, _)| *registry).collect();
        let registry = match (args.registry, &registries[..]) {
            (Some(asked), known) if known.contains(&asked) => asked,
            (Some(asked), _) => bail!("chain {chain} has no deployment of Souk's contracts with the registry {asked}"),
            (None, [only]) => *only,
            (None, []) => bail!("chain {chain} has no deployment of Souk's contracts"),
            (None, _) => bail!("chain {chain} has several deployments: name one with --registry <ADDRESS>"),
        };
        let economy = Economy { state, times, registry };
        if let Some(refused) = &economy.deployed()?.refused {
            let (block, reason) = (refused.block.number, &refused.reason);
            bail!("payouts cannot be computed beyond block {block}: {reason}");
        }
        Ok(economy)
    }

    fn deployed(&self) -> Result<&Deployed> {
        self.state.of(&self.registry).context("the deployment is gone")
    }

    /// The deployment.
    ///
    /// # Errors
    /// Never for one that was found.
    pub fn deployed_mut(&mut self) -> Result<&mut Deployed> {
        self.state.of_mut(&self.registry).context("the deployment is gone")
    }
}

/// As of when something is asked.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The newest block.
    Now,
    /// The end of this block.
    Block(u64),
    /// The last block that is not later than this Unix time in seconds, which may be one to come.
    Time(u64),
}

/// What a deployment was at a moment.
pub struct AsOf {
    /// Its state.
    pub state: State,
    /// The block that it is the end of.
    pub block: u64,
    /// Unix time in seconds by which licences end: the block's, or the one that was asked about.
    pub time: u64,
}

impl Economy {
    /// The deployment as of a moment.
    ///
    /// # Errors
    /// One line when the log has no block of then.
    pub fn as_of(&self, when: When) -> Result<AsOf> {
        let head = self.state.head().context("the chain has no blocks yet")?.number;
        let block = match when {
            When::Now => head,
            When::Block(number) if number > head => bail!("the log has no block {number} yet: the newest is {head}"),
            When::Block(number) => number,
            When::Time(time) => {
                let found = self.times.last_until(head, time);
                found.with_context(|| format!("the log has no block that is as old as time {time}"))?
            }
        };
        let at = self.times.of(block);
        let at = at.with_context(|| format!("the log begins after block {block}"))?;
        let state = self.deployed()?.state.as_of(block);
        Ok(AsOf {
            state: state.with_context(|| format!("the state as of block {block} was not kept"))?,
            block,
            time: match when {
                When::Time(time) => time,
                _ => at,
            },
        })
    }
}

/// Reads `ID:policy:SHARE`.
///
/// # Errors
/// One line that says what is wanted.
pub fn royalty(flag: &str, text: &str) -> Result<(U256, RoyaltyPolicy, E8)> {
    let wanted = || format!("{flag} {text}: expected ID:lap|lrp|none:SHARE, the share in parts per 100,000,000");
    let mut parts = text.split(':');
    let (Some(id), Some(policy), Some(share), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        bail!(wanted());
    };
    let policy = match policy.to_ascii_lowercase().as_str() {
        "none" => RoyaltyPolicy::None,
        "lap" => RoyaltyPolicy::Lap,
        "lrp" => RoyaltyPolicy::Lrp,
        _ => bail!(wanted()),
    };
    let share = share.parse().ok().and_then(|parts: u64| E8::from_parts(parts).ok());
    Ok((
        id.parse().ok().with_context(wanted)?,
        policy,
        share.with_context(wanted)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_royalty_is_an_id_a_policy_and_a_share() {
        let (id, policy, share) = royalty("--parent", "7:LAP:5000000").unwrap();
        assert_eq!(
            (id, policy, share.parts()),
            (U256::from(7), RoyaltyPolicy::Lap, 5_000_000)
        );
        for wrong in [
            "7",
            "7:lap",
            "7:lap:1:2",
            "x:lap:1",
            "7:all:1",
            "7:lap:100000001",
            "7:lap:-1",
        ] {
            let error = royalty("--parent", wrong).unwrap_err().to_string();
            assert!(
                error.starts_with("--parent") && error.contains("expected ID"),
                "{error}"
            );
        }
    }
}
