//! What is read of accounts, orders and postings.

use souk_ledger::posting::{LedgerAccount, PostingKind};
use souk_ledger::read::{
    OrderFilter, OrderKey, OrderStatus, Page, WithdrawalState, account, balances_of, exits_of, fill, groups,
    market_by_key, order, orders_of, postings_of, projection, withdrawals_of,
};
use souk_ledger::settlement::{SettlementBatch, note_settlement};
use souk_schema::amount::Balance;
use souk_schema::exchange::{Event, FillNumber};
use souk_schema::{Address, B256};

use crate::support::Stand;
use crate::world::{GROUP, VENUE, World, market_key, trader};

#[tokio::test]
async fn orders_are_found_by_every_name_as_they_were_signed() {
    let world = World::new(80).live(900);
    let stand = Stand::with(&world.outcomes).await;
    let pool = &stand.pool;
    let all = orders_of(pool, GROUP, trader(1), OrderFilter::All, None, Page::newest(10_000))
        .await
        .expect("reads");
    let open = orders_of(pool, GROUP, trader(1), OrderFilter::Open, None, Page::newest(10_000))
        .await
        .expect("reads");
    let closed = orders_of(pool, GROUP, trader(1), OrderFilter::Closed, None, Page::newest(10_000))
        .await
        .expect("reads");
    assert_eq!(all.len(), open.len() + closed.len());
    assert!(closed.len() > 20 && closed.iter().all(|row| matches!(row.status, OrderStatus::Closed(_))));
    let last_signed = |nonce| {
        let mut signed = world.outcomes.iter().flat_map(|outcome| &outcome.signed);
        signed.rfind(|order| order.nonce == nonce)
    };
    for row in &all {
        let found = order(pool, GROUP, OrderKey::Id(row.order)).await.expect("reads");
        assert_eq!(found.as_ref(), Some(row));
        let found = order(pool, GROUP, OrderKey::Nonce(trader(1), row.signed.nonce))
            .await
            .expect("reads");
        assert_eq!(found.as_ref(), Some(row));
        assert_eq!(Some(&row.signed), last_signed(row.signed.nonce), "order {}", row.order);
        let client_id = row.signed.instructions.client_order_id;
        if !client_id.is_zero() {
            let found = order(pool, GROUP, OrderKey::ClientId(trader(1), client_id))
                .await
                .expect("reads");
            assert_eq!(
                found.map(|found| found.signed.instructions.client_order_id),
                Some(client_id)
            );
        }
    }
    let busted = stand
        .count("select count(*) from exchange.fill where busted_by is not null and reinstated_by is null")
        .await;
    assert!(busted > 0);
    // Fills that stand, summed once from the orders and once from the fills.
    let sums = "select count(*) from exchange.exchange_order o left join lateral (
            select coalesce(sum(f.lots), 0) as lots, coalesce(sum(f.quote), 0) as quote,
                   coalesce(sum(case when f.buyer_order = o.id then f.buyer_fee else f.seller_fee + f.royalty end), 0) as fees
            from exchange.fill f
            where o.id in (f.buyer_order, f.seller_order) and (f.busted_by is null or f.reinstated_by is not null)
        ) f on true
        where (f.lots, f.quote, f.fees) is distinct from (o.filled_lots, o.filled_quote, o.fees)";
    assert_eq!(stand.count(sums).await, 0);
}

#[tokio::test]
async fn a_balance_is_the_sum_of_the_postings_that_are_shown_for_it() {
    let world = World::new(81).live(900);
    let stand = Stand::with(&world.outcomes).await;
    let pool = &stand.pool;
    let me = account(pool, GROUP, trader(2))
        .await
        .expect("reads")
        .expect("has money");
    let mut postings = Vec::new();
    let mut before = None;
    loop {
        let page = postings_of(pool, GROUP, trader(2), before, 11).await.expect("reads");
        let Some(last) = page.last() else { break };
        before = Some(last.key);
        postings.extend(page);
    }
    assert!(postings.windows(2).all(|pair| pair[0].key > pair[1].key));
    for balance in balances_of(pool, GROUP, trader(2)).await.expect("reads") {
        let sum = |of: LedgerAccount| {
            postings
                .iter()
                .filter(|row| row.instrument == balance.instrument)
                .fold(Balance::ZERO, |sum, row| {
                    let amount: Balance = row.amount.to_string().parse().expect("digits");
                    let gained = if row.credited == of { amount } else { Balance::ZERO };
                    let lost = if row.debited == of { amount } else { Balance::ZERO };
                    sum + gained - lost
                })
        };
        assert_eq!(sum(LedgerAccount::Available(me.account)), balance.available);
        assert_eq!(
            sum(LedgerAccount::Held(me.account)).to_string(),
            balance.held.to_string()
        );
        let engine = world
            .engine
            .account(trader(2))
            .expect("has money")
            .balance(balance.instrument);
        assert_eq!(balance.withdrawable(), engine.withdrawable);
    }
    for kind in [
        PostingKind::Hold,
        PostingKind::Release,
        PostingKind::Trade,
        PostingKind::Deposit,
    ] {
        assert!(postings.iter().any(|row| row.kind == kind), "{kind:?}");
    }
}

#[tokio::test]
async fn withdrawals_and_exits_have_ends() {
    let world = World::new(82).live(2_500);
    let stand = Stand::with(&world.outcomes).await;
    let pool = &stand.pool;
    let (mut states, mut exits) = (Vec::new(), 0);
    for number in 0..5 {
        let rows = withdrawals_of(pool, GROUP, trader(number), Page::newest(1_000))
            .await
            .expect("reads");
        states.extend(rows.iter().map(|row| row.state));
        exits += exits_of(pool, GROUP, trader(number), Page::newest(1_000))
            .await
            .expect("reads")
            .len();
        let engine = world.engine.account(trader(number)).expect("has money");
        let open = rows.iter().filter(|row| row.state == WithdrawalState::Approved).count();
        assert_eq!(open, world.engine.withdrawals_in_flight(engine.id()).count());
        let row = account(pool, GROUP, trader(number))
            .await
            .expect("reads")
            .expect("has money");
        assert_eq!((row.account, row.stopped), (engine.id(), engine.stopped()));
    }
    let count = |state| states.iter().filter(|found| **found == state).count();
    assert!(
        count(WithdrawalState::Executed) > 0 && count(WithdrawalState::Expired) > 0,
        "{states:?}"
    );
    let executed = |event: &&Event| {
        matches!(
            event,
            Event::Debited {
                cause: souk_schema::exchange::event::DebitCause::Exit { .. },
                ..
            }
        )
    };
    let vanished = |event: &&Event| {
        matches!(
            event,
            Event::Credited {
                cause: souk_schema::exchange::event::CreditCause::ExitVanished { .. },
                ..
            }
        )
    };
    let paid = world.events().filter(executed).count() - world.events().filter(vanished).count();
    assert_eq!(exits, paid);
    assert_eq!(
        account(pool, GROUP, Address::repeat_byte(0x55)).await.expect("reads"),
        None
    );
}

#[tokio::test]
async fn settlement_says_where_a_fill_was_settled() {
    let world = World::new(83).live(600);
    let stand = Stand::with(&world.outcomes).await;
    let pool = &stand.pool;
    let mut batch = SettlementBatch {
        group: GROUP,
        first_fill: FillNumber(3),
        last_fill: FillNumber(5),
        transaction_hash: B256::repeat_byte(1),
        block_number: None,
    };
    note_settlement(pool, &batch).await.expect("notes");
    (batch.transaction_hash, batch.block_number) = (B256::repeat_byte(2), Some(77));
    note_settlement(pool, &batch).await.expect("notes");
    for number in 1..8 {
        let row = fill(pool, GROUP, FillNumber(number))
            .await
            .expect("reads")
            .expect("was matched");
        let found = row
            .settlement
            .map(|settlement| (settlement.transaction_hash, settlement.block_number));
        let expected = (3..=5).contains(&number).then_some((B256::repeat_byte(2), Some(77)));
        assert_eq!(found, expected, "fill {number}");
    }
    let group = &groups(pool).await.expect("reads")[0];
    assert_eq!(
        (group.group, group.chain, group.vault),
        (GROUP, VENUE.chain, VENUE.vault)
    );
    assert_eq!(group.settled_through, world.engine.settled());
    let at = projection(pool, GROUP).await.expect("reads").expect("is projected");
    assert_eq!(at.last_number, world.engine.commands());
    let market = market_by_key(pool, market_key(1))
        .await
        .expect("reads")
        .expect("is listed");
    assert_eq!(Some(market.base), world.engine.instrument(market.base_instrument));
}
