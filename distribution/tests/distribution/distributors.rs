//! A real chain whose router changes its distributor, as an older dev chain's does when it gets the contracts of the economy: the roots
//! of each distributor owe what it got, to the last unit, and every claim of every root is paid.

use std::collections::BTreeMap;

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, Log};
use alloy::signers::local::PrivateKeySigner;
use souk_adapters::{ContractSet, Decoder, WatchSet};
use souk_contracts::PayoutDistributor::DistributorConfig;
use souk_contracts::TaskBoard::TaskInput;
use souk_contracts::{
    Addresses, AssetRegistry, AssetShares, ContributionBook, Deployment, PayoutDistributor, RevenueRouter, TaskBoard,
    TestUSD, deploy, dev,
};
use souk_devstack::{Anvil, AnvilConfig};
use souk_distribution::DistributionState;
use souk_payouts::Entry;
use souk_payouts::merkle::MerkleTree;
use souk_schema::BlockRef;
use souk_schema::record::{Block, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};

use crate::chain::{ALICE, BOB};

const SHARES: u64 = 1_000;

/// A dev chain that one account deploys on, owns assets on, and pays on.
struct Node {
    _anvil: Anvil,
    provider: DynProvider,
    admin: Address,
    at: Deployment,
}

impl Node {
    async fn start() -> Node {
        let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
        let provider = ProviderBuilder::new().connect(&anvil.http_url()).await;
        let provider = provider.expect("it answers").erased();
        let admin = PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).expect("a key").address();
        let at = deploy(&provider, admin, None).await.expect("contracts are deployed");
        let node = Node {
            _anvil: anvil,
            provider,
            admin,
            at,
        };
        let usd = TestUSD::new(node.at.addresses.test_usd, &node.provider);
        node.done(usd.mint(admin, U256::from(1_000_000))).await;
        node.done(usd.approve(node.at.addresses.revenue_router, U256::MAX))
            .await;
        node
    }

    async fn done<P: Provider, D: CallDecoder>(&self, call: CallBuilder<P, D>) {
        let sent = call.from(self.admin).send().await.expect("it is taken");
        assert!(sent.get_receipt().await.expect("a receipt").status(), "it reverts");
    }

    /// The first asset, of which Alice and Bob and the admin have shares, and most of the admin's are the reward of a task.
    async fn asset_with_shares_in_a_task(&self) {
        let (at, node, admin) = (&self.at.addresses, &self.provider, self.admin);
        let (asset, board) = (U256::ONE, at.task_board.expect("a board"));
        let registry = AssetRegistry::new(at.asset_registry, node);
        self.done(registry.register(admin, 0, "data".into(), B256::ZERO, String::new(), 0))
            .await;
        let shares = AssetShares::new(at.asset_shares, node);
        let (holders, parts) = (vec![admin, ALICE, BOB], [500u64, 300, 200].map(U256::from).to_vec());
        self.done(shares.issue(asset, U256::from(SHARES), holders, parts)).await;
        self.done(shares.setApprovalForAll(board, true)).await;
        let book = ContributionBook::new(at.contribution_book, node);
        self.done(book.authoriseRecorder(asset, board, true)).await;
        let now = node
            .get_block_by_number(BlockNumberOrTag::Latest)
            .await
            .expect("it answers");
        let input = TaskInput {
            assetId: asset,
            mode: 2,
            role: 0,
            rewardToken: at.asset_shares,
            reward: U256::from(100),
            secondToken: Address::ZERO,
            secondReward: U256::ZERO,
            places: 4,
            quorum: 1,
            deadline: now.expect("a head").header.timestamp + 1_000,
            weight: U256::ONE,
            reviewers: vec![BOB],
            specHash: B256::ZERO,
            specUri: String::new(),
        };
        self.done(TaskBoard::new(board, node).post(input)).await;
        let held = shares.balanceOf(board, asset).call().await.expect("it answers");
        assert_eq!(held, U256::from(400));
    }

    fn router(&self) -> RevenueRouter::RevenueRouterInstance<&DynProvider> {
        RevenueRouter::new(self.at.addresses.revenue_router, &self.provider)
    }

    /// Deploys a second distributor, and has the router pay that one.
    async fn another_distributor(&self) -> Address {
        let config = DistributorConfig {
            proposer: self.admin,
            bondToken: self.at.addresses.test_usd,
            bond: U256::ONE,
            disputeWindowSecs: 2,
            protocolFeeE8: 1_000_000,
            feeAccount: dev::FEE_ACCOUNT,
        };
        let creation = PayoutDistributor::deploy_builder(&self.provider, self.admin, config).from(self.admin);
        let sent = creation.send().await.expect("it is taken");
        let created = sent.get_receipt().await.expect("a receipt").contract_address;
        let created = created.expect("a contract");
        self.done(self.router().setDistributor(created)).await;
        created
    }

    async fn pay(&self, amount: u64) {
        let (usd, router) = (self.at.addresses.test_usd, self.router());
        self.done(router.pay(U256::ONE, usd, U256::from(amount), 1, B256::ZERO))
            .await;
    }

    /// Payments to the distributors in turn, all in one block.
    async fn in_one_block(&self, payments: &[(Address, u64)]) {
        self.provider.anvil_set_auto_mine(false).await.expect("it obeys");
        let (usd, router) = (self.at.addresses.test_usd, self.router());
        let mut pending = Vec::new();
        for (distributor, amount) in payments {
            let changing = router.setDistributor(*distributor).from(self.admin).gas(1_000_000);
            pending.push(changing.send().await.expect("it is taken"));
            let paying = router.pay(U256::ONE, usd, U256::from(*amount), 1, B256::ZERO);
            let paying = paying.from(self.admin).gas(1_000_000).send().await;
            pending.push(paying.expect("it is taken"));
        }
        self.provider.anvil_mine(Some(1), None).await.expect("it obeys");
        self.provider.anvil_set_auto_mine(true).await.expect("it obeys");
        let mut blocks = Vec::new();
        for sent in pending {
            let receipt = sent.get_receipt().await.expect("a receipt");
            assert!(receipt.status(), "it reverts");
            blocks.push(receipt.block_number);
        }
        blocks.dedup();
        assert_eq!(blocks.len(), 1, "they are in one block");
    }

    async fn balance(&self, account: Address) -> U256 {
        let usd = TestUSD::new(self.at.addresses.test_usd, &self.provider);
        usd.balanceOf(account).call().await.expect("it answers")
    }

    async fn block(&self, number: u64) -> alloy::rpc::types::Block {
        let block = self.provider.get_block_by_number(number.into()).await;
        block.expect("it answers").expect("it is there")
    }

    /// The stream that an indexer makes of the chain for a deployment, from its first block to its newest.
    async fn records(&self, addresses: Addresses) -> Vec<ChainRecordBody> {
        let of = Deployment { addresses, ..self.at };
        let watch_set = WatchSet::new(vec![ContractSet::from(&of)]).expect("a valid watch set");
        let decoder = Decoder::new(&watch_set);
        let mut records = vec![ChainRecordBody::StreamOpened(StreamOpened {
            generation: 1,
            start_block: 1,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: self.block(0).await.header.hash,
        })];
        for number in 1..=self.provider.get_block_number().await.expect("it answers") {
            let header = self.block(number).await.header;
            let logs = self.provider.get_logs(&Filter::new().select(number)).await;
            let logs = logs.expect("it answers").into_iter().map(raw);
            records.push(ChainRecordBody::BlockAppended(Block {
                number,
                hash: header.hash,
                parent_hash: header.parent_hash,
                timestamp: header.timestamp,
                logs: logs.filter(|log| decoder.watches(&log.address, &log.topics)).collect(),
                proof: CompletenessProof::ReceiptsRoot,
            }));
        }
        records
    }

    /// What the roots of a deployment say at the end of the newest block.
    async fn owed(&self, addresses: Addresses) -> (Vec<Entry>, BlockRef) {
        let mut state = DistributionState::default();
        let changes = state.fold(self.records(addresses).await).expect("a lawful chain");
        assert!(changes.refused.is_empty(), "{:?}", changes.refused);
        let head = state.head().expect("blocks");
        let deployed = state.of_mut(&addresses.asset_registry).expect("it is watched");
        (deployed.state.entries(head.number), head)
    }

    /// Publishes what a distributor owes as its first root, and claims all of it.
    async fn pay_out(&self, distributor: Address, entries: &[Entry], at: BlockRef) {
        let contract = PayoutDistributor::new(distributor, &self.provider);
        let tree = MerkleTree::new(entries).expect("something is owed");
        self.provider.anvil_mine(Some(1), None).await.expect("it obeys");
        self.done(contract.proposeRoot(1, tree.root(), at.number, at.hash))
            .await;
        self.provider.anvil_increase_time(60).await.expect("it obeys");
        self.provider.anvil_mine(Some(1), None).await.expect("it obeys");
        self.done(contract.finaliseRoot(1, tree.root())).await;
        for (place, entry) in entries.iter().enumerate() {
            let proof = tree.proof(place).expect("it is in the tree");
            self.done(contract.claim(entry.account, entry.token, entry.cumulative, proof))
                .await;
        }
    }
}

fn raw(log: Log) -> RawLog {
    RawLog {
        address: log.address(),
        topics: log.topics().to_vec(),
        data: log.data().data.clone(),
        transaction_hash: log.transaction_hash.expect("mined"),
        transaction_index: u32::try_from(log.transaction_index.expect("mined")).expect("small"),
        log_index: u32::try_from(log.log_index.expect("mined")).expect("small"),
    }
}

fn sum(entries: &[Entry]) -> U256 {
    entries.iter().fold(U256::ZERO, |sum, entry| sum + entry.cumulative)
}

#[tokio::test]
async fn pay_3_each_distributor_owes_what_it_got_and_pays_all_of_it() {
    let node = Node::start().await;
    node.asset_with_shares_in_a_task().await;
    node.pay(10_000).await;
    let first = node.at.addresses;
    let old = first.payout_distributor.expect("a distributor");

    let new = node.another_distributor().await;
    let second = Addresses {
        payout_distributor: Some(new),
        ..first
    };
    node.pay(5_000).await;
    node.in_one_block(&[(old, 1_001), (new, 2_003), (old, 307), (new, 409)])
        .await;

    let (of_old, at_old) = node.owed(first).await;
    let (of_new, at_new) = node.owed(second).await;
    assert_eq!(sum(&of_old), U256::from(10_000 + 1_001 + 307));
    assert_eq!(sum(&of_new), U256::from(5_000 + 2_003 + 409));
    assert_eq!(
        (sum(&of_old), sum(&of_new)),
        (node.balance(old).await, node.balance(new).await)
    );

    // The task's shares are its poster's.
    let board = first.task_board.expect("a board");
    for entries in [&of_old, &of_new] {
        let amounts: BTreeMap<Address, U256> = entries.iter().map(|entry| (entry.account, entry.cumulative)).collect();
        assert!(!amounts.contains_key(&board), "the board is owed something");
        assert!(amounts[&node.admin] > amounts[&ALICE] && amounts[&ALICE] > amounts[&BOB]);
    }

    node.pay_out(new, &of_new, at_new).await;
    node.pay_out(old, &of_old, at_old).await;
    assert_eq!(
        (node.balance(old).await, node.balance(new).await),
        (U256::ZERO, U256::ZERO)
    );

    node.pay(1_000).await;
    let (later, _) = node.owed(second).await;
    assert_eq!(sum(&later) - sum(&of_new), node.balance(new).await);
}
