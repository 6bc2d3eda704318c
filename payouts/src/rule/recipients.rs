//! Who has what an asset keeps or receives: its contributors their part, then its shareholders the rest, or its owner where there are no
//! shares (steps 3 and 4 of the rule).

use alloy_primitives::{Address, U256};

use super::{Apportioner, Role, WHOLE};
use crate::codec::stored;

/// Those who are paid for an asset at some moment. Immutable; revenues of that moment share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipients {
    /// Contributors with their weights, then holders with their shares; each kind by rising address, each address once. In one piece of
    /// memory: a plan above 10,000 assets has as many of them.
    parties: Box<[(Address, U256)]>,
    /// How many of those are contributors.
    contributor_count: u32,
    /// In parts per 100,000,000; 0 without contributors.
    contributor_share: u32,
    /// Sum of the contributors' weights.
    weight_sum: U256,
    /// Sum of the holders' shares.
    share_sum: U256,
    owner: Address,
}

stored!(Recipients {
    parties,
    contributor_count,
    contributor_share,
    weight_sum,
    share_sum,
    owner
});

/// Weights that no asset of our contracts can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the weights of those who are to be paid sum to 2^256 or more")]
pub struct WeightsTooLarge;

impl Recipients {
    /// Contributors with their weights and holders with their shares, each by rising address and each address once; weights of 0 are left
    /// out. `contributor_share` is in parts per 100,000,000.
    ///
    /// # Errors
    /// [`WeightsTooLarge`] where weights, multiplied by 10⁸ for contributors, do not fit 256 bits.
    pub fn new(
        contributor_share: u32,
        contributors: &[(Address, U256)],
        holders: &[(Address, U256)],
        owner: Address,
    ) -> Result<Recipients, WeightsTooLarge> {
        let sum_of = |parties: &[(Address, U256)]| {
            let sum = parties
                .iter()
                .try_fold(U256::ZERO, |sum, (_, weight)| sum.checked_add(*weight));
            sum.ok_or(WeightsTooLarge)
        };
        let weight_sum = if contributor_share == 0 {
            U256::ZERO
        } else {
            sum_of(contributors)?
        };
        let share_sum = sum_of(holders)?;
        let contributors = if weight_sum.is_zero() { &[] } else { contributors };
        let holders = if share_sum.is_zero() { &[] } else { holders };
        weight_sum.checked_mul(U256::from(WHOLE)).ok_or(WeightsTooLarge)?;
        let mut parties = Vec::with_capacity(contributors.len() + holders.len());
        parties.extend_from_slice(contributors);
        parties.extend_from_slice(holders);
        Ok(Recipients {
            parties: parties.into(),
            contributor_count: contributors.len() as u32,
            contributor_share: if contributors.is_empty() { 0 } else { contributor_share },
            weight_sum,
            share_sum,
            owner,
        })
    }

    fn contributors(&self) -> &[(Address, U256)] {
        &self.parties[..self.contributor_count as usize]
    }

    fn holders(&self) -> &[(Address, U256)] {
        &self.parties[self.contributor_count as usize..]
    }

    /// What one unit of a contributor's weight weighs in the split, what remains weighs, and all do together: a contributor's part of the
    /// amount is share · weight / (10⁸ · sum of weights), so what remains weighs (10⁸ - share) · sum.
    fn contributor_split(&self) -> (U256, U256, U256) {
        let rest = self.weight_sum * U256::from(WHOLE - self.contributor_share);
        (
            U256::from(self.contributor_share),
            rest,
            self.weight_sum * U256::from(WHOLE),
        )
    }

    /// Calls `pay` with every recipient of a positive part of `amount`; the parts sum to it (PAY-1). `parts` is scratch memory.
    ///
    /// Ties go by address; what remains after contributors, which has no address, yields to each of them.
    pub fn split(
        &self,
        amount: U256,
        apportioner: &mut Apportioner,
        parts: &mut Vec<U256>,
        mut pay: impl FnMut(Address, Role, U256),
    ) {
        let mut pay = |account, role, part: U256| {
            if !part.is_zero() {
                pay(account, role, part);
            }
        };
        let mut rest = amount;
        let contributors = self.contributors();
        if !contributors.is_empty() {
            let (unit, rest_weight, total) = self.contributor_split();
            let weights = contributors
                .iter()
                .map(|(_, weight)| *weight * unit)
                .chain([rest_weight]);
            parts.clear();
            apportioner.split(amount, weights, total, parts);
            rest = parts.pop().expect("what remains is a part");
            for ((account, _), part) in contributors.iter().zip(parts.iter()) {
                pay(*account, Role::Contributor, *part);
            }
        }
        match self.holders() {
            [] => pay(self.owner, Role::Owner, rest),
            [(only, _)] => pay(*only, Role::Shareholder, rest),
            holders => {
                parts.clear();
                apportioner.split(rest, holders.iter().map(|(_, shares)| *shares), self.share_sum, parts);
                for ((account, _), part) in holders.iter().zip(parts.iter()) {
                    pay(*account, Role::Shareholder, *part);
                }
            }
        }
    }

    /// The exact part of the asset's amount that an account has in a role, as numerators and denominators to be multiplied: contributors
    /// have one fraction, holders and owners also that of what remains before them. `None` if it has no part in that role.
    pub fn fraction(&self, account: Address, role: Role) -> Option<[(U256, U256); 2]> {
        const ONE: (U256, U256) = (U256::ONE, U256::ONE);
        let weight_in = |parties: &[(Address, U256)]| {
            let place = parties.binary_search_by_key(&account, |(account, _)| *account).ok()?;
            Some(parties[place].1)
        };
        let (unit, rest, total) = self.contributor_split();
        let rest = if self.contributor_count == 0 {
            ONE
        } else {
            (rest, total)
        };
        match role {
            Role::Protocol => None,
            Role::Contributor => Some([(weight_in(self.contributors())? * unit, total), ONE]),
            Role::Shareholder => Some([rest, (weight_in(self.holders())?, self.share_sum)]),
            Role::Owner => (self.holders().is_empty() && account == self.owner).then_some([rest, ONE]),
        }
    }

    /// The same without `weight` of a contributor's; `None` if it has less.
    pub fn without(&self, account: Address, weight: U256) -> Option<Recipients> {
        let mut contributors = self.contributors().to_vec();
        let place = contributors
            .binary_search_by_key(&account, |(account, _)| *account)
            .ok()?;
        contributors[place].1 = contributors[place].1.checked_sub(weight)?;
        contributors.retain(|(_, weight)| !weight.is_zero());
        Recipients::new(self.contributor_share, &contributors, self.holders(), self.owner).ok()
    }
}
