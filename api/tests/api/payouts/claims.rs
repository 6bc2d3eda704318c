//! What accounts are owed, and the proofs of their claims (PAY-3).

use std::collections::BTreeMap;

use serde_json::json;
use souk_payouts::merkle::{leaf_of, verify};
use souk_schema::{Address, B256, U256};

use super::world::{DISTRIBUTOR, Logs, PROTOCOL, World, number, sum};
use crate::fixture::{ALICE, BOB, CHAIN, REGISTRY, USD, address};

/// What each recipient of these revenues has in all, by the lines.
async fn by_recipient(world: &World, revenues: &[u64]) -> BTreeMap<String, U256> {
    let mut sums: BTreeMap<String, U256> = BTreeMap::new();
    for revenue in revenues {
        for line in world.lines(*revenue, "amount recipient { address }").await {
            let recipient = line["recipient"]["address"].as_str().unwrap().to_string();
            *sums.entry(recipient).or_default() += sum([&line]);
        }
    }
    sums
}

fn byte(address: &str) -> u8 {
    u8::from_str_radix(&address[2..4], 16).unwrap()
}

#[tokio::test]
async fn pay_3_the_proof_of_every_claim_leads_to_the_root_that_was_finalised_on_chain() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    world.block(Logs::default().revenue(2, 2, U256::from(777))).await;
    let sums = by_recipient(&world, &[1, 2]).await;
    assert_eq!(sums.values().sum::<U256>(), U256::from(1_000_003 + 777));
    for (account, amount) in &sums {
        let owed = &world.owed(byte(account)).await[0];
        assert_eq!(number(&owed["owed"]), *amount, "{account}");
        assert_eq!((&owed["vested"], &owed["claimable"]), (&"0".into(), &"0".into()));
        assert!(owed["claim"].is_null());
    }
    let root = world.epoch(1).await;
    for (account, amount) in &sums {
        let owed = world.owed(byte(account)).await;
        let [owed] = owed.as_slice() else { panic!("{owed:?}") };
        assert_eq!(owed["registry"], address(REGISTRY));
        assert_eq!(owed["currency"], format!("{CHAIN}/erc20:{}", address(USD)));
        for name in ["owed", "vested", "claimable"] {
            assert_eq!(number(&owed[name]), *amount, "{name} of {account}");
        }
        let claim = &owed["claim"];
        assert_eq!(claim["distributor"], address(DISTRIBUTOR));
        assert_eq!(
            (&claim["account"], &claim["token"]),
            (&account.as_str().into(), &address(USD).into())
        );
        assert_eq!(
            (&claim["epoch"], &claim["root"]),
            (&1.into(), &format!("{root:#x}").into())
        );
        let leaf = leaf_of(
            Address::repeat_byte(byte(account)),
            Address::repeat_byte(USD),
            number(&claim["cumulative"]),
        );
        let proof = claim["proof"].as_array().unwrap().iter();
        let proof: Vec<B256> = proof
            .map(|sibling| sibling.as_str().unwrap().parse().unwrap())
            .collect();
        assert!(verify(root, leaf, &proof), "{account}");
    }
}

#[tokio::test]
async fn what_was_claimed_is_taken_off_and_what_came_since_is_owed() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    world.epoch(1).await;
    let vested = number(&world.owed(BOB).await[0]["vested"]);
    assert!(!vested.is_zero());
    world.block(Logs::default().claimed(BOB, vested, vested)).await;
    world.block(Logs::default().revenue(2, 2, U256::from(50_000))).await;
    let owed = &world.owed(BOB).await[0];
    assert_eq!(number(&owed["claimed"]), vested);
    assert_eq!((&owed["claimable"], &owed["overpaid"]), (&"0".into(), &"0".into()));
    let newer = by_recipient(&world, &[2]).await[&address(BOB)];
    assert_eq!(number(&owed["owed"]), vested + newer);
    assert_eq!(number(&owed["claim"]["cumulative"]), vested, "the leaf stays");
    for line in world.lines(1, "amount route state vestedEpoch").await {
        assert_eq!(
            (&line["state"], &line["vestedEpoch"]),
            (&json!("VESTED"), &json!(1)),
            "{line}"
        );
    }
    for line in world.lines(2, "amount route state").await {
        assert_eq!(line["state"], "NEXT_ROOT", "{line}");
    }
    world.epoch(2).await;
    let owed = &world.owed(BOB).await[0];
    assert_eq!(number(&owed["claimable"]), newer);
    assert_eq!(owed["claim"]["epoch"], 2);
    assert!(world.owed(0x01).await.is_empty(), "nobody owes a stranger anything");
}

#[tokio::test]
async fn a_root_that_the_log_does_not_give_proves_nothing() {
    let mut world = World::new().await;
    let at = world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    let root = B256::repeat_byte(0x13);
    world.block(Logs::default().proposed(1, root, at)).await;
    world.block(Logs::default().finalised(1, root)).await;
    let owed = &world.owed(BOB).await[0];
    assert_eq!(owed["vested"], owed["owed"]);
    assert!(owed["claim"].is_null(), "{owed:#}");
    // What it pays beyond what the lines give is told, also to those that they give nothing.
    let (vested, more) = (number(&owed["vested"]), number(&owed["vested"]) + U256::from(7));
    let stranger = 0x01;
    let paid = Logs::default().claimed(BOB, more, more);
    world.block(paid.claimed(stranger, U256::from(9), U256::from(9))).await;
    let owed = &world.owed(BOB).await[0];
    assert_eq!(
        (&owed["overpaid"], &owed["claimable"]),
        (&"7".into(), &"0".into()),
        "{owed:#}"
    );
    assert_eq!(number(&owed["vested"]), vested);
    let owed = &world.owed(stranger).await[0];
    assert_eq!(
        (&owed["overpaid"], &owed["owed"]),
        (&"9".into(), &"0".into()),
        "{owed:#}"
    );
    let status = world
        .souk
        .ask("{ payoutStatus { isLive deployments { registry finalisedEpoch finalisedRootAgrees feeE8 feeAccount refused { reason } } } }")
        .await;
    let deployment = &status["payoutStatus"][0]["deployments"][0];
    assert_eq!(deployment["finalisedEpoch"], 1);
    assert_eq!(deployment["finalisedRootAgrees"], false);
    assert_eq!(deployment["feeE8"], 1_000_000);
    assert_eq!(deployment["feeAccount"], address(PROTOCOL));
    assert!(deployment["refused"].is_null());
    assert_eq!(status["payoutStatus"][0]["isLive"], true);
}

#[tokio::test]
async fn an_account_has_its_tokens_one_by_one() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 1, U256::from(5_000))).await;
    let query = |token: u8| {
        format!(
            "{{ account(id: \"{CHAIN}:{}\") {{ payouts(first: 1, token: \"{}\", registry: \"{}\") {{ totalCount nodes {{ owed }} }} }} }}",
            address(ALICE),
            address(token),
            address(REGISTRY)
        )
    };
    let data = world.souk.ask(&query(USD)).await;
    assert_eq!(data["account"]["payouts"]["totalCount"], 1);
    let data = world.souk.ask(&query(0x67)).await;
    assert_eq!(data["account"]["payouts"]["totalCount"], 0);
}

#[tokio::test]
async fn a_reorganisation_takes_back_what_was_owed_and_the_root_that_proved_it() {
    let mut world = World::new().await;
    let at = world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    let root = world.root();
    world.block(Logs::default().proposed(1, root, at)).await;
    world.block(Logs::default().finalised(1, root)).await;
    assert_eq!(world.owed(BOB).await[0]["claim"]["root"], format!("{root:#x}"));
    for _ in 0..3 {
        world.revert().await;
    }
    assert!(world.owed(BOB).await.is_empty());
    assert!(world.lines(1, "id").await.is_empty());
    // The same epoch with another root, of another revenue.
    world.block(Logs::default().revenue(1, 2, U256::from(50_000))).await;
    let other = world.epoch(1).await;
    assert_ne!(other, root);
    let lines = world.lines(1, "amount state").await;
    assert_eq!(sum(&lines), U256::from(50_000));
    assert!(lines.iter().all(|line| line["state"] == "VESTED"), "{lines:#?}");
    let owed = &world.owed(BOB).await[0];
    assert_eq!(number(&owed["vested"]), by_recipient(&world, &[1]).await[&address(BOB)]);
    assert_eq!(owed["claim"]["root"], format!("{other:#x}"), "{owed:#}");
}
