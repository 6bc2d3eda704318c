//! The nodes of chains, asked for what attestations say. They are ours, so any address will do; they are not trusted, because an answer
//! proves itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::contract::Error as CallError;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::transports::TransportError;
use souk_schema::observation::FailureKind;
use souk_schema::{Address, B256, ChainId};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use crate::attestation::{Attestation, Attestations, SchemaRecord, Schemas, is_attestation, is_schema};
use crate::fetch::Trouble;

/// Schemas that are remembered; few are used by many attestations.
const REMEMBERED: usize = 1_000;

/// The nodes of chains. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Nodes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The preferred first.
    of_chain: HashMap<ChainId, Vec<Node>>,
    /// Schemas that were proved, by their ids.
    schemas: Mutex<HashMap<B256, SchemaRecord>>,
}

#[derive(Debug)]
struct Node {
    url: Url,
    /// Until a question fails: a WebSocket that its node left for long is not taken up again by itself.
    connected: AsyncMutex<Option<DynProvider>>,
}

impl Node {
    async fn connection(&self) -> Result<DynProvider, TransportError> {
        let mut connected = self.connected.lock().await;
        if let Some(provider) = &*connected {
            return Ok(provider.clone());
        }
        let builder = ProviderBuilder::new().disable_recommended_fillers();
        let provider = builder.connect(self.url.as_str()).await?.erased();
        Ok(connected.insert(provider).clone())
    }

    /// Connects anew for the next question.
    async fn leave(&self) {
        self.connected.lock().await.take();
    }
}

impl Nodes {
    /// The nodes of each chain, the preferred first: http, https, ws or wss. Nobody is asked yet.
    pub fn new(of_chain: impl IntoIterator<Item = (ChainId, Vec<Url>)>) -> Nodes {
        let node = |url| Node {
            url,
            connected: AsyncMutex::default(),
        };
        let nodes = |(chain, urls): (ChainId, Vec<Url>)| (chain, urls.into_iter().map(node).collect());
        Nodes(Arc::new(Inner {
            of_chain: of_chain.into_iter().map(nodes).collect(),
            schemas: Mutex::default(),
        }))
    }

    /// Whether there is a node of a chain.
    pub fn has(&self, chain: ChainId) -> bool {
        self.0.of_chain.get(&chain).is_some_and(|nodes| !nodes.is_empty())
    }

    /// What the chain's nodes answer about an attestation, in so much time each: the first answer that proves itself, else the first.
    ///
    /// # Errors
    /// [`Trouble`]; the first node's, where it fails and no other proves anything.
    pub(crate) async fn attestation(
        &self,
        chain: ChainId,
        registry: Address,
        uid: B256,
        limit: Duration,
    ) -> Result<(Attestation, SchemaRecord), Trouble> {
        let mut first = None;
        for node in self.0.of_chain.get(&chain).map_or(&[][..], Vec::as_slice) {
            let answer = tokio::time::timeout(limit, self.asked(node, registry, uid)).await;
            let late = |_| {
                Trouble::new(
                    FailureKind::TimedOut,
                    format!("it took more than {} s", limit.as_secs_f32()),
                )
            };
            let answer = answer.map_err(late).flatten();
            if let Err(trouble) = &answer
                && matches!(trouble.kind, FailureKind::Unreachable | FailureKind::TimedOut)
            {
                node.leave().await;
            }
            match answer {
                Ok((said, schema)) if is_attestation(uid, &said) && is_schema(said.schema, &schema) => {
                    return Ok((said, schema));
                }
                other => _ = first.get_or_insert(other),
            }
        }
        first.unwrap_or_else(|| Err(Trouble::new(FailureKind::Unreachable, "no node of the chain is named")))
    }

    async fn asked(&self, node: &Node, registry: Address, uid: B256) -> Result<(Attestation, SchemaRecord), Trouble> {
        let connected = node.connection().await;
        let provider = &connected.map_err(|error| Trouble::new(FailureKind::Unreachable, unreachable(&error)))?;
        let attestations = Attestations::new(registry, provider);
        let said = attestations.getAttestation(uid).call().await.map_err(of_call)?;
        if said.uid.is_zero() {
            let none = SchemaRecord {
                uid: B256::ZERO,
                resolver: Address::ZERO,
                revocable: false,
                schema: String::new(),
            };
            return Ok((said, none));
        }
        if let Some(known) = self.schemas().get(&said.schema) {
            return Ok((said, known.clone()));
        }
        let schemas = attestations.getSchemaRegistry().call().await.map_err(of_call)?;
        let schema = Schemas::new(schemas, provider)
            .getSchema(said.schema)
            .call()
            .await
            .map_err(of_call)?;
        if is_schema(said.schema, &schema) {
            let mut known = self.schemas();
            if known.len() == REMEMBERED {
                known.clear();
            }
            known.insert(said.schema, schema.clone());
        }
        Ok((said, schema))
    }

    fn schemas(&self) -> std::sync::MutexGuard<'_, HashMap<B256, SchemaRecord>> {
        self.0.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that came to nothing. One that the contract refuses, or answers with something else, is of a contract that is not EAS's.
fn of_call(error: CallError) -> Trouble {
    match error {
        CallError::TransportError(TransportError::ErrorResp(answer)) => {
            Trouble::new(FailureKind::Refused, format!("the node answers: {}", answer.message))
        }
        CallError::TransportError(error) => Trouble::new(FailureKind::Unreachable, unreachable(&error)),
        other => Trouble::new(
            FailureKind::WrongUid,
            format!("the answer is no attestation's: {other}"),
        ),
    }
}

/// Why a node cannot be reached. A node's address may hold a key, so nothing is quoted that may name it.
fn unreachable(error: &TransportError) -> &'static str {
    match error {
        TransportError::Transport(_) => "the node does not answer",
        TransportError::DeserError { .. } => "the node answers with something that is no answer",
        _ => "the node cannot be asked",
    }
}
