//! Whose shares count, and as of when: nothing can be borrowed for a block, and the vault is never paid.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use souk_payouts::fact::{Fact, Holding};
use souk_payouts::{Role, Route};

use crate::economy::{VAULT, account, id};
use crate::world::{World, contribute, issue, moved, pay, register};

/// What shareholders and owners got of a revenue of asset 1.
fn paid(world: &mut World, revenue: u64) -> BTreeMap<Address, u64> {
    world
        .paid(revenue)
        .into_iter()
        .map(|((_, _, _, recipient), amount)| (recipient, amount))
        .collect()
}

fn split(parts: &[(u64, u64)]) -> BTreeMap<Address, u64> {
    parts.iter().map(|(who, amount)| (account(*who), *amount)).collect()
}

#[test]
fn shares_that_change_hands_in_the_block_of_a_revenue_count_for_whom_had_them_before() {
    let mut world = World::new();
    world.block(
        [register(1, account(0), 0)]
            .into_iter()
            .chain(issue(1, &[(account(1), 60), (account(2), 40)]))
            .collect(),
    );
    let there = moved(1, account(1), account(3), 60);
    let back = moved(1, account(3), account(1), 60);
    world.block(vec![there.clone(), pay(1, 1, id(100)), back, pay(2, 1, id(100)), there]);
    assert_eq!(paid(&mut world, 1), split(&[(1, 60), (2, 40)]));
    assert_eq!(paid(&mut world, 2), split(&[(1, 60), (2, 40)]));
    world.block(vec![pay(3, 1, id(100))]);
    assert_eq!(
        paid(&mut world, 3),
        split(&[(3, 60), (2, 40)]),
        "from the next block on"
    );
}

#[test]
fn shares_issued_in_the_block_of_a_revenue_count_as_of_its_log() {
    let mut world = World::new();
    world.block(vec![register(1, account(0), 0)]);
    let mut facts = vec![pay(1, 1, id(100))];
    facts.extend(issue(1, &[(account(1), 50), (account(2), 50)]));
    facts.extend([
        pay(2, 1, id(100)),
        moved(1, account(1), account(3), 50),
        pay(3, 1, id(100)),
    ]);
    world.block(facts);
    assert_eq!(
        paid(&mut world, 1),
        split(&[(0, 100)]),
        "the owner, before there were shares"
    );
    assert_eq!(paid(&mut world, 2), split(&[(1, 50), (2, 50)]));
    assert_eq!(paid(&mut world, 3), split(&[(3, 50), (2, 50)]));
}

#[test]
fn owners_count_from_the_next_block_on() {
    let mut world = World::new();
    let to = |who| Fact::AssetMoved {
        asset: id(1),
        to: account(who),
    };
    world.block(vec![register(1, account(0), 0), to(1), pay(1, 1, id(1))]);
    world.block(vec![to(2), pay(2, 1, id(1))]);
    world.block(vec![
        Fact::AssetMoved {
            asset: id(1),
            to: VAULT,
        },
        pay(3, 1, id(1)),
    ]);
    world.block(vec![pay(4, 1, id(1))]);
    for (revenue, owner) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        assert_eq!(paid(&mut world, revenue), split(&[(owner, 1)]), "revenue {revenue}");
    }
}

#[test]
fn shares_in_the_vault_count_for_whom_it_credits() {
    let mut world = World::new();
    let (what, market) = (Holding::Shares(id(1)), B256::repeat_byte(1));
    world.block(
        [register(1, account(0), 0)]
            .into_iter()
            .chain(issue(1, &[(account(1), 100)]))
            .collect(),
    );
    // In whichever order the vault and the token speak.
    let credited = |amount| Fact::VaultCredited {
        what,
        account: account(1),
        amount: id(amount),
    };
    world.block(vec![
        moved(1, account(1), VAULT, 30),
        credited(30),
        credited(40),
        moved(1, account(1), VAULT, 40),
    ]);
    world.block(vec![pay(1, 1, id(100))]);
    assert_eq!(
        paid(&mut world, 1),
        split(&[(1, 100)]),
        "it is still theirs, and the vault has nothing"
    );
    world.block(vec![
        Fact::VaultMarketListed { market, base: what },
        Fact::VaultFilled {
            market,
            buyer: account(2),
            seller: account(1),
            base_amount: id(50),
        },
        pay(2, 1, id(100)),
    ]);
    assert_eq!(
        paid(&mut world, 2),
        split(&[(1, 100)]),
        "the fill counts from the next block on"
    );
    // A market of something else moves nothing here.
    let elsewhere = B256::repeat_byte(2);
    let other = Fact::VaultFilled {
        market: elsewhere,
        buyer: account(9),
        seller: account(8),
        base_amount: id(50),
    };
    world.block(vec![other, pay(3, 1, id(100))]);
    assert_eq!(paid(&mut world, 3), split(&[(1, 50), (2, 50)]));
    let debit = Fact::VaultDebited {
        what,
        account: account(2),
        amount: id(50),
    };
    world.block(vec![debit, moved(1, VAULT, account(3), 50)]);
    world.block(vec![pay(4, 1, id(100))]);
    assert_eq!(paid(&mut world, 4), split(&[(1, 50), (3, 50)]));
}

#[test]
fn contributions_count_as_of_the_log_until_they_are_voided() {
    let mut world = World::new();
    let voided = Fact::ContributionVoided {
        contribution: id(1),
        asset: id(1),
    };
    world.block(vec![
        register(1, account(0), 50),
        pay(1, 1, id(100)),
        contribute(1, 1, account(1), 3),
        contribute(2, 1, account(2), 1),
        pay(2, 1, id(100)),
        voided,
        pay(3, 1, id(100)),
        contribute(3, 1, account(2), 1),
        contribute(4, 1, account(0), 2),
        pay(4, 1, id(100)),
    ]);
    assert_eq!(
        paid(&mut world, 1),
        split(&[(0, 100)]),
        "without contributors the rest has it all"
    );
    assert_eq!(
        paid(&mut world, 2),
        split(&[(0, 50), (1, 38), (2, 12)]),
        "37.5 and 12.5: the lower address has the tie"
    );
    assert_eq!(paid(&mut world, 3), split(&[(0, 50), (2, 50)]));
    let both = world.paid(4);
    assert_eq!(both[&(1, Route::Own, Role::Contributor, account(0))], 25);
    assert_eq!(
        both[&(1, Route::Own, Role::Owner, account(0))],
        50,
        "one account in two roles has two lines"
    );
}
