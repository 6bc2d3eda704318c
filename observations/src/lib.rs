//! What chains commit to and do not say: the metadata documents behind their URIs, and the contents of attestations.
//!
//! A pure part decides, a thin shell does:
//!
//! - [`uri`] says what a URI asks for, [`cid`] what an IPFS content id proves, [`address`] which addresses may be asked.
//! - [`document`] says whether bytes are a document and what its fields are, [`verify`] whether it is what the chain commits to.
//! - [`retry`] says what is tried again, and when.
//! - [`attestation`] says whether a node's answer is what an attestation says, and reads its data.
//! - [`fetch`] asks servers, within bounds of size, time and reach, [`nodes`] asks nodes; [`attempt`] is one try of something wanted, as an
//!   outcome.
//! - [`store`] keeps what is wanted, and what was found, in Postgres; the latter is projected from the stream `observations` alone.
//! - [`follow`] ties them together: what is wanted is found in the tables of chains, fetched, appended to the log, and then projected.
//!
//! Nothing here is shown before it is in the log, and nothing that is in the log is fetched again. Documents are strangers' text: no part
//! of Souk ever treats them as anything else.

pub mod address;
pub mod attempt;
pub mod attestation;
pub mod cid;
pub mod document;
pub mod fetch;
pub mod follow;
pub mod nodes;
pub mod retry;
pub mod store;
pub mod uri;
pub mod verify;

pub use fetch::Policy;
pub use follow::{ObservationError, run};
pub use nodes::Nodes;
