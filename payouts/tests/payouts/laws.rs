//! PAY-1, PAY-2 and PAY-3, each by a test that can fail.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use num_bigint::BigInt;
use num_rational::BigRational;
use souk_payouts::merkle::{MerkleTree, differences, leaf, verify};
use souk_payouts::rule::{MANY_PATHS, Splitter};
use souk_payouts::{Entry, Kind, Output, Role, Route, State};
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{Economy, account, contracts, id};
use crate::oracle::{Oracle, integer};
use crate::world::{World, contribute, derive, issue, pay, register, sum};

/// Every node: the revenue into fee and net, the net into payees, each payee's amount into its lines.
#[test]
fn pay_1_every_node_of_a_split_sums_exactly() {
    let mut checked = 0;
    for seed in 100..110 {
        let (mut economy, mut oracle) = (Economy::new(seed), Oracle::default());
        let (mut state, mut output) = (State::new(&contracts()), Output::default());
        for number in 1..60 {
            let block = economy.block(&oracle, number);
            oracle.apply(&block);
            state.apply(&block, &mut output).expect("lawful facts");
        }
        let ours = oracle.revenues.iter().filter(|(_, revenue)| revenue.is_ours());
        for (id, _) in ours {
            let record = state.revenue(*id).expect("it arrived").clone();
            let portions = record.portions(&mut Splitter::default());
            let counts = |number: &u32| record.marks.get(number).is_none_or(|mark| mark.until.is_none());
            let live: BTreeMap<u32, U256> = portions
                .iter()
                .filter(|portion| counts(&portion.number))
                .map(|p| (p.number, p.amount))
                .collect();
            assert_eq!(
                live.values().fold(U256::ZERO, |sum, amount| sum + amount),
                record.payment.amount
            );
            let mut lines: BTreeMap<u32, U256> = BTreeMap::new();
            for line in state.lines(*id) {
                assert!(!line.amount.is_zero(), "nobody is paid nothing");
                *lines.entry(line.portion).or_default() += line.amount;
            }
            let paid = |(number, amount): &(u32, U256)| lines.get(number).copied().unwrap_or_default() == *amount;
            assert!(live.into_iter().all(|portion| paid(&portion)));
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} revenues");
}

#[test]
fn pay_1_one_unit_over_10_000_recipients_goes_to_one_of_them() {
    let mut world = World::new();
    let holders: Vec<(Address, u64)> = (1_000..11_000).map(|number| (account(number), 1)).collect();
    world.block(
        [register(1, account(1), 0)]
            .into_iter()
            .chain(issue(1, &holders))
            .collect(),
    );
    world.block(vec![pay(1, 1, id(1)), pay(2, 1, id(10_001)), pay(3, 1, id(9_999))]);
    let of = |revenue| {
        world
            .output
            .lines
            .iter()
            .filter(|line| line.revenue == id(revenue))
            .copied()
            .collect::<Vec<_>>()
    };
    let first: Vec<_> = of(1).iter().map(|line| (line.recipient, line.amount)).collect();
    assert_eq!(first, [(account(1_000), id(1))], "the lowest address has the tie");
    assert_eq!((of(2).len(), sum(&of(2))), (10_000, id(10_001)));
    assert_eq!((of(3).len(), sum(&of(3))), (9_999, id(9_999)));
}

#[test]
fn pay_1_royalties_of_exactly_the_whole_leave_the_asset_nothing() {
    let mut world = World::new();
    let mut facts: Vec<_> = (1..=4).map(|asset| register(asset, account(asset), 0)).collect();
    facts.extend(derive(2, 1, RoyaltyPolicy::Lap, 33_333_333));
    facts.extend(derive(3, 2, RoyaltyPolicy::Lap, 33_333_333));
    facts.extend(derive(4, 3, RoyaltyPolicy::Lap, 33_333_334));
    facts.push(pay(1, 4, id(100_000_000)));
    facts.push(pay(2, 4, id(1)));
    world.block(facts);
    let owner = |asset, amount| ((asset, Route::RoyaltyLap, Role::Owner, account(asset)), amount);
    let paid = BTreeMap::from([owner(1, 33_333_333), owner(2, 33_333_333), owner(3, 33_333_334)]);
    assert_eq!(world.paid(1), paid);
    assert_eq!(
        world.paid(2),
        BTreeMap::from([owner(3, 1)]),
        "the largest remainder has the only unit"
    );
}

/// LRP is diluted on the way up, LAP is not; both reach the same asset apart, and what LRP sums is split once.
#[test]
fn lap_and_lrp_as_the_rule_spells_them_out() {
    let mut world = World::new();
    let mut facts: Vec<_> = (1..=4).map(|asset| register(asset, account(asset), 0)).collect();
    // 4 pays 2 and 3 by LRP; both pay 1 by LRP, and 3 owes 1 nothing else; 2 takes LAP of nobody.
    facts.extend(derive(2, 1, RoyaltyPolicy::Lrp, 50_000_000));
    facts.extend(derive(3, 1, RoyaltyPolicy::Lrp, 10_000_000));
    facts.extend(derive(4, 2, RoyaltyPolicy::Lrp, 20_000_000));
    facts.extend(derive(4, 3, RoyaltyPolicy::Lrp, 20_000_000));
    facts.extend(derive(4, 1, RoyaltyPolicy::Lap, 1_000_000));
    facts.push(pay(1, 4, id(1_000)));
    world.block(facts);
    let owner = |asset, route, amount| ((asset, route, Role::Owner, account(asset)), amount);
    let paid = BTreeMap::from([
        owner(4, Route::Own, 590),
        owner(3, Route::RoyaltyLrp, 180),
        owner(2, Route::RoyaltyLrp, 100),
        owner(1, Route::RoyaltyLrp, 120),
        owner(1, Route::RoyaltyLap, 10),
    ]);
    assert_eq!(world.paid(1), paid);
    let lines = world.state.lines(id(1));
    let paths = |route| {
        lines
            .iter()
            .find(|line| line.asset == id(1) && line.kind.route == route)
            .map(|line| line.paths)
    };
    assert_eq!((paths(Route::RoyaltyLrp), paths(Route::RoyaltyLap)), (Some(2), Some(1)));
}

fn fraction(numerator: u64, denominator: u64) -> BigRational {
    BigRational::new(BigInt::from(numerator), BigInt::from(denominator))
}

/// Every line of random economies: its paths are those that the oracle enumerates, their shares sum to the unrounded line, and what rounding
/// did is less than a unit at each of the nodes on the way.
#[test]
fn pay_2_every_line_explains_itself() {
    let mut explained = 0;
    for seed in 200..208 {
        let (mut economy, mut oracle) = (Economy::new(seed), Oracle::default());
        let (mut state, mut output) = (State::new(&contracts()), Output::default());
        for number in 1..50 {
            let block = economy.block(&oracle, number);
            oracle.apply(&block);
            state.apply(&block, &mut output).expect("lawful facts");
        }
        for (id, revenue) in &oracle.revenues {
            let mut unrounded = fraction(0, 1);
            for line in state.lines(*id) {
                let why = state
                    .explain(*id, line.portion, line.recipient, line.kind.role)
                    .expect("the line is there");
                assert_eq!(why.line, line);
                assert_eq!(&why.unrounded + &why.rounding, BigRational::from(integer(line.amount)));
                let paths: Vec<_> = state.paths(&why).expect("the revenue is there").collect();
                assert_eq!(paths.len(), line.paths as usize);
                let amounts: BigRational = paths.iter().map(|path| path.amount.clone()).sum();
                assert_eq!(amounts, why.unrounded, "the shares of the paths sum to the line");
                check_paths(&oracle, revenue.payment.asset, &line, &paths);
                unrounded += why.unrounded;
                explained += 1;
            }
            // The fee is rounded down before the rest is shared out, so that part of a unit is counted in both.
            let excess = unrounded - BigRational::from(integer(revenue.payment.amount));
            assert!(excess < fraction(1, 1), "lines without rounding come to the revenue");
        }
    }
    assert!(explained > 300, "{explained} lines");
}

/// The edges of each path lead from the revenue to the asset, and together they are the oracle's.
fn check_paths(oracle: &Oracle, source: U256, line: &souk_payouts::Line, paths: &[souk_payouts::explain::Path]) {
    let target = match line.kind.route {
        Route::RoyaltyLap | Route::RoyaltyLrp => line.asset,
        _ => return,
    };
    let found: BTreeSet<Vec<U256>> = paths
        .iter()
        .map(|path| {
            [source]
                .into_iter()
                .chain(path.edges.iter().map(|edge| edge.parent))
                .collect()
        })
        .collect();
    let all = oracle
        .paths_up(source)
        .into_iter()
        .filter(|path| match (path.last(), line.kind.route) {
            (Some((_, last)), Route::RoyaltyLap) => {
                last.parent == target && last.policy == RoyaltyPolicy::Lap && last.share > 0
            }
            (Some((_, last)), _) => {
                last.parent == target
                    && path
                        .iter()
                        .all(|(_, edge)| edge.policy == RoyaltyPolicy::Lrp && edge.share > 0)
            }
            (None, _) => false,
        });
    let expected: BTreeSet<Vec<U256>> = all
        .map(|path| {
            [source]
                .into_iter()
                .chain(path.iter().map(|(_, edge)| edge.parent))
                .collect()
        })
        .collect();
    // Parents may have been declared after the revenue, but only by the asset that earned it.
    assert!(found.is_subset(&expected));
    assert_eq!(found.len(), paths.len(), "each path once");
}

#[test]
fn pay_2_a_page_of_many_paths_is_near_wherever_it_is() {
    let mut world = World::new();
    // A ladder of 60 diamonds below asset 1: 2^60 paths by LRP, each of a tiny share.
    let mut facts = vec![register(1, account(1), 0)];
    let mut bottom = 1;
    for _ in 0..60 {
        let (left, right, next) = (bottom + 1, bottom + 2, bottom + 3);
        facts.extend([left, right, next].map(|asset| register(asset, account(asset), 0)));
        facts.extend(derive(left, bottom, RoyaltyPolicy::Lrp, 90_000_000));
        facts.extend(derive(right, bottom, RoyaltyPolicy::Lrp, 90_000_000));
        facts.extend(derive(next, left, RoyaltyPolicy::Lrp, 50_000_000));
        facts.extend(derive(next, right, RoyaltyPolicy::Lrp, 50_000_000));
        bottom = next;
    }
    facts.push(pay(1, bottom, id(1_000_000_000)));
    world.block(facts);
    let line = *world
        .output
        .lines
        .iter()
        .find(|line| line.asset == id(1))
        .expect("it is paid");
    assert_eq!(line.paths, MANY_PATHS);
    let why = world
        .state
        .explain(id(1), line.portion, line.recipient, line.kind.role)
        .expect("the line is there");
    let mut paths = world.state.paths(&why).expect("the revenue is there");
    paths.skip_paths((1 << 60) - 2);
    let last: Vec<_> = paths.collect();
    assert_eq!(last.len(), 2);
    assert_eq!(last[1].edges.len(), 120);
    let share = fraction(9, 20).pow(60);
    assert_eq!(last[0].share, share);
    assert_eq!(why.asset_share, share * BigRational::from(BigInt::from(1u64 << 60)));
    assert!(why.rounding.numer().bits() > 0, "0.9^60 of 10^9 is no whole number");
}

#[test]
fn pay_2_terms_recipients_and_rounding_are_shown() {
    let mut world = World::new();
    let mut facts = vec![register(1, account(1), 40), register(2, account(2), 0)];
    facts.extend(derive(2, 1, RoyaltyPolicy::Lap, 25_000_000));
    facts.extend([
        contribute(1, 1, account(7), 2),
        contribute(2, 1, account(8), 1),
        pay(1, 2, id(10)),
    ]);
    world.block(facts);
    let why = world
        .state
        .explain(id(1), 2, account(7), Role::Contributor)
        .expect("a line");
    assert_eq!(
        why.line.kind,
        Kind {
            route: Route::RoyaltyLap,
            role: Role::Contributor
        }
    );
    assert_eq!(why.basis, id(10));
    assert_eq!(why.asset_share, fraction(1, 4));
    assert_eq!(why.recipient_share, fraction(4, 10) * fraction(2, 3));
    assert_eq!(why.unrounded, fraction(2, 3));
    assert_eq!(why.rounding, fraction(1, 3));
    let paths: Vec<_> = world.state.paths(&why).expect("the revenue is there").collect();
    let edge = &paths[0].edges[0];
    assert_eq!(
        (edge.child, edge.parent, edge.share, paths.len()),
        (id(2), id(1), 25_000_000, 1)
    );
    assert!(world.state.explain(id(1), 2, account(9), Role::Contributor).is_err());
}

/// Whoever folds the log has the root, at the time or long after.
#[test]
fn pay_3_a_root_is_a_function_of_the_log_alone() {
    let mut roots = 0;
    for seed in 300..306 {
        let (mut economy, mut oracle) = (Economy::new(seed), Oracle::default());
        let (mut state, mut output) = (State::new(&contracts()), Output::default());
        let (mut chain, mut then) = (Vec::new(), Vec::new());
        for number in 1..50 {
            let block = economy.block(&oracle, number);
            oracle.apply(&block);
            state.apply(&block, &mut output).expect("lawful facts");
            chain.push(block);
            let entries = state.entries(number);
            then.push(MerkleTree::new(&entries).map(|tree| tree.root()));
            for (place, entry) in entries.iter().enumerate() {
                let tree = MerkleTree::new(&entries).expect("entries");
                let proof = tree.proof(place).expect("it is in the tree");
                assert!(verify(tree.root(), leaf(entry), &proof));
                roots += 1;
                if place > 2 {
                    break;
                }
            }
        }
        let mut again = State::new(&contracts());
        for (block, root) in chain.iter().zip(then) {
            again.apply(block, &mut output).expect("lawful facts");
            assert_eq!(
                MerkleTree::new(&again.entries(block.block.number)).map(|tree| tree.root()),
                root
            );
        }
    }
    assert!(roots > 200);
}

/// Roots and a proof that `StandardMerkleTree` of @openzeppelin/merkle-tree 1 gives for accounts 1 to n of one token.
#[test]
fn pay_3_roots_are_those_of_openzeppelins_own_library() {
    let roots = [
        (1, "b018eb1b8d044374ba17d517c00489cdc08d03726e8d2275cb27a5949853411b"),
        (2, "d83e25a737ef4c32adb2356470118eac2240a37560d9b59489405f00033230e4"),
        (3, "d9e7d3633f251850a65c194fc03f43a3cdf9a7c597106e74dfe58fc2181de8ed"),
        (5, "1adb7a596a5039b6d8776f3878f1f22efc24fe0ed9e05305f1a9e7b979ed0791"),
        (8, "99e42e207ea5d71067fb4f17991b20bd47a4f68ef829d580f59f9998735fe6aa"),
        (13, "2afa278faf430c4056f7c833fc71cb5b26745062ae21fa6230f85a372daace0f"),
    ];
    for (count, root) in roots {
        let entry = |number: u64| Entry {
            account: account(number - 1),
            token: account(99),
            cumulative: id(1_000 * number) + if number == 3 { id(1) << 200 } else { id(0) },
        };
        let entries: Vec<Entry> = (1..=count).map(entry).collect();
        let tree = MerkleTree::new(&entries).expect("entries");
        assert_eq!(tree.root().to_string(), format!("0x{root}"), "{count} entries");
        let proof = tree.proof(count as usize - 1).expect("the last entry is there");
        assert!(verify(tree.root(), leaf(&entries[count as usize - 1]), &proof));
        assert!(!verify(tree.root(), leaf(&entry(count + 1)), &proof));
        if count == 8 {
            assert_eq!(
                proof[0].to_string(),
                "0x3967e10abadc63b66e918fd02c8ec82ad9c2c3e9b375e59c0ab6747551022e42"
            );
            assert_eq!(proof.len(), 3);
        }
        assert!(tree.proof(count as usize).is_none());
    }
}

#[test]
fn pay_3_a_false_entry_is_named_and_changes_the_root() {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 0),
        register(2, account(2), 0),
        pay(1, 1, id(10)),
        pay(2, 2, id(20)),
    ]);
    let ours = world.state.entries(1);
    let mut theirs = ours.clone();
    theirs[1].cumulative += id(1);
    assert_ne!(
        MerkleTree::new(&ours).map(|tree| tree.root()),
        MerkleTree::new(&theirs).map(|tree| tree.root())
    );
    assert_eq!(differences(&ours, &theirs), [(Some(ours[1]), Some(theirs[1]))]);
    theirs.remove(1);
    assert_eq!(differences(&ours, &theirs), [(Some(ours[1]), None)]);
    assert_eq!(differences(&theirs, &ours), [(None, Some(ours[1]))]);
    assert_eq!(differences(&ours, &ours), []);
    let mut shuffled = ours.clone();
    shuffled.reverse();
    assert_eq!(
        MerkleTree::new(&ours).map(|tree| tree.root()),
        MerkleTree::new(&shuffled).map(|tree| tree.root())
    );
    assert!(MerkleTree::new(&[]).is_none());
}
