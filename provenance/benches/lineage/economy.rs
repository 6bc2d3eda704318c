//! A synthetic economy: assets that build on earlier ones, mostly on popular ones.
//!
//! A quarter of the assets are roots, as datasets are; the others have one to seven parents. Three parents in five are drawn by how many
//! children they have already, one in five among all earlier assets, one in five among the latest thousand. Every eighth asset lives on
//! a second chain, and parents on the other chain are claims.

use std::collections::HashMap;

use souk_provenance::graph::{ChainPosition, Change, Cut, EdgeStatus, Graph, InvalidChange, Place};
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{Address, B256, BlockRef, ChainId, TokenRef, TokenStandard, U256};

pub const CHAINS: [ChainId; 2] = [ChainId(1), ChainId(10)];
const ASSETS_PER_BLOCK: usize = 500;

/// SplitMix64: the same numbers from the same seed on every machine. <https://prng.di.unimi.it/splitmix64.c>
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

pub struct Economy {
    pub assets: usize,
    /// (child, parent), by rising child.
    pub edges: Vec<(u32, u32)>,
}

/// A fact's row: what it is and where it was logged.
pub enum Fact {
    Asset(u32),
    Edge(u32, u32),
}

impl Economy {
    pub fn new(assets: usize, seed: u64) -> Economy {
        let mut random = Random::new(seed);
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for child in 1..assets as u64 {
            let parents = if random.below(4) == 0 {
                0
            } else {
                (1 + random.below(7)).min(child)
            };
            let first = edges.len();
            while ((edges.len() - first) as u64) < parents {
                let parent = match random.below(5) {
                    0 => (child - 1 - random.below(child.min(1_000))) as u32,
                    2.. if first > 0 => edges[random.below(first as u64) as usize].1,
                    _ => random.below(child) as u32,
                };
                if edges[first..].iter().all(|(_, other)| *other != parent) {
                    edges.push((child as u32, parent));
                }
            }
        }
        Economy { assets, edges }
    }

    pub fn claims(&self) -> usize {
        self.edges
            .iter()
            .filter(|(child, parent)| chain(*child) != chain(*parent))
            .count()
    }

    /// Every fact with its chain and place, in the order of its chain.
    pub fn facts(&self) -> impl Iterator<Item = (ChainId, Place, Fact)> + '_ {
        let mut edges = self.edges.iter().peekable();
        let mut logs: HashMap<(ChainId, u64), u32> = HashMap::new();
        (0..self.assets as u32).flat_map(move |asset| {
            let (chain, block) = (chain(asset), block(asset));
            let next_log = logs.entry((chain, block)).or_default();
            let mut facts = vec![(
                chain,
                Place {
                    block,
                    log_index: *next_log,
                    ordinal: 0,
                },
                Fact::Asset(asset),
            )];
            while let Some((child, parent)) = edges.next_if(|(child, _)| *child == asset) {
                let log_index = *next_log + facts.len() as u32;
                facts.push((
                    chain,
                    Place {
                        block,
                        log_index,
                        ordinal: 0,
                    },
                    Fact::Edge(*child, *parent),
                ));
            }
            *next_log += facts.len() as u32;
            facts
        })
    }

    pub fn last_block(&self) -> u64 {
        block(self.assets.saturating_sub(1) as u32)
    }

    /// Both chains in the middle of their history.
    pub fn half_way(&self) -> Cut {
        CHAINS
            .iter()
            .fold(Cut::head(), |cut, chain| cut.and(*chain, self.last_block() / 2))
    }

    /// Feeds a graph block by block.
    pub fn fill(&self, graph: &mut Graph) -> Result<(), InvalidChange> {
        let mut waiting: HashMap<ChainId, Vec<Change>> = HashMap::new();
        let mut current = 0;
        for (chain, place, fact) in self.facts() {
            if place.block != current {
                for (chain, changes) in waiting.drain() {
                    graph.apply(chain, changes, position(current))?;
                }
                current = place.block;
            }
            waiting.entry(chain).or_default().push(change(fact, place));
        }
        waiting
            .drain()
            .try_for_each(|(chain, changes)| graph.apply(chain, changes, position(current)))
    }
}

pub fn chain(asset: u32) -> ChainId {
    CHAINS[usize::from(asset % 8 == 7)]
}

pub fn block(asset: u32) -> u64 {
    (asset as usize / ASSETS_PER_BLOCK) as u64
}

pub fn timestamp(block: u64) -> u64 {
    1_700_000_000 + block * 12
}

pub fn block_hash(block: u64) -> B256 {
    B256::left_padding_from(&block.to_be_bytes())
}

pub fn asset_id(asset: u32) -> EvmAssetId {
    let chain = chain(asset);
    let token = TokenRef::new(Address::repeat_byte(chain.0 as u8), U256::from(asset) + U256::from(1));
    EvmAssetId {
        chain,
        standard: TokenStandard::Erc721,
        token,
    }
}

/// Licences are series of the parent: as wide as a hash.
pub fn license(parent: u32) -> U256 {
    U256::from(parent).wrapping_mul(U256::MAX / U256::from(0x9e37_79b9_7f4a_7c15_u64)) | U256::from(1)
}

fn position(block: u64) -> ChainPosition {
    let head = Some(BlockRef {
        number: block,
        hash: block_hash(block),
    });
    ChainPosition {
        head,
        head_timestamp: timestamp(block),
        ..ChainPosition::default()
    }
}

fn change(fact: Fact, place: Place) -> Change {
    match fact {
        Fact::Asset(asset) => Change::Registered {
            asset: asset_id(asset),
            place,
        },
        Fact::Edge(child, parent) => Change::Derived {
            child: asset_id(child),
            parent: AssetId::Evm(asset_id(parent)),
            relation: Relation::DerivedFrom,
            license: license(parent),
            status: EdgeStatus::Declared,
            claimed_at: (chain(child) != chain(parent)).then(|| timestamp(place.block)),
            place,
        },
    }
}
