//! ERC-8004: agents, what their clients say of them, and what validators find. The standard changed often before it settled: most events
//! exist in several forms, of which the oldest have tags of 32 bytes and scores of 0 to 100.

use alloy::sol;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use souk_schema::TokenRef;
use souk_schema::event::foreign::{
    FeedbackAnswered, FeedbackGiven, FeedbackRevoked as FeedbackTakenBack, ForeignAssetDescribed,
    ForeignAssetRegistered, ForeignMetadataSet, ForeignThing, ValidationAnswered, ValidationRequested,
};
use souk_schema::event::{DomainEvent, ForeignEvent, ForeignKind};
use souk_schema::record::RawLog;

use super::{Means, Variant, one, text};
use crate::decoder::Undecodable;

sol! {
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event MetadataSet(uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue);
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);

    event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
    event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex);
    event ResponseAppended(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, address indexed responder, string responseURI, bytes32 responseHash);

    event ValidationRequest(address indexed validatorAddress, uint256 indexed agentId, string requestURI, bytes32 indexed requestHash);
    event ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseURI, bytes32 responseHash, string tag);
}

/// A value whose first tag is not indexed.
mod unindexed {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
        event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex);
    }
}

/// A score, numbered, with its first tag twice: as a hash to filter by, and as text.
mod scored {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
    }
}

/// A score, numbered, whose first tag is only a hash.
mod scored_hashed {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, string indexed tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
        event ResponseAppended(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, address indexed responder, string responseURI);
    }
}

/// A score without a number, whose first tag is only a hash.
mod unnumbered_hashed {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, string indexed tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
    }
}

/// A score without a number and an endpoint.
mod unnumbered {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, string indexed indexedTag1, string tag1, string tag2, string feedbackUri, bytes32 feedbackHash);
    }
}

/// A score with tags of 32 bytes, numbered.
mod words_numbered {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, bytes32 indexed indexedTag1, bytes32 tag1, bytes32 tag2, string fileuri, bytes32 filehash);
        event ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseUri, bytes32 responseHash, bytes32 tag);
    }
}

/// A score with tags of 32 bytes.
mod words {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, bytes32 indexed tag1, bytes32 tag2, string fileuri, bytes32 filehash);
        event ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseUri, bytes32 tag);
    }
}

/// The same with no tag indexed: one topic0, and another number of topics.
mod words_unindexed {
    alloy::sol! {
        event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, bytes32 tag1, bytes32 tag2, string fileuri, bytes32 filehash);
    }
}

/// A registry of ERC-8004.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agents {
    Identity,
    Reputation { identity: Address },
    Validation { identity: Address },
}

impl Agents {
    pub(super) fn variants(self) -> Vec<Variant<Agents>> {
        match self {
            Agents::Identity => vec![
                Variant::of::<Registered>(),
                Variant::of::<MetadataSet>(),
                Variant::of::<URIUpdated>(),
            ],
            Agents::Reputation { .. } => vec![
                Variant::of::<NewFeedback>(),
                Variant::of::<unindexed::NewFeedback>(),
                Variant::of::<scored::NewFeedback>(),
                Variant::of::<scored_hashed::NewFeedback>(),
                Variant::of::<unnumbered_hashed::NewFeedback>(),
                Variant::of::<unnumbered::NewFeedback>(),
                Variant::of::<words_numbered::NewFeedback>(),
                Variant::of::<words::NewFeedback>(),
                Variant::of::<words_unindexed::NewFeedback>(),
                Variant::of::<FeedbackRevoked>(),
                Variant::of::<unindexed::FeedbackRevoked>(),
                Variant::of::<ResponseAppended>(),
                Variant::of::<scored_hashed::ResponseAppended>(),
            ],
            Agents::Validation { .. } => vec![
                Variant::of::<ValidationRequest>(),
                Variant::of::<ValidationResponse>(),
                Variant::of::<words_numbered::ValidationResponse>(),
                Variant::of::<words::ValidationResponse>(),
            ],
        }
    }

    fn agent(self, id: U256, log: &RawLog) -> TokenRef {
        match self {
            Agents::Identity => TokenRef::new(log.address, id),
            Agents::Reputation { identity } | Agents::Validation { identity } => TokenRef::new(identity, id),
        }
    }

    fn thing(self, id: U256, log: &RawLog) -> ForeignThing {
        ForeignThing {
            kind: ForeignKind::Agent,
            key: self.agent(id, log),
        }
    }
}

/// The metadata of an agent that says who acts and is paid for it.
const WALLET: &str = "agentWallet";

/// What a transfer of an agent says of its wallet: it is cleared, as by `MetadataSet` with no value, though no event of the registry needs to say
/// so. An agent that is registered or burned is not transferred.
pub(super) fn wallet_ended(moved: &DomainEvent) -> Option<ForeignEvent> {
    let DomainEvent::TokenTransferred { token, from, to, .. } = moved else {
        return None;
    };
    let is_transfer = !from.is_zero() && !to.is_zero();
    is_transfer.then(|| {
        ForeignEvent::from(ForeignMetadataSet {
            thing: ForeignThing {
                kind: ForeignKind::Agent,
                key: *token,
            },
            metadata_key: WALLET.into(),
            value: Bytes::new(),
        })
    })
}

/// A tag of 32 bytes as the text that it mostly is.
fn word(tag: B256) -> String {
    let end = tag.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match std::str::from_utf8(&tag[..end]) {
        Ok(text) if !text.contains('\0') => text.to_string(),
        _ => tag.to_string(),
    }
}

/// A tag of which the log holds only the hash: that hash, or nothing for that of nothing.
fn hashed(tag: B256) -> String {
    if tag == keccak256([]) {
        String::new()
    } else {
        tag.to_string()
    }
}

impl Means<Agents> for Registered {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetRegistered {
            thing: agents.thing(self.agentId, log),
            account: None,
            owner: Some(self.owner),
            name: String::new(),
            uri: text("agentURI", self.agentURI)?,
            token: None,
        })
    }
}

impl Means<Agents> for MetadataSet {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignMetadataSet {
            thing: agents.thing(self.agentId, log),
            metadata_key: text("metadataKey", self.metadataKey)?,
            value: self.metadataValue,
        })
    }
}

impl Means<Agents> for URIUpdated {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetDescribed {
            thing: agents.thing(self.agentId, log),
            uri: text("newURI", self.newURI)?,
            hash: None,
            changed_by: Some(self.updatedBy),
        })
    }
}

/// Makes one event of a form of feedback: its fields in the order of [`FeedbackGiven`].
macro_rules! feedback {
    ($($form:ty: |$event:ident| ($index:expr, $value:expr, $decimals:expr, $tag1:expr, $tag2:expr, $endpoint:expr, $uri:expr, $hash:expr);)+) => {
        $(impl Means<Agents> for $form {
            fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
                let $event = self;
                one(FeedbackGiven {
                    registry: log.address,
                    agent: agents.agent($event.agentId, log),
                    client: $event.clientAddress,
                    index: $index,
                    value: $value,
                    value_decimals: $decimals,
                    tag1: text("tag1", $tag1)?,
                    tag2: text("tag2", $tag2)?,
                    endpoint: text("endpoint", $endpoint)?,
                    uri: text("feedbackURI", $uri)?,
                    hash: $hash,
                })
            }
        })+
    };
}

feedback! {
    NewFeedback: |e| (Some(e.feedbackIndex), e.value, e.valueDecimals, e.tag1, e.tag2, e.endpoint, e.feedbackURI, e.feedbackHash);
    unindexed::NewFeedback: |e| (Some(e.feedbackIndex), e.value, e.valueDecimals, e.tag1, e.tag2, e.endpoint, e.feedbackURI, e.feedbackHash);
    scored::NewFeedback: |e| (Some(e.feedbackIndex), e.score.into(), 0, e.tag1, e.tag2, e.endpoint, e.feedbackURI, e.feedbackHash);
    scored_hashed::NewFeedback: |e| (Some(e.feedbackIndex), e.score.into(), 0, hashed(e.tag1), e.tag2, e.endpoint, e.feedbackURI, e.feedbackHash);
    unnumbered_hashed::NewFeedback: |e| (None, e.score.into(), 0, hashed(e.tag1), e.tag2, e.endpoint, e.feedbackURI, e.feedbackHash);
    unnumbered::NewFeedback: |e| (None, e.score.into(), 0, e.tag1, e.tag2, String::new(), e.feedbackUri, e.feedbackHash);
    words_numbered::NewFeedback: |e| (Some(e.feedbackIndex), e.score.into(), 0, word(e.tag1), word(e.tag2), String::new(), e.fileuri, e.filehash);
    words::NewFeedback: |e| (None, e.score.into(), 0, word(e.tag1), word(e.tag2), String::new(), e.fileuri, e.filehash);
    words_unindexed::NewFeedback: |e| (None, e.score.into(), 0, word(e.tag1), word(e.tag2), String::new(), e.fileuri, e.filehash);
}

fn taken_back(
    agents: Agents,
    log: &RawLog,
    agent: U256,
    client: Address,
    index: u64,
) -> Result<Vec<ForeignEvent>, Undecodable> {
    one(FeedbackTakenBack {
        registry: log.address,
        agent: agents.agent(agent, log),
        client,
        index,
    })
}

impl Means<Agents> for FeedbackRevoked {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        taken_back(agents, log, self.agentId, self.clientAddress, self.feedbackIndex)
    }
}

impl Means<Agents> for unindexed::FeedbackRevoked {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        taken_back(agents, log, self.agentId, self.clientAddress, self.feedbackIndex)
    }
}

impl Means<Agents> for ResponseAppended {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FeedbackAnswered {
            registry: log.address,
            agent: agents.agent(self.agentId, log),
            client: self.clientAddress,
            index: self.feedbackIndex,
            responder: self.responder,
            uri: text("responseURI", self.responseURI)?,
            hash: self.responseHash,
        })
    }
}

impl Means<Agents> for scored_hashed::ResponseAppended {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FeedbackAnswered {
            registry: log.address,
            agent: agents.agent(self.agentId, log),
            client: self.clientAddress,
            index: self.feedbackIndex,
            responder: self.responder,
            uri: text("responseURI", self.responseURI)?,
            hash: B256::ZERO,
        })
    }
}

impl Means<Agents> for ValidationRequest {
    fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ValidationRequested {
            request_hash: self.requestHash,
            agent: agents.agent(self.agentId, log),
            validator: self.validatorAddress,
            uri: text("requestURI", self.requestURI)?,
        })
    }
}

/// Makes one event of a form of a validator's answer.
macro_rules! answer {
    ($($form:ty: |$event:ident| ($uri:expr, $hash:expr, $tag:expr);)+) => {
        $(impl Means<Agents> for $form {
            fn meaning(self, log: &RawLog, agents: Agents) -> Result<Vec<ForeignEvent>, Undecodable> {
                let $event = self;
                one(ValidationAnswered {
                    request_hash: $event.requestHash,
                    agent: agents.agent($event.agentId, log),
                    validator: $event.validatorAddress,
                    response: $event.response,
                    uri: text("responseURI", $uri)?,
                    hash: $hash,
                    tag: text("tag", $tag)?,
                })
            }
        })+
    };
}

answer! {
    ValidationResponse: |e| (e.responseURI, e.responseHash, e.tag);
    words_numbered::ValidationResponse: |e| (e.responseUri, e.responseHash, word(e.tag));
    words::ValidationResponse: |e| (e.responseUri, B256::ZERO, word(e.tag));
}
