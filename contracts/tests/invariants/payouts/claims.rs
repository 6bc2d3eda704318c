//! Examples of claims: what a proof proves, and what a token or a batch may do.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::PayoutDistributor::{
    self, Claimed, InsufficientFunds, InvalidProof, NothingToClaim, ReentrancyGuardReentrantCall,
};
use souk_contracts::TestUSD;

use super::tree::Tree;
use super::{FIRST_BLOCK, claim, claim_all, claim_of, dispute, open, propose, tree_of};
use crate::wired::{BOND, PROPOSER};
use crate::world::{ACTORS, TestToken, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const CAROL: Address = ACTORS[2];

/// Trees of one to nine leaves: every entry is provable, and pays once.
#[test]
fn every_leaf_of_every_shape_is_paid_once() {
    for leaves in 1..=9_u8 {
        let mut world = open();
        let (at, token) = (world.distributor(), world.at.test_usd);
        world.earn(BOB, token, 10_000);
        let amounts: Vec<_> = (1..=leaves)
            .map(|n| (Address::repeat_byte(n), 10 * u64::from(n)))
            .collect();
        let tree = tree_of(token, &amounts);
        world.finalised(&tree);
        for (place, (account, amount)) in amounts.iter().enumerate() {
            let done = world.must(CAROL, at, &claim_of(&tree, place));
            assert_eq!(done.value, U256::from(*amount));
            let event = Claimed::decode_log(&done.logs[0]).expect("the event");
            assert_eq!((event.account, event.token), (*account, token));
            assert_eq!((event.amount, event.cumulative), (done.value, done.value));
            assert_eq!(world.balance(token, *account), U256::from(*amount));
            world.must_refuse::<NothingToClaim>(*account, at, &claim_of(&tree, place));
        }
    }
}

#[test]
fn what_is_not_in_the_tree_is_refused() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    world.earn(BOB, token, 10_000);
    let tree = tree_of(token, &[(ALICE, 10), (BOB, 20), (CAROL, 30)]);
    world.must_refuse::<InvalidProof>(ALICE, at, &claim_of(&tree, 0));
    world.must(PROPOSER, at, &propose(1, tree.root(), FIRST_BLOCK));
    world.must_refuse::<InvalidProof>(ALICE, at, &claim_of(&tree, 0));
    world.finalised(&tree);

    let mut more = tree.entries[0];
    more.cumulative += U256::ONE;
    let mut mine = tree.entries[1];
    mine.account = ALICE;
    let mut other = tree.entries[0];
    other.token = world.fee_token;
    for entry in [more, mine, other] {
        for proof in [tree.proof(0), tree.proof(1), vec![], vec![tree.root()]] {
            world.must_refuse::<InvalidProof>(ALICE, at, &claim(entry, proof));
        }
    }
    // Neither the root itself nor an inner node is a leaf: leaves are hashed twice.
    world.must_refuse::<InvalidProof>(ALICE, at, &claim(tree.entries[0], vec![]));
    world.must_refuse::<InvalidProof>(ALICE, at, &claim(tree.entries[0], tree.proof(1)));
}

/// A finalised root replaces the one before: its proofs hold no more, and what it left unclaimed is in the new one.
#[test]
fn a_new_root_leaves_nothing_unclaimed_behind() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    world.earn(BOB, token, 1_000);
    let first = tree_of(token, &[(ALICE, 100), (BOB, 200)]);
    world.finalised(&first);
    world.must(CAROL, at, &claim_of(&first, 0));
    let second = tree_of(token, &[(ALICE, 150), (BOB, 250), (CAROL, 50)]);
    world.finalised(&second);
    world.must_refuse::<InvalidProof>(BOB, at, &claim_of(&first, 1));
    for (place, left) in [(0, 50_u64), (1, 250), (2, 50)] {
        assert_eq!(world.must(BOB, at, &claim_of(&second, place)).value, U256::from(left));
    }
    let claimed = PayoutDistributor::claimedCall { account: ALICE, token };
    assert_eq!(world.view(at, &claimed), U256::from(150));
}

/// Should a leaf ever fall, it pays nothing, and takes nothing back.
#[test]
fn a_leaf_that_fell_pays_nothing() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    world.earn(BOB, token, 1_000);
    let first = tree_of(token, &[(ALICE, 100), (BOB, 200)]);
    world.finalised(&first);
    world.must(ALICE, at, &claim_of(&first, 0));
    let fallen = tree_of(token, &[(ALICE, 90), (BOB, 200)]);
    world.finalised(&fallen);
    world.must_refuse::<NothingToClaim>(ALICE, at, &claim_of(&fallen, 0));
    world.finalised(&tree_of(token, &[(ALICE, 101), (BOB, 200)]));
    let risen = tree_of(token, &[(ALICE, 101), (BOB, 200)]);
    assert_eq!(world.must(ALICE, at, &claim_of(&risen, 0)).value, U256::ONE);
}

/// A batch passes over what somebody claimed first, and is refused whole where a proof is wrong.
#[test]
fn nobody_spoils_a_batch_by_claiming_first() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    world.earn(BOB, token, 1_000);
    let tree = tree_of(token, &[(ALICE, 1), (BOB, 2), (CAROL, 3)]);
    world.finalised(&tree);
    world.must(CAROL, at, &claim_of(&tree, 1));
    let mut spoilt = claim_all(&tree);
    spoilt.claims[2].cumulative += U256::ONE;
    world.must_refuse::<InvalidProof>(CAROL, at, &spoilt);
    let paid = |logs: &[alloy::primitives::Log]| logs.iter().filter(|log| Claimed::decode_log(log).is_ok()).count();
    assert_eq!(paid(&world.must(CAROL, at, &claim_all(&tree)).logs), 2);
    assert_eq!(paid(&world.must(CAROL, at, &claim_all(&tree)).logs), 0);
}

/// A root that promises more than there is pays no bond out.
#[test]
fn bonds_are_not_paid_out_as_revenue() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    world.earn(BOB, token, 100);
    let tree = tree_of(token, &[(ALICE, 101), (CAROL, 100)]);
    world.finalised(&tree);
    let next = B256::repeat_byte(9);
    let block = world.block() - 1;
    world.must(PROPOSER, at, &propose(2, next, block));
    world.must(BOB, at, &dispute(2, next));
    assert_eq!(world.dollars(at), U256::from(100 + BOND));
    world.must_refuse::<InsufficientFunds>(ALICE, at, &claim_of(&tree, 0));
    world.must(ALICE, at, &claim_of(&tree, 1));
    assert_eq!(world.dollars(at), U256::from(BOND));
}

/// A token that calls back in the middle of a payment cannot be paid a second time, nor slip another claim in.
#[test]
fn a_claim_within_a_claim_is_refused() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.reentrant_token);
    world.earn(BOB, token, 1_000);
    let tree = tree_of(token, &[(ALICE, 10), (BOB, 20)]);
    world.finalised(&tree);
    let arm = |world: &mut World, target: Address, payload: Vec<u8>| {
        let payload = payload.into();
        world.must(BOB, token, &TestToken::armCall { target, payload });
    };
    let inner: [Vec<u8>; 3] = [
        claim_of(&tree, 0).abi_encode(),
        claim_of(&tree, 1).abi_encode(),
        claim_all(&tree).abi_encode(),
    ];
    for payload in inner {
        arm(&mut world, at, payload);
        world.must_refuse::<ReentrancyGuardReentrantCall>(ALICE, at, &claim_of(&tree, 0));
        world.must_refuse::<ReentrancyGuardReentrantCall>(ALICE, at, &claim_all(&tree));
    }
    arm(&mut world, token, TestUSD::totalSupplyCall {}.abi_encode());
    world.must(ALICE, at, &claim_all(&tree));
    assert_eq!(world.balance(token, at), U256::from(970));
}

/// Amounts above 128 bits have no special case.
#[test]
fn the_largest_amount_is_a_leaf_like_any_other() {
    let mut world = open();
    let (at, token) = (world.distributor(), world.at.test_usd);
    let mut tree: Tree = tree_of(token, &[(ALICE, 1)]);
    tree.entries[0].cumulative = U256::MAX;
    world.finalised(&tree);
    world.must_refuse::<InsufficientFunds>(ALICE, at, &claim_of(&tree, 0));
    let amount = U256::MAX - world.view(token, &TestUSD::totalSupplyCall {});
    world.must(ALICE, token, &TestToken::mintCall { to: at, amount });
    world.must_refuse::<InsufficientFunds>(ALICE, at, &claim_of(&tree, 0));
}
