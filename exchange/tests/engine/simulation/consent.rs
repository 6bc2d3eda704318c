//! Who signs for whom, and which nonces count: what the vault keeps of it. What withdraws consent takes effect after the exit delay.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::generator::group;

/// Nonces below `below` are void, and those below `next_below` from `next_from` on.
#[derive(Clone, Copy, Debug, Default)]
struct Floor {
    below: u64,
    next_below: u64,
    next_from: u64,
}

/// Times are unix seconds.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// Until when, exclusive, a key signs for an account.
    signs_until: BTreeMap<(Address, Address), u64>,
    void_from: BTreeMap<(Address, u64), u64>,
    floors: BTreeMap<Address, Floor>,
}

impl Consent {
    pub fn register(&mut self, account: Address, key: Address) {
        self.signs_until.insert((account, key), u64::MAX);
    }

    /// From when on the key does not sign; `None` where it does not now, or will not.
    pub fn revoke(&mut self, account: Address, key: Address, now: u64) -> Option<u64> {
        let until = self.signs_until.get_mut(&(account, key));
        let until = until.filter(|until| **until == u64::MAX)?;
        *until = now + group().exit_delay_secs;
        Some(*until)
    }

    /// From when on the nonce is void; `None` where that was asked for before.
    pub fn invalidate(&mut self, account: Address, nonce: u64, now: u64) -> Option<u64> {
        let from = now + group().exit_delay_secs;
        let is_new = self.void_from.insert((account, nonce), from).is_none();
        is_new.then_some(from)
    }

    /// From when on all nonces below are void; `None` where they are, or another floor is about to rise.
    pub fn invalidate_below(&mut self, account: Address, nonce: u64, now: u64) -> Option<u64> {
        let floor = self.floors.entry(account).or_default();
        (now >= floor.next_from && nonce > floor.next_below).then_some(())?;
        *floor = Floor {
            below: floor.next_below,
            next_below: nonce,
            next_from: now + group().exit_delay_secs,
        };
        Some(floor.next_from)
    }

    pub fn is_signer(&self, account: Address, key: Address, now: u64) -> bool {
        key == account || self.signs_until.get(&(account, key)).is_some_and(|until| now < *until)
    }

    pub fn is_nonce_invalid(&self, account: Address, nonce: u64, now: u64) -> bool {
        let floor = self.floors.get(&account).copied().unwrap_or_default();
        let below = match now < floor.next_from {
            true => floor.below,
            false => floor.next_below,
        };
        nonce < below || self.void_from.get(&(account, nonce)).is_some_and(|from| now >= *from)
    }
}
