//! Which nonce a transaction of the proposer takes, and what it offers for gas, by what was sent last and what the node says of it. Pure.
//!
//! One that offers too little, because the base fee rose, would hold up every one after it for ever. What is due by now takes its place.

use souk_schema::{Address, B256};
use souk_wire::fees::{FeePolicy, Fees};

/// What was sent last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Block 0 of the chain.
    pub genesis: B256,
    /// By whom.
    pub proposer: Address,
    /// Its nonce.
    pub nonce: u64,
    /// What it offers.
    pub fees: Fees,
    /// The newest block when so much was first offered.
    pub since_block: u64,
}

/// What the node says of the proposer, and of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The proposer's transactions in blocks, which is the nonce of the next one.
    pub mined: u64,
    /// Those, and the ones that wait for a block as far as the node knows.
    pub pending: u64,
    /// The newest block.
    pub head: u64,
    /// Its base fee, in wei per gas.
    pub base_fee_wei: u128,
}

/// What is sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its nonce.
    pub nonce: u64,
    /// What it offers.
    pub fees: Fees,
    /// The newest block when so much was first offered.
    pub since_block: u64,
    /// Whether it takes the place of one that is stuck.
    pub is_replacement: bool,
    /// Whether the node has one with this nonce: what it says of the block to come is then as that one leaves it.
    pub is_known_to_node: bool,
}

impl Offer {
    /// From this block on it counts as stuck if it is in none.
    pub fn until_block(&self, policy: &FeePolicy) -> u64 {
        self.since_block.saturating_add(policy.patience_blocks)
    }
}

/// Why nothing is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// Somebody else's transactions wait for a block.
    #[error(
        "{0} transactions of the proposer wait for a block that were not sent from here, and nothing is sent before they have one: wait, or \
         replace them by ones that pay more for gas"
    )]
    UnderWay(u64),
    /// What was sent last waits for a block.
    #[error(
        "transaction {nonce} of the proposer waits for a block; if it is in none by block {until_block}, another one that pays more takes its place"
    )]
    Waits {
        /// Its nonce.
        nonce: u64,
        /// It is not replaced before there is this block.
        until_block: u64,
    },
    /// What was sent last waits for a block, and offers as much as is ever offered.
    #[error(
        "transaction {nonce} of the proposer waits for a block, offers {offered_wei} wei per gas already, and more than {highest_wei} is never \
         offered: it waits until gas is cheaper"
    )]
    Dear {
        /// Its nonce.
        nonce: u64,
        /// What it offers, in wei per gas.
        offered_wei: u128,
        /// What is offered at most, in wei per gas.
        highest_wei: u128,
    },
}

/// What to offer for what is due. The node says what a first attempt offers, and how long one waits.
///
/// # Errors
/// [`Withheld`] where nothing may be sent now.
pub fn offer(last: Option<&Sent>, account: &Account, policy: &FeePolicy) -> Result<Offer, Withheld> {
    let nonce = account.mined;
    let is_known_to_node = account.pending > account.mined;
    let Some(last) = last.filter(|last| last.nonce == nonce) else {
        if is_known_to_node {
            return Err(Withheld::UnderWay(account.pending - account.mined));
        }
        return Ok(Offer {
            nonce,
            fees: policy.first(account.base_fee_wei),
            since_block: account.head,
            is_replacement: false,
            is_known_to_node,
        });
    };
    // It may never have come to the node, or be gone from it; another node may have it, which takes nothing cheaper in its place.
    let again = Offer {
        nonce,
        fees: last.fees,
        // A chain that was put back has not come so far.
        since_block: last.since_block.min(account.head),
        is_replacement: false,
        is_known_to_node,
    };
    let until_block = again.until_block(policy);
    if account.head < until_block {
        return match is_known_to_node {
            true => Err(Withheld::Waits { nonce, until_block }),
            false => Ok(again),
        };
    }
    match policy.replacement(last.fees, account.base_fee_wei) {
        Some(fees) => Ok(Offer {
            nonce,
            fees,
            since_block: account.head,
            is_replacement: true,
            is_known_to_node,
        }),
        None if is_known_to_node => Err(Withheld::Dear {
            nonce,
            offered_wei: last.fees.max_wei,
            highest_wei: policy.highest_wei,
        }),
        None => Ok(again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: FeePolicy = FeePolicy {
        tip_wei: 10,
        highest_wei: 1_000,
        patience_blocks: 3,
    };

    fn sent() -> Sent {
        Sent {
            genesis: B256::repeat_byte(1),
            proposer: Address::repeat_byte(2),
            nonce: 7,
            fees: POLICY.first(100),
            since_block: 50,
        }
    }

    /// Number 7 waits for a block, and so many blocks came since it was sent.
    fn waiting(blocks: u64, base_fee_wei: u128) -> Account {
        Account {
            mined: 7,
            pending: 8,
            head: 50 + blocks,
            base_fee_wei,
        }
    }

    #[test]
    fn what_is_stuck_is_replaced_at_its_nonce_by_what_nodes_take_and_blocks_have_room_for() {
        let stuck = sent();
        assert_eq!(
            offer(Some(&stuck), &waiting(2, 400), &POLICY),
            Err(Withheld::Waits {
                nonce: 7,
                until_block: 53
            })
        );
        let replaced = offer(Some(&stuck), &waiting(3, 400), &POLICY).expect("it is stuck");
        assert_eq!(
            (replaced.nonce, replaced.since_block, replaced.is_replacement),
            (7, 53, true)
        );
        assert_eq!(replaced.fees.max_wei, 810, "what a first attempt offers now");
        // The base fee is as it was: a node wants a tenth more of both all the same.
        let fees = offer(Some(&stuck), &waiting(3, 100), &POLICY)
            .expect("it is stuck")
            .fees;
        assert!(fees.max_wei * 10 >= stuck.fees.max_wei * 11, "{fees:?}");
        assert!(fees.tip_wei * 10 >= stuck.fees.tip_wei * 11, "{fees:?}");

        // The replacement is waited for as long.
        let again = Sent {
            fees: replaced.fees,
            since_block: replaced.since_block,
            ..stuck
        };
        assert!(matches!(
            offer(Some(&again), &waiting(5, 400), &POLICY),
            Err(Withheld::Waits { until_block: 56, .. })
        ));
    }

    #[test]
    fn what_is_mined_is_followed_by_the_next_nonce() {
        let next = Account {
            mined: 8,
            ..waiting(9, 300)
        };
        for last in [Some(&sent()), None] {
            let next = offer(last, &next, &POLICY).expect("nothing waits");
            assert_eq!(
                (next.nonce, next.fees, next.is_replacement),
                (8, POLICY.first(300), false)
            );
        }
    }

    #[test]
    fn what_somebody_else_sent_is_waited_for() {
        assert_eq!(offer(None, &waiting(9, 100), &POLICY), Err(Withheld::UnderWay(1)));
        let older = Sent { nonce: 6, ..sent() };
        assert_eq!(
            offer(Some(&older), &waiting(9, 100), &POLICY),
            Err(Withheld::UnderWay(1))
        );
    }

    #[test]
    fn what_the_node_does_not_have_is_sent_again_and_no_dearer_for_it() {
        let lost = |blocks| Account {
            pending: 7,
            ..waiting(blocks, 100)
        };
        let again = offer(Some(&sent()), &lost(1), &POLICY).expect("the node has none");
        assert_eq!((again.nonce, again.fees, again.since_block), (7, sent().fees, 50));
        assert!(
            offer(Some(&sent()), &lost(3), &POLICY)
                .expect("it is stuck")
                .is_replacement
        );
    }

    #[test]
    fn on_a_chain_that_was_put_back_it_is_waited_for_as_long_as_anywhere() {
        let put_back = Account {
            head: 20,
            ..waiting(0, 100)
        };
        assert_eq!(
            offer(Some(&sent()), &put_back, &POLICY),
            Err(Withheld::Waits {
                nonce: 7,
                until_block: 23
            })
        );
    }

    #[test]
    fn no_more_than_the_highest_is_offered() {
        let dear = Sent {
            fees: POLICY.first(480),
            ..sent()
        };
        assert_eq!(
            offer(Some(&dear), &waiting(3, 480), &POLICY),
            Err(Withheld::Dear {
                nonce: 7,
                offered_wei: 970,
                highest_wei: 1_000
            })
        );
        let gone = Account {
            pending: 7,
            ..waiting(3, 480)
        };
        assert_eq!(
            offer(Some(&dear), &gone, &POLICY).expect("the node has none").fees,
            dear.fees
        );
    }
}
