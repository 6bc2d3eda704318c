//! ERC-8004: what clients and validators say of agents. Anybody can be a client: who said it counts more than how much.

use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::id::TokenRef;

/// A client said how an agent did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackGiven {
    /// The registry of feedback.
    pub registry: Address,
    /// The agent, a token of the identity registry.
    pub agent: TokenRef,
    /// Who says so.
    pub client: Address,
    /// Its number among what this client said of this agent; `None` where the log does not say.
    pub index: Option<u64>,
    /// What the agent is worth to the client, in units of ten to the power of minus `value_decimals`.
    #[serde(with = "signed_decimal")]
    pub value: i128,
    /// See `value`; 0 for the scores of 0 to 100 of older registries.
    pub value_decimals: u8,
    /// The first tag.
    pub tag1: String,
    /// The second tag.
    pub tag2: String,
    /// Which of the agent's endpoints it is about; empty where the log does not say.
    pub endpoint: String,
    /// Where more of it is.
    pub uri: String,
    /// Commitment to what is there.
    pub hash: B256,
}

/// A client took feedback back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackRevoked {
    /// The registry of feedback.
    pub registry: Address,
    /// The agent.
    pub agent: TokenRef,
    /// The client.
    pub client: Address,
    /// The feedback's number among what this client said of this agent.
    pub index: u64,
}

/// The key under which tables keep feedback: the registry, and a hash of what tells feedback apart there.
fn feedback_key(registry: Address, agent: TokenRef, client: Address, index: u64) -> TokenRef {
    let mut words = [0; 96];
    words[..32].copy_from_slice(&agent.id.to_be_bytes::<32>());
    words[44..64].copy_from_slice(client.as_slice());
    words[88..].copy_from_slice(&index.to_be_bytes());
    TokenRef::new(registry, U256::from_be_bytes(keccak256(words).0))
}

impl FeedbackGiven {
    /// The key of the feedback, if it can be told apart.
    pub fn key(&self) -> Option<TokenRef> {
        self.index
            .map(|index| feedback_key(self.registry, self.agent, self.client, index))
    }
}

impl FeedbackRevoked {
    /// The key of the feedback.
    pub fn key(&self) -> TokenRef {
        feedback_key(self.registry, self.agent, self.client, self.index)
    }
}

/// Somebody answered feedback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackAnswered {
    /// The registry of feedback.
    pub registry: Address,
    /// The agent.
    pub agent: TokenRef,
    /// The client.
    pub client: Address,
    /// The feedback's number.
    pub index: u64,
    /// Who answers.
    pub responder: Address,
    /// Where the answer is.
    pub uri: String,
    /// Commitment to it.
    pub hash: B256,
}

/// A validator is to look at an agent's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationRequested {
    /// The request.
    pub request_hash: B256,
    /// The agent.
    pub agent: TokenRef,
    /// Who is asked.
    pub validator: Address,
    /// Where the work is.
    pub uri: String,
}

/// A validator said what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationAnswered {
    /// The request.
    pub request_hash: B256,
    /// The agent.
    pub agent: TokenRef,
    /// The validator.
    pub validator: Address,
    /// How good, from 0 to 100.
    pub response: u8,
    /// Where more of it is.
    pub uri: String,
    /// Commitment to what is there.
    pub hash: B256,
    /// The validator's tag.
    pub tag: String,
}

/// A signed number as decimal digits in a string.
mod signed_decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
