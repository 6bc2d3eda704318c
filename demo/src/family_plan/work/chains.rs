//! Other chains: assets of this one that are announced there, and one that is said to come from another. There is only one chain here, so
//! nobody ever confirms the latter.

use alloy::primitives::{Address, keccak256};
use souk_schema::event::AssetKind;

use super::{When, Working};
use crate::work::{Mirror, Work};

/// EIP-155 ids: OP Mainnet, Base, Arbitrum One.
const ANNOUNCED: [(&str, u64); 2] = [("common-voice", 10), ("mistral-7b", 8_453)];
const ORIGIN_CHAIN: u64 = 42_161;
const ORIGIN_ASSET: u64 = 1_207;

impl Working<'_> {
    pub(super) fn draw_other_chains(&mut self) {
        for (slug, chain) in ANNOUNCED {
            if let Some(asset) = self.find(slug) {
                let owner = self.owner(asset);
                self.at(When::Claims, owner, Work::Announce(asset, chain));
            }
        }
        let address = |what: &str| Address::from_word(keccak256(format!("{what} of {} elsewhere", self.edition)));
        let (content_hash, metadata_uri) = self.document("Harbour Sounds", "recordings of ports, registered elsewhere");
        let mirror = Mirror {
            origin_chain: ORIGIN_CHAIN,
            origin_gateway: address("gateway"),
            origin_registry: address("registry"),
            origin_asset: ORIGIN_ASSET,
            owner: self.cast.investors.end - 1,
            kind: AssetKind::Dataset,
            name: "Harbour Sounds".into(),
            content_hash,
            metadata_uri,
            contributor_share_e8: 10_000_000,
        };
        let relayer = self.cast.officers.start + 2;
        self.at(When::Rulings, relayer, Work::Mirror(Box::new(mirror)));
    }
}
