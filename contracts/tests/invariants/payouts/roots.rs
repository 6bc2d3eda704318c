//! Examples of what may happen to a root before claims are against it.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolConstructor, SolEvent};
use souk_contracts::PayoutDistributor::{
    self, DisputeOpen, EmptyRoot, FeeAboveCap, InvalidAccount, InvalidBond, InvalidWindow, NotDisputed, NotPending,
    OnlyProposer, OwnableUnauthorizedAccount, ProposerChanged, ProtocolFeeChanged, RootDisputeResolved, RootDisputed,
    RootFinalised, RootProposed, RootWithdrawn, TransferNotExact, WindowOver, WindowStillOpen, WrongBlock, WrongEpoch,
};

use super::{FIRST_BLOCK, REASON, dispute, finalise, lapse, open, propose, resolve, withdraw};
use crate::wired::{BOND, DECISION_SECS, DISPUTE_SECS, FEE_E8, PROPOSER, TREASURY, distributor_arguments};
use crate::world::{ACTORS, DEPLOYER, START_SECS, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const ROOT: B256 = B256::repeat_byte(0x11);
const OTHER: B256 = B256::repeat_byte(0x22);

#[test]
fn a_root_says_what_it_was_computed_at_and_until_when_it_waits() {
    let mut world = open();
    let at = world.distributor();
    let done = world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    let expected = RootProposed {
        epoch: 1,
        root: ROOT,
        blockNumber: FIRST_BLOCK,
        blockHash: B256::repeat_byte(0xbb),
        finalisableAt: START_SECS + DISPUTE_SECS,
        proposer: PROPOSER,
    };
    assert_eq!(
        RootProposed::decode_log(&done.logs[0]).expect("the event").data,
        expected
    );
    let pending = world.pending();
    assert_eq!((pending.root, pending.blockHash), (ROOT, expected.blockHash));
    assert_eq!(
        (pending.blockNumber, pending.finalisableAt),
        (FIRST_BLOCK, START_SECS + DISPUTE_SECS)
    );
    assert_eq!((pending.proposer, pending.disputer), (PROPOSER, Address::ZERO));
}

#[test]
fn roots_are_proposed_by_the_proposer_in_order() {
    let mut world = open();
    let at = world.distributor();
    world.must_refuse::<OnlyProposer>(DEPLOYER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must_refuse::<WrongEpoch>(PROPOSER, at, &propose(0, ROOT, FIRST_BLOCK));
    world.must_refuse::<WrongEpoch>(PROPOSER, at, &propose(2, ROOT, FIRST_BLOCK));
    world.must_refuse::<EmptyRoot>(PROPOSER, at, &propose(1, B256::ZERO, FIRST_BLOCK));
    world.must_refuse::<WrongBlock>(PROPOSER, at, &propose(1, ROOT, 0));
    world.must_refuse::<WrongBlock>(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK + 1));
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.pass(DISPUTE_SECS);
    world.must(BOB, at, &finalise(1, ROOT));
    world.mine(10);
    world.must_refuse::<WrongEpoch>(PROPOSER, at, &propose(1, OTHER, FIRST_BLOCK + 1));
    world.must_refuse::<WrongBlock>(PROPOSER, at, &propose(2, OTHER, FIRST_BLOCK));
    world.must(PROPOSER, at, &propose(2, OTHER, FIRST_BLOCK + 1));
}

/// A root can be disputed until, and finalised from, the same second.
#[test]
fn the_window_ends_at_its_second() {
    let mut world = open();
    let at = world.distributor();
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.pass(DISPUTE_SECS - 1);
    world.must_refuse::<WindowStillOpen>(ALICE, at, &finalise(1, ROOT));
    let mut late = World::with_state(world.state());
    late.pass(DISPUTE_SECS);
    late.must_refuse::<WindowOver>(ALICE, at, &dispute(1, ROOT));
    let done = late.must(ALICE, at, &finalise(1, ROOT));
    assert!(RootFinalised::decode_log(&done.logs[0]).is_ok());
    late.must_refuse::<NotPending>(ALICE, at, &finalise(1, ROOT));
    late.must_refuse::<NotPending>(ALICE, at, &finalise(2, ROOT));
    assert_eq!(late.view(at, &PayoutDistributor::finalisedRootCall {}), ROOT);
    assert_eq!(late.view(at, &PayoutDistributor::finalisedBlockCall {}), FIRST_BLOCK);
    world.must(ALICE, at, &dispute(1, ROOT));
}

/// A call names the root that it is about, so that a replacement is not hit by what was meant for the one before.
#[test]
fn only_the_root_that_waits_is_touched() {
    let mut world = open();
    let at = world.distributor();
    world.must_refuse::<NotPending>(PROPOSER, at, &withdraw(1, B256::ZERO));
    world.must_refuse::<NotPending>(ALICE, at, &finalise(1, B256::ZERO));
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    for (epoch, root) in [(1, OTHER), (2, ROOT), (0, ROOT)] {
        world.must_refuse::<NotPending>(ALICE, at, &dispute(epoch, root));
        world.must_refuse::<NotPending>(DEPLOYER, at, &resolve(epoch, root, true));
        world.must_refuse::<NotPending>(PROPOSER, at, &withdraw(epoch, root));
        world.must_refuse::<NotPending>(ALICE, at, &finalise(epoch, root));
    }
}

#[test]
fn a_disputed_root_waits_for_the_owner() {
    let mut world = open();
    let at = world.distributor();
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must_refuse::<NotDisputed>(DEPLOYER, at, &resolve(1, ROOT, true));
    let done = world.must(ALICE, at, &dispute(1, ROOT));
    let event = RootDisputed::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.disputer, event.bond), (ALICE, U256::from(BOND)));
    assert_eq!(event.reason, REASON);
    world.must_refuse::<DisputeOpen>(BOB, at, &dispute(1, ROOT));
    world.pass(100 * DISPUTE_SECS);
    world.must_refuse::<DisputeOpen>(BOB, at, &finalise(1, ROOT));
    world.must_refuse::<OwnableUnauthorizedAccount>(PROPOSER, at, &resolve(1, ROOT, false));
}

/// The owner decides until, and anyone has the dispute lapse from, the same second. A root that nobody stood by is gone.
#[test]
fn a_dispute_that_nobody_decides_takes_the_root_along() {
    let mut world = open();
    let at = world.distributor();
    let before = world.dollars(ALICE);
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must_refuse::<NotDisputed>(BOB, at, &lapse(1, ROOT));
    world.must(ALICE, at, &dispute(1, ROOT));
    assert_eq!(world.pending().decidableUntil, START_SECS + DECISION_SECS);
    world.pass(DECISION_SECS - 1);
    world.must_refuse::<WindowStillOpen>(BOB, at, &lapse(1, ROOT));
    world.must_refuse::<NotPending>(BOB, at, &lapse(1, OTHER));
    let mut decided = World::with_state(world.state());
    decided.must(DEPLOYER, at, &resolve(1, ROOT, false));
    assert_eq!(decided.pending().decidableUntil, 0);
    decided.must_refuse::<NotDisputed>(BOB, at, &lapse(1, ROOT));

    world.pass(1);
    world.must_refuse::<WindowOver>(DEPLOYER, at, &resolve(1, ROOT, false));
    let done = world.must(BOB, at, &lapse(1, ROOT));
    let event = RootDisputeResolved::decode_log(&done.logs[0]).expect("the event").data;
    let expected = RootDisputeResolved {
        epoch: 1,
        root: ROOT,
        upheld: true,
        bondTo: ALICE,
        bond: U256::from(BOND),
    };
    assert_eq!(event, expected);
    assert_eq!((world.dollars(ALICE), world.dollars(at)), (before, U256::ZERO));
    assert_eq!(world.pending().root, B256::ZERO);
    world.must_refuse::<NotPending>(BOB, at, &finalise(1, ROOT));
    world.mine(1);
    world.must(PROPOSER, at, &propose(1, OTHER, FIRST_BLOCK));
    assert_eq!(world.pending().decidableUntil, 0);
}

/// Upheld: the root is gone, and the disputer has the bond back. Dismissed: the bond is the treasury's, and what is left of the
/// window is open to the next dispute.
#[test]
fn a_bond_goes_to_who_was_right() {
    let mut world = open();
    let at = world.distributor();
    let before = world.dollars(ALICE);
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must(ALICE, at, &dispute(1, ROOT));
    assert_eq!(world.dollars(at), U256::from(BOND));

    let mut upheld = World::with_state(world.state());
    upheld.mine(1);
    upheld.must(DEPLOYER, at, &resolve(1, ROOT, true));
    assert_eq!((upheld.dollars(ALICE), upheld.dollars(at)), (before, U256::ZERO));
    assert_eq!(upheld.pending().root, B256::ZERO);
    upheld.must(PROPOSER, at, &propose(1, OTHER, FIRST_BLOCK));

    world.must(DEPLOYER, at, &resolve(1, ROOT, false));
    assert_eq!(world.dollars(ALICE), before - U256::from(BOND));
    assert_eq!(world.dollars(TREASURY), U256::from(BOND));
    world.must(BOB, at, &dispute(1, ROOT));
    world.must(DEPLOYER, at, &resolve(1, ROOT, false));
    world.pass(DISPUTE_SECS);
    world.must(BOB, at, &finalise(1, ROOT));
}

#[test]
fn a_root_taken_back_or_replaced_gives_the_bond_back() {
    let mut world = open();
    let at = world.distributor();
    let before = world.dollars(ALICE);
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must(ALICE, at, &dispute(1, ROOT));
    world.must_refuse::<OnlyProposer>(ALICE, at, &withdraw(1, ROOT));
    let done = world.must(PROPOSER, at, &withdraw(1, ROOT));
    assert!(RootWithdrawn::decode_log(&done.logs[0]).is_ok());
    assert_eq!(world.dollars(ALICE), before);

    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must(ALICE, at, &dispute(1, ROOT));
    world.pass(7);
    let done = world.must(PROPOSER, at, &propose(1, OTHER, FIRST_BLOCK));
    let gone = RootWithdrawn::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((gone.epoch, gone.root), (1, ROOT));
    let new = RootProposed::decode_log(&done.logs[1]).expect("the event");
    assert_eq!(
        new.finalisableAt,
        world.now_secs() + DISPUTE_SECS,
        "a window of its own"
    );
    assert_eq!(world.dollars(ALICE), before);
    assert_eq!(world.view(at, &PayoutDistributor::bondsHeldCall {}), U256::ZERO);
}

#[test]
fn roles_and_fee_are_the_owners_to_change() {
    let mut world = open();
    let at = world.distributor();
    let fee = |fee_e8, to| PayoutDistributor::setProtocolFeeCall {
        newFeeE8: fee_e8,
        newFeeAccount: to,
    };
    let proposer = |to| PayoutDistributor::setProposerCall { newProposer: to };
    assert_eq!(world.view(at, &PayoutDistributor::protocolFeeE8Call {}), FEE_E8);
    world.must_refuse::<OwnableUnauthorizedAccount>(PROPOSER, at, &fee(1, ALICE));
    world.must_refuse::<OwnableUnauthorizedAccount>(PROPOSER, at, &proposer(ALICE));
    world.must_refuse::<FeeAboveCap>(DEPLOYER, at, &fee(10_000_001, ALICE));
    world.must_refuse::<InvalidAccount>(DEPLOYER, at, &fee(1, Address::ZERO));
    world.must_refuse::<InvalidAccount>(DEPLOYER, at, &fee(1, at));
    world.must_refuse::<InvalidAccount>(DEPLOYER, at, &proposer(Address::ZERO));
    let done = world.must(DEPLOYER, at, &fee(10_000_000, ALICE));
    let event = ProtocolFeeChanged::decode_log(&done.logs[0]).expect("the event");
    assert_eq!(
        (event.previousE8, event.currentE8, event.feeAccount),
        (FEE_E8, 10_000_000, ALICE)
    );
    let done = world.must(DEPLOYER, at, &proposer(BOB));
    let event = ProposerChanged::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.previous, event.current), (PROPOSER, BOB));
    world.must_refuse::<OnlyProposer>(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must(BOB, at, &propose(1, ROOT, FIRST_BLOCK));
    assert_eq!(world.view(at, &PayoutDistributor::feeAccountCall {}), ALICE);
}

#[test]
fn a_distributor_is_deployed_within_bounds() {
    let mut world = World::new();
    let good = distributor_arguments(world.at.test_usd);
    let mut bad = vec![good.clone(); 5];
    bad[0].config.disputeWindowSecs = 0;
    bad[1].config.disputeWindowSecs = 30 * 86_400 + 1;
    bad[2].config.bond = U256::ZERO;
    bad[3].config.bondToken = Address::ZERO;
    bad[4].config.protocolFeeE8 = 10_000_001;
    let mut refusal = |arguments: &PayoutDistributor::constructorCall| {
        let outcome = world.try_create("PayoutDistributor", &arguments.abi_encode());
        outcome.expect_err("a refusal")
    };
    assert!(refusal(&bad[0]).is::<InvalidWindow>());
    assert!(refusal(&bad[1]).is::<InvalidWindow>());
    assert!(refusal(&bad[2]).is::<InvalidBond>());
    assert!(refusal(&bad[3]).is::<InvalidBond>());
    assert!(refusal(&bad[4]).is::<FeeAboveCap>());
    for window in [1, 30 * 86_400] {
        let mut arguments = good.clone();
        arguments.config.disputeWindowSecs = window;
        assert!(world.try_create("PayoutDistributor", &arguments.abi_encode()).is_ok());
    }
}

/// A bond is there in full, or the dispute is refused.
#[test]
fn a_bond_that_shrinks_on_its_way_is_refused() {
    let mut world = open();
    let arguments = distributor_arguments(world.fee_token);
    let at = world.create("PayoutDistributor", &arguments.abi_encode());
    world.approve_all(ALICE, at);
    world.must(PROPOSER, at, &propose(1, ROOT, FIRST_BLOCK));
    world.must_refuse::<TransferNotExact>(ALICE, at, &dispute(1, ROOT));
}
