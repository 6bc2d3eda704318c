//! A wrong posting is refused by the database itself, whoever writes it.

use crate::support::Stand;
use crate::world::World;

/// A transaction of one posting, or of none where its parts are not of one length.
macro_rules! transaction {
    ($kind:literal, $debited:literal, $credited:literal, $amount:literal) => {
        concat!(
            "insert into exchange.transaction values (1, 999999, 0, array[",
            $kind,
            "]::smallint[], array[0], array[",
            $debited,
            "]::bigint[], array[",
            $credited,
            "]::bigint[], array[",
            $amount,
            "]::numeric[], array[0])"
        )
    };
}

#[tokio::test]
async fn led_1_what_is_no_posting_is_refused() {
    let world = World::new(1).live(100);
    let stand = Stand::with(&world.outcomes).await;
    let (before, postings) = (
        stand.hash().await,
        stand.count("select count(*) from exchange.posting").await,
    );
    assert!(postings > 50);
    for (statement, what) in [
        (transaction!("3", "5", "6", "-5"), "posting_amount"),
        (transaction!("3", "5", "6", "0"), "posting_amount"),
        (transaction!("3", "5", "6", "1.5"), "posting_amount"),
        (transaction!("3", "5", "6", "'NaN'"), "posting_amount"),
        (transaction!("3", "5", "6", "'infinity'"), "posting_amount"),
        (transaction!("3", "5", "6", "null"), "posting_amount"),
        (transaction!("3", "4", "4", "5"), "posting_two_accounts"),
        (transaction!("6", "-1", "4", "5"), "posting_custody"),
        (transaction!("6", "-4", "4", "5"), "posting_custody"),
        (transaction!("12", "4", "1", "5"), "posting_custody"),
        (transaction!("99", "5", "6", "5"), "posting_kind"),
        (transaction!("null", "5", "6", "5"), "posting_kind"),
        // One side only.
        (transaction!("3", "5", "null", "5"), "posting_custody"),
        (transaction!("3", "5", "", "5"), "transaction_whole"),
        // More amounts than postings, and none at all.
        (transaction!("3", "5", "6", "5, 5"), "transaction_whole"),
        (
            "insert into exchange.transaction values (1, 999999, 0, '{}', '{}', '{}', '{}', '{}', '{}')",
            "transaction_whole",
        ),
    ] {
        let (code, message) = stand.refused(statement).await;
        assert!(code == "23514" && message.contains(what), "{message} for {statement}");
    }
    assert_eq!(stand.hash().await, before);
}

#[tokio::test]
async fn log_2_positions_are_unique_and_transactions_whole() {
    let world = World::new(2).live(100);
    let stand = Stand::with(&world.outcomes).await;
    let before = stand.hash().await;
    for (statement, code) in [
        // The same command twice.
        (
            "insert into exchange.transaction select * from exchange.transaction limit 1",
            "23505",
        ),
        // One more in a transaction that is complete, though it would be balanced: there is no such row.
        (
            "insert into exchange.posting select * from exchange.posting limit 1",
            "55000",
        ),
    ] {
        let (found, message) = stand.refused(statement).await;
        assert_eq!(found, code, "{message} for {statement}");
    }
    assert_eq!(stand.hash().await, before);
}

#[tokio::test]
async fn the_view_of_postings_says_what_was_written() {
    type Row = (i32, i16, i64, i64, bool, i64, bool, String, String);
    let stand = Stand::new().await;
    stand.project(1).await.expect("makes the tables");
    sqlx::raw_sql(
        "insert into exchange.transaction values
             (1, 7, 5, '{6, 1, 7}', '{0, 0, 3}', '{-2, 14, 15}', '{14, 15, -2}', '{340282366920938463463374607431768211455, 2, 3}', '{9, -1, 0}')",
    )
    .execute(&stand.pool)
    .await
    .expect("is a transaction");
    let rows: Vec<Row> = sqlx::query_as(
        "select entry, kind, instrument, debited, debited_held, credited, credited_held, amount::text, reference::text
         from exchange.posting where group_id = 1 and number = 7 order by entry",
    )
    .fetch_all(&stand.pool)
    .await
    .expect("reads");
    let most = u128::MAX.to_string();
    let expected = [
        (0, 6, 0, -1, false, 7, false, most, "9".to_owned()),
        (1, 1, 0, 7, false, 7, true, "2".to_owned(), u64::MAX.to_string()),
        (2, 7, 3, 7, true, -1, false, "3".to_owned(), "0".to_owned()),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn history_is_not_changed_and_balances_are_not_negative() {
    let world = World::new(3).live(100);
    let stand = Stand::with(&world.outcomes).await;
    let before = stand.hash().await;
    for statement in [
        "update exchange.transaction set amount = '{1}'",
        "update exchange.transaction set amount = amount where false",
        "update exchange.transaction set time = 0",
        "delete from exchange.transaction",
        "truncate exchange.transaction",
        "delete from exchange.settled",
        "update exchange.fact set number = 0",
    ] {
        let (code, message) = stand.refused(statement).await;
        assert!(code == "42501" && message.contains("append-only"), "{message}");
    }
    for statement in [
        "update exchange.balance set available = -1 where account = 4",
        "update exchange.balance set held = -1 where account = 4",
        "update exchange.balance set pending_in = -1 where account = 4",
        "update exchange.balance set available = 'NaN' where account = 4",
        "update exchange.balance set held = 'infinity' where account = 4",
        "insert into exchange.balance values (1, 0, 99, -1, -1, 0, 0, 0)",
    ] {
        let (code, message) = stand.refused(statement).await;
        assert_eq!(code, "23514", "{message}");
    }
    assert_eq!(stand.hash().await, before);
}
