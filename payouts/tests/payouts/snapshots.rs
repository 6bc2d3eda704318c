//! A fold that goes on from a snapshot is the fold from nothing: cut anywhere, across reorganisations and epochs, with settled revenues in
//! memory or kept elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::U256;
use souk_payouts::explain::Evidence;
use souk_payouts::fact::BlockFacts;
use souk_payouts::state::Revenue;
use souk_payouts::{Archived, Output, State};

use crate::economy::{Economy, account, contracts, id};
use crate::holds::{finalise, propose};
use crate::oracle::Oracle;
use crate::world::{World, pay, register};

/// What a run came across.
#[derive(Default)]
struct Seen {
    restored: usize,
    before_an_epoch: usize,
    after_an_epoch: usize,
    reverted_after: usize,
    gone: usize,
}

/// The chain under way, folded by a state that forgets what is final.
struct Running {
    economy: Economy,
    state: State,
    chain: Vec<(BlockFacts, Oracle)>,
    oracle: Oracle,
    finalised: u64,
    /// Snapshots by the block that they are as of, and the reorganisations that there had been.
    cuts: Vec<(u64, Vec<u8>, usize)>,
    reverts: usize,
}

impl Running {
    fn new(seed: u64) -> Running {
        Running {
            economy: Economy::new(seed),
            state: State::new(&contracts()),
            chain: Vec::new(),
            oracle: Oracle::default(),
            finalised: 0,
            cuts: Vec::new(),
            reverts: 0,
        }
    }

    fn step(&mut self) {
        let block = self.economy.block(&self.oracle, self.chain.len() as u64 + 1);
        self.state.apply(&block, &mut Output::default()).expect("lawful facts");
        self.chain.push((block.clone(), self.oracle.clone()));
        self.oracle.apply(&block);
        if self.economy.below(5) == 0 {
            self.reverts += 1;
            for _ in 0..=self.economy.below(4) {
                if self.chain.len() as u64 == self.finalised {
                    break;
                }
                let (block, before) = self.chain.pop().expect("more than the final ones");
                self.state.revert(block.block).expect("the head");
                self.oracle = before;
            }
        }
        if self.economy.below(3) == 0 {
            let room = self.chain.len() as u64 - self.finalised;
            self.finalised += self.economy.below(room + 1);
            self.state.finalise(self.finalised);
            self.state.forget_settled(self.finalised);
        }
        if self.economy.below(4) == 0 {
            let copy = self.state.as_of(self.finalised).expect("it is final and not forgotten");
            self.cuts.push((self.finalised, copy.snapshot(), self.reverts));
        }
    }
}

/// The canonical chain folded once, with the bytes of every revenue that it settled.
fn once(chain: &[(BlockFacts, Oracle)]) -> (State, BTreeMap<U256, Archived>) {
    let (mut state, mut output, mut archive) = (State::new(&contracts()), Output::default(), BTreeMap::new());
    for (block, _) in chain {
        state.apply(block, &mut output).expect("it was folded before");
        archive.extend(output.settled.drain(..).map(|archived| (archived.revenue, archived)));
    }
    (state, archive)
}

fn unarchived(archived: &Archived) -> Revenue {
    Revenue::unarchive(&archived.bytes, &archived.plan_bytes()).expect("it was archived")
}

fn run(seed: u64, seen: &mut Seen) {
    let mut running = Running::new(seed);
    for _ in 0..70 {
        running.step();
    }
    let (mut whole, archive) = once(&running.chain);
    assert_eq!(
        running.state.state_hash(),
        whole.state_hash(),
        "forgetting changes nothing"
    );
    for (at, bytes, reverts) in &running.cuts {
        let mut restored = State::restore(&contracts(), bytes).expect("it was taken");
        let settled = restored.settled_count();
        let (before, tail) = running.chain.split_at(*at as usize);
        assert_eq!(restored.state_hash(), once(before).0.state_hash(), "as of block {at}");
        let mut output = Output::default();
        for (block, _) in tail {
            restored.apply(block, &mut output).expect("it was folded before");
            // What came after the cut can be taken back, and the cut cannot.
            if block.block.number % 3 == 0 {
                restored.revert(block.block).expect("the head");
                restored.apply(block, &mut output).expect("it was folded before");
            }
        }
        assert_eq!(restored.state_hash(), whole.state_hash(), "from block {at} on");
        let head = running.chain.len() as u64;
        for block in [0, *at, head] {
            assert_eq!(
                restored.entries(block),
                whole.entries(block),
                "entries at block {block}"
            );
        }
        assert_eq!(restored.pending_root(), whole.pending_root());
        seen.restored += 1;
        seen.after_an_epoch += usize::from(settled > 0);
        seen.before_an_epoch += usize::from(restored.settled_count() > settled);
        seen.reverted_after += usize::from(running.reverts > *reverts);
    }
    for (number, archived) in &archive {
        let kept = whole.revenue(*number).expect("it settled");
        assert_eq!(unarchived(archived), **kept, "revenue {number}");
        if running.state.is_gone(*number) {
            assert!(running.state.revenue(*number).is_none());
            same_explanations(
                &running.state,
                unarchived(archived),
                &whole.evidence(*number).expect("it is there"),
            );
            seen.gone += 1;
        }
    }
}

/// What is read back is explained like what never left.
fn same_explanations(state: &State, revenue: Revenue, expected: &Evidence) {
    let evidence = state.evidence_of(Arc::new(revenue)).expect("its assets are known");
    assert_eq!(evidence.lines(), expected.lines());
    for line in evidence.lines() {
        let explain = |evidence: &Evidence| {
            let why = evidence
                .explain(line.portion, line.recipient, line.kind.role)
                .expect("it has the line");
            let paths: Vec<_> = evidence.paths(&why).map(|path| (path.edges, path.amount)).collect();
            (why.unrounded, why.rounding, why.instead_of, paths)
        };
        assert_eq!(explain(&evidence), explain(expected));
    }
}

#[test]
fn a_fold_from_a_snapshot_is_the_fold_from_nothing_wherever_it_is_cut() {
    let seeds = std::env::var("SOUK_PAYOUT_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    let mut seen = Seen::default();
    for seed in 0..seeds.unwrap_or(25u64) {
        let ran = std::panic::catch_unwind(|| {
            let mut seen = Seen::default();
            run(1_000 + seed, &mut seen);
            seen
        });
        match ran {
            Ok(ran) => {
                seen.restored += ran.restored;
                seen.before_an_epoch += ran.before_an_epoch;
                seen.after_an_epoch += ran.after_an_epoch;
                seen.reverted_after += ran.reverted_after;
                seen.gone += ran.gone;
            }
            Err(panic) => {
                eprintln!("seed {}", 1_000 + seed);
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(seen.restored > 100, "{} snapshots", seen.restored);
    assert!(
        seen.before_an_epoch > 10 && seen.after_an_epoch > 10,
        "epochs end on both sides"
    );
    assert!(seen.reverted_after > 10 && seen.gone > 10);
}

#[test]
fn a_state_goes_back_to_any_block_that_is_not_final_and_to_none_before() {
    let mut world = World::new();
    let mut hashes = vec![world.state.state_hash()];
    world.block(vec![register(1, account(1), 0)]);
    hashes.push(world.state.state_hash());
    for number in 1..=4 {
        world.block(vec![pay(number, 1, id(100))]);
        hashes.push(world.state.state_hash());
    }
    for (number, hash) in hashes.iter().enumerate() {
        let copy = world.state.as_of(number as u64).expect("nothing is final");
        assert_eq!(copy.state_hash(), *hash, "block {number}");
    }
    world.state.finalise(3);
    assert!(world.state.as_of(2).is_none());
    assert_eq!(
        world.state.as_of(3).expect("it is the last final one").state_hash(),
        hashes[3]
    );
}

#[test]
fn a_revenue_that_was_forgotten_does_not_arrive_again() {
    let mut world = World::new();
    world.block(vec![register(1, account(1), 0)]);
    let at = world.block(vec![pay(7, 1, id(100))]);
    world.block(vec![propose(1, at)]);
    let settled_in = world.block(vec![finalise(1)]);
    world.state.forget_settled(settled_in);
    assert_eq!(world.state.settled_in_memory(), 1, "it can still be taken back");
    world.state.finalise(settled_in);
    world.state.forget_settled(settled_in - 1);
    assert_eq!(world.state.settled_in_memory(), 1, "it was not asked for");
    world.state.forget_settled(settled_in);
    assert_eq!((world.state.settled_in_memory(), world.state.settled_count()), (0, 1));
    assert!(world.state.is_gone(id(7)) && world.state.revenue(id(7)).is_none());
    assert!(world.try_block(vec![pay(7, 1, id(5))]).is_err());
}
