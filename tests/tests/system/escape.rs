//! The escape, on a real chain through the whole system: the operator falls silent, trading goes on for a while, and then anybody opens
//! the vault. What was settled is paid out, what was not is void, and when the operator comes back all books say the same.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use souk_contracts::ExchangeVault::{enterEscapeCall, escapeCall};
use souk_contracts::{ExchangeVault, dev};
use souk_demo::Traded;
use sqlx::PgPool;

use crate::apart::Apart;
use crate::exchange::settled;
use crate::program::ask;
use crate::trader::{number, plan};
use crate::world::{Backend, send_as, until};

/// Longer than the silence after which anyone may open the escape.
const SILENCE_SECS: u64 = 73 * 3_600;

impl Apart {
    /// Everyone who has something in the vault takes it, as the escape lets them; how many payments there were.
    async fn everyone_escapes(&self, vault: Address, tokens: &[(Address, U256)]) -> Result<usize> {
        let plan = plan()?;
        let traders = plan.trading.makers.iter().chain(&plan.trading.takers);
        let contract = ExchangeVault::new(vault, &self.world.node);
        let mut payments = 0;
        for &number in traders {
            let account = plan.economy.accounts[number].address();
            for &(token, id) in tokens {
                if contract.balanceOf(account, token, id).call().await?.is_zero() {
                    continue;
                }
                let paid = send_as(&self.world.node, account, vault, escapeCall { token, id }).await?;
                ensure!(paid, "the vault does not pay {account} its {token}/{id}");
                payments += 1;
            }
        }
        Ok(payments)
    }
}

#[tokio::test]
async fn led_2_an_escape_pays_what_was_settled_and_voids_the_rest() -> Result<()> {
    let apart = Apart::start(Backend::Embedded).await?;
    let mut parts = apart.parts().await?;
    let url = parts.url.clone();
    let plan = plan()?;
    let shares = plan
        .trading
        .markets
        .iter()
        .filter(|planned| planned.traded == Traded::Shares);
    let shares: Vec<_> = shares.take(2).collect();
    for planned in &shares {
        apart.list(planned).await?;
    }
    apart.trade(&url, "150").await?;
    let pool = apart.world.pool().await?;
    settled(&pool).await?;

    // The operator dies. The API's engine goes on, so people trade on; nobody settles that.
    let exchange = parts.exchange.killed().await?;
    apart.trade(&url, "100").await?;
    let seen = ask(&url, "{ marketGroups { unsettledFills } }").await?;
    let unsettled = number(&seen["marketGroups"][0]["unsettledFills"])?;
    ensure!(unsettled > 5, "{unsettled} fills are unsettled");

    let at = apart.world.deployment.addresses;
    let vault = at.exchange_vault.context("no vault")?;
    let anybody = dev::RELAYER;
    assert!(
        !send_as(&apart.world.node, anybody, vault, enterEscapeCall {}).await?,
        "the operator was alive a moment ago"
    );
    let _: Value = apart
        .world
        .node
        .raw_request("evm_increaseTime".into(), [SILENCE_SECS])
        .await?;
    let _: Value = apart.world.node.raw_request("evm_mine".into(), ()).await?;
    assert!(
        send_as(&apart.world.node, anybody, vault, enterEscapeCall {}).await?,
        "anyone may open the escape now"
    );
    let mut tokens = vec![(at.test_usd, U256::ZERO)];
    tokens.extend(
        shares
            .iter()
            .map(|planned| (at.asset_shares, U256::from(planned.asset + 1))),
    );
    let payments = apart.everyone_escapes(vault, &tokens).await?;
    ensure!(payments > 10, "{payments} payments");

    // The operator is back, and hears what happened.
    parts.exchange = exchange.restarted()?;
    parts.exchange.logged("the exchange runs").await?;
    everything_is_over(&pool, unsettled, payments).await?;
    apart.verified().await?;
    parts.stop().await
}

/// What the books say of an escape: markets are closed, what was not settled is void, whoever took something has nothing left.
async fn everything_is_over(pool: &PgPool, unsettled: u64, payments: usize) -> Result<()> {
    until(
        pool,
        "select count(*) > 0 and bool_and(state = 'closed' and state_cause = 'escape') from exchange.market",
    )
    .await?;
    let (void, others): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where bust_cause = 'escape' and number > settled_through),
                count(*) filter (where busted_by is null and number > settled_through)
         from exchange.fill join exchange.market_group using (group_id)",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(
        (void, others),
        (i64::try_from(unsettled)?, 0),
        "unsettled fills are void, all of them"
    );
    let open: i64 =
        sqlx::query_scalar("select count(*) from exchange.exchange_order where status in ('open', 'waiting')")
            .fetch_one(pool)
            .await?;
    assert_eq!(open, 0, "no order outlives its market");
    let left = "select count(*) from exchange.posting_side where kind = 'escape' and account >= 0";
    until(pool, format!("select ({left}) = {payments}")).await?;

    // Nobody is owed anything but those whom nobody has a key of, and the house.
    let owed: i64 = sqlx::query_scalar(
        "select count(*) from exchange.balance b join exchange.account a on a.group_id = b.group_id and a.id = b.account
         where b.available + b.held <> 0 and a.id > 1
           and not exists (select from exchange.market m where m.group_id = b.group_id and m.royalty_account = a.id)",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(owed, 0, "everyone was paid");
    Ok(())
}
