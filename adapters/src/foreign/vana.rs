//! Vana: files of data, proofs of how good they are, and rewards for them.

use alloy::sol;
use alloy_primitives::{Address, Bytes, U256};
use souk_schema::TokenRef;
use souk_schema::event::foreign::{
    FilePermitted, FileProved, FileRefined, FileRewarded, ForeignAssetRegistered, ForeignMetadataSet, ForeignThing,
};
use souk_schema::event::{ForeignEvent, ForeignKind};
use souk_schema::record::RawLog;

use super::{Means, Variant, one, text};
use crate::decoder::Undecodable;

sol! {
    event FileAdded(uint256 indexed fileId, address indexed ownerAddress, string url);
    event FileAddedV2(uint256 indexed fileId, address indexed ownerAddress, string url, uint256 schemaId);
    event ProofAdded(uint256 indexed fileId, address indexed ownerAddress, uint256 proofIndex, uint256 indexed dlpId, uint256 score, string proofUrl);
    event RefinementAdded(uint256 indexed fileId, uint256 indexed refinerId, string url);
    event RefinementUpdated(uint256 indexed fileId, uint256 indexed refinerId, string url);
    event PermissionGranted(uint256 indexed fileId, address indexed account);
    event RewardRequested(address indexed contributorAddress, uint256 indexed fileId, uint256 indexed proofIndex, uint256 rewardAmount);
}

/// Proofs before they were of a pool.
mod earlier {
    alloy::sol! {
        event ProofAdded(uint256 indexed fileId, address indexed ownerAddress, uint256 proofIndex, string proofUrl);
    }
}

/// The first proofs, of which the log holds only the number.
mod first {
    alloy::sol! {
        event ProofAdded(uint256 indexed fileId, uint256 indexed proofIndex);
    }
}

/// A contract of Vana.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vana {
    Registry,
    Pool { registry: Address },
}

impl Vana {
    pub(super) fn variants(self) -> Vec<Variant<Vana>> {
        match self {
            Vana::Registry => vec![
                Variant::of::<FileAdded>(),
                Variant::of::<FileAddedV2>(),
                Variant::of::<ProofAdded>(),
                Variant::of::<earlier::ProofAdded>(),
                Variant::of::<first::ProofAdded>(),
                Variant::of::<RefinementAdded>(),
                Variant::of::<RefinementUpdated>(),
                Variant::of::<PermissionGranted>(),
            ],
            Vana::Pool { .. } => vec![Variant::of::<RewardRequested>()],
        }
    }
}

fn file(log: &RawLog, id: U256) -> TokenRef {
    TokenRef::new(log.address, id)
}

fn thing(log: &RawLog, id: U256) -> ForeignThing {
    ForeignThing {
        kind: ForeignKind::VanaFile,
        key: file(log, id),
    }
}

impl Means<Vana> for FileAdded {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetRegistered {
            thing: thing(log, self.fileId),
            account: None,
            owner: Some(self.ownerAddress),
            name: String::new(),
            uri: text("url", self.url)?,
            token: None,
        })
    }
}

/// The registry says it in addition to [`FileAdded`]: only the schema is new.
impl Means<Vana> for FileAddedV2 {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignMetadataSet {
            thing: thing(log, self.fileId),
            metadata_key: "schemaId".into(),
            value: Bytes::from(self.schemaId.to_be_bytes_trimmed_vec()),
        })
    }
}

impl Means<Vana> for ProofAdded {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FileProved {
            file: file(log, self.fileId),
            owner: Some(self.ownerAddress),
            proof: self.proofIndex,
            pool: Some(self.dlpId),
            score: Some(self.score),
            uri: text("proofUrl", self.proofUrl)?,
        })
    }
}

impl Means<Vana> for earlier::ProofAdded {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FileProved {
            file: file(log, self.fileId),
            owner: Some(self.ownerAddress),
            proof: self.proofIndex,
            pool: None,
            score: None,
            uri: text("proofUrl", self.proofUrl)?,
        })
    }
}

impl Means<Vana> for first::ProofAdded {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FileProved {
            file: file(log, self.fileId),
            owner: None,
            proof: self.proofIndex,
            pool: None,
            score: None,
            uri: String::new(),
        })
    }
}

fn refined(
    log: &RawLog,
    id: U256,
    refiner: U256,
    url: String,
    replaces: bool,
) -> Result<Vec<ForeignEvent>, Undecodable> {
    one(FileRefined {
        file: file(log, id),
        refiner,
        uri: text("url", url)?,
        replaces,
    })
}

impl Means<Vana> for RefinementAdded {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        refined(log, self.fileId, self.refinerId, self.url, false)
    }
}

impl Means<Vana> for RefinementUpdated {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        refined(log, self.fileId, self.refinerId, self.url, true)
    }
}

impl Means<Vana> for PermissionGranted {
    fn meaning(self, log: &RawLog, _: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(FilePermitted {
            file: file(log, self.fileId),
            account: self.account,
        })
    }
}

impl Means<Vana> for RewardRequested {
    fn meaning(self, log: &RawLog, vana: Vana) -> Result<Vec<ForeignEvent>, Undecodable> {
        let registry = match vana {
            Vana::Registry => log.address,
            Vana::Pool { registry } => registry,
        };
        one(FileRewarded {
            file: TokenRef::new(registry, self.fileId),
            pool: log.address,
            contributor: self.contributorAddress,
            proof: self.proofIndex,
            amount: self.rewardAmount,
        })
    }
}
