//! A trade from beginning to end: money and shares go into the vault on chain, orders over GraphQL meet, the fill is settled on chain, and what
//! it brought is withdrawn. The examples for traders' own programs do the same. And traders at work while engine, settlement and API are killed: what was acknowledged is there, once.

use alloy::primitives::{Address, U256, keccak256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use souk_contracts::{AssetShares, ExchangeVault, TestUSD};
use souk_demo::trade::TradeSide;
use souk_demo::{Account, TICK_MICROS, Traded};
use sqlx::PgPool;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::apart::{Apart, Parts};
use crate::exchange::settled;
use crate::trader::{Market, Trader, plan, shares_market};
use crate::world::{Backend, PATIENCE, send_as, until};

/// The exchange in parts, with one market of shares.
struct Exchange {
    apart: Apart,
    parts: Parts,
    vault: Address,
    /// The asset whose shares are traded, as the contract of shares numbers it.
    asset: U256,
    /// What a share is about worth.
    ticks: u64,
}

impl Exchange {
    async fn start() -> Result<Exchange> {
        let apart = Apart::start(Backend::Embedded).await?;
        let parts = apart.parts().await?;
        let plan = plan()?;
        let mut of_shares = plan
            .trading
            .markets
            .iter()
            .filter(|planned| planned.traded == Traded::Shares);
        let planned = of_shares.next().context("no market of shares is planned")?;
        apart.list(planned).await?;
        until(
            &apart.world.pool().await?,
            "select bool_and(state = 'open') from exchange.market",
        )
        .await?;
        Ok(Exchange {
            vault: apart.world.deployment.addresses.exchange_vault.context("no vault")?,
            asset: U256::from(planned.asset + 1),
            ticks: planned.price_micros / TICK_MICROS,
            apart,
            parts,
        })
    }

    /// Somebody of whom nobody has heard, with money in the pocket and some of it, or shares of the first maker's, in the vault.
    async fn newcomer(&self, name: &str, dollars: u128, shares: u128) -> Result<Account> {
        let account = Account::with_key(keccak256(name), name);
        let (node, at) = (&self.apart.world.node, self.apart.world.deployment.addresses);
        let me = account.address();
        let _: Value = node
            .raw_request("anvil_setBalance".into(), json!([me, "0xde0b6b3a7640000"]))
            .await?;
        let done = |sent: bool| sent.then_some(()).with_context(|| format!("a call of {name} fails"));
        if dollars > 0 {
            let amount = U256::from(dollars);
            done(send_as(node, me, at.test_usd, TestUSD::mintCall { to: me, amount }).await?)?;
            let approve = TestUSD::approveCall {
                spender: self.vault,
                value: amount,
            };
            done(send_as(node, me, at.test_usd, approve).await?)?;
            done(self.deposit(me, at.test_usd, U256::ZERO, dollars).await?)?;
        }
        if shares > 0 {
            let holder = self.holder().await?;
            let give = AssetShares::safeTransferFromCall {
                from: holder,
                to: me,
                id: self.asset,
                value: U256::from(shares),
                data: Default::default(),
            };
            done(send_as(node, holder, at.asset_shares, give).await?)?;
            let approve = AssetShares::setApprovalForAllCall {
                operator: self.vault,
                approved: true,
            };
            done(send_as(node, me, at.asset_shares, approve).await?)?;
            done(self.deposit(me, at.asset_shares, self.asset, shares).await?)?;
        }
        Ok(account)
    }

    /// Who has most of the asset's shares in the pocket.
    async fn holder(&self) -> Result<Address> {
        let mut most = (U256::ZERO, Address::ZERO);
        for account in &plan()?.economy.accounts {
            let has = self.in_pocket(account.address()).await?.1;
            most = most.max((has, account.address()));
        }
        Ok(most.1)
    }

    async fn deposit(&self, account: Address, token: Address, id: U256, amount: u128) -> Result<bool> {
        let group = 1;
        let deposit = ExchangeVault::depositCall {
            token,
            id,
            amount,
            account,
            group,
        };
        send_as(&self.apart.world.node, account, self.vault, deposit).await
    }

    /// Dollars and shares of an account outside of the vault, as the chain says.
    async fn in_pocket(&self, account: Address) -> Result<(U256, U256)> {
        let (node, at) = (&self.apart.world.node, self.apart.world.deployment.addresses);
        let dollars = TestUSD::new(at.test_usd, node).balanceOf(account).call().await?;
        let shares = AssetShares::new(at.asset_shares, node)
            .balanceOf(account, self.asset)
            .call()
            .await?;
        Ok((dollars, shares))
    }

    /// Dollars and shares of an account in the vault, as the chain says.
    async fn in_vault(&self, account: Address) -> Result<(U256, U256)> {
        let at = self.apart.world.deployment.addresses;
        let vault = ExchangeVault::new(self.vault, &self.apart.world.node);
        let dollars = vault.balanceOf(account, at.test_usd, U256::ZERO).call().await?;
        Ok((
            dollars,
            vault.balanceOf(account, at.asset_shares, self.asset).call().await?,
        ))
    }

    async fn sign_in(&self, account: &Account) -> Result<Trader> {
        Trader::sign_in(&self.parts.url, self.vault, account.clone()).await
    }

    /// Everything that was sent has become final, and all books are equal.
    async fn stop(self) -> Result<()> {
        self.apart.verified().await?;
        self.parts.stop().await
    }
}

fn expiry_secs() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).expect("after 1970") + 86_400
}

/// Waits until a trader's own view is so.
async fn until_told(trader: &Trader, fields: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let told = async {
        loop {
            let viewer = trader.viewer(fields).await?;
            if is_so(&viewer) {
                return anyhow::Ok(viewer);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .with_context(|| format!("{fields} never come about"))?
}

#[tokio::test]
async fn led_2_from_a_deposit_on_chain_to_a_withdrawal_every_base_unit_is_where_it_belongs() -> Result<()> {
    const DOLLARS: u128 = 1_000_000_000_000;
    const LOTS: u64 = 7;
    let exchange = Exchange::start().await?;
    let buyer = exchange.newcomer("a buyer", DOLLARS, 0).await?;
    let (market, [maker_ppm, taker_ppm, royalty_ppm]) = shares_market(&exchange.parts.url).await?;
    let shares = u128::from(LOTS) * market.units.lot_size;
    let seller = exchange.newcomer("a seller", 0, shares).await?;
    let (mut buying, mut selling) = (exchange.sign_in(&buyer).await?, exchange.sign_in(&seller).await?);
    for trader in [&buying, &selling] {
        until_told(trader, "balances { withdrawableBaseUnits }", |viewer| {
            viewer["balances"][0]["withdrawableBaseUnits"].is_string()
        })
        .await?;
    }

    // The seller's order rests, the buyer's comes.
    let placed = selling
        .place(market, TradeSide::Sell, LOTS, exchange.ticks, expiry_secs())
        .await?;
    assert!(placed.is_ok(), "{placed:?}");
    let placed = buying
        .place(market, TradeSide::Buy, LOTS, exchange.ticks + 1, expiry_secs())
        .await?;
    assert!(placed.is_ok(), "{placed:?}");
    let pool = exchange.apart.world.pool().await?;
    assert_eq!(settled(&pool).await?, 1, "one fill");
    let price = u128::from(exchange.ticks) * market.units.tick_size * u128::from(LOTS);
    let part = |ppm: u128| price * ppm / 1_000_000;
    let (paid, got) = (price + part(taker_ppm), price - part(maker_ppm) - part(royalty_ppm));
    assert!(
        part(maker_ppm) > 0 && part(taker_ppm) > 0 && part(royalty_ppm) > 0,
        "nothing is left out"
    );
    let (buyer, seller) = (buyer.address(), seller.address());
    let amounts = |dollars: u128, shares: u128| (U256::from(dollars), U256::from(shares));
    assert_eq!(exchange.in_vault(buyer).await?, amounts(DOLLARS - paid, shares));
    assert_eq!(exchange.in_vault(seller).await?, amounts(got, 0));

    // Both take home what they have; the seller first, so that nobody's money is paid out with another's.
    let at = exchange.apart.world.deployment.addresses;
    let dollar = format!("eip155:31337/erc20:{}", at.test_usd);
    let share = format!("eip155:31337/erc1155:{}/{}", at.asset_shares, exchange.asset);
    let withdrawable = |viewer: &Value| viewer["balances"][0]["withdrawableBaseUnits"] == json!(got.to_string());
    until_told(&selling, "balances { withdrawableBaseUnits }", withdrawable).await?;
    let node = &exchange.apart.world.node;
    let mut traders = [selling, buying];
    for (whose, owner, token, amount) in [
        (0, seller, &dollar, got),
        (1, buyer, &share, shares),
        (1, buyer, &dollar, DOLLARS - paid),
    ] {
        let trader = &mut traders[whose];
        let call = trader.withdraw(token, amount, expiry_secs()).await?;
        assert!(
            send_as(node, owner, exchange.vault, call.clone()).await?,
            "the vault does not pay"
        );
        assert!(
            !send_as(node, owner, exchange.vault, call).await?,
            "the vault pays twice"
        );
        until_told(trader, "withdrawals(first: 1) { nodes { state } }", |viewer| {
            viewer["withdrawals"]["nodes"][0]["state"] == "EXECUTED"
        })
        .await?;
    }
    assert_eq!(exchange.in_pocket(seller).await?, amounts(got, 0));
    assert_eq!(exchange.in_pocket(buyer).await?, amounts(DOLLARS - paid, shares));
    for account in [buyer, seller] {
        assert_eq!(exchange.in_vault(account).await?, amounts(0, 0));
    }
    exchange.stop().await
}

/// Runs an example for a buyer who has deposited; what it printed, one JSON value a line.
async fn run_example(mut command: Command, exchange: &Exchange, market: Market, buyer: &str) -> Result<Vec<Value>> {
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("SOUK_URL", format!("{}/graphql", exchange.parts.url))
        .env("SOUK_MARKET", market.units.market.to_string())
        .env("SOUK_KEY", keccak256(buyer).to_string());
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output())
        .await
        .context("the example does not end")??;
    let (out, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(output.status.success(), "{out}\n{errors}");
    out.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[tokio::test]
async fn the_examples_trade_until_the_chain_has_settled_for_good() -> Result<()> {
    let exchange = Exchange::start().await?;
    let (market, _) = shares_market(&exchange.parts.url).await?;
    let seller = exchange.newcomer("a seller", 0, 20 * market.units.lot_size).await?;
    let mut selling = exchange.sign_in(&seller).await?;
    until_told(&selling, "balances { total }", |viewer| {
        viewer["balances"][0]["total"].is_string()
    })
    .await?;
    let placed = selling
        .place(market, TradeSide::Sell, 20, exchange.ticks, expiry_secs())
        .await?;
    assert!(placed.is_ok(), "{placed:?}");
    let mut typescript = Command::new("tools/node_modules/.bin/tsx");
    typescript
        .arg("examples/typescript/trade.ts")
        .env("NODE_PATH", "tools/node_modules");
    let mut python = Command::new("tools/.venv/bin/python");
    python.arg("examples/python/trade.py");
    for (command, buyer) in [(typescript, "who writes TypeScript"), (python, "who writes Python")] {
        let account = exchange.newcomer(buyer, 1_000_000_000_000, 0).await?;
        let trader = exchange.sign_in(&account).await?;
        until_told(&trader, "balances { total }", |viewer| {
            viewer["balances"][0]["total"].is_string()
        })
        .await?;
        let told = run_example(command, &exchange, market, buyer).await?;
        let last = told
            .iter()
            .find(|line| line["step"] == "final")
            .with_context(|| format!("{told:#?}"))?;
        let node = &exchange.apart.world.node;
        let receipt: Value = node
            .raw_request("eth_getTransactionReceipt".into(), json!([last["transactionHash"]]))
            .await?;
        assert_eq!(receipt["status"], "0x1", "{last}");
        assert_eq!(receipt["to"], json!(format!("{:#x}", exchange.vault)));
        assert!(
            exchange.in_vault(account.address()).await?.1 > U256::ZERO,
            "it has shares"
        );
    }
    exchange.stop().await
}

/// Sends orders one after the other, buys and sells in turn, until the server is gone; the nonces of those that it acknowledged.
fn work(mut trader: Trader, market: Market, ticks: u64) -> JoinHandle<(Address, Vec<u64>)> {
    tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for sent in 0.. {
            let side = [TradeSide::Buy, TradeSide::Sell][sent as usize % 2];
            let price = ticks - 2 + sent % 5;
            match trader.place(market, side, 1, price, expiry_secs()).await {
                Ok(Ok(nonce)) => acknowledged.push(nonce),
                // Too many at once, or too many open: it is asked again a little later.
                Ok(Err(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                Err(_) => break,
            }
        }
        (trader.account.address(), acknowledged)
    })
}

/// Waits until the ledger has an order of an account with each of these nonces.
async fn until_in_ledger(pool: &PgPool, account: Address, nonces: &[u64]) -> Result<()> {
    let list: Vec<String> = nonces.iter().map(ToString::to_string).collect();
    let found = format!(
        "select count(distinct o.nonce) = {} from exchange.exchange_order o
         join exchange.account a on a.group_id = o.group_id and a.id = o.account
         where a.address = '\\x{account:x}' and o.nonce in ({})",
        nonces.len(),
        list.join(", ")
    );
    until(pool, found).await
}

#[tokio::test]
async fn what_was_acknowledged_under_load_is_there_once_after_kill_9_of_everything() -> Result<()> {
    let mut exchange = Exchange::start().await?;
    let pool = exchange.apart.world.pool().await?;
    let (market, _) = shares_market(&exchange.parts.url).await?;
    let mut accounts = Vec::new();
    for name in ["first", "second", "third"] {
        accounts.push(
            exchange
                .newcomer(name, 1_000_000_000, 50 * market.units.lot_size)
                .await?,
        );
    }
    let mut total = 0_i64;
    for kill in 0..2 {
        let mut working = Vec::new();
        for account in &accounts {
            let trader = exchange.sign_in(account).await?;
            until_told(&trader, "balances { total }", |viewer| {
                viewer["balances"]
                    .as_array()
                    .is_some_and(|balances| balances.len() == 2)
            })
            .await?;
            working.push(work(trader, market, exchange.ticks));
        }
        let busy = format!("select count(*) >= {} from exchange.exchange_order", total + 40);
        until(&pool, busy).await?;
        // Engine and settlement die first or the API does, in the middle of everything.
        let (engine, serve);
        if kill == 0 {
            engine = exchange.parts.exchange.killed().await?;
            serve = exchange.parts.serve.killed().await?;
        } else {
            serve = exchange.parts.serve.killed().await?;
            engine = exchange.parts.exchange.killed().await?;
        }
        let mut acknowledged = Vec::new();
        for trader in working {
            acknowledged.push(
                tokio::time::timeout(PATIENCE, trader)
                    .await
                    .context("a trader waits for ever")??,
            );
        }
        exchange.parts.exchange = engine.restarted()?;
        exchange.parts.exchange.logged("the exchange runs").await?;
        exchange.parts.serve = serve.restarted()?;
        exchange.parts.url = exchange.parts.serve.address().await?;
        settled(&pool).await?;
        for (account, nonces) in acknowledged {
            assert!(nonces.len() > 3, "{account} was acknowledged {} orders", nonces.len());
            until_in_ledger(&pool, account, &nonces).await?;
        }
        total = sqlx::query_scalar("select count(*) from exchange.exchange_order")
            .fetch_one(&pool)
            .await?;
    }
    let twice: i64 = sqlx::query_scalar(
        "select count(*) from (select from exchange.exchange_order group by group_id, account, nonce having count(*) > 1) twice",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(twice, 0, "an order was taken twice");
    exchange.stop().await
}
