//! What the fold knows, as tables that can go back.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use souk_schema::E8;
use souk_schema::id::BlockRef;

use super::journal::{Apart, Journaled, Nested, Rewind};
use super::{Hold, HoldKey, Revenue};
use crate::codec::{Malformed, Reader, Stored, Writer, stored, stored_as_number};
use crate::fact::{Holding, Terms};
use crate::rule::{AssetNo, Edge, Lineage};

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asset {
    /// Its id in the registry.
    pub id: U256,
    /// The contributors' part, in parts per 100,000,000.
    pub contributor_share: u32,
    /// Its owner at the end of the last block; within the block of its registration, its owner.
    pub owner: Address,
    /// The block that registered it.
    pub registered_in: u64,
    /// The block that issued its shares.
    pub issued_in: Option<u64>,
    /// More than the depth of each parent.
    pub depth: u32,
    /// `Σ over parents (LAP share of the edge + the parent's stack)`, as the registry keeps it.
    pub lap_stack: u32,
    /// `Σ` LRP shares of its edges.
    pub lrp_sum: u32,
    /// Whether something was derived from it. It declares no parents any more then, so what is above it stays.
    pub has_children: bool,
    /// Its derivations.
    pub edges: Arc<[Edge]>,
}

/// A contribution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contribution {
    /// By whom.
    pub contributor: Address,
    /// Its weight.
    pub weight: U256,
    /// Block and log that recorded it.
    pub recorded_at: (u64, u32),
    /// Block and log that voided it.
    pub voided_at: Option<(u64, u32)>,
}

/// A licence series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// The licensed asset.
    pub asset: AssetNo,
    /// The terms.
    pub terms_id: U256,
    /// Unix time in seconds at which it ends, exclusive; 0 never.
    pub expires_at: u64,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What the protocol takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fee {
    /// The part.
    pub share: E8,
    /// Whose it is.
    pub account: Address,
}

/// Shares that the task board holds for a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Escrow {
    /// Whose shares; the id of the asset.
    pub asset: U256,
    /// Whose they are until they are paid out.
    pub poster: Address,
    /// How many are left; more than none.
    pub left: U256,
}

/// What became of a proposed root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootStatus {
    /// It can be disputed, withdrawn or finalised.
    Pending,
    /// It was withdrawn, or a dispute over it was upheld.
    Dropped,
    /// Claims are proved against it, or a later one.
    Finalised,
}

/// The last root proposed for an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// The root.
    pub root: B256,
    /// The block that it was computed at.
    pub computed_at: BlockRef,
    /// What became of it.
    pub status: RootStatus,
}

stored!(Asset {
    id,
    contributor_share,
    owner,
    registered_in,
    issued_in,
    depth,
    lap_stack,
    lrp_sum,
    has_children,
    edges
});

stored!(Contribution {
    contributor,
    weight,
    recorded_at,
    voided_at
});

stored!(Series {
    asset,
    terms_id,
    expires_at,
    revoked
});

stored!(Fee { share, account });

stored!(Escrow { asset, poster, left });

stored_as_number!(RootStatus {
    Pending = 0,
    Dropped = 1,
    Finalised = 2,
});

stored!(Epoch {
    root,
    computed_at,
    status
});

macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident: $store:ty),+ $(,)?) => {
        /// Everything that is folded. Two states with equal tables give equal answers.
        #[derive(Clone, Debug, Default, Hash)]
        pub struct Tables { $($(#[$meta])* pub $name: Journaled<$store>),+ }

        impl Tables {
            /// How far each table is.
            pub fn positions(&self) -> Vec<u64> { vec![$(self.$name.position()),+] }

            /// Undoes every change after `positions`.
            pub fn rewind(&mut self, positions: &[u64]) {
                let mut positions = positions.iter();
                $(self.$name.rewind(*positions.next().expect("a position for each table"));)+
            }

            /// Forgets how to undo the changes up to `positions`.
            pub fn forget(&mut self, positions: &[u64]) {
                let mut positions = positions.iter();
                $(self.$name.forget(*positions.next().expect("a position for each table"));)+
            }
        }

        impl Stored for Tables {
            fn put(&self, out: &mut Writer) {
                $(self.$name.put(out);)+
            }

            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                $(let $name = Stored::take(input)?;)+
                Ok(Tables { $($name),+ })
            }
        }
    };
}

tables! {
    /// Assets by number, in the order of their registration.
    assets: Vec<Asset>,
    /// Numbers of assets by id.
    numbers: BTreeMap<U256, AssetNo>,
    /// Shares by asset and account, without those of the vault and the task board: what the vault credits and what tasks hold counts instead.
    shares: Nested<Address, U256>,
    /// Licences by series and account, likewise.
    licenses: BTreeMap<(U256, Address), U256>,
    /// Contributions by asset and id.
    contributions: Nested<U256, Contribution>,
    /// The asset of each contribution.
    contribution_assets: BTreeMap<U256, AssetNo>,
    /// Terms by id.
    terms: BTreeMap<U256, Terms>,
    /// Series by id.
    series: BTreeMap<U256, Series>,
    /// Series by asset.
    series_of: Nested<U256, ()>,
    /// Terms that assets are offered under.
    attached: Nested<U256, ()>,
    /// What the vault's markets trade.
    markets: BTreeMap<B256, Holding>,
    /// What tasks hold of shares, by task.
    escrows: BTreeMap<U256, Escrow>,
    /// The protocol's fee, once it was told.
    fee: BTreeMap<(), Fee>,
    /// Every dispute and challenge.
    holds: BTreeMap<HoldKey, Hold>,
    /// Those that are not over.
    active: BTreeMap<HoldKey, ()>,
    /// Revenues of which not every line is vested.
    open: BTreeMap<U256, Arc<Revenue>>,
    /// Revenues of which every line is vested, or recomputed away, with the block that settled them: nothing happens to them any more, but
    /// they are explained. Those that are kept elsewhere are not here.
    settled: Apart<U256, (u64, Arc<Revenue>)>,
    /// Revenues that went to another distributor, with that one. It owes them, so nothing more is known of them here.
    elsewhere: BTreeMap<U256, Address>,
    /// The distributor that the router pays, once it was told.
    paid: BTreeMap<(), Address>,
    /// How many revenues are settled, and the sum of their digests modulo 2^256: the same wherever they are kept.
    settled_sum: BTreeMap<(), (u64, U256)>,
    /// Amounts in finalised roots, by account and token.
    vested: BTreeMap<(Address, Address), U256>,
    /// Amounts that were claimed, by account and token.
    claimed: BTreeMap<(Address, Address), U256>,
    /// Roots by epoch.
    epochs: BTreeMap<u64, Epoch>,
}

impl Lineage for Tables {
    fn count(&self) -> usize {
        self.assets.len()
    }

    fn id(&self, asset: AssetNo) -> U256 {
        self.assets[asset as usize].id
    }

    fn depth(&self, asset: AssetNo) -> u32 {
        self.assets[asset as usize].depth
    }

    fn edges(&self, asset: AssetNo) -> &[Edge] {
        &self.assets[asset as usize].edges
    }
}
