//! Who has what an asset keeps or receives: its contributors their part, then its shareholders the rest, or its owner where there are no
//! shares (steps 3 and 4 of the rule).

use alloy_primitives::{Address, U256};

use super::{Apportioner, Role, WHOLE, Weights};

/// Those who are paid for an asset at some moment. Immutable; revenues of that moment share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipients {
    /// In parts per 100,000,000; 0 without contributors.
    contributor_share: u32,
    contributors: Box<[Address]>,
    /// One weight per contributor, and a last one for what remains. `None` without contributors.
    contributor_weights: Option<Weights>,
    holders: Box<[Address]>,
    /// One weight per holder; `None` where no shares are held.
    holder_weights: Option<Weights>,
    owner: Address,
}

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
        let mut weights = Vec::with_capacity(contributors.len() + 1);
        let mut sum = U256::ZERO;
        for (_, weight) in contributors {
            sum = sum.checked_add(*weight).ok_or(WeightsTooLarge)?;
            weights.push(weight.saturating_mul(U256::from(contributor_share)));
        }
        // A contributor's part of the amount is share · weight / (10⁸ · sum), so what remains weighs (10⁸ - share) · sum.
        sum.checked_mul(U256::from(WHOLE)).ok_or(WeightsTooLarge)?;
        weights.push(sum * U256::from(WHOLE - contributor_share));
        let paid = contributor_share != 0 && !sum.is_zero();
        let held = holders.iter().map(|(_, amount)| *amount).collect::<Vec<_>>();
        if held
            .iter()
            .try_fold(U256::ZERO, |sum, amount| sum.checked_add(*amount))
            .is_none()
        {
            return Err(WeightsTooLarge);
        }
        Ok(Recipients {
            contributor_share: if paid { contributor_share } else { 0 },
            contributors: match paid {
                true => contributors.iter().map(|(account, _)| *account).collect(),
                false => Box::default(),
            },
            contributor_weights: if paid { Weights::new(weights) } else { None },
            holders: holders.iter().map(|(account, _)| *account).collect(),
            holder_weights: Weights::new(held),
            owner,
        })
    }

    /// One account that has everything.
    pub fn sole(owner: Address) -> Recipients {
        Recipients {
            contributor_share: 0,
            contributors: Box::default(),
            contributor_weights: None,
            holders: Box::default(),
            holder_weights: None,
            owner,
        }
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
        if let Some(weights) = &self.contributor_weights {
            parts.clear();
            apportioner.split(amount, weights, parts);
            rest = parts.pop().expect("what remains is a part");
            for (account, part) in self.contributors.iter().zip(parts.iter()) {
                pay(*account, Role::Contributor, *part);
            }
        }
        match &self.holder_weights {
            None => pay(self.owner, Role::Owner, rest),
            Some(_) if self.holders.len() == 1 => pay(self.holders[0], Role::Shareholder, rest),
            Some(weights) => {
                parts.clear();
                apportioner.split(rest, weights, parts);
                for (account, part) in self.holders.iter().zip(parts.iter()) {
                    pay(*account, Role::Shareholder, *part);
                }
            }
        }
    }

    /// The exact part of the asset's amount that an account has in a role, as numerators and denominators to be multiplied: contributors
    /// have one fraction, holders and owners also that of what remains before them. `None` if it has no part in that role.
    pub fn fraction(&self, account: Address, role: Role) -> Option<[(U256, U256); 2]> {
        const ONE: (U256, U256) = (U256::ONE, U256::ONE);
        let rest = match &self.contributor_weights {
            Some(weights) => (weights.weight(weights.len() - 1), weights.total()),
            None => ONE,
        };
        match role {
            Role::Protocol => None,
            Role::Contributor => {
                let place = self.contributors.binary_search(&account).ok()?;
                let weights = self.contributor_weights.as_ref()?;
                Some([(weights.weight(place), weights.total()), ONE])
            }
            Role::Shareholder => {
                let place = self.holders.binary_search(&account).ok()?;
                let weights = self.holder_weights.as_ref()?;
                Some([rest, (weights.weight(place), weights.total())])
            }
            Role::Owner => (self.holder_weights.is_none() && account == self.owner).then_some([rest, ONE]),
        }
    }

    /// The same without `weight` of a contributor's; `None` if it has less.
    pub fn without(&self, account: Address, weight: U256) -> Option<Recipients> {
        let weights = self.contributor_weights.as_ref()?;
        let share = U256::from(self.contributor_share);
        let mut contributors: Vec<(Address, U256)> = self
            .contributors
            .iter()
            .enumerate()
            .map(|(place, account)| (*account, weights.weight(place) / share))
            .collect();
        let place = self.contributors.binary_search(&account).ok()?;
        contributors[place].1 = contributors[place].1.checked_sub(weight)?;
        contributors.retain(|(_, weight)| !weight.is_zero());
        let holders: Vec<(Address, U256)> = match &self.holder_weights {
            Some(weights) => self
                .holders
                .iter()
                .enumerate()
                .map(|(place, account)| (*account, weights.weight(place)))
                .collect(),
            None => Vec::new(),
        };
        Recipients::new(self.contributor_share, &contributors, &holders, self.owner).ok()
    }

    /// Who has the asset where nobody holds shares.
    pub fn owner(&self) -> Address {
        self.owner
    }
}
