//! The decoder of one chain: which logs are watched, and what each means.
//!
//! Adapters are chosen by contract and topic0, and check the number of topics themselves; never by an event's name, because names are
//! reused with other fields.

use std::fmt;

use alloy_primitives::map::{AddressHashMap, B256HashSet};
use alloy_primitives::{Address, B256};
use souk_schema::TokenStandard;
use souk_schema::event::DomainEvent;
use souk_schema::record::RawLog;

use crate::child::ChildKind;
use crate::foreign::{self, Foreign};
use crate::protocol::Contract;
use crate::watch_set::{ChildPosition, ContractSet, WatchSet};
use crate::{factory, token};

/// Why a watched log means nothing to its adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undecodable {
    /// For the quarantine: what was expected and what was found.
    pub reason: String,
}

impl Undecodable {
    pub(crate) fn new(reason: impl fmt::Display) -> Undecodable {
        Undecodable {
            reason: reason.to_string(),
        }
    }
}

impl From<alloy::sol_types::Error> for Undecodable {
    fn from(error: alloy::sol_types::Error) -> Undecodable {
        Undecodable::new(error)
    }
}

#[derive(Clone, Copy, Debug)]
enum Adapter {
    Protocol(Contract),
    Token(TokenStandard),
    Foreign(Foreign),
}

impl Adapter {
    /// Every event that means something to the adapter.
    fn topics(self) -> Vec<B256> {
        match self {
            Adapter::Protocol(contract) => contract.topics(),
            Adapter::Token(standard) => token::topics(standard).to_vec(),
            Adapter::Foreign(contract) => contract.topics(),
        }
    }
}

fn adapter_of(child: ChildKind) -> Adapter {
    match child.foreign() {
        Ok(contract) => Adapter::Foreign(contract),
        Err(standard) => Adapter::Token(standard),
    }
}

#[derive(Clone, Copy, Debug)]
struct FactoryEvent {
    topic0: B256,
    position: ChildPosition,
    child: ChildKind,
}

/// What is watched at one address.
#[derive(Clone, Debug, Default)]
struct Watched {
    adapter: Option<Adapter>,
    topics: Vec<B256>,
    factory_events: Vec<FactoryEvent>,
    is_child: bool,
}

/// Decodes the logs of one chain, and knows the contracts that its factories created so far.
#[derive(Clone, Debug)]
pub struct Decoder {
    watched: AddressHashMap<Watched>,
    topics: Vec<B256>,
}

impl Decoder {
    /// A decoder for the contracts of a watch set; no factory has created anything yet.
    pub fn new(set: &WatchSet) -> Decoder {
        let mut decoder = Decoder {
            watched: AddressHashMap::default(),
            topics: Vec::new(),
        };
        for set in &set.sets {
            match *set {
                ContractSet::Souk {
                    registry,
                    licenses,
                    shares,
                    contributions,
                    router,
                    vault,
                    distributor,
                    tasks,
                    executions,
                    disputes,
                    gateway,
                } => {
                    decoder.watch(registry, Adapter::Protocol(Contract::Registry));
                    decoder.watch(licenses, Adapter::Protocol(Contract::Licenses { registry }));
                    decoder.watch(shares, Adapter::Protocol(Contract::Shares { registry }));
                    decoder.watch(contributions, Adapter::Protocol(Contract::Contributions { registry }));
                    decoder.watch(router, Adapter::Protocol(Contract::Router { registry }));
                    let optional = [
                        (vault, Contract::Vault { registry }),
                        (distributor, Contract::Distributor),
                        (
                            tasks,
                            Contract::Tasks {
                                registry,
                                contributions,
                            },
                        ),
                        (
                            executions,
                            Contract::Executions {
                                registry,
                                contributions,
                                router,
                            },
                        ),
                        (disputes, Contract::Disputes { registry }),
                        (gateway, Contract::Gateway { registry }),
                    ];
                    for (address, contract) in optional {
                        if let Some(address) = address {
                            decoder.watch(address, Adapter::Protocol(contract));
                        }
                    }
                }
                ContractSet::Erc20 { address } => decoder.watch(address, Adapter::Token(TokenStandard::Erc20)),
                ContractSet::Erc721 { address } => decoder.watch(address, Adapter::Token(TokenStandard::Erc721)),
                ContractSet::Erc1155 { address } => decoder.watch(address, Adapter::Token(TokenStandard::Erc1155)),
                ContractSet::Factory {
                    address,
                    topic0,
                    child_position: position,
                    child,
                } => {
                    decoder.watch_creations(address, topic0, position, ChildKind::Token(child));
                }
                _ => {
                    for (address, contract) in foreign::contracts(set) {
                        decoder.watch(address, Adapter::Foreign(contract));
                    }
                    for creation in foreign::creations(set) {
                        decoder.watch_creations(creation.contract, creation.topic0, creation.position, creation.child);
                    }
                }
            }
        }
        decoder.topics = decoder.all_topics();
        decoder
    }

    fn watch(&mut self, address: Address, adapter: Adapter) {
        let watched = self.watched.entry(address).or_default();
        watched.adapter = Some(adapter);
        watched.topics = adapter.topics();
    }

    fn watch_creations(&mut self, address: Address, topic0: B256, position: ChildPosition, child: ChildKind) {
        let event = FactoryEvent {
            topic0,
            position,
            child,
        };
        self.watched.entry(address).or_default().factory_events.push(event);
    }

    /// Every topic0 of the watch set, children's included whether or not one exists yet.
    fn all_topics(&self) -> Vec<B256> {
        let factory_events = || self.watched.values().flat_map(|watched| &watched.factory_events);
        let of_children = factory_events().flat_map(|event| adapter_of(event.child).topics());
        let of_factories = factory_events().map(|event| event.topic0);
        let own = self.watched.values().flat_map(|watched| watched.topics.iter().copied());
        let distinct: B256HashSet = own.chain(of_factories).chain(of_children).collect();
        let mut topics: Vec<B256> = distinct.into_iter().collect();
        topics.sort();
        topics
    }

    /// Every contract that is watched now.
    pub fn watched_addresses(&self) -> impl Iterator<Item = &Address> {
        self.watched.keys()
    }

    /// Every topic0 that a contract watched now or created later may emit, sorted.
    pub fn watched_topics(&self) -> &[B256] {
        &self.topics
    }

    /// Whether the set has factories, so that logs can make further contracts watched.
    pub fn has_factories(&self) -> bool {
        self.watched.values().any(|watched| !watched.factory_events.is_empty())
    }

    /// Whether a log with this address and these topics belongs into the stream.
    pub fn watches(&self, address: &Address, topics: &[B256]) -> bool {
        let (Some(watched), Some(topic0)) = (self.watched.get(address), topics.first()) else {
            return false;
        };
        watched.topics.contains(topic0) || watched.factory_events.iter().any(|event| event.topic0 == *topic0)
    }

    /// The contract that a factory's log created, and what it is; `None` for every other log.
    ///
    /// The caller adds it with [`Decoder::add_child`], so that later logs of the same block are watched already.
    ///
    /// # Errors
    /// [`Undecodable`] for a factory's event that holds no address where it should.
    pub fn discover(&self, log: &RawLog) -> Result<Option<(Address, ChildKind)>, Undecodable> {
        let event = self
            .watched
            .get(&log.address)
            .zip(log.topics.first())
            .and_then(|(watched, topic0)| watched.factory_events.iter().find(|event| event.topic0 == *topic0));
        event
            .map(|event| Ok((factory::child(log, event.position)?, event.child)))
            .transpose()
    }

    /// Watches a contract that a factory created. Returns whether it is new: a contract that was configured, or that another log
    /// created before, keeps its meaning.
    pub fn add_child(&mut self, address: Address, kind: impl Into<ChildKind>) -> bool {
        if self
            .watched
            .get(&address)
            .is_some_and(|watched| watched.adapter.is_some())
        {
            return false;
        }
        self.watch(address, adapter_of(kind.into()));
        if let Some(watched) = self.watched.get_mut(&address) {
            watched.is_child = true;
        }
        true
    }

    /// Forgets a contract whose creation was reverted. Configured contracts stay.
    pub fn remove_child(&mut self, address: &Address) {
        if let Some(watched) = self.watched.get_mut(address)
            && watched.is_child
        {
            *watched = Watched {
                factory_events: std::mem::take(&mut watched.factory_events),
                ..Watched::default()
            };
            if watched.factory_events.is_empty() {
                self.watched.remove(address);
            }
        }
    }

    /// What a log means: no event for one that is not watched or that only creates a contract, several for a batch.
    ///
    /// # Errors
    /// [`Undecodable`] for a watched log that is not what its contract's adapter expects.
    pub fn decode(&self, log: &RawLog) -> Result<Vec<DomainEvent>, Undecodable> {
        let (Some(watched), Some(topic0)) = (self.watched.get(&log.address), log.topics.first()) else {
            return Ok(Vec::new());
        };
        match watched.adapter {
            Some(Adapter::Protocol(contract)) if watched.topics.contains(topic0) => contract.decode(log),
            Some(Adapter::Token(standard)) if watched.topics.contains(topic0) => token::decode(log, standard),
            Some(Adapter::Foreign(contract)) if watched.topics.contains(topic0) => contract.decode(log),
            _ => Ok(Vec::new()),
        }
    }
}
