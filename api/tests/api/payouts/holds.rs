//! What disputes hold, and what their judgements do.

use serde_json::{Value, json};
use souk_schema::U256;

use super::world::{COURT, Logs, World, number, sum};
use crate::fixture::{ALICE, CHAIN, address};

const FIELDS: &str = "amount assetNumber route state holds { kind contract number } explanation { insteadOfPortion }";

fn of_asset<'a>(lines: &'a [Value], asset: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["assetNumber"] == asset)
}

#[tokio::test]
async fn lines_over_a_disputed_asset_are_held_until_the_dispute_is_over() {
    let mut world = World::new().await;
    let before = world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    let owed = number(&world.owed(ALICE).await[0]["owed"]);
    world.block(Logs::default().disputed(7, 1)).await;
    let lines = world.lines(1, FIELDS).await;
    let hold = json!([{ "kind": "DISPUTE", "contract": address(COURT), "number": "7" }]);
    for line in &lines {
        let held = line["assetNumber"] == "1";
        assert_eq!(line["state"], if held { "HELD" } else { "NEXT_ROOT" }, "{line:#}");
        assert_eq!(line["holds"], if held { hold.clone() } else { json!([]) });
    }
    let now = &world.owed(ALICE).await[0];
    assert_eq!((number(&now["held"]), number(&now["owed"])), (owed, U256::ZERO));
    // As of the block before the dispute, nothing was.
    let query = format!(
        r#"{{ payoutLines(by: {{ revenue: {{ chain: "{CHAIN}", number: "1" }} }}, first: 100, asOf: {{ block: {} }}) {{ nodes {{ state }} }} }}"#,
        before.number
    );
    let data = world.souk.ask(&query).await;
    let states = data["payoutLines"]["nodes"].as_array().unwrap();
    assert!(!states.is_empty() && states.iter().all(|line| line["state"] == "NEXT_ROOT"));
    // A root leaves them out, and vests the rest.
    world.epoch(1).await;
    let lines = world.lines(1, FIELDS).await;
    assert!(of_asset(&lines, "1").all(|line| line["state"] == "HELD"));
    assert!(of_asset(&lines, "2").all(|line| line["state"] == "VESTED"));
    // The dismissal releases them.
    world.block(Logs::default().judged(7, 1, false)).await;
    let lines = world.lines(1, FIELDS).await;
    assert!(of_asset(&lines, "1").all(|line| line["state"] == "NEXT_ROOT" && line["holds"] == json!([])));
    assert_eq!(number(&world.owed(ALICE).await[0]["owed"]), owed);
}

#[tokio::test]
async fn a_dispute_that_lapses_releases_what_it_held_as_it_was() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    let (lines, owed) = (world.lines(1, FIELDS).await, world.owed(ALICE).await);
    world.block(Logs::default().disputed(7, 1)).await;
    assert_ne!(world.lines(1, FIELDS).await, lines);
    world.block(Logs::default().ended(7, 1, 3)).await;
    assert_eq!(world.lines(1, FIELDS).await, lines);
    assert_eq!(world.owed(ALICE).await, owed);
}

#[tokio::test]
async fn an_upheld_dispute_recomputes_what_it_held_and_what_counts_still_sums_to_the_revenue() {
    let mut world = World::new().await;
    let amount = U256::from(1_000_003);
    world.block(Logs::default().revenue(1, 3, amount)).await;
    world.block(Logs::default().disputed(7, 1)).await;
    world.block(Logs::default().judged(7, 1, true)).await;
    let lines = world.lines(1, FIELDS).await;
    let gone: Vec<&Value> = lines.iter().filter(|line| line["state"] == "RECOMPUTED").collect();
    let counts: Vec<&Value> = lines.iter().filter(|line| line["state"] != "RECOMPUTED").collect();
    assert!(!gone.is_empty() && gone.iter().all(|line| line["assetNumber"] == "1"));
    assert_eq!(sum(counts.iter().copied()), amount);
    let returned: Vec<&Value> = counts.into_iter().filter(|line| line["route"] == "RETURNED").collect();
    assert_eq!(sum(returned.iter().copied()), sum(gone));
    for line in returned {
        assert_eq!(line["assetNumber"], "3");
        assert!(line["explanation"]["insteadOfPortion"].is_number(), "{line:#}");
    }
    assert!(world.owed(ALICE).await.is_empty());
}

#[tokio::test]
async fn a_pending_root_says_what_it_counts_and_should_not() {
    let mut world = World::new().await;
    let at = world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    world.epoch(1).await;
    let computed_at = world.block(Logs::default().revenue(2, 2, U256::from(5_000))).await;
    let root = world.root();
    world.block(Logs::default().proposed(2, root, computed_at)).await;
    let query = format!(
        r#"{{ payoutEpochs(chain: "{CHAIN}", first: 10) {{ totalCount nodes {{ number root status computedAt {{ number hash }}
           spoiled(first: 100) {{ totalCount nodes {{ revenueNumber portion }} }} }} }} }}"#
    );
    let data = world.souk.ask(&query).await;
    let epochs = &data["payoutEpochs"];
    assert_eq!(epochs["totalCount"], 2);
    let [pending, finalised] = [0, 1].map(|place| &epochs["nodes"][place]);
    assert_eq!(
        pending["computedAt"],
        json!({ "number": computed_at.number, "hash": format!("{:#x}", computed_at.hash) })
    );
    assert_eq!((&pending["number"], &pending["status"]), (&json!(2), &json!("PENDING")));
    assert_eq!(pending["root"], format!("{root:#x}"));
    assert_eq!(pending["spoiled"]["totalCount"], 0);
    assert_eq!(
        (&finalised["number"], &finalised["status"]),
        (&json!(1), &json!("FINALISED"))
    );
    assert_eq!(finalised["computedAt"]["number"], at.number);
    // The dispute holds the data's part of the second revenue, which the pending root counts; the first is vested.
    world.block(Logs::default().disputed(1, 1)).await;
    let data = world.souk.ask(&query).await;
    let spoiled = &data["payoutEpochs"]["nodes"][0]["spoiled"];
    let portions = world.lines(2, "assetNumber portion").await;
    let held = of_asset(&portions, "1").next().unwrap()["portion"].clone();
    assert_eq!(spoiled["nodes"], json!([{ "revenueNumber": "2", "portion": held }]));
}

#[tokio::test]
async fn what_a_spoiled_root_vests_is_held_no_more() {
    let mut world = World::new().await;
    let computed_at = world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    let root = world.root();
    world.block(Logs::default().proposed(1, root, computed_at)).await;
    let disputed = world.block(Logs::default().disputed(7, 1)).await;
    // This comes after the root was computed, so it does not vest.
    let later = world.block(Logs::default().revenue(2, 3, U256::from(5_000))).await;
    let held = async |world: &World, block: u64| {
        let query = format!(
            r#"{{ dispute(id: "{CHAIN}:{}/7", asOf: {{ block: {block} }}) {{ blastRadius {{ heldRevenue {{ amount lines }} }} }} }}"#,
            address(COURT)
        );
        world.souk.ask(&query).await["dispute"]["blastRadius"]["heldRevenue"].take()
    };
    let of_lines = |lines: &[Value]| {
        let lines: Vec<&Value> = of_asset(lines, "1").collect();
        json!([{ "amount": sum(lines.iter().copied()).to_string(), "lines": lines.len() }])
    };
    let (first, second) = (world.lines(1, FIELDS).await, world.lines(2, FIELDS).await);
    assert_eq!(held(&world, disputed.number).await, of_lines(&first));
    let both: Vec<Value> = first.iter().chain(&second).cloned().collect();
    assert_eq!(held(&world, later.number).await, of_lines(&both));
    // Nobody replaced the root in time, and it is finalised with what is held by now.
    let vested = world.block(Logs::default().finalised(1, root)).await;
    assert!(of_asset(&world.lines(1, FIELDS).await, "1").all(|line| line["state"] == "VESTED"));
    assert_eq!(held(&world, vested.number).await, of_lines(&second));
    assert_eq!(
        held(&world, later.number).await,
        of_lines(&both),
        "as of then they were held"
    );
    let status = "select count(*) filter (where holds > 0 and vested_epoch is not null), count(*) filter (where holds > 0) from payouts.line_status";
    let counts: (i64, i64) = sqlx::query_as(status)
        .fetch_one(&world.souk.database.pool)
        .await
        .unwrap();
    assert_eq!(counts, (0, of_asset(&second, "1").count() as i64));
}
