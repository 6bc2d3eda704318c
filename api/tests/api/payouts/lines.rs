//! Lines and their explanations (PAY-1, PAY-2).

use num_rational::BigRational;
use serde_json::{Value, json};
use souk_schema::U256;

use super::world::{DAVE, ERIN, Logs, PROTOCOL, World, number, sum};
use crate::fixture::{ALICE, BOB, CAROL, CHAIN, address, asset};

const FRACTION: &str = "{ numerator denominator }";

fn fraction(value: &Value) -> BigRational {
    let part = |name: &str| value[name].as_str().unwrap().parse().unwrap();
    BigRational::new(part("numerator"), part("denominator"))
}

fn whole(value: &Value) -> BigRational {
    BigRational::from_integer(value.as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn pay_1_the_lines_of_a_revenue_sum_to_it_and_go_where_the_rule_says() {
    let mut world = World::new().await;
    let amount = U256::from(1_000_003);
    world.block(Logs::default().revenue(1, 3, amount)).await;
    let lines = world
        .lines(
            1,
            "amount route role pathCount assetNumber recipient { address } currency state revenueNumber
             asset { name } source { name } revenue { number amount payer { address } } vestedEpoch holds { kind } sinceBlock",
        )
        .await;
    assert_eq!(sum(&lines), amount);
    // 1% of 1000003 goes to the protocol; of the 990003 that are left the data have 20% over two ways, the model 25%, and 55% stay.
    let of = |asset: &str, recipient: u8| {
        let mine = lines
            .iter()
            .filter(|line| line["assetNumber"] == asset && line["recipient"]["address"] == address(recipient));
        let mine: Vec<_> = mine
            .map(|line| {
                (
                    line["route"].as_str().unwrap(),
                    line["role"].as_str().unwrap(),
                    number(&line["amount"]),
                )
            })
            .collect();
        mine
    };
    let line = |route, role, amount: u64| vec![(route, role, U256::from(amount))];
    assert_eq!(of("3", PROTOCOL), line("PROTOCOL_FEE", "PROTOCOL", 10_000));
    // 198000.6, rounded down as the least of three remainders, of which a fifth goes to Carol and Dave as three to one.
    assert_eq!(of("1", ALICE), line("ROYALTY_LAP", "OWNER", 158_400));
    assert_eq!(of("1", CAROL), line("ROYALTY_LAP", "CONTRIBUTOR", 29_700));
    assert_eq!(of("1", DAVE), line("ROYALTY_LAP", "CONTRIBUTOR", 9_900));
    // 247500.75, rounded up: nobody contributed to the model, so its shareholders have it all, as six to four.
    assert_eq!(of("2", BOB), line("ROYALTY_LRP", "SHAREHOLDER", 148_501));
    assert_eq!(of("2", ERIN), line("ROYALTY_LRP", "SHAREHOLDER", 99_000));
    assert_eq!(
        sum(lines.iter().filter(|line| line["route"] == "OWN")),
        U256::from(544_502)
    );
    let lap = lines.iter().find(|line| line["route"] == "ROYALTY_LAP").unwrap();
    assert_eq!(lap["pathCount"], 2);
    assert_eq!(lap["asset"], json!({ "name": "asset 1" }));
    assert_eq!(lap["source"], json!({ "name": "asset 3" }));
    assert_eq!(
        lap["revenue"],
        json!({ "number": "1", "amount": "1000003", "payer": { "address": address(0x0f) } })
    );
    for line in &lines {
        assert_eq!(line["state"], "NEXT_ROOT");
        assert_eq!((&line["vestedEpoch"], &line["holds"]), (&Value::Null, &json!([])));
        assert_eq!(line["sinceBlock"], world.head().number);
    }
}

#[tokio::test]
async fn pay_2_every_line_explains_itself_and_the_shares_of_its_paths_sum_to_its_own() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    let fields = format!(
        "amount portion pathCount explanation {{ basis amount assetShare {FRACTION} recipientShare {FRACTION} unrounded {FRACTION} \
         rounding {FRACTION} paths(first: 4) {{ totalCount pageInfo {{ hasNextPage }} nodes {{ length share {FRACTION} amount {FRACTION} }} }} }}"
    );
    let lines = world.lines(1, &fields).await;
    let one = BigRational::from_integer(1.into());
    let mut portions = std::collections::BTreeMap::new();
    for line in &lines {
        let explained = &line["explanation"];
        let share = fraction(&explained["assetShare"]) * fraction(&explained["recipientShare"]);
        let unrounded = whole(&explained["basis"]) * &share;
        assert_eq!(unrounded, fraction(&explained["unrounded"]));
        let rounding = fraction(&explained["rounding"]);
        assert_eq!(&unrounded + &rounding, whole(&line["amount"]));
        assert!(
            rounding < one && rounding > -&one * BigRational::from_integer(2.into()),
            "{rounding}"
        );
        let paths = explained["paths"]["nodes"].as_array().unwrap();
        assert_eq!(paths.len(), line["pathCount"].as_u64().unwrap() as usize);
        assert_eq!(explained["paths"]["totalCount"], line["pathCount"]);
        assert_eq!(explained["paths"]["pageInfo"]["hasNextPage"], false);
        let shares: BigRational = paths.iter().map(|path| fraction(&path["share"])).sum();
        assert_eq!(shares, share);
        let amounts: BigRational = paths.iter().map(|path| fraction(&path["amount"])).sum();
        assert_eq!(amounts, unrounded);
        portions.insert(line["portion"].as_u64().unwrap(), fraction(&explained["assetShare"]));
    }
    // Portion 0 is the fee, which is a share of the revenue; the others share what is left.
    let fee = portions.remove(&0).unwrap();
    assert_eq!(fee, BigRational::new(1.into(), 100.into()));
    assert_eq!(portions.into_values().sum::<BigRational>(), one);
}

#[tokio::test]
async fn paths_are_paged_each_with_its_derivations_and_their_terms() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    let ids = world.lines(1, "id route recipient { address }").await;
    let line = ids
        .iter()
        .find(|line| line["route"] == "ROYALTY_LAP" && line["recipient"]["address"] == address(ALICE));
    let id = line.unwrap()["id"].as_str().unwrap();
    let page = async |after: Value| {
        let query = "query($id: ID!, $after: String) { payoutLine(id: $id) { amount explanation { paths(first: 1, after: $after) {
            pageInfo { hasNextPage endCursor } nodes { length edges { child { asset { name } } parent { assetId } relation policy shareE8
            licenseNumber license { expiresAt } termsNumber terms { commercialUse } } } } } } }";
        let answer = world.souk.answer(query, json!({ "id": id, "after": after })).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"]["payoutLine"]["explanation"]["paths"].clone()
    };
    let first = page(Value::Null).await;
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let edges = first["nodes"][0]["edges"].as_array().unwrap();
    assert_eq!((&first["nodes"][0]["length"], edges.len()), (&json!(2), 2));
    assert_eq!(
        edges[1],
        json!({ "child": { "asset": { "name": "asset 2" } }, "parent": { "assetId": asset(1) }, "relation": "FINETUNED_FROM",
                "policy": "LAP", "shareE8": 10_000_000, "licenseNumber": "1", "license": { "expiresAt": null },
                "termsNumber": "1", "terms": { "commercialUse": true } })
    );
    assert_eq!(
        (&edges[0]["policy"], &edges[0]["licenseNumber"]),
        (&json!("LRP"), &json!("2"))
    );
    let second = page(first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(second["nodes"][0]["length"], 1);
    assert_eq!(second["nodes"][0]["edges"][0]["licenseNumber"], "3");
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let third = page(second["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(third["nodes"], json!([]));
}

#[tokio::test]
async fn lines_are_found_by_account_asset_and_revenue_and_paged_without_loss() {
    let mut world = World::new().await;
    for revenue in 1..=5 {
        let logs = Logs::default().revenue(revenue, 1 + revenue % 3, U256::from(1_000 * revenue));
        world.block(logs).await;
    }
    let fields = "nodes { id amount recipient { address } assetNumber revenueNumber } totalCount pageInfo { hasNextPage endCursor }";
    let mut all = Vec::new();
    for revenue in 1..=5 {
        all.extend(world.lines(revenue, "id recipient { address } assetNumber").await);
    }
    let ids = |lines: &[Value]| {
        let mut ids: Vec<String> = lines.iter().map(|line| line["id"].as_str().unwrap().into()).collect();
        ids.sort_unstable();
        ids
    };
    let of = |is: &dyn Fn(&Value) -> bool| ids(&all.iter().filter(|line| is(line)).cloned().collect::<Vec<_>>());
    // By account, three at a time.
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = format!(
            "query($after: String) {{ account(id: \"{CHAIN}:{}\") {{ payoutLines(first: 3, after: $after) {{ {fields} }} }} }}",
            address(CAROL)
        );
        let answer = world.souk.answer(&query, json!({ "after": after })).await;
        let page = &answer["data"]["account"]["payoutLines"];
        found.extend(page["nodes"].as_array().unwrap().iter().cloned());
        let expected = of(&|line| line["recipient"]["address"] == address(CAROL)).len();
        assert_eq!(page["totalCount"], expected, "{answer:#}");
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let newest_first: Vec<u64> = found
        .iter()
        .map(|line| number(&line["revenueNumber"]).to::<u64>())
        .collect();
    assert!(newest_first.is_sorted_by(|a, b| a >= b), "{newest_first:?}");
    assert_eq!(ids(&found), of(&|line| line["recipient"]["address"] == address(CAROL)));
    // By asset, and by the asset's own field.
    let query = format!(
        "{{ payoutLines(by: {{ asset: \"{0}\" }}, first: 100) {{ {fields} }} asset(id: \"{0}\") {{ payoutLines(last: 100) {{ {fields} }} }} }}",
        asset(1)
    );
    let data = world.souk.ask(&query).await;
    let by_asset = data["payoutLines"]["nodes"].as_array().unwrap();
    assert_eq!(ids(by_asset), of(&|line| line["assetNumber"] == "1"));
    assert_eq!(&data["asset"]["payoutLines"]["nodes"], &data["payoutLines"]["nodes"]);
    // By the revenue's own field.
    let query = format!(
        "{{ asset(id: \"{}\") {{ revenues(first: 10) {{ nodes {{ amount payoutLines(first: 100) {{ nodes {{ amount }} }} }} }} }} }}",
        asset(2)
    );
    let data = world.souk.ask(&query).await;
    let revenues = data["asset"]["revenues"]["nodes"].as_array().unwrap();
    assert!(!revenues.is_empty());
    for revenue in revenues {
        let lines = revenue["payoutLines"]["nodes"].as_array().unwrap();
        assert_eq!(sum(lines), number(&revenue["amount"]));
    }
}

/// What is in memory and what is in Postgres is told in the same words.
#[tokio::test]
async fn a_settled_line_is_explained_when_its_revenue_has_left_memory() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 3, U256::from(1_000_003))).await;
    world.epoch(1).await;
    let fields = "assetNumber route role amount state vestedEpoch explanation { basis assetShare { numerator denominator } recipientShare { decimal } \
        unrounded { numerator denominator } rounding { decimal } paths(first: 4) { totalCount nodes { length share { decimal } } } }";
    let before = world.lines(1, fields).await;
    assert_eq!(world.settled(), (1, 1));
    world.finalise().await;
    assert_eq!(world.settled(), (0, 1));
    assert_eq!(world.lines(1, fields).await, before);
    assert!(before.iter().all(|line| line["state"] == "VESTED"));
}
