//! The vocabulary of Souk: identifiers, amounts, chain records, domain events and the encoding in which records are stored.
//!
//! This crate never does I/O, never starts a task and knows of databases only how Postgres wants values written ([`pg_copy`]). Start with
//! [`record`] for what a stream holds and with [`event`] for what a log means.
//!
//! # Glossary
//!
//! One word, one meaning, in code, tables, GraphQL and docs.
//!
//! | word | meaning |
//! |---|---|
//! | *chain* | an EVM chain, named by its EIP-155 id or as CAIP-2 (`eip155:31337`) |
//! | *block* | number, hash, parent hash, time and its watched logs |
//! | *log* | an entry that a contract emitted in a transaction; the *event log* is the stream store and always called so |
//! | *stream* | an ordered, gapless sequence of records in the event log; one per chain and generation |
//! | *generation* | a stream's number among those of its chain; a changed watch set begins a new one |
//! | *record* | one entry of a stream: a block appended, a block reverted, finality advanced, the stream opened |
//! | *sequence* | a record's position in its stream, from 0, without gaps |
//! | *asset* | a dataset, model, adapter, agent, knowledge base, compute or application: one token of a registry |
//! | *token* | anything that can be owned: an ERC-721 token, an id of an ERC-1155 contract, a whole ERC-20 contract |
//! | *derivation* | an edge from a child asset to the parent that it was made from |
//! | *terms* | immutable licence terms |
//! | *series* | a licence id: terms of an asset with one absolute expiry; its units are fungible |
//! | *share* | a unit of an asset's fixed ownership supply |
//! | *contribution* | what an account did for an asset, with weight and evidence |
//! | *task* | work on an asset that is paid from escrow once reviewers accept a *submission* of it |
//! | *execution* | one use of an asset by a provider: training, fine-tuning, inference, evaluation |
//! | *round* | a step of federated learning: participants submit *updates*, which are aggregated |
//! | *challenge* | a bonded claim that an execution was not what its provider says |
//! | *dispute* | a bonded claim that something is wrong with an asset |
//! | *announcement* | an asset's chain saying that it is to be known on another; there a *mirror* names it |
//! | *revenue* | a payment that arrived for an asset |
//! | *payout root* | the root of what a distributor owes each account, cumulative, by *epoch* |
//! | *observation* | what was fetched from outside the chains: a metadata document, an attestation's data, or why there is none |
//! | *wanted* | what a chain says is to be fetched: a subject, a URI and a commitment |
//! | *revert* | the undoing of a block that a reorganisation dropped |
//! | *finality* | the newest block that the chain promises to keep |
//! | *quarantine* | where a watched log is kept that could not be decoded |

pub mod amount;
pub mod caip;
pub mod encoding;
pub mod event;
pub mod exchange;
pub mod id;
pub mod observation;
pub mod pg_copy;
pub mod record;

pub use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
pub use amount::E8;
pub use id::{BlockRef, ChainId, LogRef, TokenKey, TokenRef, TokenStandard};
