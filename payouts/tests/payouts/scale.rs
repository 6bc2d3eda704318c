//! Depth, width and path counts that a recursive or enumerating rule would not survive. How fast it is, the benchmark says.

use alloy_primitives::U256;
use souk_payouts::Route;
use souk_payouts::fact::Fact;
use souk_payouts::rule::MANY_PATHS;
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{account, id};
use crate::world::{World, derive, pay, register, sum};

#[test]
fn ten_thousand_ancestors_in_a_row_are_split_exactly() {
    let mut world = World::new();
    let mut facts = vec![register(1, account(1), 0)];
    for child in 2..=10_001 {
        facts.push(register(child, account(child), 0));
        // 10,000 edges by LAP come to exactly the whole.
        facts.extend(derive(child, child - 1, RoyaltyPolicy::Lap, 10_000));
    }
    facts.push(pay(1, 10_001, id(1_000_003)));
    facts.push(pay(2, 10_001, U256::MAX));
    facts.push(pay(3, 10_001, id(1)));
    world.block(facts);
    let of = |revenue| {
        world
            .output
            .lines
            .iter()
            .filter(|line| line.revenue == id(revenue))
            .copied()
            .collect::<Vec<_>>()
    };
    let first = of(1);
    assert_eq!((first.len(), sum(&first)), (10_000, id(1_000_003)));
    // 100.0003 each: the three units left over go to the lowest ids.
    let amounts = |asset| {
        first
            .iter()
            .find(|line| line.asset == id(asset))
            .map(|line| line.amount)
    };
    assert_eq!(
        [amounts(3), amounts(4), amounts(10_001)],
        [Some(id(101)), Some(id(100)), None]
    );
    assert_eq!(sum(&of(2)), U256::MAX);
    assert_eq!(of(3).iter().map(|line| line.asset).collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn lrp_is_diluted_ten_thousand_times_over() {
    let mut world = World::new();
    let mut facts = vec![register(1, account(1), 0)];
    for child in 2..=10_001 {
        facts.push(register(child, account(child), 0));
        facts.extend(derive(child, child - 1, RoyaltyPolicy::Lrp, 99_990_000));
    }
    facts.push(pay(1, 10_001, U256::from(10).pow(id(30))));
    world.block(facts);
    assert_eq!(sum(&world.output.lines), U256::from(10).pow(id(30)));
    assert_eq!(world.output.lines.len(), 10_001);
    // 0.9999^10000 is a little less than 1/e.
    let top = world
        .output
        .lines
        .iter()
        .find(|line| line.asset == id(1))
        .expect("it is paid")
        .amount;
    assert_eq!(top / U256::from(10).pow(id(25)), id(36_786));
}

#[test]
fn paths_are_counted_and_never_walked() {
    let mut world = World::new();
    let mut facts: Vec<Fact> = vec![register(1, account(1), 0)];
    let mut bottom = 1;
    for _ in 0..64 {
        let next = bottom + 3;
        facts.extend((1..=3).map(|step| register(bottom + step, account(bottom + step), 0)));
        for side in [bottom + 1, bottom + 2] {
            facts.extend(derive(side, bottom, RoyaltyPolicy::Lrp, 100_000_000));
            facts.extend(derive(next, side, RoyaltyPolicy::Lrp, 50_000_000));
        }
        bottom = next;
    }
    facts.push(pay(1, bottom, id(123_456_789)));
    world.block(facts);
    let lines = world.state.lines(id(1));
    assert_eq!(lines.len(), 1, "everything passes everything on");
    assert_eq!(
        (lines[0].amount, lines[0].paths, lines[0].kind.route),
        (id(123_456_789), MANY_PATHS, Route::RoyaltyLrp)
    );
}
