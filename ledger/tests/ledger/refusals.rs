//! A wrong posting is refused by the database itself, whoever writes it.

use crate::support::Stand;
use crate::world::World;

/// A transaction with one announced posting, and then whatever the posting is.
macro_rules! posting {
    ($kind:literal, $held:literal, $debited:literal, $credited:literal, $amount:literal) => {
        concat!(
            "begin; insert into exchange.transaction values (1, 999999, 0, 1); ",
            "insert into exchange.posting values (1, 999999, 0, ",
            $kind,
            ", ",
            $held,
            ", 0, ",
            $debited,
            ", ",
            $credited,
            ", ",
            $amount,
            ", 0); commit"
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
        (posting!("3", "true, false", "2", "3", "-5"), "posting_amount"),
        (posting!("3", "true, false", "2", "3", "0"), "posting_amount"),
        (posting!("3", "true, false", "2", "3", "1.5"), "posting_amount"),
        (posting!("3", "true, false", "2", "3", "'NaN'"), "posting_amount"),
        (posting!("3", "true, false", "2", "3", "'infinity'"), "posting_amount"),
        (posting!("3", "false, false", "2", "2", "5"), "posting_two_accounts"),
        (posting!("6", "true, false", "-1", "2", "5"), "posting_custody"),
        (posting!("12", "false, true", "2", "0", "5"), "posting_custody"),
        (posting!("99", "true, false", "2", "3", "5"), "posting_kind_check"),
        // One side only: there is no such row.
        (posting!("3", "true, false", "2", "null", "5"), "null value"),
    ] {
        let (_, message) = stand.refused(statement).await;
        assert!(message.contains(what), "{message} for {statement}");
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
        ("insert into exchange.transaction select * from exchange.transaction limit 1", "23505"),
        ("insert into exchange.posting select * from exchange.posting limit 1", "23505"),
        // One more in a transaction that is complete, though it would be balanced.
        (
            "insert into exchange.posting select group_id, number, entry + 100, kind, debited_held, credited_held, instrument, debited,
                 credited, amount, reference from exchange.posting limit 1",
            "23514",
        ),
        // A posting of no transaction.
        ("insert into exchange.posting values (1, 999999, 0, 3, true, false, 0, 2, 3, 5, 0)", "23514"),
        // Fewer than announced, and more.
        (
            "begin; insert into exchange.transaction values (1, 999999, 0, 2);
             insert into exchange.posting values (1, 999999, 0, 3, true, false, 0, 2, 3, 5, 0)",
            "23514",
        ),
        (
            "begin; insert into exchange.transaction values (1, 999999, 0, 1);
             insert into exchange.posting values (1, 999999, 0, 3, true, false, 0, 2, 3, 5, 0), (1, 999999, 1, 3, true, false, 0, 2, 3, 5, 0)",
            "23514",
        ),
        ("insert into exchange.transaction values (1, 999999, 0, 0)", "23514"),
    ] {
        let (found, message) = stand.refused(statement).await;
        assert_eq!(found, code, "{message} for {statement}");
    }
    assert_eq!(stand.hash().await, before);
}

#[tokio::test]
async fn history_is_not_changed_and_balances_are_not_negative() {
    let world = World::new(3).live(100);
    let stand = Stand::with(&world.outcomes).await;
    let before = stand.hash().await;
    for statement in [
        "update exchange.posting set amount = amount + 1",
        "update exchange.posting set amount = amount where false",
        "delete from exchange.posting",
        "truncate exchange.posting",
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
