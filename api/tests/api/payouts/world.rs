//! A chain on which our contracts emit what a test says, followed by the projection of provenance and by payouts, and a server over both.

use std::sync::Arc;

use alloy::sol_types::SolEvent;
use serde_json::Value;
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::{
    AssetRegistry, AssetShares, ContributionBook, DisputeCourt, LicenseRegistry, PayoutDistributor, RevenueRouter,
};
use souk_distribution::store::Store;
use souk_distribution::{DistributionHandle, Distributions, Keeping, follow};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_provenance::project::{ProjectorConfig, project_until};
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{Address, B256, BlockRef, ChainId, U256};
use tokio_util::sync::CancellationToken;

use crate::fixture::{self, BOOK, CHAIN, Database, LICENSES, REGISTRY, ROUTER, SHARES, Souk, USD};

pub const DISTRIBUTOR: u8 = 0x88;
pub const COURT: u8 = 0x99;
pub const PROTOCOL: u8 = 0xfe;
pub const DAVE: u8 = 0xd0;
pub const ERIN: u8 = 0xe0;

/// Royalty policies by their numbers on chain.
pub const LAP: u8 = 1;
pub const LRP: u8 = 2;

const NUMBER: ChainId = ChainId(31_337);

fn at(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn raw(contract: u8, event: &impl SolEvent) -> RawLog {
    let data = event.encode_log_data();
    RawLog {
        address: at(contract),
        topics: data.topics().to_vec(),
        data: data.data,
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

mod single {
    alloy::sol! {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
        event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
    }
}

/// The logs of one transaction after the other.
#[derive(Default)]
pub struct Logs(pub Vec<RawLog>);

impl Logs {
    fn and(mut self, contract: u8, event: &impl SolEvent) -> Logs {
        self.0.push(raw(contract, event));
        self
    }

    fn minted(self, contract: u8, id: u64, to: u8, value: u64) -> Logs {
        let event = single::TransferSingle {
            operator: at(to),
            from: Address::ZERO,
            to: at(to),
            id: U256::from(id),
            value: U256::from(value),
        };
        self.and(contract, &event)
    }

    /// An asset comes to be; a fifth of what it has is its contributors'.
    pub fn asset(self, id: u64, owner: u8) -> Logs {
        let registered = AssetRegistry::AssetRegistered {
            assetId: U256::from(id),
            owner: at(owner),
            kind: 1,
            name: format!("asset {id}"),
            contentHash: B256::repeat_byte(id as u8),
            metadataUri: String::new(),
            contributorShareE8: 20_000_000,
        };
        let minted = single::Transfer {
            from: Address::ZERO,
            to: at(owner),
            tokenId: U256::from(id),
        };
        self.and(REGISTRY, &minted).and(REGISTRY, &registered)
    }

    /// Terms that an asset is offered under from now on.
    pub fn offered(self, asset: u64, terms: u64, commercial: bool, (policy, share): (u8, u32)) -> Logs {
        let registered = LicenseRegistry::LicenseTermsRegistered {
            termsId: U256::from(terms),
            terms: LicenseRegistry::LicenseTerms {
                commercialUse: commercial,
                derivativesAllowed: true,
                reciprocal: false,
                transferable: true,
                royaltyPolicy: policy,
                revenueShareE8: share,
                mintingFee: U256::ZERO,
                currency: Address::ZERO,
                durationSecs: 0,
                supplyCap: 0,
                uri: String::new(),
                spdxId: String::new(),
            },
        };
        let attached = LicenseRegistry::LicenseTermsAttached {
            assetId: U256::from(asset),
            termsId: U256::from(terms),
        };
        self.and(LICENSES, &registered).and(LICENSES, &attached)
    }

    /// A licence of an asset goes to an account.
    pub fn licensed(self, series: u64, (asset, terms): (u64, u64), to: u8, expires_at: u64) -> Logs {
        let minted = LicenseRegistry::LicenseMinted {
            licenseId: U256::from(series),
            assetId: U256::from(asset),
            termsId: U256::from(terms),
            minter: at(to),
            receiver: at(to),
            amount: U256::from(1),
            expiresAt: expires_at,
            feePaid: U256::ZERO,
        };
        self.and(LICENSES, &minted).minted(LICENSES, series, to, 1)
    }

    /// A licence changes hands.
    pub fn license_moved(self, series: u64, from: u8, to: u8) -> Logs {
        let event = single::TransferSingle {
            operator: at(from),
            from: at(from),
            to: at(to),
            id: U256::from(series),
            value: U256::from(1),
        };
        self.and(LICENSES, &event)
    }

    /// An asset changes hands.
    pub fn asset_moved(self, asset: u64, from: u8, to: u8) -> Logs {
        let event = single::Transfer {
            from: at(from),
            to: at(to),
            tokenId: U256::from(asset),
        };
        self.and(REGISTRY, &event)
    }

    pub fn revoked(self, series: u64, by: u8) -> Logs {
        let revoked = LicenseRegistry::LicenseRevoked {
            licenseId: U256::from(series),
            revokedBy: at(by),
            reason: "broken".into(),
        };
        self.and(LICENSES, &revoked)
    }

    pub fn derived(self, child: u64, parent: u64, series: u64) -> Logs {
        let declared = AssetRegistry::DerivationDeclared {
            childId: U256::from(child),
            parentId: U256::from(parent),
            relation: 1,
            licenseId: U256::from(series),
        };
        self.and(REGISTRY, &declared)
    }

    pub fn shared(mut self, asset: u64, holders: &[(u8, u64)]) -> Logs {
        let issued = AssetShares::SharesIssued {
            assetId: U256::from(asset),
            issuer: at(holders[0].0),
            supply: U256::from(holders.iter().map(|(_, amount)| amount).sum::<u64>()),
        };
        for (holder, amount) in holders {
            self = self.minted(SHARES, asset, *holder, *amount);
        }
        self.and(SHARES, &issued)
    }

    pub fn contributed(self, id: u64, asset: u64, contributor: u8, weight: u64) -> Logs {
        let recorded = ContributionBook::ContributionRecorded {
            contributionId: U256::from(id),
            assetId: U256::from(asset),
            contributor: at(contributor),
            role: 0,
            weight: U256::from(weight),
            evidenceHash: B256::ZERO,
            recordedBy: at(contributor),
        };
        self.and(BOOK, &recorded)
    }

    pub fn fee(self, share: u32) -> Logs {
        let changed = PayoutDistributor::ProtocolFeeChanged {
            previousE8: 0,
            currentE8: share,
            feeAccount: at(PROTOCOL),
        };
        self.and(DISTRIBUTOR, &changed)
    }

    /// Payments go to the distributor.
    pub fn routed(self) -> Logs {
        let changed = RevenueRouter::DistributorChanged {
            previous: Address::ZERO,
            current: at(DISTRIBUTOR),
        };
        self.and(ROUTER, &changed)
    }

    pub fn revenue(self, id: u64, asset: u64, amount: U256) -> Logs {
        let received = RevenueRouter::RevenueReceived {
            revenueId: U256::from(id),
            assetId: U256::from(asset),
            payer: at(0x0f),
            token: at(USD),
            amount,
            reason: 1,
            r#ref: B256::ZERO,
        };
        self.and(ROUTER, &received)
    }

    pub fn disputed(self, id: u64, asset: u64) -> Logs {
        let raised = DisputeCourt::DisputeRaised {
            disputeId: U256::from(id),
            assetId: U256::from(asset),
            challenger: at(0x0e),
            tag: 0,
            bond: U256::from(5),
            evidenceHash: B256::ZERO,
            evidenceUri: String::new(),
        };
        self.and(COURT, &raised)
    }

    pub fn judged(self, id: u64, asset: u64, upheld: bool) -> Logs {
        self.ended(id, asset, upheld.into())
    }

    /// A dispute that ended as 0 dismissed, 1 upheld, 2 withdrawn, 3 lapsed.
    pub fn ended(self, id: u64, asset: u64, outcome: u8) -> Logs {
        let resolved = DisputeCourt::DisputeResolved {
            disputeId: U256::from(id),
            assetId: U256::from(asset),
            outcome,
            bondTo: at(0x0e),
            bond: U256::from(5),
        };
        self.and(COURT, &resolved)
    }

    pub fn proposed(self, epoch: u64, root: B256, computed_at: BlockRef) -> Logs {
        let proposed = PayoutDistributor::RootProposed {
            epoch,
            root,
            blockNumber: computed_at.number,
            blockHash: computed_at.hash,
            finalisableAt: 0,
            proposer: at(PROTOCOL),
        };
        self.and(DISTRIBUTOR, &proposed)
    }

    pub fn finalised(self, epoch: u64, root: B256) -> Logs {
        self.and(DISTRIBUTOR, &PayoutDistributor::RootFinalised { epoch, root })
    }

    pub fn claimed(self, account: u8, amount: U256, cumulative: U256) -> Logs {
        let claimed = PayoutDistributor::Claimed {
            account: at(account),
            token: at(USD),
            amount,
            cumulative,
        };
        self.and(DISTRIBUTOR, &claimed)
    }
}

/// The chain, what follows it, and the server.
pub struct World {
    pub souk: Souk,
    pub payouts: DistributionHandle,
    chain: Chain,
    following: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.following.cancel();
    }
}

/// The chain's log and its blocks, the one before the first among them.
struct Chain {
    log: Arc<dyn EventLog>,
    database: Database,
    blocks: Vec<BlockRef>,
    mined: u64,
}

/// A hash that no other block has.
/// Like real hashes, those of two forks differ from their first bytes on.
fn hash(number: u64, mined: u64) -> B256 {
    let mut hash = B256::repeat_byte(0x77);
    hash[..8].copy_from_slice(&mined.to_be_bytes());
    hash[8..16].copy_from_slice(&number.to_be_bytes());
    hash
}

fn watch_set() -> WatchSet {
    let souk = ContractSet::Souk {
        registry: at(REGISTRY),
        licenses: at(LICENSES),
        shares: at(SHARES),
        contributions: at(BOOK),
        router: at(ROUTER),
        vault: None,
        distributor: Some(at(DISTRIBUTOR)),
        tasks: None,
        executions: None,
        disputes: Some(at(COURT)),
        gateway: None,
    };
    WatchSet::new(vec![souk]).unwrap()
}

impl Chain {
    async fn append(&self, body: ChainRecordBody) -> u64 {
        let stream = StreamName::new(NUMBER.stream(1)).unwrap();
        let payload = encode(&ChainRecord { chain: NUMBER, body }).0;
        let headers = vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())];
        let record = NewRecord { headers, payload };
        self.log.append_shared(&stream, vec![record]).await.unwrap();
        let next = self.log.next_sequence(&stream).await.unwrap();
        let config = ProjectorConfig::new(NUMBER);
        let pool = self.database.pool.clone();
        project_until(config, Arc::clone(&self.log), pool, 1, next)
            .await
            .unwrap();
        next
    }
}

impl World {
    /// An empty chain.
    pub async fn empty() -> World {
        let database = Database::bare().await;
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(database.pool.clone()).await.unwrap());
        let before = BlockRef {
            number: 0,
            hash: hash(0, 0),
        };
        let chain = Chain {
            log: Arc::clone(&log),
            database: database.again(),
            blocks: vec![before],
            mined: 0,
        };
        let watch_set = watch_set();
        let opened = StreamOpened {
            generation: 1,
            start_block: 1,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: before.hash,
        };
        chain.append(ChainRecordBody::StreamOpened(opened)).await;
        let store = Store::connect(database.pool.clone(), NUMBER).await.unwrap();
        let following = CancellationToken::new();
        let (payouts, running) = follow(NUMBER, log, Keeping::Writes(store), following.clone());
        tokio::spawn(running);
        assert!(payouts.live().await);
        let distributions = Distributions::default();
        distributions.insert(payouts.clone());
        let souk = Souk::with(database, |_| {}, |server| server.with_payouts(distributions)).await;
        World {
            souk,
            payouts,
            chain,
            following,
        }
    }

    /// Three assets: a model of Bob's on data of Alice's, and a tuned one of Carol's on both, so that two ways lead to the data. The data take
    /// 10% of everything above them by LAP; the model, of which Bob has 600 shares and Erin 400, takes 25% by LRP.
    pub async fn new() -> World {
        let mut world = World::empty().await;
        let data = Logs::default()
            .fee(1_000_000)
            .asset(1, fixture::ALICE)
            .offered(1, 1, true, (LAP, 10_000_000))
            .contributed(1, 1, fixture::CAROL, 3)
            .contributed(2, 1, DAVE, 1)
            .licensed(1, (1, 1), fixture::BOB, 0)
            .licensed(3, (1, 1), fixture::CAROL, 0)
            .routed();
        world.block(data).await;
        let model = Logs::default()
            .asset(2, fixture::BOB)
            .derived(2, 1, 1)
            .shared(2, &[(fixture::BOB, 600), (ERIN, 400)])
            .offered(2, 2, true, (LRP, 25_000_000))
            .licensed(2, (2, 2), fixture::CAROL, 0);
        world.block(model).await;
        let tuned = Logs::default()
            .asset(3, fixture::CAROL)
            .derived(3, 2, 2)
            .derived(3, 1, 3)
            .contributed(3, 3, DAVE, 1);
        world.block(tuned).await;
        world
    }

    /// The time of a block.
    pub fn time(number: u64) -> u64 {
        1_700_000_000 + 10 * number
    }

    pub fn head(&self) -> BlockRef {
        *self.chain.blocks.last().unwrap()
    }

    /// Adds a block, and waits until everybody knows it.
    pub async fn block(&mut self, Logs(mut logs): Logs) -> BlockRef {
        let parent = self.head();
        self.chain.mined += 1;
        let number = parent.number + 1;
        for (index, log) in (0..).zip(&mut logs) {
            (log.transaction_index, log.log_index) = (index, index);
            log.transaction_hash = B256::from(U256::from(number << 32 | u64::from(index)));
        }
        let block = Block {
            number,
            hash: hash(number, self.chain.mined),
            parent_hash: parent.hash,
            timestamp: World::time(number),
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        };
        self.chain.blocks.push(block.block_ref());
        self.record(ChainRecordBody::BlockAppended(block)).await;
        self.head()
    }

    /// Makes the newest block final.
    pub async fn finalise(&mut self) {
        self.record(ChainRecordBody::FinalityAdvanced(self.head())).await;
    }

    /// How many settled revenues are in memory, and how many there are.
    pub fn settled(&self) -> (usize, u64) {
        self.payouts.read(|state| {
            let state = &state.of(&at(REGISTRY)).expect("it is watched").state;
            (state.settled_in_memory(), state.settled_count())
        })
    }

    /// Takes the newest block back.
    pub async fn revert(&mut self) {
        let BlockRef { number, hash } = self.chain.blocks.pop().unwrap();
        let reverted = BlockReverted {
            number,
            hash,
            parent_hash: self.head().hash,
        };
        self.record(ChainRecordBody::BlockReverted(reverted)).await;
    }

    /// Appends a record, and waits until everybody knows it.
    async fn record(&self, body: ChainRecordBody) {
        let next = self.chain.append(body).await;
        loop {
            let status = self.payouts.status();
            if status.next_sequence >= next {
                return;
            }
            assert!(self.payouts.changed(&status).await, "payouts are followed");
        }
    }

    /// Proposes the root of what is owed as of the head and makes it final; the root.
    pub async fn epoch(&mut self, number: u64) -> B256 {
        let (at, root) = (self.head(), self.root());
        self.block(Logs::default().proposed(number, root, at)).await;
        self.block(Logs::default().finalised(number, root)).await;
        root
    }

    /// The root of what is owed as of the head, from the fold alone.
    pub fn root(&self) -> B256 {
        let number = self.head().number;
        let entries = self
            .payouts
            .read(|state| state.of_mut(&at(REGISTRY)).unwrap().state.entries(number));
        souk_payouts::merkle::MerkleTree::new(&entries).unwrap().root()
    }

    /// Every line of a revenue with these fields.
    pub async fn lines(&self, revenue: u64, fields: &str) -> Vec<Value> {
        let query = format!(
            r#"{{ payoutLines(by: {{ revenue: {{ chain: "{CHAIN}", number: "{revenue}" }} }}, first: 100) {{ nodes {{ {fields} }} totalCount }} }}"#
        );
        let data = self.souk.ask(&query).await;
        let nodes = data["payoutLines"]["nodes"].as_array().unwrap().clone();
        assert_eq!(data["payoutLines"]["totalCount"], nodes.len());
        nodes
    }

    /// What an account is owed, with all fields.
    pub async fn owed(&self, account: u8) -> Vec<Value> {
        let query = format!(
            r#"{{ payouts(account: "{CHAIN}:{}", first: 100) {{ nodes {{ registry currency owed held vested claimed claimable overpaid
               claim {{ distributor account token cumulative proof root epoch }} }} }} }}"#,
            fixture::address(account)
        );
        let data = self.souk.ask(&query).await;
        data["payouts"]["nodes"].as_array().unwrap().clone()
    }
}

/// A number that an answer holds as a string.
pub fn number(value: &Value) -> U256 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// The sum of the amounts of lines.
pub fn sum<'a>(lines: impl IntoIterator<Item = &'a Value>) -> U256 {
    lines.into_iter().map(|line| number(&line["amount"])).sum()
}
