//! How payment tokens are written, asked of their contracts: those of the markets that there are, and those of markets that are listed while a
//! process runs. What does not answer is asked again; until it does, the API refuses to write its amounts.

use std::time::Duration;

use souk_api::exchange::tokens::{TokenName, TokenNames};
use souk_schema::exchange::Event;
use souk_schema::{Address, ChainId};
use souk_sequencer::GroupHandle;
use souk_settlement::Node;
use tokio::sync::broadcast::error::RecvError;

use crate::exchange;
use crate::parts::Supervisor;

/// From one attempt to the next.
const RETRY: Duration = Duration::from_secs(1);

/// Asks for all that is not known yet, and has a part of the process ask for what comes later.
pub async fn keep(supervisor: &mut Supervisor, names: &TokenNames, node: &Node, group: &GroupHandle) {
    let asking = Asking {
        names: names.clone(),
        node: node.clone(),
        group: group.clone(),
    };
    asking.ask().await;
    let cancel = supervisor.cancel().clone();
    supervisor.run(
        format!("payment tokens of market group {}", group.group()),
        async move {
            tokio::select! {
                () = asking.run() => {}
                () = cancel.cancelled() => {}
            }
            Ok(())
        },
    );
}

struct Asking {
    names: TokenNames,
    node: Node,
    group: GroupHandle,
}

impl Asking {
    fn chain(&self) -> ChainId {
        ChainId(self.node.chain_id())
    }

    /// What pays in a market, and has not said how it is written.
    fn unknown(&self) -> Vec<Address> {
        let quotes = self
            .group
            .read(|engine| engine.markets().map(|market| market.spec().quote).collect::<Vec<_>>());
        let mut unknown: Vec<Address> = quotes
            .into_iter()
            .filter(|token| self.names.get(self.chain(), *token).is_none())
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Asks once for all that is unknown; whether all answered.
    async fn ask(&self) -> bool {
        let mut all = true;
        for token in self.unknown() {
            match exchange::token_name(&self.node, token).await {
                Ok((symbol, decimals)) => {
                    self.names.insert(self.chain(), token, TokenName { symbol, decimals });
                }
                Err(error) => {
                    tracing::warn!(group = %self.group.group(), %token, "a payment token does not say how it is written: {error:#}");
                    all = false;
                }
            }
        }
        all
    }

    /// Asks for ever. Subscribed before it looks, so that no listing is missed between.
    async fn run(&self) {
        let mut outcomes = self.group.outcomes();
        loop {
            while !self.ask().await {
                tokio::time::sleep(RETRY).await;
            }
            loop {
                match outcomes.recv().await {
                    Ok(batch) => {
                        let events = batch.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
                        if events
                            .flatten()
                            .any(|event| matches!(event, Event::MarketListed { .. }))
                        {
                            break;
                        }
                    }
                    Err(RecvError::Lagged(_)) => break,
                    // The engine ended, and says why.
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        }
    }
}
