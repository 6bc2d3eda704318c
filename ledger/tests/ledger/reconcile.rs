//! Law LED-2: engine, ledger and vault agree, and where they do not, it is said.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_ledger::reconcile::{
    Books, EngineBalance, Other, ReconcileError, ReconciliationRow, VaultBalances, VaultError, VaultSnapshot,
    engine_equals_ledger, reconciliations, vault_equals_ledger, verify_exchange, watch_reconciliation,
};
use souk_schema::U256;
use souk_schema::exchange::CommandNumber;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::Stand;
use crate::world::{GROUP, World, quote, trader};

#[tokio::test]
async fn led_2_ledger_and_vault_agree_at_every_final_block() {
    for seed in 90..94 {
        let mut world = World::new(seed);
        let (mut snapshots, mut breaks) = (Vec::new(), 0);
        for _ in 0..40 {
            for _ in 0..30 {
                world.step();
            }
            world.finality();
            if world.breaks != breaks {
                // What were final blocks are none: nobody asks about them any more, and the ledger knows what took their place.
                breaks = world.breaks;
                snapshots.clear();
            }
            snapshots.push((world.vault_snapshot(), world.engine.commands(), world.balances()));
        }
        let stand = Stand::with(&world.outcomes).await;
        // The tables are at the end by now, and still know what was at each block.
        for (snapshot, number, balances) in snapshots {
            let report = vault_equals_ledger(&stand.pool, &snapshot).await.expect("compares");
            assert!(report.is_clean(), "seed {seed}: {:#?}", report.differences);
            assert_eq!(report.at, [(GROUP, number)]);
            let report = engine_equals_ledger(&stand.pool, GROUP, number, balances)
                .await
                .expect("compares");
            assert!(report.is_clean(), "seed {seed} at {number}: {:#?}", report.differences);
        }
    }
}

#[tokio::test]
async fn led_2_every_difference_is_named() {
    let world = World::new(95).live(600);
    let stand = Stand::with(&world.outcomes).await;
    let mut vault = world.vault_snapshot();
    *vault.balances.entry((trader(0), quote())).or_default() += U256::from(5);
    let report = vault_equals_ledger(&stand.pool, &vault).await.expect("compares");
    let lines: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    // Whose it is, and that the vault owes more than it holds.
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains(&trader(0).to_string()) && lines[0].ends_with("(difference 5)"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("all accounts"), "{lines:?}");

    let mut balances = world.balances();
    balances[3].available += 1;
    balances[4].pending_in.0 += 2;
    let number = world.engine.commands();
    let report = engine_equals_ledger(&stand.pool, GROUP, number, balances.clone())
        .await
        .expect("compares");
    let found: Vec<_> = report.differences.iter().map(|difference| difference.what).collect();
    assert_eq!(found, ["available", "pending in"]);
    let later = CommandNumber(number.0 + 1);
    let early = engine_equals_ledger(&stand.pool, GROUP, later, balances).await;
    assert!(matches!(early, Err(ReconcileError::Behind { .. })), "{early:?}");
    vault.position += 1;
    let early = vault_equals_ledger(&stand.pool, &vault).await;
    assert!(matches!(early, Err(ReconcileError::Behind { .. })), "{early:?}");

    sqlx::query("update exchange.balance set held = held + 7 where account = 4 and instrument = 0")
        .execute(&stand.pool)
        .await
        .expect("a defect");
    let verification = verify_exchange(&stand.pool, None).await.expect("compares");
    let text = verification.to_string();
    assert!(
        !verification.is_clean() && text.contains("held balance") && text.contains("(difference 7)"),
        "{text}"
    );
}

/// The engine lists a market before its listing is final on chain: until then a vault's final blocks do not know its tokens.
#[tokio::test]
async fn led_2_a_token_that_is_being_listed_is_compared_once_the_listing_is_final() {
    let world = World::new(95).live(600);
    let stand = Stand::with(&world.outcomes).await;
    let mut vault = world.vault_snapshot();
    vault.balances.retain(|(_, token), _| *token != quote());
    vault.holdings.remove(&quote());
    let report = vault_equals_ledger(&stand.pool, &vault).await.expect("compares");
    assert!(report.differences.iter().all(|difference| difference.token == quote()) && !report.is_clean());
    vault.listing.insert(quote());
    let report = vault_equals_ledger(&stand.pool, &vault).await.expect("compares");
    assert!(report.is_clean() && report.compared > 0, "{report:?}");
}

/// A vault as a reader of the chain reports it; `Err` while it cannot be read.
struct Reported(watch::Receiver<Result<Option<VaultSnapshot>, String>>);

#[async_trait]
impl VaultBalances for Reported {
    async fn at_finality(&self) -> Result<Option<VaultSnapshot>, VaultError> {
        Ok(self.0.borrow().clone()?)
    }
}

#[tokio::test]
async fn a_vault_that_is_given_is_compared_or_it_is_an_error() {
    let world = World::new(96).live(300);
    let stand = Stand::with(&world.outcomes).await;
    let (report, reported) = watch::channel(Ok(None));
    let vault = Reported(reported);
    let found = verify_exchange(&stand.pool, Some(&vault)).await;
    assert!(matches!(found, Err(ReconcileError::NothingFinal)), "{found:?}");
    drop(report.send_replace(Err("of another chain".into())));
    let found = verify_exchange(&stand.pool, Some(&vault)).await;
    assert!(matches!(found, Err(ReconcileError::Vault(_))), "{found:?}");
    let mut snapshot = world.vault_snapshot();
    drop(report.send_replace(Ok(Some(snapshot.clone()))));
    let found = verify_exchange(&stand.pool, Some(&vault)).await.expect("compares");
    assert!(found.is_clean() && found.vault.is_some());
    snapshot.venue.vault = trader(0);
    drop(report.send_replace(Ok(Some(snapshot))));
    let found = verify_exchange(&stand.pool, Some(&vault)).await;
    assert!(matches!(found, Err(ReconcileError::NoGroup(_))), "{found:?}");
}

/// Watches what the tables tell of a comparison until it is as wanted.
async fn watched(stand: &Stand, other: Other, wanted: impl Fn(&ReconciliationRow) -> bool) -> ReconciliationRow {
    let looking = async {
        loop {
            let rows = reconciliations(&stand.pool).await.expect("reads");
            if let Some(row) = rows.into_iter().find(|row| row.other == other && wanted(row)) {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), looking).await;
    found.expect("it comes to that")
}

#[tokio::test]
async fn led_2_is_watched_block_after_block_and_what_cannot_be_compared_is_no_peace() {
    let mut world = World::new(96).live(300);
    let stand = Stand::with(&world.outcomes).await;
    let (report, reported) = watch::channel(Ok(Some(world.vault_snapshot())));
    let mut balances: Vec<EngineBalance> = world.balances();
    balances[3].available += 1;
    let number = world.engine.commands();
    let books = Books {
        group: GROUP,
        vault: Arc::new(Reported(reported)),
        engine: Some(Arc::new(move || (number, balances.clone()))),
    };
    let (cancel, idle) = (CancellationToken::new(), Duration::from_millis(10));
    let watching = tokio::spawn(watch_reconciliation(stand.pool.clone(), books, idle, cancel.clone()));
    let engine = watched(&stand, Other::Engine, |row| row.number == Some(number)).await;
    assert_eq!(
        (engine.difference_count, engine.differences[0].what.as_str()),
        (1, "available")
    );
    assert_eq!((engine.differences[0].difference.as_str(), engine.block), ("1", None));
    let first = world.vault_snapshot().block.number;
    let at = |number: u64| move |row: &ReconciliationRow| row.block.is_some_and(|(block, _)| block == number);
    let found = watched(&stand, Other::Vault, at(first)).await;
    assert!(
        found.difference_count == 0 && found.compared > 0 && found.checked_at_secs.is_some(),
        "{found:?}"
    );

    drop(report.send_replace(Err("the node does not answer".into())));
    let failing = watched(&stand, Other::Vault, |row| row.failing_since_secs.is_some()).await;
    assert_eq!(failing.block, found.block, "what was found stays");

    let from = world.outcomes.len();
    world.finality();
    stand.append(&world.outcomes[from..], 1).await;
    stand.project(1).await.expect("projects");
    let mut snapshot = world.vault_snapshot();
    *snapshot.holdings.entry(quote()).or_default() -= U256::ONE;
    drop(report.send_replace(Ok(Some(snapshot))));
    let found = watched(&stand, Other::Vault, at(first + 1)).await;
    assert_eq!((found.difference_count, found.failing_since_secs), (1, None));
    assert_eq!(
        (found.differences[0].what.as_str(), found.differences[0].account),
        ("what the vault holds", None)
    );
    cancel.cancel();
    watching.await.expect("ends");
}
