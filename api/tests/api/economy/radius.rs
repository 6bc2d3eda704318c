//! The blast radius of a dispute: descendants, held revenue, open orders.

use serde_json::json;
use souk_contracts::DisputeCourt;
use souk_schema::U256;
use souk_schema::exchange::{Amount, Side};

use super::disputes::raised;
use super::world::*;
use crate::exchange::desk::Desk;
use crate::fixture::{ALICE, BOB, CAROL, REGISTRY, USD, address, bytes, key};

#[tokio::test]
async fn descendants_are_those_of_the_block_and_pages_are_cut_where_asked() {
    let mut world = World::new().await;
    let family = Logs::default()
        .asset(1, 0, ALICE)
        .asset(2, 1, ALICE)
        .derived(2, 1)
        .and(COURT, &raised(1, 1, 0));
    world.block(family).await;
    world
        .block(Logs::default().asset(3, 1, BOB).derived(3, 2).asset(4, 1, BOB))
        .await;
    let ask = async |rest: &str, limit: u64| {
        let query = format!(
            r#"{{ dispute(id: "{}"{rest}) {{ blastRadius {{ descendants(limit: {limit}) {{ totalCount truncated nodes {{ depth asset {{ asset {{ name }} }} }} }} }} }} }}"#,
            record(COURT, 1)
        );
        world.souk.ask(&query).await["dispute"]["blastRadius"]["descendants"].take()
    };
    let node = |depth, name| json!({ "depth": depth, "asset": { "asset": { "name": name } } });
    let both = json!({ "totalCount": 2, "truncated": false, "nodes": [node(1, "asset 2"), node(2, "asset 3")] });
    assert_eq!(ask("", 100).await, both);
    assert_eq!(
        ask("", 1).await,
        json!({ "totalCount": 2, "truncated": true, "nodes": [node(1, "asset 2")] })
    );
    let before = json!({ "totalCount": 1, "truncated": false, "nodes": [node(1, "asset 2")] });
    assert_eq!(ask(", asOf: { block: 1 }", 100).await, before);
    let absurd = format!(
        r#"{{ dispute(id: "{}") {{ blastRadius {{ descendants(limit: 0) {{ totalCount }} }} }} }}"#,
        record(COURT, 1)
    );
    assert_eq!(world.souk.error(&absurd).await.0, "BAD_USER_INPUT");
}

#[tokio::test]
async fn held_revenue_is_what_the_lines_say_while_the_dispute_is_open() {
    let mut world = World::new().await;
    world
        .block(Logs::default().asset(1, 1, ALICE).asset(2, 1, CAROL).routed())
        .await;
    world
        .block(Logs::default().revenue(1, 1, 1_000).revenue(2, 2, 77))
        .await;
    world
        .block(
            Logs::default()
                .and(COURT, &raised(1, 1, 0))
                .and(COURT, &raised(2, 2, 0)),
        )
        .await;
    world.block(Logs::default().revenue(3, 1, 500)).await;
    let dismissed = DisputeCourt::DisputeResolved {
        disputeId: U256::from(1),
        assetId: U256::from(1),
        outcome: 0,
        bondTo: at(ALICE),
        bond: U256::ONE,
    };
    world.block(Logs::default().and(COURT, &dismissed)).await;
    let ask = async |dispute: u64, block: u64| {
        let query = format!(
            r#"{{ dispute(id: "{}", asOf: {{ block: {block} }}) {{ blastRadius {{ heldRevenue {{ currency amount lines }} }} }} }}"#,
            record(COURT, dispute)
        );
        world.souk.ask(&query).await["dispute"]["blastRadius"]["heldRevenue"].take()
    };
    assert_eq!(ask(1, 3).await, json!(null), "nobody writes lines yet");
    world.pay().await;
    let held = |amount: &str, lines: u64| json!([{ "currency": format!("eip155:31337/erc20:{}", address(USD)), "amount": amount, "lines": lines }]);
    assert_eq!(ask(1, 3).await, held("1000", 1));
    assert_eq!(ask(1, 4).await, held("1500", 2));
    assert_eq!(ask(1, 5).await, json!([]), "it is over");
    assert_eq!(ask(2, 5).await, held("77", 1), "the other is not");
}

/// SQL of a dispute over an asset of the fixture's economy.
fn dispute(number: u64, asset: u64) -> String {
    let zero = "'\\x0000000000000000000000000000000000000000000000000000000000000000'::bytea";
    format!(
        "insert into dispute values (31337, {}, {}, {}, 0, 5, {zero}, '', 12, null, {});",
        key(COURT, number),
        key(REGISTRY, asset),
        bytes(BOB),
        number + 10
    )
}

#[tokio::test]
async fn open_orders_on_shares_of_descendants_are_counted_as_far_as_books_show_them() {
    let desk = Desk::open().await;
    // The shares of asset 2 trade; it was made from asset 1. Asset 4 was made from both.
    desk.souk
        .database
        .sql(&(dispute(1, 1) + &dispute(2, 2) + &dispute(3, 4)))
        .await;
    let query = |number| {
        format!(
            r#"{{ dispute(id: "{}") {{ blastRadius {{ openOrders {{ orders baseAmount markets {{ orders baseAmount market {{ base {{ assetId }} }} }} }} }} }} }}"#,
            record(COURT, number)
        )
    };
    let pointer = "/dispute/blastRadius/openOrders";
    let market = |orders: u64, amount: &str| {
        json!({ "orders": orders, "baseAmount": amount, "markets": [{ "orders": orders, "baseAmount": amount,
            "market": { "base": { "assetId": format!("eip155:31337/erc1155:{}/2", address(crate::fixture::SHARES)) } } }] })
    };
    desk.settles(&query(1), pointer, market(0, "0")).await;
    desk.place(&desk.alice, Side::Sell, 7, 120, 1).await;
    desk.place(&desk.bob, Side::Buy, 4, 90, 1).await;
    // Of 50 lots 5 are shown.
    let mut iceberg = desk.order(&desk.alice, Side::Sell, 50, 130, 2);
    iceberg.instructions.display_amount = Amount(5);
    let answer = desk.send(&desk.alice.sign(iceberg)).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    for number in [1, 2] {
        desk.settles(&query(number), pointer, market(3, "16")).await;
    }
    let unrelated = desk.souk.ask(&query(3)).await;
    assert_eq!(
        unrelated.pointer(pointer),
        Some(&json!({ "orders": 0, "baseAmount": "0", "markets": [] }))
    );
}
