//! Each decision in a small text language, and whole reorganisations against a naive oracle (IDX-1).
//!
//! `tail 1a 2a 3a final 1a` is a stream; `branch 2a<3b<4b` is block 4b on 3b on 2a, of which the first is only known as the parent.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// `12b` is the block of height 12 on branch b.
fn block(word: &str) -> BlockRef {
    let (number, branch) = word.split_at(word.len() - 1);
    let mut hash = [0; 32];
    hash[30] = number.parse().unwrap();
    hash[31] = branch.as_bytes()[0];
    BlockRef {
        number: number.parse().unwrap(),
        hash: hash.into(),
    }
}

fn name(hash: B256) -> String {
    format!("{}{}", hash[30], char::from(hash[31]))
}

fn check(tail: &str, branch: &str, expected: Expect) {
    let (blocks, finalized) = tail.split_once(" final ").unwrap_or((tail, ""));
    let blocks: Vec<BlockRef> = blocks.split_whitespace().map(block).collect();
    let mut tail = Tail::empty(blocks.first().map_or(5, |first| first.number));
    let mut parent = block(&format!("{}a", tail.start - 1)).hash;
    for block in blocks {
        tail.push(block, parent).unwrap();
        parent = block.hash;
    }
    if !finalized.is_empty() {
        tail.finalize(block(finalized)).unwrap();
    }
    let branch: Vec<BlockRef> = branch.split('<').map(block).collect();
    let mut shown = Branch::new(branch[branch.len() - 1], branch[branch.len() - 2].hash);
    for pair in branch[..branch.len() - 1].windows(2).rev() {
        assert!(shown.extend_below(pair[1], pair[0].hash));
    }
    let said = match decide(&tail, &shown) {
        Decision::UpToDate => "up to date".into(),
        Decision::Wait { behind_by } => format!("wait, the node is {behind_by} behind"),
        Decision::Fetch { from } => format!("fetch from {from}"),
        Decision::Descend { number, hash } => format!("descend to {number} {}", name(hash)),
        Decision::Extend { from } => format!("extend from {from}"),
        Decision::Revert(reverts) => {
            let words: Vec<_> = reverts
                .iter()
                .map(|r| format!("{} to {}", name(r.hash), name(r.parent_hash)))
                .collect();
            format!("revert {}", words.join(", "))
        }
        Decision::Violated { finalized } => format!("violated {}", name(finalized.hash)),
    };
    expected.assert_eq(&said);
}

#[test]
fn a_head_on_our_chain_is_followed() {
    check("1a 2a 3a", "2a<3a", expect!["up to date"]);
    check("1a 2a 3a", "3a<4a", expect!["extend from 4"]);
    check("1a 2a 3a", "2a<3a<4a<5a", expect!["extend from 4"]);
    check("1a 2a 3a", "8a<9a", expect!["fetch from 4"]);
}

#[test]
fn an_empty_stream_begins_at_its_start_block() {
    check("", "3a<4a", expect!["up to date"]);
    check("", "4a<5a", expect!["extend from 5"]);
    check("", "8a<9a", expect!["fetch from 5"]);
}

#[test]
fn a_node_that_is_older_is_waited_for_and_not_taken_for_a_reorg() {
    check("1a 2a 3a", "1a<2a", expect!["wait, the node is 1 behind"]);
    check("1a 2a 3a 4a final 2a", "1a<2a", expect!["wait, the node is 2 behind"]);
    check("1a 2a 3a 4a final 2a", "0a<1a", expect!["wait, the node is 3 behind"]);
}

#[test]
fn a_fork_is_walked_down_to_the_common_block_and_reverted_newest_first() {
    check("1a 2a 3a", "2a<3b", expect!["revert 3a to 2a"]);
    check("1a 2a 3a", "3b<4b", expect!["descend to 3 3b"]);
    check("1a 2a 3a", "2b<3b<4b", expect!["descend to 2 2b"]);
    check("1a 2a 3a", "1a<2b<3b<4b", expect!["revert 3a to 2a, 2a to 1a"]);
}

#[test]
fn a_shorter_branch_with_a_better_head_wins() {
    check("1a 2a 3a 4a", "1a<2b", expect!["revert 4a to 3a, 3a to 2a, 2a to 1a"]);
}

#[test]
fn a_fork_below_the_first_block_reverts_everything_unless_it_is_final() {
    check("1a 2a", "0b<1b<2b", expect!["revert 2a to 1a, 1a to 0a"]);
    check("1a 2a final 1a", "0b<1b<2b", expect!["violated 1a"]);
}

#[test]
fn a_fork_at_or_below_finality_is_refused_as_soon_as_it_shows() {
    check("1a 2a 3a 4a final 2a", "2b<3b<4b", expect!["violated 2a"]);
    check("1a 2a 3a 4a final 2a", "2a<3b<4b", expect!["revert 4a to 3a, 3a to 2a"]);
    check("1a 2a 3a 4a final 2a", "3b<4b", expect!["descend to 3 3b"]);
    check("1a 2a 3a 4a final 2a", "1b<2b", expect!["violated 2a"]);
}

#[test]
fn the_tail_takes_only_what_links() {
    let mut tail = Tail::empty(1);
    tail.push(block("1a"), block("0a").hash).unwrap();
    assert!(tail.push(block("2b"), block("1b").hash).is_err());
    assert!(tail.push(block("3a"), block("1a").hash).is_err());
    assert!(tail.pop(block("1b")).is_err());
    assert!(tail.finalize(block("1b")).is_err());
    tail.finalize(block("1a")).unwrap();
    assert!(tail.finalize(block("1a")).is_err(), "finality only rises");
    assert!(tail.pop(block("1a")).is_err(), "a final block is never reverted");
}

/// The node's chain: hash by height, and each block's parent.
struct Node(BTreeMap<u64, BlockRef>);

impl Node {
    fn parent(&self, number: u64) -> B256 {
        number.checked_sub(1).map_or(B256::ZERO, |below| self.0[&below].hash)
    }

    fn branch(&self, number: u64) -> Branch {
        Branch::new(self.0[&number], self.parent(number))
    }
}

/// Follows `node` from `tail` as the engine does, and returns what it reverted, or the final block that stopped it.
fn follow(tail: &mut Tail, node: &Node) -> Result<Vec<u64>, BlockRef> {
    let head = *node.0.keys().next_back().unwrap();
    let mut branch = node.branch(head);
    let mut reverted = Vec::new();
    for _ in 0..10_000 {
        match decide(tail, &branch) {
            Decision::UpToDate | Decision::Wait { .. } => return Ok(reverted),
            Decision::Fetch { from } if tail.links(from, node.parent(from)) => {
                tail.push(node.0[&from], node.parent(from)).unwrap();
            }
            Decision::Fetch { from } => branch = node.branch(from),
            Decision::Descend { number, .. } => assert!(branch.extend_below(node.0[&number], node.parent(number))),
            Decision::Extend { from } => {
                tail.push(node.0[&from], node.parent(from)).unwrap();
                branch = node.branch(head);
            }
            Decision::Revert(reverts) => {
                for revert in reverts {
                    tail.pop(BlockRef {
                        number: revert.number,
                        hash: revert.hash,
                    })
                    .unwrap();
                    reverted.push(revert.number);
                }
            }
            Decision::Violated { finalized } => return Err(finalized),
        }
    }
    panic!("no decision after 10,000 steps");
}

proptest! {
    /// IDX-1 for the decisions: whatever the log held, it ends as the node's chain, and reverts exactly what is not on it.
    #[test]
    fn the_stream_ends_as_the_nodes_chain(
        start in 0u64..6, ours in 0u64..40, theirs in 0u64..40, fork in 0u64..40, finalized in proptest::option::of(0u64..40),
    ) {
        let fork = fork.min(ours).min(theirs);
        let chain = |branch: char, to: u64| -> Node {
            let name = |n: u64| format!("{n}{}", if n < fork { 'a' } else { branch });
            Node((0..=to).map(|n| (n, block(&name(n)))).collect())
        };
        let (our_chain, node) = (chain('b', ours), chain('c', theirs));
        let mut tail = Tail::empty(start);
        for n in start..=ours {
            tail.push(our_chain.0[&n], our_chain.parent(n)).unwrap();
        }
        let finalized = finalized.and_then(|n| tail.at(n));
        if let Some(block) = finalized {
            tail.finalize(block).unwrap();
        }

        let before = tail.clone();
        let result = follow(&mut tail, &node);
        // Naively: what of ours is on the node's chain?
        let held: Vec<u64> = (start..=ours).collect();
        let lost: Vec<u64> = held.iter().rev().copied().filter(|n| node.0.get(n) != Some(&our_chain.0[n])).collect();
        let shows_nothing = theirs < finalized.map_or(start, |block| block.number);
        let is_older = theirs < ours && node.0[&theirs] == our_chain.0[&theirs];
        if shows_nothing || is_older {
            prop_assert_eq!(result, Ok(vec![]));
            prop_assert_eq!(tail, before);
        } else if let Some(block) = finalized.filter(|block| lost.contains(&block.number)) {
            prop_assert_eq!(result, Err(block));
        } else {
            prop_assert_eq!(result, Ok(lost));
            prop_assert_eq!(tail.head(), node.0.get(&theirs).copied());
            for n in finalized.map_or(start, |block| block.number)..=theirs {
                prop_assert_eq!(tail.at(n), Some(node.0[&n]));
            }
        }
    }
}
