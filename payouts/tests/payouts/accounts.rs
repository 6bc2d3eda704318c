//! Whose shares count, and as of when: nothing can be borrowed for a block, and neither vault nor task board is ever paid.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use souk_payouts::fact::{Fact, Holding};
use souk_payouts::{Refused, Role, Route};

use crate::economy::{BOARD, VAULT, account, id};
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
    world.block(vec![
        Fact::AssetMoved {
            asset: id(1),
            to: BOARD,
        },
        pay(4, 1, id(1)),
    ]);
    world.block(vec![pay(5, 1, id(1))]);
    for (revenue, owner) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2)] {
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

fn escrowed(task: u64, asset: u64, poster: Address, (reward, places): (u64, u32)) -> Fact {
    Fact::SharesEscrowed {
        task: id(task),
        asset: id(asset),
        poster,
        reward: id(reward),
        places,
    }
}

fn released(task: u64, amount: u64) -> Fact {
    Fact::EscrowReleased {
        task: id(task),
        amount: id(amount),
    }
}

#[test]
fn shares_that_a_task_holds_count_for_whom_posted_it_until_they_are_paid_out() {
    let mut world = World::new();
    let issued = issue(1, &[(account(1), 60), (account(2), 40)]);
    world.block([register(1, account(0), 0)].into_iter().chain(issued).collect());
    let posted = [
        escrowed(1, 1, account(1), (10, 3)),
        moved(1, account(1), BOARD, 30),
        // Of another token: nothing of it is heard of but its end.
        released(2, 1_000),
        pay(1, 1, id(100)),
    ];
    world.block(posted.to_vec());
    world.block(vec![pay(2, 1, id(100))]);
    let before = world.state.state_hash();
    let rewarded = [released(1, 10), moved(1, BOARD, account(3), 10), pay(3, 1, id(100))];
    world.block(rewarded.to_vec());
    world.block(vec![pay(4, 1, id(100))]);
    let refunded = [released(1, 20), moved(1, BOARD, account(1), 20), pay(5, 1, id(100))];
    world.block(refunded.to_vec());
    world.block(vec![pay(6, 1, id(100))]);
    for revenue in [1, 2, 3] {
        assert_eq!(
            paid(&mut world, revenue),
            split(&[(1, 60), (2, 40)]),
            "revenue {revenue}"
        );
    }
    for revenue in [4, 5, 6] {
        assert_eq!(
            paid(&mut world, revenue),
            split(&[(1, 50), (2, 40), (3, 10)]),
            "revenue {revenue}"
        );
    }
    let at = world.next - 1;
    assert_eq!(world.owed(BOARD, at), 0, "the board could do nothing with it");
    world.revert_to(3);
    assert_eq!(world.state.state_hash(), before);
    world.block(vec![pay(7, 1, id(100))]);
    assert_eq!(paid(&mut world, 7), split(&[(1, 60), (2, 40)]));
}

#[test]
fn more_than_was_put_in_escrow_does_not_come_out_of_it() {
    let mut world = World::new();
    let issued = issue(1, &[(account(1), 60)]);
    world.block([register(1, account(0), 0)].into_iter().chain(issued).collect());
    let posted = || vec![escrowed(1, 1, account(1), (10, 3)), moved(1, account(1), BOARD, 30)];
    world.block(posted());
    assert_eq!(world.try_block(posted()), Err(Refused::TaskExists(id(1))));
    let too_much = Refused::InsufficientHolding {
        what: Holding::Shares(id(1)),
        account: account(1),
        amount: id(31),
    };
    assert_eq!(world.try_block(vec![released(1, 31)]), Err(too_much));
    let overflowing = Fact::SharesEscrowed {
        task: id(2),
        asset: id(1),
        poster: account(1),
        reward: U256::MAX,
        places: 2,
    };
    assert_eq!(world.try_block(vec![overflowing]), Err(Refused::TooLarge(id(1))));
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
