//! What each command does. A command decides nothing about assets or chains: it starts parts and prints what they say.

pub mod bench;
pub mod demo;
mod economy;
pub mod explain;
pub mod export;
pub mod license_check;
pub mod log;
pub mod market;
pub mod parts;
pub mod replay;
pub mod simulate;
pub mod statement;
pub mod status;
pub mod up;
pub mod verify;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use souk_eventlog::EventLog;
use souk_schema::ChainId;

use crate::projectors::chain_of;

/// Prints a line of an answer. Whoever stops reading (a pager that is left, `head`) has had enough: that is no error, and neither stops a
/// server nor changes a check's exit status.
fn say(line: impl std::fmt::Display) {
    use std::io::Write;
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}

/// The chains that have a stream in the log, or the one that was asked for if it does.
///
/// # Errors
/// One line when there is none.
pub async fn chains_of(log: &dyn EventLog, asked: Option<ChainId>) -> Result<BTreeSet<ChainId>> {
    let chains: BTreeSet<ChainId> = log
        .streams()
        .await?
        .iter()
        .filter_map(|stream| chain_of(stream.as_str()))
        .collect();
    match asked {
        None if chains.is_empty() => bail!("the log has no chain yet: index one with `souk up` or `souk index`"),
        None => Ok(chains),
        Some(chain) if chains.contains(&chain) => Ok([chain].into()),
        Some(chain) => {
            let known: Vec<String> = chains.iter().map(ToString::to_string).collect();
            bail!(
                "the log has no chain {chain}; it has {}",
                if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                }
            )
        }
    }
}
