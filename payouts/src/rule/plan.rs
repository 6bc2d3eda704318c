//! Everything that one revenue's split depends on, at one moment: what is owed above its asset, and who has it at each payee.
//!
//! A plan is immutable and small beside the lines it gives, so revenues keep the plan that they were split by, and every line can be made
//! again from it and the amount.

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use crate::codec::stored;

use super::{Apportioner, Kind, Recipients, Role, Upstream, WHOLE};

/// Who is owed what of a revenue of [`Upstream::source`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The shares above the asset.
    pub upstream: Arc<Upstream>,
    /// Those who are paid, one for each of the upstream's payees.
    pub recipients: Box<[Arc<Recipients>]>,
}

stored!(Plan { upstream, recipients });

/// One recipient's part of what an asset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who is paid.
    pub recipient: Address,
    /// As what.
    pub role: Role,
    /// How much, in base units; positive.
    pub amount: U256,
}

/// Splits revenues; it keeps its memory from one to the next.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    apportioner: Apportioner,
    /// What each payee has, by its place.
    amounts: Vec<U256>,
    parts: Vec<U256>,
}

impl Splitter {
    /// What each payee of the upstream keeps of `net`, the revenue less the fee, by the payee's place. The amounts sum to `net` (PAY-1).
    pub fn amounts(&mut self, upstream: &Upstream, net: U256) -> &[U256] {
        let Splitter {
            apportioner,
            amounts,
            parts,
        } = self;
        amounts.clear();
        amounts.resize(upstream.payees.len(), U256::ZERO);
        if let [only] = &*upstream.source_parts {
            amounts[only.payee as usize] = net;
            return amounts;
        }
        parts.clear();
        let weights = upstream.source_parts.iter().map(|part| U256::from(part.weight));
        apportioner.split(net, weights, U256::from(WHOLE), parts);
        for (part, amount) in upstream.source_parts.iter().zip(parts.iter()) {
            amounts[part.payee as usize] += *amount;
        }
        // Each split comes after all that give to its payee, so what is there now is the sum of them, and is split once.
        for split in &upstream.lrp_splits {
            let received = std::mem::take(&mut amounts[split.payee as usize]);
            if received.is_zero() {
                continue;
            }
            let split_parts = &upstream.lrp_parts[split.first as usize..split.end as usize];
            parts.clear();
            let weights = split_parts.iter().map(|part| U256::from(part.weight));
            apportioner.split(received, weights, U256::from(WHOLE), parts);
            for (part, amount) in split_parts.iter().zip(parts.iter()) {
                amounts[part.payee as usize] += *amount;
            }
        }
        amounts
    }

    /// Calls `pay` with the place of the payee and each positive share of it, payee by payee. The shares sum to `net` (PAY-1).
    pub fn split(&mut self, plan: &Plan, net: U256, mut pay: impl FnMut(u32, Share)) {
        self.amounts(&plan.upstream, net);
        for (place, recipients) in plan.recipients.iter().enumerate() {
            let amount = self.amounts[place];
            if !amount.is_zero() {
                recipients.split(
                    amount,
                    &mut self.apportioner,
                    &mut self.parts,
                    |recipient, role, amount| {
                        pay(
                            place as u32,
                            Share {
                                recipient,
                                role,
                                amount,
                            },
                        );
                    },
                );
            }
        }
    }

    /// The shares of one asset's `amount`.
    pub fn split_one(&mut self, recipients: &Recipients, amount: U256, mut pay: impl FnMut(Share)) {
        recipients.split(
            amount,
            &mut self.apportioner,
            &mut self.parts,
            |recipient, role, amount| {
                pay(Share {
                    recipient,
                    role,
                    amount,
                });
            },
        );
    }
}

impl Plan {
    /// The kind of a share of the payee at `place`.
    pub fn kind(&self, place: u32, role: Role) -> Kind {
        Kind {
            route: self.upstream.payees[place as usize].route,
            role,
        }
    }
}
