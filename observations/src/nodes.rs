//! The nodes of chains, asked for what attestations say. They are ours, so any address will do; they are not trusted, because an answer
//! proves itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use alloy::contract::Error as CallError;
use alloy::providers::{DynProvider, Provider};
use alloy::transports::TransportError;
use souk_schema::observation::FailureKind;
use souk_schema::{Address, B256, ChainId};
use souk_wire::{Wire, is_away, when_there};
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
    nodes: Vec<Node>,
    /// Schemas that were proved, by their ids.
    schemas: Mutex<HashMap<B256, SchemaRecord>>,
}

/// A node, and which chain it is of as soon as that is known.
#[derive(Debug)]
pub(crate) struct Node {
    chain: OnceLock<ChainId>,
    wire: Wire,
    provider: DynProvider,
}

impl Node {
    fn new(url: &Url, chain: impl Into<OnceLock<ChainId>>) -> Result<Node, TransportError> {
        let wire = Wire::new(url.as_str())?;
        Ok(Node {
            chain: chain.into(),
            provider: wire.provider(),
            wire,
        })
    }

    /// Where it is, as it may be shown.
    pub(crate) fn shown(&self) -> String {
        self.wire.shown()
    }

    /// Waits until it is there and says which chain it is of.
    pub(crate) async fn placed(&self) -> Result<(), TransportError> {
        let who = format!("what attestations say on the chain of {}", self.shown());
        let ask = || self.provider.get_chain_id().into_future();
        let chain = when_there(who, "the node", is_away, ask).await?;
        self.chain.get_or_init(|| ChainId(chain));
        Ok(())
    }
}

impl Nodes {
    /// The nodes of each chain, the preferred first, and others that will say themselves which chain they are of: http, https, ws or wss.
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// A URL that is no node's.
    pub fn new(
        of_chain: impl IntoIterator<Item = (ChainId, Vec<Url>)>,
        others: &[Url],
    ) -> Result<Nodes, TransportError> {
        let mut nodes = Vec::new();
        for (chain, urls) in of_chain {
            for url in urls {
                nodes.push(Node::new(&url, chain)?);
            }
        }
        for url in others {
            nodes.push(Node::new(url, OnceLock::new())?);
        }
        Ok(Nodes(Arc::new(Inner {
            nodes,
            schemas: Mutex::default(),
        })))
    }

    /// Whether a node is known to be of a chain.
    pub fn has(&self, chain: ChainId) -> bool {
        self.of(chain).next().is_some()
    }

    /// Those that have not said yet which chain they are of.
    pub(crate) fn unplaced(&self) -> impl Iterator<Item = &Node> {
        self.0.nodes.iter().filter(|node| node.chain.get().is_none())
    }

    fn of(&self, chain: ChainId) -> impl Iterator<Item = &Node> {
        self.0.nodes.iter().filter(move |node| node.chain.get() == Some(&chain))
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
        for node in self.of(chain) {
            let answer = tokio::time::timeout(limit, self.asked(&node.provider, registry, uid)).await;
            let late = |_| {
                Trouble::new(
                    FailureKind::TimedOut,
                    format!("it took more than {} s", limit.as_secs_f32()),
                )
            };
            if answer.is_err() {
                node.wire.leave().await;
            }
            match answer.map_err(late).flatten() {
                Ok((said, schema)) if is_attestation(uid, &said) && is_schema(said.schema, &schema) => {
                    return Ok((said, schema));
                }
                other => _ = first.get_or_insert(other),
            }
        }
        first.unwrap_or_else(|| Err(Trouble::new(FailureKind::Unreachable, "no node of the chain is named")))
    }

    async fn asked(
        &self,
        provider: &DynProvider,
        registry: Address,
        uid: B256,
    ) -> Result<(Attestation, SchemaRecord), Trouble> {
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
