//! Graphs and revenues to measure with; the same for every run.

use alloy_primitives::{Address, B256, U256};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_payouts::fact::{BlockFacts, Contracts, Fact, Holding, Payment, Terms};
use souk_schema::E8;
use souk_schema::event::{Relation, RevenueReason, RoyaltyPolicy};
use souk_schema::id::BlockRef;

const SEED: u64 = 0x50_4b;
const ASSETS: u64 = 100_000;
/// Revenues in a block.
const PER_BLOCK: u64 = 100;
/// Blocks between roots.
const EPOCH: u64 = 1_000;

pub fn contracts() -> Contracts {
    let contract = Address::repeat_byte;
    Contracts {
        registry: contract(1),
        licenses: contract(2),
        shares: contract(3),
        contributions: contract(4),
        router: contract(5),
        distributor: Some(contract(6)),
        vault: Some(contract(7)),
        tasks: Some(contract(10)),
        disputes: Some(contract(8)),
        executions: Some(contract(9)),
    }
}

fn account(number: u64) -> Address {
    // Scattered, so that no order helps.
    Address::left_padding_from(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
}

fn block(number: u64, facts: Vec<Fact>) -> BlockFacts {
    let facts = facts
        .into_iter()
        .enumerate()
        .map(|(index, fact)| (index as u32, fact))
        .collect();
    let block = BlockRef {
        number,
        hash: B256::from(U256::from(number)),
    };
    BlockFacts {
        block,
        timestamp: number * 12,
        facts,
    }
}

fn pay(revenue: u64, asset: U256, amount: U256) -> Fact {
    Fact::RevenueReceived(Payment {
        revenue: U256::from(revenue),
        asset,
        payer: account(1),
        token: Address::repeat_byte(10 + (revenue % 3) as u8),
        amount,
        reason: RevenueReason::Usage,
        reference: B256::ZERO,
    })
}

pub fn payment(number: u64, revenue: u64, asset: U256, amount: U256) -> BlockFacts {
    block(number, vec![pay(revenue, asset, amount)])
}

/// The router pays the distributor from the beginning.
fn beginning() -> Fact {
    let to = contracts().distributor.expect("there is one");
    Fact::DistributorChanged { to }
}

/// An asset with two contributors and three shareholders.
fn register(asset: u64, facts: &mut Vec<Fact>) {
    let id = U256::from(asset);
    let contributor_share = E8::from_parts(20_000_000).expect("a share");
    facts.push(Fact::AssetRegistered {
        asset: id,
        owner: account(asset),
        contributor_share,
    });
    for part in 0..2 {
        facts.push(Fact::ContributionRecorded {
            contribution: U256::from(2 * asset + part),
            asset: id,
            contributor: account(asset % 20_000 + part),
            weight: U256::from(part + 1),
        });
    }
    facts.push(Fact::SharesIssued { asset: id });
    for part in 0..3 {
        let (to, amount) = (account(asset % 30_000 + part), U256::from(1_000_000 * (part + 1)));
        facts.push(Fact::Moved {
            what: Holding::Shares(id),
            from: Address::ZERO,
            to,
            amount,
        });
    }
}

fn derive(child: u64, parent: u64, policy: RoyaltyPolicy, share: u64, facts: &mut Vec<Fact>) {
    let terms_id = U256::from(share * 4 + u64::from(policy.number()));
    let series = U256::from(child) << 64 | U256::from(parent);
    let share = E8::from_parts(share).expect("a share");
    let terms = Terms {
        commercial_use: true,
        derivatives_allowed: true,
        policy,
        share,
    };
    let (child, parent) = (U256::from(child), U256::from(parent));
    facts.push(Fact::LicenseTermsRegistered { terms_id, terms });
    facts.push(Fact::LicenseMinted {
        series,
        asset: parent,
        terms_id,
        expires_at: 0,
    });
    facts.push(Fact::DerivationDeclared {
        child,
        parent,
        relation: Relation::DerivedFrom,
        license: series,
    });
}

/// The stream.
pub struct Economy {
    pub assets: u64,
    pub depths: String,
    pub roots: u64,
    pub setup: Vec<BlockFacts>,
    pub revenues: Vec<BlockFacts>,
}

impl Economy {
    /// Some of its revenues, from the first on.
    pub fn sample(&self, count: usize) -> impl Iterator<Item = (U256, U256)> {
        let facts = self.revenues.iter().flat_map(|block| &block.facts);
        let paid = facts.filter_map(|(_, fact)| match fact {
            Fact::RevenueReceived(payment) => Some((payment.asset, payment.amount)),
            _ => None,
        });
        paid.take(count)
    }
}

/// 100,000 assets in layers: the median depth is 5, one in a hundred stands on a chain 50 deep. Two parents where there are any, one mostly by LAP
/// and one by LRP.
pub fn economy(revenues: u64) -> Economy {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut depths: Vec<u64> = Vec::new();
    let mut layers: Vec<Vec<u64>> = vec![Vec::new(); 51];
    let (mut setup, mut facts) = (Vec::new(), vec![beginning()]);
    for asset in 1..=ASSETS {
        let depth = match asset {
            // The chains come first, so that every layer has somebody.
            ..=1_000 => (asset - 1) / 20,
            _ if asset % 100 == 0 => 50,
            _ => rng.random_range(0..11),
        };
        register(asset, &mut facts);
        if depth > 0 {
            let below = &layers[depth as usize - 1];
            let first = below[rng.random_range(0..below.len())];
            derive(asset, first, RoyaltyPolicy::Lap, 200_000, &mut facts);
            let second = layers[0][rng.random_range(0..layers[0].len())];
            if second != first {
                derive(asset, second, RoyaltyPolicy::Lrp, 5_000_000, &mut facts);
            }
        }
        layers[depth as usize].push(asset);
        depths.push(depth);
        if facts.len() > 10_000 || asset == ASSETS {
            setup.push(block(setup.len() as u64 + 1, std::mem::take(&mut facts)));
        }
    }
    let fee = Fact::ProtocolFeeChanged {
        share: E8::from_parts(1_000_000).expect("a share"),
        account: account(0),
    };
    setup.push(block(setup.len() as u64 + 1, vec![fee]));
    let (blocks, roots) = stream(&mut rng, setup.len() as u64, revenues);
    depths.sort_unstable();
    let at = |part: usize| depths[(depths.len() - 1) * part / 100];
    Economy {
        assets: ASSETS,
        depths: format!("{} median, {} at most", at(50), at(100)),
        roots,
        setup,
        revenues: blocks,
    }
}

/// Blocks of 100 revenues and some changes.
fn stream(rng: &mut ChaCha8Rng, mut number: u64, revenues: u64) -> (Vec<BlockFacts>, u64) {
    let (mut blocks, mut roots) = (Vec::new(), 0);
    for index in 0..revenues / PER_BLOCK {
        let mut facts = Vec::new();
        if index % EPOCH == EPOCH - 1 {
            roots += 1;
            let (epoch, root) = (roots, B256::from(U256::from(roots)));
            let computed_at = BlockRef {
                number,
                hash: B256::ZERO,
            };
            facts.push(Fact::RootProposed {
                epoch,
                root,
                computed_at,
            });
            facts.push(Fact::RootFinalised { epoch, root });
        }
        for place in 0..PER_BLOCK {
            let asset = U256::from(rng.random_range(1..=ASSETS));
            // Dollars of 6 decimals, and coins of 18.
            let amount = match place % 2 {
                0 => U256::from(rng.random_range(1..1_000_000_000u64)),
                _ => U256::from(rng.random_range(1..1u128 << 70)),
            };
            facts.push(pay(index * PER_BLOCK + place + 1, asset, amount));
        }
        for _ in 0..5 {
            let asset = rng.random_range(1..=ASSETS);
            let (what, from) = (Holding::Shares(U256::from(asset)), account(asset % 30_000));
            facts.push(Fact::Moved {
                what,
                from,
                to: account(rng.random_range(0..50_000)),
                amount: U256::ONE,
            });
        }
        facts.push(Fact::ContributionRecorded {
            contribution: U256::from(10 * ASSETS + index),
            asset: U256::from(rng.random_range(1..=ASSETS)),
            contributor: account(rng.random_range(0..20_000)),
            weight: U256::ONE,
        });
        number += 1;
        blocks.push(block(number, facts));
    }
    (blocks, roots)
}

/// How 10,000 ancestors stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One above the other.
    Row,
    /// Each with 16 parents of its own.
    Wide,
    /// Two by two: some 2^5,000 paths.
    Diamonds,
}

/// The graph and the asset above which it stands.
pub fn above_10_000(shape: Shape) -> (Vec<BlockFacts>, U256) {
    let mut facts = vec![beginning()];
    (1..=10_001).for_each(|asset| register(asset, &mut facts));
    let source = 10_001;
    match shape {
        Shape::Row => (2..=source).for_each(|child| derive(child, child - 1, RoyaltyPolicy::Lap, 9_000, &mut facts)),
        Shape::Wide => {
            // Counted from the source up, asset `n` has the parents `16n + 1` to `16n + 16`.
            for child in 1..=source {
                let parents = (1..=16)
                    .map(|step| (source - child) * 16 + step)
                    .filter(|parent| *parent < source);
                for parent in parents {
                    let (policy, share) = match parent % 2 {
                        0 => (RoyaltyPolicy::Lap, 10_000),
                        _ => (RoyaltyPolicy::Lrp, 4_000_000),
                    };
                    derive(child, source - parent, policy, share, &mut facts);
                }
            }
        }
        Shape::Diamonds => {
            for child in 3..=source {
                let upper = (child - 1) / 2 * 2 - 1;
                for parent in [upper, upper + 1] {
                    derive(child, parent, RoyaltyPolicy::Lrp, 49_000_000, &mut facts);
                }
            }
        }
    }
    (vec![block(1, facts)], U256::from(source))
}
