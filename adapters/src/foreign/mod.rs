//! Other protocols: their logs as domain events, one file per protocol.
//!
//! Each contract has a list of the events that mean something, every variant that was ever deployed among them: releases of a protocol
//! reuse a name with other fields, which gives another topic0. A log is decoded by its contract, its topic0 and its number of topics
//! together; one whose topic0 is known but whose fields are indexed otherwise is undecodable, and never read as something else.

mod claims;
mod contracts;
mod eas;
mod erc8004;
mod ocean;
mod story;
#[cfg(test)]
mod tests;
mod vana;

use alloy::sol_types::{SolEvent, TopicList};
use alloy_primitives::B256;
use souk_schema::TokenStandard;
use souk_schema::event::{DomainEvent, ForeignEvent};
use souk_schema::record::RawLog;

use crate::decoder::Undecodable;
use crate::token;

pub(crate) use claims::Claims;
pub(crate) use contracts::{contracts, creations};
pub(crate) use eas::Eas;
pub(crate) use erc8004::Agents;
pub(crate) use ocean::Ocean;
pub(crate) use story::Story;
pub(crate) use vana::Vana;

/// Larger data is not read at all. Descriptions that are kept on chain are tens of kilobytes.
const LARGEST_DATA: usize = 1 << 20;

/// Longer texts are nobody's names, tags or addresses; a whole document in a `data:` URI is shorter.
const LONGEST_TEXT: usize = 1 << 16;

/// Longer lists are in no protocol: Story has at most 16 parents.
const LONGEST_LIST: usize = 1 << 10;

/// A contract of another protocol, with those whose ids its events name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Story(Story),
    Agents(Agents),
    Eas(Eas),
    Ocean(Ocean),
    Vana(Vana),
    Claims(Claims),
}

/// An event of a contract: how it is told from others, and what it means.
pub(super) struct Variant<C> {
    topic0: B256,
    /// How many topics a log of it has.
    topics: usize,
    decode: fn(&RawLog, C) -> Result<Vec<ForeignEvent>, Undecodable>,
}

/// What an event means at a contract.
pub(super) trait Means<C>: SolEvent {
    fn meaning(self, log: &RawLog, contract: C) -> Result<Vec<ForeignEvent>, Undecodable>;
}

impl<C> Variant<C> {
    fn of<E: Means<C>>() -> Variant<C> {
        Variant {
            topic0: E::SIGNATURE_HASH,
            topics: <E::TopicList as TopicList>::COUNT,
            decode: |log, contract| E::decode_raw_log(&log.topics, &log.data)?.meaning(log, contract),
        }
    }
}

fn topics<C>(variants: &[Variant<C>]) -> Vec<B256> {
    variants.iter().map(|variant| variant.topic0).collect()
}

fn decode<C>(variants: &[Variant<C>], log: &RawLog, contract: C) -> Result<Vec<ForeignEvent>, Undecodable> {
    let topic0 = log.topics.first().copied().unwrap_or_default();
    let count = log.topics.len();
    let of_topic0 = || variants.iter().filter(|variant| variant.topic0 == topic0);
    let Some(variant) = of_topic0().find(|variant| variant.topics == count) else {
        return Err(Undecodable::new(match of_topic0().next() {
            Some(variant) => format!(
                "event {topic0} has {count} topics and not {}: its fields are indexed as in no variant that is known",
                variant.topics
            ),
            None => format!("event {topic0} is none that this contract's adapter knows"),
        }));
    };
    if log.data.len() > LARGEST_DATA {
        return Err(Undecodable::new(format!(
            "{} bytes of data are more than the {LARGEST_DATA} that are read",
            log.data.len()
        )));
    }
    (variant.decode)(log, contract)
}

/// A text as it can be kept.
fn text(field: &str, text: String) -> Result<String, Undecodable> {
    if text.contains('\0') {
        return Err(Undecodable::new(format!(
            "`{field}` holds a NUL character, which cannot be kept"
        )));
    }
    if text.len() > LONGEST_TEXT {
        return Err(Undecodable::new(format!(
            "`{field}` is {} bytes long, and at most {LONGEST_TEXT} are kept",
            text.len()
        )));
    }
    Ok(text)
}

/// A list as it can be kept.
fn list<T>(field: &str, list: Vec<T>) -> Result<Vec<T>, Undecodable> {
    if list.len() > LONGEST_LIST {
        return Err(Undecodable::new(format!(
            "`{field}` has {} entries, and at most {LONGEST_LIST} are kept",
            list.len()
        )));
    }
    Ok(list)
}

/// The only event that a log means.
fn one(event: impl Into<ForeignEvent>) -> Result<Vec<ForeignEvent>, Undecodable> {
    Ok(vec![event.into()])
}

impl Foreign {
    /// Every event of the contract that means something to us.
    pub(crate) fn topics(self) -> Vec<B256> {
        let own = match self {
            Foreign::Story(contract) => topics(&contract.variants()),
            Foreign::Agents(contract) => topics(&contract.variants()),
            Foreign::Eas(contract) => topics(&contract.variants()),
            Foreign::Ocean(contract) => topics(&contract.variants()),
            Foreign::Vana(contract) => topics(&contract.variants()),
            Foreign::Claims(contract) => topics(&contract.variants()),
        };
        let moves = self.standard().map_or(&[][..], token::topics);
        [&own, moves].concat()
    }

    /// Decodes a log of the contract whose topic0 is among [`Foreign::topics`].
    pub(crate) fn decode(self, log: &RawLog) -> Result<Vec<DomainEvent>, Undecodable> {
        if let Some(standard) = self.standard()
            && log
                .topics
                .first()
                .is_some_and(|topic0| token::topics(standard).contains(topic0))
        {
            let mut moves = token::decode(log, standard)?;
            if self == Foreign::Agents(Agents::Identity) {
                let ends: Vec<ForeignEvent> = moves.iter().filter_map(erc8004::wallet_ended).collect();
                moves.extend(ends.into_iter().map(DomainEvent::Foreign));
            }
            return Ok(moves);
        }
        let events = match self {
            Foreign::Story(contract) => decode(&contract.variants(), log, contract),
            Foreign::Agents(contract) => decode(&contract.variants(), log, contract),
            Foreign::Eas(contract) => decode(&contract.variants(), log, contract),
            Foreign::Ocean(contract) => decode(&contract.variants(), log, contract),
            Foreign::Vana(contract) => decode(&contract.variants(), log, contract),
            Foreign::Claims(contract) => decode(&contract.variants(), log, contract),
        };
        Ok(events?.into_iter().map(DomainEvent::Foreign).collect())
    }

    /// By which standard the contract's own tokens are owned, as far as who owns them is followed.
    fn standard(self) -> Option<TokenStandard> {
        match self {
            Foreign::Agents(Agents::Identity) | Foreign::Ocean(Ocean::DataNft) => Some(TokenStandard::Erc721),
            Foreign::Ocean(Ocean::Datatoken) => Some(TokenStandard::Erc20),
            _ => None,
        }
    }
}
