//! Law LED-2: engine, ledger and vault agree, and where they do not, it is said.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_ledger::reconcile::{
    ReconcileError, ReconciliationStatus, VaultBalances, VaultError, VaultSnapshot, engine_equals_ledger,
    vault_equals_ledger, verify_exchange, watch_reconciliation,
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

/// A vault as a reader of the chain reports it.
struct Reported(watch::Receiver<Option<VaultSnapshot>>);

#[async_trait]
impl VaultBalances for Reported {
    async fn at_finality(&self) -> Result<Option<VaultSnapshot>, VaultError> {
        Ok(self.0.borrow().clone())
    }
}

#[tokio::test]
async fn led_2_is_watched_block_after_block() {
    let mut world = World::new(96).live(300);
    let stand = Stand::with(&world.outcomes).await;
    let (report, reported) = watch::channel(Some(world.vault_snapshot()));
    let (sender, mut status) = watch::channel(ReconciliationStatus::default());
    let cancel = CancellationToken::new();
    let vault = Arc::new(Reported(reported));
    let idle = Duration::from_millis(10);
    let watching = tokio::spawn(watch_reconciliation(
        stand.pool.clone(),
        vault,
        idle,
        sender,
        cancel.clone(),
    ));
    let mut expect = async |number: u64, differences: usize| {
        let compared = |status: &ReconciliationStatus| status.block.is_some_and(|block| block.number == number);
        let found = tokio::time::timeout(Duration::from_secs(60), status.wait_for(compared)).await;
        let found = found.expect("compares").expect("watches").clone();
        assert_eq!(found.report.expect("is there").differences.len(), differences);
    };
    let first = world.vault_snapshot().block.number;
    expect(first, 0).await;
    let from = world.outcomes.len();
    world.finality();
    stand.append(&world.outcomes[from..], 1).await;
    stand.project(1).await.expect("projects");
    let mut snapshot = world.vault_snapshot();
    *snapshot.holdings.entry(quote()).or_default() -= U256::ONE;
    report.send_replace(Some(snapshot));
    expect(first + 1, 1).await;
    cancel.cancel();
    watching.await.expect("ends");
}
