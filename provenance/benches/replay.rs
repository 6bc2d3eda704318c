//! Replay of a synthetic economy of 200,000 logs from the embedded log into a private Postgres, against raw COPY of the same rows; then a
//! reorganisation of its newest 64 blocks into others with 10,000 logs.
//!
//! `cargo bench -p souk-provenance --bench replay`, or with another number of logs as its argument.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::LogData;
use alloy::sol_types::SolEvent;
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::{AssetRegistry, ContributionBook, LicenseRegistry, RevenueRouter};
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_provenance::bench::replay;
use souk_provenance::project::{ProjectorConfig, project_until};
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{Address, B256, ChainId, U256};
use sqlx::postgres::{PgPool, PgPoolOptions};

type Failure = Box<dyn std::error::Error>;

const CHAIN: ChainId = ChainId(31_337);
const REGISTRY: Address = Address::repeat_byte(0xa1);
const LICENSES: Address = Address::repeat_byte(0xa2);
const SHARES: Address = Address::repeat_byte(0xa3);
const BOOK: Address = Address::repeat_byte(0xa4);
const ROUTER: Address = Address::repeat_byte(0xa5);
const COINS: Address = Address::repeat_byte(0xb1);
const LOGS_PER_BLOCK: u64 = 100;
const ACCOUNTS: u64 = 2_000;

mod token {
    alloy::sol! {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
        event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
    }
}

mod coin {
    alloy::sol! { event Transfer(address indexed from, address indexed to, uint256 amount); }
}

fn hash(words: [u64; 2]) -> B256 {
    let mut hash = B256::repeat_byte(0x5a);
    hash[..8].copy_from_slice(&words[0].to_be_bytes());
    hash[8..16].copy_from_slice(&words[1].to_be_bytes());
    hash
}

/// Spreads a number over the accounts; the same number is the same account.
fn account(number: u64) -> Address {
    Address::from_word(hash([number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % ACCOUNTS, 7]))
}

/// The logs of an asset's life, ten of them.
fn life(asset: u64, step: u64) -> (Address, LogData) {
    let id = U256::from(asset);
    let (owner, other) = (account(asset), account(asset ^ step << 20));
    let series = U256::from_be_bytes(hash([asset, 3]).0);
    match step {
        0 => (
            REGISTRY,
            token::Transfer {
                from: Address::ZERO,
                to: owner,
                tokenId: id,
            }
            .encode_log_data(),
        ),
        1 => (
            REGISTRY,
            AssetRegistry::AssetRegistered {
                assetId: id,
                owner,
                kind: (asset % 7) as u8,
                name: format!("model number {asset}"),
                contentHash: hash([asset, 1]),
                metadataUri: format!("ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzd{asset}"),
                contributorShareE8: 5_000_000,
            }
            .encode_log_data(),
        ),
        2 if asset > 1 => (
            REGISTRY,
            AssetRegistry::DerivationDeclared {
                childId: id,
                parentId: U256::from(asset / 2),
                relation: (asset % 12) as u8,
                licenseId: series,
            }
            .encode_log_data(),
        ),
        3 => (
            LICENSES,
            LicenseRegistry::LicenseMinted {
                licenseId: series,
                assetId: id,
                termsId: U256::from(asset % 10),
                minter: other,
                receiver: other,
                amount: U256::ONE,
                expiresAt: 0,
                feePaid: U256::from(1_000_000),
            }
            .encode_log_data(),
        ),
        4 => (
            LICENSES,
            token::TransferSingle {
                operator: other,
                from: Address::ZERO,
                to: other,
                id: series,
                value: U256::ONE,
            }
            .encode_log_data(),
        ),
        _ => later_life(asset, step),
    }
}

fn later_life(asset: u64, step: u64) -> (Address, LogData) {
    let id = U256::from(asset);
    let (owner, other) = (account(asset), account(asset ^ step << 20));
    match step {
        5 => (
            BOOK,
            ContributionBook::ContributionRecorded {
                contributionId: id,
                assetId: id,
                contributor: other,
                role: (asset % 7) as u8,
                weight: U256::from(asset),
                evidenceHash: hash([asset, 2]),
                recordedBy: owner,
            }
            .encode_log_data(),
        ),
        6 => (
            ROUTER,
            RevenueRouter::RevenueReceived {
                revenueId: id,
                assetId: id,
                payer: other,
                token: COINS,
                amount: U256::from(asset * 1_000),
                reason: (asset % 7) as u8,
                r#ref: hash([asset, 4]),
            }
            .encode_log_data(),
        ),
        7 => (
            SHARES,
            token::TransferSingle {
                operator: owner,
                from: Address::ZERO,
                to: owner,
                id,
                value: U256::from(1_000_000),
            }
            .encode_log_data(),
        ),
        8 => (
            SHARES,
            token::TransferSingle {
                operator: owner,
                from: owner,
                to: other,
                id,
                value: U256::from(1_000),
            }
            .encode_log_data(),
        ),
        _ => (
            COINS,
            coin::Transfer {
                from: other,
                to: owner,
                amount: U256::from(1_000_000),
            }
            .encode_log_data(),
        ),
    }
}

/// A block of a fork; two forks differ in their hashes.
fn block(number: u64, logs: u64, fork: u64, parent_fork: u64) -> Block {
    let logs = (0..logs).map(|index| {
        // Lives overlap: an asset's ten logs are spread over ten blocks.
        let step = number % 10;
        let (address, data) = life(1 + number / 10 * LOGS_PER_BLOCK + index, step);
        RawLog {
            address,
            topics: data.topics().to_vec(),
            data: data.data,
            transaction_hash: hash([number, index]),
            transaction_index: index as u32,
            log_index: index as u32,
        }
    });
    Block {
        number,
        hash: hash([number, u64::MAX - fork]),
        parent_hash: hash([number.wrapping_sub(1), u64::MAX - parent_fork]),
        timestamp: 1_700_000_000 + number,
        logs: logs.collect(),
        proof: CompletenessProof::ReceiptsRoot,
    }
}

async fn record(log: &dyn EventLog, logs: u64) -> Result<(), Failure> {
    let souk = ContractSet::Souk {
        registry: REGISTRY,
        licenses: LICENSES,
        shares: SHARES,
        contributions: BOOK,
        router: ROUTER,
        vault: None,
        distributor: None,
        tasks: None,
        executions: None,
        disputes: None,
        gateway: None,
    };
    let watch_set = WatchSet::new(vec![souk, ContractSet::Erc20 { address: COINS }])?;
    let opened = StreamOpened {
        generation: 1,
        start_block: 0,
        watch_set_json: watch_set.canonical_json(),
        watch_set_hash: watch_set.hash(),
        genesis_hash: hash([0, u64::MAX]),
    };
    let blocks = (0..logs.div_ceil(LOGS_PER_BLOCK))
        .map(|number| ChainRecordBody::BlockAppended(block(number, LOGS_PER_BLOCK, 0, 0)));
    append(
        log,
        std::iter::once(ChainRecordBody::StreamOpened(opened)).chain(blocks),
    )
    .await
}

async fn append(log: &dyn EventLog, bodies: impl Iterator<Item = ChainRecordBody>) -> Result<(), Failure> {
    let mut writer = log.open_writer(&StreamName::new(CHAIN.stream(1))?).await?;
    let mut bodies = bodies.peekable();
    while bodies.peek().is_some() {
        let portion = bodies.by_ref().take(100).map(|body| NewRecord {
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
            payload: encode(&ChainRecord { chain: CHAIN, body }).0,
        });
        writer.append(portion.collect()).await?;
    }
    Ok(())
}

/// How long the live tables take to follow a reorganisation of the newest blocks of a chain of so many.
async fn reorganisation(log: Arc<dyn EventLog>, pool: PgPool, blocks: u64) -> Result<Duration, Failure> {
    const DEPTH: u64 = 64;
    const LOGS: u64 = 10_000;
    let stream = StreamName::new(CHAIN.stream(1))?;
    let project = async || -> Result<(), Failure> {
        let tail = log.next_sequence(&stream).await?;
        Ok(project_until(ProjectorConfig::new(CHAIN), Arc::clone(&log), pool.clone(), 1, tail).await?)
    };
    project().await?;
    let first = blocks - DEPTH;
    let reverts = (first..blocks).rev().map(|number| {
        let Block { hash, parent_hash, .. } = block(number, 0, 0, 0);
        ChainRecordBody::BlockReverted(BlockReverted {
            number,
            hash,
            parent_hash,
        })
    });
    let others = (first..blocks).map(|number| {
        let parent_fork = u64::from(number > first);
        ChainRecordBody::BlockAppended(block(number, LOGS.div_ceil(DEPTH), 1, parent_fork))
    });
    append(&*log, reverts.chain(others)).await?;
    let started = Instant::now();
    project().await?;
    Ok(started.elapsed())
}

/// The most memory that this process ever held, in MiB.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
async fn main() -> Result<(), Failure> {
    let logs = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(200_000);
    let postgres = Postgres::start(&PostgresConfig::throw_away()).await?;
    let url = postgres.create_database("bench").await?;
    let pool = PgPoolOptions::new().max_connections(8).connect(&url).await?;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(pool.clone()).await?);
    record(&*log, logs).await?;
    let before = peak_mib();
    let measured = replay(ProjectorConfig::new(CHAIN), Arc::clone(&log), pool.clone(), 1).await?;
    println!("{measured}; limit 0.50");
    let [before, peak] = [before, peak_mib()].map(Option::unwrap_or_default);
    println!("peak memory: {peak} MiB, {before} MiB before the replay");
    let took = reorganisation(log, pool, logs.div_ceil(LOGS_PER_BLOCK)).await?;
    let took = took.as_secs_f64();
    println!("reorganisation of 64 blocks with 10,000 logs: {took:.2} s; limit 2.00 s");
    Ok(())
}
