//! A state as bytes, so that a fold goes on in another life instead of beginning again; and settled revenues as bytes, so that they leave memory.
//!
//! Bytes are *sealed*: what they are, a version in two bytes, the body, and the body's SHA-256. A state that was read back gives the same
//! answers from there on and has the same [`State::state_hash`]; it cannot go back behind its head, so it is taken as of a final block
//! ([`State::as_of`]). What is cached is not written: it is computed again.

use alloy_primitives::map::HashMap;
use alloy_primitives::{B256, U256, keccak256};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::codec::{Malformed, Reader, Stored, Writer};
use crate::fact::Contracts;
use crate::rule::Plan;
use crate::state::{Revenue, State};

const MAGIC: &[u8] = b"souk.payouts.state";
const VERSION: u16 = 2;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They are something else.
    #[error("these bytes are no snapshot of payouts")]
    NotASnapshot,
    /// They were written by another version of the program.
    #[error("the snapshot has version {0}, which this program does not read")]
    Version(u16),
    /// They were damaged.
    #[error("the snapshot is damaged: its check sum is wrong")]
    Damaged,
    /// Their check sum is right, but they make no sense.
    #[error("the snapshot makes no sense: {0}")]
    Malformed(#[from] Malformed),
    /// They are of a deployment with other contracts.
    #[error("the snapshot is of another deployment")]
    OtherContracts,
}

/// Seals a body: says what it is and of which version, and how to tell whether it was damaged.
pub fn seal(magic: &[u8], version: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(magic.len() + 2 + body.len() + 32);
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&Sha256::digest(body));
    bytes
}

/// The body that was sealed.
///
/// # Errors
/// [`SnapshotError`] for anything else, another version, or damage.
pub fn unseal<'a>(magic: &[u8], version: u16, bytes: &'a [u8]) -> Result<&'a [u8], SnapshotError> {
    let rest = bytes.strip_prefix(magic).ok_or(SnapshotError::NotASnapshot)?;
    let (found, rest) = rest.split_first_chunk().ok_or(SnapshotError::NotASnapshot)?;
    let found = u16::from_le_bytes(*found);
    if found != version {
        return Err(SnapshotError::Version(found));
    }
    let (body, digest) = rest.split_last_chunk::<32>().ok_or(SnapshotError::Damaged)?;
    if Sha256::digest(body)[..] == digest[..] {
        Ok(body)
    } else {
        Err(SnapshotError::Damaged)
    }
}

impl State {
    /// The state as of its head, for [`State::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.write(&mut out);
        seal(MAGIC, VERSION, &out.into_bytes())
    }

    /// The state that a snapshot was taken of, with everything in it final.
    ///
    /// # Errors
    /// [`SnapshotError`]; fold the log instead.
    pub fn restore(contracts: &Contracts, bytes: &[u8]) -> Result<State, SnapshotError> {
        let mut input = Reader::new(unseal(MAGIC, VERSION, bytes)?);
        let state = State::read(&mut input)?;
        input.end()?;
        if state.is_of(contracts) {
            Ok(state)
        } else {
            Err(SnapshotError::OtherContracts)
        }
    }
}

/// A settled revenue as bytes. Nothing happens to it any more, so whoever keeps the bytes can have it leave the state's memory
/// ([`State::forget_settled`]) and explain it from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The revenue's number.
    pub revenue: U256,
    /// The revenue without its plan.
    pub bytes: Vec<u8>,
    /// Names the plan, which many revenues share.
    pub plan_digest: B256,
    plan: Arc<Plan>,
}

/// Names of plans that were met, by where they lie.
pub(crate) type PlanDigests = HashMap<usize, B256>;

impl Archived {
    pub(crate) fn new(revenue: &Revenue, digests: &mut PlanDigests) -> Archived {
        let place = Arc::as_ptr(&revenue.plan).addr();
        let digest = digests.entry(place);
        let plan_digest = *digest.or_insert_with(|| keccak256(plan_bytes(&revenue.plan)));
        let mut out = Writer::knowing(&revenue.plan);
        revenue.put(&mut out);
        Archived {
            revenue: revenue.payment.revenue,
            bytes: out.into_bytes(),
            plan_digest,
            plan: Arc::clone(&revenue.plan),
        }
    }

    /// The plan as bytes.
    pub fn plan_bytes(&self) -> Vec<u8> {
        plan_bytes(&self.plan)
    }

    /// Identifies revenue and plan.
    pub(crate) fn digest(&self) -> U256 {
        keccak256([&self.bytes[..], self.plan_digest.as_slice()].concat()).into()
    }
}

fn plan_bytes(plan: &Plan) -> Vec<u8> {
    let mut out = Writer::default();
    plan.put(&mut out);
    out.into_bytes()
}

impl Revenue {
    /// The revenue of bytes that [`Archived`] holds.
    ///
    /// # Errors
    /// [`SnapshotError`] for other bytes.
    pub fn unarchive(bytes: &[u8], plan: &[u8]) -> Result<Revenue, SnapshotError> {
        let mut input = Reader::new(plan);
        let plan = Plan::take(&mut input)?;
        input.end()?;
        let mut input = Reader::knowing(bytes, Arc::new(plan));
        let revenue = Revenue::take(&mut input)?;
        input.end()?;
        Ok(revenue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    fn contracts() -> Contracts {
        let contract = Address::with_last_byte;
        Contracts {
            registry: contract(1),
            licenses: contract(2),
            shares: contract(3),
            contributions: contract(4),
            router: contract(5),
            distributor: None,
            vault: None,
            tasks: None,
            disputes: None,
            executions: Some(contract(6)),
        }
    }

    fn resealed(body: &[u8]) -> Result<(), SnapshotError> {
        State::restore(&contracts(), &seal(MAGIC, VERSION, body)).map(|_| ())
    }

    #[test]
    fn bytes_that_are_no_snapshot_are_refused() {
        let good = State::new(&contracts()).snapshot();
        let restore = |bytes: &[u8]| State::restore(&contracts(), bytes).map(|state| state.state_hash());
        assert_eq!(restore(&good), Ok(State::new(&contracts()).state_hash()));
        assert_eq!(restore(b"something"), Err(SnapshotError::NotASnapshot));
        assert_eq!(restore(MAGIC), Err(SnapshotError::NotASnapshot));
        for length in MAGIC.len() + 2..good.len() {
            assert_eq!(
                restore(&good[..length]),
                Err(SnapshotError::Damaged),
                "the first {length} bytes"
            );
        }
        for at in MAGIC.len()..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            let error = restore(&bytes).expect_err("it was changed");
            assert!(
                matches!(error, SnapshotError::Damaged | SnapshotError::Version(_)),
                "{at}: {error}"
            );
        }
        let others = Contracts {
            executions: None,
            ..contracts()
        };
        assert_eq!(
            State::restore(&others, &good).err(),
            Some(SnapshotError::OtherContracts)
        );
    }

    #[test]
    fn a_right_check_sum_over_nonsense_is_no_state() {
        let good = State::new(&contracts()).snapshot();
        let body = &good[MAGIC.len() + 2..good.len() - 32];
        assert_eq!(resealed(body), Ok(()));
        for length in 0..body.len() {
            let error = resealed(&body[..length]);
            assert!(
                matches!(error, Err(SnapshotError::Malformed(_))),
                "the first {length} bytes"
            );
        }
        let longer = [body, &[0]].concat();
        assert_eq!(resealed(&longer), Err(SnapshotError::Malformed(Malformed("its end"))));
    }
}
