//! What a transaction offers to pay for gas (EIP-1559), and how much more it offers when it is stuck: the same for whoever writes to a chain.
//!
//! Pure. Start at [`FeePolicy`].

use serde::{Deserialize, Serialize};

/// Wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fees {
    /// Most that is paid in all.
    pub max_wei: u128,
    /// What the block's producer gets of it, at most.
    pub tip_wei: u128,
}

/// How fees are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeePolicy {
    /// The tip to begin with, in wei per gas.
    pub tip_wei: u128,
    /// Nothing is ever sent that offers more, in wei per gas.
    pub highest_wei: u128,
    /// Blocks after which a transaction counts as stuck.
    pub patience_blocks: u64,
}

impl Default for FeePolicy {
    fn default() -> FeePolicy {
        const GWEI: u128 = 1_000_000_000;
        FeePolicy {
            tip_wei: GWEI / 10,
            highest_wei: 500 * GWEI,
            patience_blocks: 3,
        }
    }
}

impl FeePolicy {
    /// Twice the base fee, which six full blocks in a row do not reach, and the tip.
    pub fn first(&self, base_wei: u128) -> Fees {
        let max_wei = base_wei
            .saturating_mul(2)
            .saturating_add(self.tip_wei)
            .min(self.highest_wei);
        Fees {
            max_wei,
            tip_wei: self.tip_wei.min(max_wei),
        }
    }

    /// An eighth more than before, rounded up, which nodes take as a replacement (they want a tenth), and no less than a first attempt
    /// would offer now. `None` where that is above what may be offered.
    pub fn replacement(&self, before: Fees, base_wei: u128) -> Option<Fees> {
        let bump = |wei: u128| wei.saturating_add(wei.div_ceil(8)).saturating_add(1);
        let now = self.first(base_wei);
        let fees = Fees {
            max_wei: bump(before.max_wei).max(now.max_wei),
            tip_wei: bump(before.tip_wei).max(now.tip_wei),
        };
        (fees.max_wei <= self.highest_wei).then_some(fees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_above_the_highest_is_offered() {
        let policy = FeePolicy {
            tip_wei: 10,
            highest_wei: 100,
            patience_blocks: 1,
        };
        assert_eq!(
            policy.first(30),
            Fees {
                max_wei: 70,
                tip_wei: 10
            }
        );
        assert_eq!(
            policy.first(80),
            Fees {
                max_wei: 100,
                tip_wei: 10
            }
        );
        let stuck = Fees {
            max_wei: 80,
            tip_wei: 10,
        };
        assert_eq!(
            policy.replacement(stuck, 30),
            Some(Fees {
                max_wei: 91,
                tip_wei: 13
            })
        );
        assert_eq!(
            policy.replacement(
                Fees {
                    max_wei: 89,
                    tip_wei: 10
                },
                30
            ),
            None
        );
    }

    proptest! {
        /// Nodes refuse a replacement that offers less than a tenth more, of either fee.
        #[test]
        fn a_replacement_is_taken_by_nodes(max in 1_u128..1 << 80, tip in 0_u128..1 << 80, base in 0_u128..1 << 80) {
            let policy = FeePolicy { highest_wei: u128::MAX, ..FeePolicy::default() };
            let before = Fees { max_wei: max.max(tip), tip_wei: tip };
            let after = policy.replacement(before, base).unwrap();
            prop_assert!(after.max_wei * 10 >= before.max_wei * 11);
            prop_assert!(after.tip_wei * 10 >= before.tip_wei * 11);
            prop_assert!(after.tip_wei <= after.max_wei);
        }
    }
}
