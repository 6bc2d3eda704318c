//! Story's protocol core: IPs, the terms that they are licensed under, what is derived from them, royalties and disputes.
//!
//! Its betas numbered terms with 32 bits, did not say what a fee was, and knew no time of a dispute; chains that ran them keep such logs.

use alloy::sol;
use alloy_primitives::{Address, U256};
use souk_schema::caip::EvmAssetId;
use souk_schema::event::foreign::{
    ForeignAssetDescribed, ForeignAssetRegistered, ForeignAssetTagged, ForeignDerived, ForeignDisputeClosed,
    ForeignDisputeJudged, ForeignDisputeRaised, ForeignLicenseMinted, ForeignPaymentMade, ForeignRoyaltiesLinked,
    ForeignTermsAttached, ForeignTermsRegistered, ForeignThing, ForeignVaultClaimed, ForeignVaultOpened,
    PaymentPurpose,
};
use souk_schema::event::{ForeignEvent, ForeignKind, Relation};
use souk_schema::record::RawLog;
use souk_schema::{ChainId, E8, TokenRef, TokenStandard};

use super::{Means, Variant, list, one, text};
use crate::decoder::Undecodable;

sol! {
    event IPRegistered(address ipId, uint256 indexed chainId, address indexed tokenContract, uint256 indexed tokenId, string name, string uri, uint256 registrationDate);
    event MetadataURISet(address indexed ipId, string metadataURI, bytes32 metadataHash);
    event LicenseTermsRegistered(uint256 indexed licenseTermsId, address indexed licenseTemplate, bytes licenseTerms);
    event LicenseTermsAttached(address indexed caller, address indexed ipId, address licenseTemplate, uint256 licenseTermsId);
    event LicenseTokensMinted(address indexed caller, address indexed licensorIpId, address licenseTemplate, uint256 indexed licenseTermsId, uint256 amount, address receiver, uint256 startLicenseTokenId);
    event DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint256[] licenseTermsIds, address licenseTemplate);
    event LinkedToParents(address ipId, address[] parentIpIds, address[] licenseRoyaltyPolicies, uint32[] licensesPercent, bytes externalData);
    event RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount, uint256 amountAfterFee);
    event LicenseMintingFeePaid(address receiverIpId, address payerAddress, address token, uint256 amount, uint256 amountAfterFee);
    event IpRoyaltyVaultDeployed(address ipId, address ipRoyaltyVault);
    event RevenueTransferredToVault(address ipId, address ancestorIpId, address token, uint256 amount);
    event RevenueTokenClaimed(address claimer, address token, uint256 amount);
    event RevenueTokenAddedToVault(address token, uint256 amount);
    event DisputeRaised(uint256 disputeId, address targetIpId, address caller, address disputeInitiator, uint256 disputeTimestamp, address arbitrationPolicy, bytes32 disputeEvidenceHash, bytes32 targetTag, bytes data);
    event DisputeJudgementSet(uint256 disputeId, bool decision, bytes data);
    event DisputeCancelled(uint256 disputeId, bytes data);
    event DisputeResolved(uint256 disputeId, bytes data);
    event IpTaggedOnRelatedIpInfringement(uint256 disputeId, address infringingIpId, address ipIdToTag, uint256 infringerDisputeId, bytes32 tag, uint256 disputeTimestamp);
}

/// Events of earlier releases, under the names that they share with today's.
mod earlier {
    alloy::sol! {
        event LicenseTermsAttached(address indexed caller, address indexed ipId, address licenseTemplate, uint32 licenseTermsId);
        event DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint32[] licenseTermsIds, address licenseTemplate);
        event RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount);
        event LicenseMintingFeePaid(address receiverIpId, address payerAddress, address token, uint256 amount);
        event DisputeRaised(uint256 disputeId, address targetIpId, address disputeInitiator, uint256 disputeTimestamp, address arbitrationPolicy, bytes32 disputeEvidenceHash, bytes32 targetTag, bytes data);
        event DisputeResolved(uint256 disputeId);
    }
}

/// The first form of a dispute, without its time.
mod first {
    alloy::sol! {
        event DisputeRaised(uint256 disputeId, address targetIpId, address disputeInitiator, address arbitrationPolicy, bytes32 linkToDisputeEvidence, bytes32 targetTag, bytes data);
    }
}

/// A contract of Story. All but the registry know IPs by their accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    Registry,
    Metadata { registry: Address },
    Template,
    Licensing { registry: Address },
    Royalty { registry: Address },
    RoyaltyPolicy { registry: Address },
    Vault,
    Dispute { registry: Address },
}

impl Story {
    pub(super) fn variants(self) -> Vec<Variant<Story>> {
        match self {
            Story::Registry => vec![Variant::of::<IPRegistered>()],
            Story::Metadata { .. } => vec![Variant::of::<MetadataURISet>()],
            Story::Template => vec![Variant::of::<LicenseTermsRegistered>()],
            Story::Licensing { .. } => vec![
                Variant::of::<LicenseTermsAttached>(),
                Variant::of::<earlier::LicenseTermsAttached>(),
                Variant::of::<LicenseTokensMinted>(),
                Variant::of::<DerivativeRegistered>(),
                Variant::of::<earlier::DerivativeRegistered>(),
            ],
            Story::Royalty { .. } => vec![
                Variant::of::<LinkedToParents>(),
                Variant::of::<RoyaltyPaid>(),
                Variant::of::<earlier::RoyaltyPaid>(),
                Variant::of::<LicenseMintingFeePaid>(),
                Variant::of::<earlier::LicenseMintingFeePaid>(),
                Variant::of::<IpRoyaltyVaultDeployed>(),
            ],
            Story::RoyaltyPolicy { .. } => vec![Variant::of::<RevenueTransferredToVault>()],
            Story::Vault => vec![
                Variant::of::<RevenueTokenClaimed>(),
                Variant::of::<RevenueTokenAddedToVault>(),
            ],
            Story::Dispute { .. } => vec![
                Variant::of::<DisputeRaised>(),
                Variant::of::<earlier::DisputeRaised>(),
                Variant::of::<first::DisputeRaised>(),
                Variant::of::<DisputeJudgementSet>(),
                Variant::of::<DisputeCancelled>(),
                Variant::of::<DisputeResolved>(),
                Variant::of::<earlier::DisputeResolved>(),
                Variant::of::<IpTaggedOnRelatedIpInfringement>(),
            ],
        }
    }

    /// The key of an IP that a log of this contract names.
    fn ip(self, account: Address, log: &RawLog) -> TokenRef {
        let registry = match self {
            Story::Registry | Story::Template | Story::Vault => log.address,
            Story::Metadata { registry }
            | Story::Licensing { registry }
            | Story::Royalty { registry }
            | Story::RoyaltyPolicy { registry }
            | Story::Dispute { registry } => registry,
        };
        TokenRef::new(registry, U256::from_be_bytes(account.into_word().0))
    }

    fn thing(self, account: Address, log: &RawLog) -> ForeignThing {
        ForeignThing {
            kind: ForeignKind::StoryIp,
            key: self.ip(account, log),
        }
    }
}

impl Means<Story> for IPRegistered {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        let chain = u64::try_from(self.chainId)
            .map_err(|_| Undecodable::new(format!("{} is no chain that an IP's token can be on", self.chainId)))?;
        one(ForeignAssetRegistered {
            thing: story.thing(self.ipId, log),
            account: Some(self.ipId),
            owner: None,
            name: text("name", self.name)?,
            uri: text("uri", self.uri)?,
            token: Some(EvmAssetId {
                chain: ChainId(chain),
                standard: TokenStandard::Erc721,
                token: TokenRef::new(self.tokenContract, self.tokenId),
            }),
        })
    }
}

impl Means<Story> for MetadataURISet {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetDescribed {
            thing: story.thing(self.ipId, log),
            uri: text("metadataURI", self.metadataURI)?,
            hash: Some(self.metadataHash),
            changed_by: None,
        })
    }
}

impl Means<Story> for LicenseTermsRegistered {
    fn meaning(self, _: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignTermsRegistered {
            template: self.licenseTemplate,
            terms_id: self.licenseTermsId,
            terms: self.licenseTerms,
        })
    }
}

impl Means<Story> for LicenseTermsAttached {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignTermsAttached {
            asset: story.ip(self.ipId, log),
            template: self.licenseTemplate,
            terms_id: self.licenseTermsId,
            attached_by: self.caller,
        })
    }
}

impl Means<Story> for earlier::LicenseTermsAttached {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignTermsAttached {
            asset: story.ip(self.ipId, log),
            template: self.licenseTemplate,
            terms_id: U256::from(self.licenseTermsId),
            attached_by: self.caller,
        })
    }
}

impl Means<Story> for LicenseTokensMinted {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignLicenseMinted {
            asset: story.ip(self.licensorIpId, log),
            template: self.licenseTemplate,
            terms_id: self.licenseTermsId,
            minter: self.caller,
            receiver: self.receiver,
            amount: self.amount,
            first_license: self.startLicenseTokenId,
        })
    }
}

/// A derivation of an IP. A parent may be named several times, once for each licence.
fn derived(
    story: Story,
    log: &RawLog,
    child: Address,
    parents: Vec<Address>,
    terms_ids: Vec<U256>,
) -> Result<Vec<ForeignEvent>, Undecodable> {
    let mut distinct: Vec<ForeignThing> = Vec::new();
    for parent in list("parentIpIds", parents)? {
        let parent = story.thing(parent, log);
        if !distinct.contains(&parent) {
            distinct.push(parent);
        }
    }
    one(ForeignDerived {
        child: story.thing(child, log),
        parents: distinct,
        relation: Relation::DerivedFrom,
        terms_ids: list("licenseTermsIds", terms_ids)?,
    })
}

impl Means<Story> for DerivativeRegistered {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        derived(story, log, self.childIpId, self.parentIpIds, self.licenseTermsIds)
    }
}

impl Means<Story> for earlier::DerivativeRegistered {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        let terms_ids = self.licenseTermsIds.into_iter().map(U256::from).collect();
        derived(story, log, self.childIpId, self.parentIpIds, terms_ids)
    }
}

impl Means<Story> for LinkedToParents {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        let share = |share: u32| E8::from_parts(share.into()).map_err(Undecodable::new);
        let parents = list("parentIpIds", self.parentIpIds)?.into_iter();
        one(ForeignRoyaltiesLinked {
            asset: story.ip(self.ipId, log),
            parents: parents.map(|parent| story.ip(parent, log)).collect(),
            policies: list("licenseRoyaltyPolicies", self.licenseRoyaltyPolicies)?,
            shares: list("licensesPercent", self.licensesPercent)?
                .into_iter()
                .map(share)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// What the protocol keeps of a payment.
fn fee(amount: U256, after: U256) -> Result<Option<U256>, Undecodable> {
    let fee = amount.checked_sub(after);
    fee.map(Some)
        .ok_or_else(|| Undecodable::new(format!("{after} is left of a payment of {amount}")))
}

/// The zero address pays for nobody.
fn some(account: Address) -> Option<Address> {
    (!account.is_zero()).then_some(account)
}

impl Means<Story> for RoyaltyPaid {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignPaymentMade {
            asset: story.ip(self.receiverIpId, log),
            purpose: PaymentPurpose::Royalty,
            paid_by: some(self.payerIpId).map(|payer| story.ip(payer, log)),
            payer: Some(self.sender),
            token: self.token,
            amount: self.amount,
            fee: fee(self.amount, self.amountAfterFee)?,
        })
    }
}

impl Means<Story> for earlier::RoyaltyPaid {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignPaymentMade {
            asset: story.ip(self.receiverIpId, log),
            purpose: PaymentPurpose::Royalty,
            paid_by: some(self.payerIpId).map(|payer| story.ip(payer, log)),
            payer: Some(self.sender),
            token: self.token,
            amount: self.amount,
            fee: None,
        })
    }
}

impl Means<Story> for LicenseMintingFeePaid {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignPaymentMade {
            asset: story.ip(self.receiverIpId, log),
            purpose: PaymentPurpose::MintingFee,
            paid_by: None,
            payer: Some(self.payerAddress),
            token: self.token,
            amount: self.amount,
            fee: fee(self.amount, self.amountAfterFee)?,
        })
    }
}

impl Means<Story> for earlier::LicenseMintingFeePaid {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignPaymentMade {
            asset: story.ip(self.receiverIpId, log),
            purpose: PaymentPurpose::MintingFee,
            paid_by: None,
            payer: Some(self.payerAddress),
            token: self.token,
            amount: self.amount,
            fee: None,
        })
    }
}

impl Means<Story> for IpRoyaltyVaultDeployed {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignVaultOpened {
            asset: story.ip(self.ipId, log),
            vault: self.ipRoyaltyVault,
        })
    }
}

impl Means<Story> for RevenueTransferredToVault {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignPaymentMade {
            asset: story.ip(self.ancestorIpId, log),
            purpose: PaymentPurpose::AncestorShare,
            paid_by: Some(story.ip(self.ipId, log)),
            payer: None,
            token: self.token,
            amount: self.amount,
            fee: None,
        })
    }
}

impl Means<Story> for RevenueTokenClaimed {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignVaultClaimed {
            vault: log.address,
            claimer: Some(self.claimer),
            token: self.token,
            amount: self.amount,
        })
    }
}

impl Means<Story> for RevenueTokenAddedToVault {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignVaultClaimed {
            vault: log.address,
            claimer: None,
            token: self.token,
            amount: self.amount,
        })
    }
}

impl Means<Story> for DisputeRaised {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignDisputeRaised {
            dispute: TokenRef::new(log.address, self.disputeId),
            asset: story.ip(self.targetIpId, log),
            initiator: self.disputeInitiator,
            policy: self.arbitrationPolicy,
            evidence_hash: self.disputeEvidenceHash,
            tag: self.targetTag,
        })
    }
}

impl Means<Story> for earlier::DisputeRaised {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignDisputeRaised {
            dispute: TokenRef::new(log.address, self.disputeId),
            asset: story.ip(self.targetIpId, log),
            initiator: self.disputeInitiator,
            policy: self.arbitrationPolicy,
            evidence_hash: self.disputeEvidenceHash,
            tag: self.targetTag,
        })
    }
}

impl Means<Story> for first::DisputeRaised {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignDisputeRaised {
            dispute: TokenRef::new(log.address, self.disputeId),
            asset: story.ip(self.targetIpId, log),
            initiator: self.disputeInitiator,
            policy: self.arbitrationPolicy,
            evidence_hash: self.linkToDisputeEvidence,
            tag: self.targetTag,
        })
    }
}

impl Means<Story> for DisputeJudgementSet {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignDisputeJudged {
            dispute: TokenRef::new(log.address, self.disputeId),
            upheld: self.decision,
        })
    }
}

fn closed(log: &RawLog, dispute: U256, cancelled: bool) -> Result<Vec<ForeignEvent>, Undecodable> {
    one(ForeignDisputeClosed {
        dispute: TokenRef::new(log.address, dispute),
        cancelled,
    })
}

impl Means<Story> for DisputeCancelled {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        closed(log, self.disputeId, true)
    }
}

impl Means<Story> for DisputeResolved {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        closed(log, self.disputeId, false)
    }
}

impl Means<Story> for earlier::DisputeResolved {
    fn meaning(self, log: &RawLog, _: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        closed(log, self.disputeId, false)
    }
}

impl Means<Story> for IpTaggedOnRelatedIpInfringement {
    fn meaning(self, log: &RawLog, story: Story) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetTagged {
            dispute: TokenRef::new(log.address, self.disputeId),
            asset: story.ip(self.ipIdToTag, log),
            infringer: story.ip(self.infringingIpId, log),
            infringer_dispute: TokenRef::new(log.address, self.infringerDisputeId),
            tag: self.tag,
        })
    }
}
