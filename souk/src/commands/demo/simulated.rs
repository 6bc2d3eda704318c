//! `souk demo --trade --simulate`: a span of trading in simulated time, at the speed of the machine.
//!
//! The flow draws how long traders pause. Instead of waiting, the dev chain's clock is moved ahead by as much, and the exchange of `souk up`
//! takes its time from there. So expiries, timers, auctions, candles and grace periods all meet the time that the orders do. What is not
//! simulated is the way between the parts: settlement, indexing and finality take as long as they take.

use std::time::Duration;

use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::client::Exchange;
use super::trade::{Floor, now_secs};
use crate::dev_chain::lead_secs;

/// How far time is moved at once: well below any delay that the exchange knows, so that nothing is passed over.
const STEP_SECS: u64 = 10;

/// How long the exchange may take to see that time was moved.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A span of simulated time, unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// When it began.
    pub from_secs: u64,
    /// When it ended.
    pub to_secs: u64,
}

/// The clock of a dev chain, which the exchange follows.
struct Time {
    node: DynProvider,
    exchange: Exchange,
}

/// Trades for so long, as the dev chain behind `node` tells the time.
///
/// # Errors
/// One line where the chain's clock cannot be moved, or the exchange does not follow it or answer.
pub async fn trade(floor: &mut Floor, node: &str, span: Duration) -> Result<Simulated> {
    let time = Time {
        node: ProviderBuilder::new()
            .connect(node)
            .await
            .context("the dev chain")?
            .erased(),
        exchange: floor.desk.exchange.clone(),
    };
    let style = ProgressStyle::with_template("simulating {bar:32} {human_pos}/{human_len} s, {eta} left");
    let bar = ProgressBar::new(span.as_secs()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let from_secs = time.now_secs().await?;
    let (mut now_secs, mut waiting_ms) = (from_secs, 0);
    loop {
        let (pause_ms, deed) = floor.desk.next(now_secs)?;
        waiting_ms += pause_ms;
        if waiting_ms >= STEP_SECS * 1_000 {
            floor.send().await?;
            let step_secs = (waiting_ms / 1_000).min((from_secs + span.as_secs()).saturating_sub(now_secs));
            now_secs = time.advance(step_secs).await?;
            waiting_ms %= 1_000;
            bar.set_position(now_secs - from_secs);
            if now_secs >= from_secs + span.as_secs() {
                break;
            }
        }
        floor.gather(deed).await?;
    }
    floor.send().await?;
    bar.finish_and_clear();
    Ok(Simulated {
        from_secs,
        to_secs: now_secs,
    })
}

impl Time {
    async fn now_secs(&self) -> Result<u64> {
        let lead = lead_secs(&self.node).await.context("the dev chain's clock")?;
        Ok(now_secs() + lead)
    }

    /// Moves time on, and returns once the exchange is there; the time then.
    async fn advance(&self, secs: u64) -> Result<u64> {
        let _: Value = self
            .node
            .raw_request("evm_increaseTime".into(), [secs])
            .await
            .context("the dev chain's clock")?;
        let now_secs = self.now_secs().await?;
        let followed = async {
            while self.exchange.engine_ms().await? < now_secs * 1_000 {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            Ok(now_secs)
        };
        match tokio::time::timeout(PATIENCE, followed).await {
            Ok(followed) => followed,
            Err(_) => {
                bail!("the exchange does not follow the dev chain's clock; does its instance run that chain itself?")
            }
        }
    }
}
