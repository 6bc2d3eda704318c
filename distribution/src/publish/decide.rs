//! What is due of a deployment's roots, by what is owed and what was proposed. Pure.

use souk_payouts::state::PendingRoot;
use souk_schema::{B256, BlockRef};

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing, for now.
    Nothing,
    /// A root over what is owed as of the final block; it replaces a pending one.
    Propose {
        /// Its epoch.
        epoch: u64,
    },
    /// The pending root is final as soon as the contract agrees.
    Finalise {
        /// Its epoch.
        epoch: u64,
        /// The root.
        root: B256,
    },
    /// The pending root counts what is held or was taken away by now, and there is nothing to propose instead yet; or it is none of ours.
    Withdraw {
        /// Its epoch.
        epoch: u64,
        /// The root.
        root: B256,
    },
}

/// What a decision is made of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The epoch of the last finalised root; 0 before the first.
    pub finalised_epoch: u64,
    /// That root.
    pub finalised_root: Option<B256>,
    /// The block that it was computed at; 0 before the first.
    pub finalised_block: u64,
    /// The root that is pending.
    pub pending: Option<PendingRoot>,
    /// Whether the pending root is something else than what the log says as of its block.
    pub is_false: bool,
    /// The newest final block.
    pub finalized: BlockRef,
    /// Whether more, or less, is owed as of that block than the finalised root says.
    pub has_news: bool,
    /// Whether a root at that block counts something that is held, or was taken away, by now. A root is a function of the log up to its block,
    /// or nobody could recompute it, so what is newer than the final block cannot be left out of it.
    pub would_be_spoiled: bool,
    /// Whether the time between two epochs is over.
    pub is_time: bool,
}

/// What is due. A root that waits undisturbed is left alone, whatever came since.
pub fn decide(seen: &Seen) -> Due {
    let epoch = seen.finalised_epoch + 1;
    // The contract takes roots at rising blocks alone. One that is spoiled already is not proposed, but waited for: the dispute becomes final.
    let may_propose = seen.has_news && !seen.would_be_spoiled && seen.finalized.number > seen.finalised_block;
    let Some(pending) = &seen.pending else {
        return match may_propose && seen.is_time {
            true => Due::Propose { epoch },
            false => Due::Nothing,
        };
    };
    let is_spoiled = !pending.spoiled.is_empty();
    let (of, root) = (pending.epoch, pending.proposed.root);
    match () {
        () if seen.is_false => Due::Withdraw { epoch: of, root },
        () if is_spoiled && may_propose => Due::Propose { epoch },
        () if is_spoiled => Due::Withdraw { epoch: of, root },
        // Until its block is final, the log may come to say something else of it.
        () if pending.proposed.computed_at.number > seen.finalized.number => Due::Nothing,
        () => Due::Finalise { epoch: of, root },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_payouts::state::{Epoch, RootStatus};
    use souk_schema::U256;

    fn at(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: B256::with_last_byte(1),
        }
    }

    fn seen() -> Seen {
        Seen {
            finalised_epoch: 3,
            finalised_root: Some(B256::repeat_byte(6)),
            finalised_block: 90,
            pending: None,
            finalized: at(100),
            is_false: false,
            has_news: true,
            would_be_spoiled: false,
            is_time: true,
        }
    }

    fn pending(spoiled: Vec<(U256, u32)>) -> Option<PendingRoot> {
        Some(PendingRoot {
            epoch: 4,
            proposed: Epoch {
                root: B256::repeat_byte(7),
                computed_at: at(95),
                status: RootStatus::Pending,
            },
            spoiled,
        })
    }

    #[test]
    fn an_epoch_begins_when_there_is_something_new_and_it_is_time() {
        assert_eq!(decide(&seen()), Due::Propose { epoch: 4 });
        for nothing in [
            Seen {
                has_news: false,
                ..seen()
            },
            Seen {
                is_time: false,
                ..seen()
            },
            Seen {
                finalized: at(90),
                ..seen()
            },
            Seen {
                would_be_spoiled: true,
                ..seen()
            },
        ] {
            assert_eq!(decide(&nothing), Due::Nothing);
        }
    }

    #[test]
    fn a_root_that_waits_is_finalised_and_not_replaced_by_news() {
        let waiting = Seen {
            pending: pending(vec![]),
            ..seen()
        };
        let root = B256::repeat_byte(7);
        assert_eq!(decide(&waiting), Due::Finalise { epoch: 4, root });
        let before_it_is_final = Seen {
            finalized: at(94),
            ..waiting
        };
        assert_eq!(decide(&before_it_is_final), Due::Nothing);
    }

    #[test]
    fn a_root_that_the_log_does_not_bear_out_is_taken_back_whatever_else_is_so() {
        let root = B256::repeat_byte(7);
        for spoiled in [vec![], vec![(U256::from(12), 1)]] {
            let seen = Seen {
                pending: pending(spoiled),
                is_false: true,
                ..seen()
            };
            assert_eq!(decide(&seen), Due::Withdraw { epoch: 4, root });
        }
    }

    #[test]
    fn a_root_that_counts_what_is_held_is_replaced_at_once_or_taken_back() {
        let spoiled = pending(vec![(U256::from(12), 1)]);
        let replaced = Seen {
            pending: spoiled.clone(),
            is_time: false,
            ..seen()
        };
        assert_eq!(decide(&replaced), Due::Propose { epoch: 4 });
        let root = B256::repeat_byte(7);
        for has_news in [false, true] {
            let taken_back = Seen {
                pending: spoiled.clone(),
                would_be_spoiled: has_news,
                has_news,
                ..seen()
            };
            assert_eq!(decide(&taken_back), Due::Withdraw { epoch: 4, root });
        }
    }
}
