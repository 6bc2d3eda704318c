//! Contracts of strangers, an ERC-20, an ERC-721 and an ERC-1155, followed for nothing but their standards' events, through
//! reorganisations: who holds what is what the contracts themselves say.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::Value;

use crate::program::{ask, run};
use crate::world::{Backend, World};

/// What `sol!` makes of the artifacts of contracts that know nothing of Souk.
#[allow(clippy::all, reason = "generated")]
mod plain {
    alloy::sol!(
        #[sol(rpc)]
        PlainCoin,
        "../contracts/artifacts/test/PlainCoin.json"
    );
    alloy::sol!(
        #[sol(rpc)]
        PlainCollection,
        "../contracts/artifacts/test/PlainCollection.json"
    );
    alloy::sol!(
        #[sol(rpc)]
        PlainItems,
        "../contracts/artifacts/test/PlainItems.json"
    );
}
use plain::{PlainCoin, PlainCollection, PlainItems};

/// Ids of the ERC-1155; the first is 0, as an ERC-20's.
const ITEMS: u64 = 5;

/// The three contracts, and the accounts that trade in them.
struct Strangers {
    coin: PlainCoin::PlainCoinInstance<DynProvider>,
    collection: PlainCollection::PlainCollectionInstance<DynProvider>,
    items: PlainItems::PlainItemsInstance<DynProvider>,
    accounts: Vec<Address>,
}

/// Amounts by contract and id: of an ERC-721 token, which has one owner, 1.
type Holdings = BTreeMap<(Address, U256), U256>;

impl Strangers {
    async fn deploy(world: &World) -> Result<Strangers> {
        // The node signs for the accounts that it made, and fills in what a transaction leaves open.
        let node = ProviderBuilder::new().disable_recommended_fillers();
        let node = node.connect(&world.anvil.http_url()).await?.erased();
        node.client().set_poll_interval(std::time::Duration::from_millis(10));
        let accounts = node.get_accounts().await?;
        Ok(Strangers {
            coin: PlainCoin::deploy(node.clone()).await?,
            collection: PlainCollection::deploy(node.clone()).await?,
            items: PlainItems::deploy(node.clone()).await?,
            accounts,
        })
    }

    /// The arguments that have `souk` follow them.
    fn watched(&self) -> Vec<String> {
        let contracts = [
            ("erc20", self.coin.address()),
            ("erc721", self.collection.address()),
            ("erc1155", self.items.address()),
        ];
        let named = contracts.map(|(standard, address)| format!("{standard}:{address}"));
        vec!["--watch".into(), named.join(",")]
    }

    /// So many rounds in which one account mints, gives away and burns some of everything.
    async fn trade(&self, seed: u64, rounds: usize) -> Result<()> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        for _ in 0..rounds {
            let [from, to] = std::array::from_fn(|_| self.accounts[rng.random_range(0..self.accounts.len())]);
            let mut amount = || U256::from(rng.random_range(0..=100u64));
            let (given, burnt) = (amount(), amount());
            let minted = given + burnt + amount();
            let ids: Vec<U256> = (0..ITEMS).map(U256::from).collect();
            let amounts: Vec<U256> = ids.iter().map(|id| *id + minted).collect();
            let gifts = vec![given; ids.len()];
            macro_rules! sent {
                ($call:expr) => {{
                    let receipt = $call.from(from).send().await?.get_receipt().await?;
                    ensure!(receipt.status(), "{} failed", stringify!($call));
                }};
            }
            sent!(self.coin.mint(from, minted));
            sent!(self.coin.transfer(to, given));
            sent!(self.coin.burn(burnt));
            let [kept, gift, gone] = std::array::from_fn(|_| U256::from(rng.random::<u64>()));
            for id in [kept, gift, gone] {
                sent!(self.collection.mint(from, id));
            }
            sent!(self.collection.transferFrom(from, to, gift));
            sent!(self.collection.burn(gone));
            sent!(self.items.mintBatch(from, ids.clone(), amounts));
            sent!(
                self.items
                    .safeBatchTransferFrom(from, to, ids.clone(), gifts, Default::default())
            );
            sent!(self.items.burn(ids[0], burnt));
        }
        Ok(())
    }

    /// What the contracts say that an account holds; of the ERC-721 only how many.
    async fn held(&self, account: Address) -> Result<(Holdings, U256)> {
        let mut held = Holdings::from([(
            (*self.coin.address(), U256::ZERO),
            self.coin.balanceOf(account).call().await?,
        )]);
        for id in (0..ITEMS).map(U256::from) {
            let amount = self.items.balanceOf(account, id).call().await?;
            held.insert((*self.items.address(), id), amount);
        }
        held.retain(|_, amount| !amount.is_zero());
        Ok((held, self.collection.balanceOf(account).call().await?))
    }

    /// Holds what `souk` says of every account against the contracts.
    async fn check(&self, url: &str) -> Result<()> {
        for account in &self.accounts {
            let query = format!(
                r#"{{ account(id: "eip155:31337:{account}") {{
                    balances(first: 100) {{ nodes {{ contract number amount }} }}
                    tokens(first: 100) {{ totalCount nodes {{ contract number }} }} }} }}"#
            );
            let said = ask(url, &query).await?;
            let (held, tokens) = self.held(*account).await?;
            let balances = rows(&said["account"]["balances"]["nodes"])?;
            let balances: Holdings = balances
                .iter()
                .map(|row| Ok((place(row)?, number(row, "amount")?)))
                .collect::<Result<_>>()?;
            ensure!(balances == held, "{account} holds {held:?}, souk says {balances:?}");

            let said = &said["account"]["tokens"];
            ensure!(
                said["totalCount"].to_string().trim_matches('"') == tokens.to_string(),
                "{account}: {tokens}, {said}"
            );
            for row in rows(&said["nodes"])? {
                let (contract, id) = place(row)?;
                let owner = self.collection.ownerOf(id).call().await?;
                ensure!(
                    contract == *self.collection.address() && owner == *account,
                    "{row}: {owner}"
                );
            }
        }
        Ok(())
    }
}

fn rows(list: &Value) -> Result<&Vec<Value>> {
    list.as_array().with_context(|| format!("{list} is no list"))
}

fn number(row: &Value, field: &str) -> Result<U256> {
    let text = row[field].as_str().with_context(|| format!("{row}: {field}"))?;
    Ok(text.parse()?)
}

fn place(row: &Value) -> Result<(Address, U256)> {
    let contract = row["contract"].as_str().with_context(|| row.to_string())?;
    Ok((contract.parse()?, number(row, "number")?))
}

async fn strangers(backend: Backend) -> Result<()> {
    let mut world = World::start(backend).await?;
    let strangers = Strangers::deploy(&world).await?;
    world.watched = strangers.watched();
    let souk = world.souk("strangers").await?;
    let pool = world.pool().await?;
    strangers.trade(1, 8).await?;
    world.settled_hash(&pool).await?;
    strangers.check(&souk.url).await?;

    // A branch that is seen and then dropped for a longer one, in which others hold other things.
    let mark: String = world.node.raw_request("evm_snapshot".into(), ()).await?;
    strangers.trade(2, 3).await?;
    let dropped = world.settled_hash(&pool).await?;
    let reverted: bool = world.node.raw_request("evm_revert".into(), [mark]).await?;
    ensure!(reverted);
    strangers.trade(3, 4).await?;
    let kept = world.settled_hash(&pool).await?;
    ensure!(kept != dropped);
    strangers.check(&souk.url).await?;
    assert_eq!(kept, world.hash_of_indexing_once("once").await?);

    // The last blocks again, without their transactions: tokens that were burnt are back, others were never minted.
    let empty = (15, Vec::<()>::new());
    let _: Value = world.node.raw_request("anvil_reorg".into(), empty).await?;
    let emptied = world.settled_hash(&pool).await?;
    strangers.check(&souk.url).await?;
    assert_eq!(emptied, world.hash_of_indexing_once("once_empty").await?);

    let dir = world.data_dir("strangers").display().to_string();
    for what in ["chain", "state"] {
        let answer = run(&["verify", what, "--data-dir", &dir]).await?;
        assert_eq!(answer.code, 0, "verify {what}: {answer:?}");
    }
    souk.stop().await
}

#[tokio::test]
async fn idx_1_collections_of_strangers_are_what_their_contracts_say_after_reorganisations_embedded() -> Result<()> {
    strangers(Backend::Embedded).await
}

#[tokio::test]
async fn idx_1_collections_of_strangers_are_what_their_contracts_say_after_reorganisations_kafka() -> Result<()> {
    strangers(Backend::Kafka).await
}
