//! Disputes over assets, and how they were judged.

use async_graphql::{Enum, Object};

use super::account::Account;
use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::dispute_radius::BlastRadius;
use super::economy::{Around, RecordId, seconds};
use super::kinds::DisputeTag;
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};
use crate::store::disputes::{DisputeByKey, DisputeRow, JudgementRow, JudgementsOf};
use crate::store::listing::Page;
use crate::store::loaders::PageOf;
use souk_schema::event::DisputeOutcome;

/// How far a dispute is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeState {
    /// Nobody has judged it.
    Open,
    /// It was judged; the judgement can still be overruled.
    Judged,
    /// The challenger was wrong.
    Dismissed,
    /// The challenger was right.
    Upheld,
    /// The challenger gave it up.
    Withdrawn,
    /// Nobody judged it in time: the challenger has the bond back, and nothing is held for it any more.
    Lapsed,
}

/// A dispute over an asset.
#[derive(Clone)]
pub struct Dispute {
    around: Around,
    row: DisputeRow,
}

impl Dispute {
    /// Makes disputes of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(DisputeRow) -> Dispute + use<> {
        let around = around.clone();
        move |row| Dispute {
            around: around.clone(),
            row,
        }
    }

    /// A dispute by its key, if it was raised as of the moment.
    pub(super) async fn load(around: &Around, key: Key) -> Result<Option<Dispute>, ApiError> {
        let row = around.only(DisputeByKey(around.scope(key).await?)).await?;
        Ok(row.map(Dispute::maker(around)))
    }
}

/// That somebody says, with a bond, that something is wrong with an asset.
#[Object]
impl Dispute {
    /// The dispute's id, by which `dispute` finds it.
    async fn dispute_id(&self) -> RecordId {
        self.around.record(self.row.dispute_key)
    }

    /// The court that keeps it.
    async fn court(&self) -> Address {
        Address(self.row.dispute_key.0.contract)
    }

    /// Its number in the court.
    async fn number(&self) -> BigInt {
        self.row.dispute_key.0.id.into()
    }

    /// The asset.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        self.around.asset(self.row.asset_key).await
    }

    /// Who says so.
    async fn challenger(&self) -> Account {
        self.around.account(self.row.challenger)
    }

    /// What is wrong.
    async fn tag(&self) -> Result<DisputeTag, ApiError> {
        DisputeTag::from_table(self.row.tag)
    }

    /// How far it is.
    async fn state(&self) -> Result<DisputeState, ApiError> {
        let Some(outcome) = self.row.outcome else {
            return Ok(if self.row.is_judged {
                DisputeState::Judged
            } else {
                DisputeState::Open
            });
        };
        let outcome = u8::try_from(outcome).ok().and_then(|number| number.try_into().ok());
        match outcome {
            Some(DisputeOutcome::Dismissed) => Ok(DisputeState::Dismissed),
            Some(DisputeOutcome::Upheld) => Ok(DisputeState::Upheld),
            Some(DisputeOutcome::Withdrawn) => Ok(DisputeState::Withdrawn),
            Some(DisputeOutcome::Lapsed) => Ok(DisputeState::Lapsed),
            None => Err(ApiError::internal("a dispute with an unknown outcome")),
        }
    }

    /// What the challenger loses if wrong, in base units.
    async fn bond(&self) -> BigInt {
        self.row.bond
    }

    /// Who got the bond; null until it is resolved.
    async fn bond_to(&self) -> Option<Account> {
        Some(self.around.account(self.row.bond_to?))
    }

    /// Commitment to the evidence.
    async fn evidence_hash(&self) -> Bytes32 {
        self.row.evidence_hash
    }

    /// Where the evidence is.
    async fn evidence_uri(&self) -> &str {
        &self.row.evidence_uri
    }

    /// The judgement that counts; null until it is judged.
    async fn ruling(&self) -> Result<Option<Judgement>, ApiError> {
        if !self.row.is_judged {
            return Ok(None);
        }
        let newest = Page {
            backward: true,
            size: 1,
            after: None,
            before: None,
        };
        let list = JudgementsOf(self.around.scope(self.row.dispute_key).await?);
        let found = self.around.session.load(PageOf(list, newest)).await?;
        let row = found.and_then(|found| found.rows.first().map(|(_, row)| row.clone()));
        Ok(row.map(|row| Judgement {
            around: self.around.clone(),
            row,
        }))
    }

    /// Every judgement, oldest first: one can be overruled.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn judgements(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Judgement>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = JudgementsOf(self.around.scope(self.row.dispute_key).await?);
        let around = self.around.clone();
        Connection::of(&self.around.session, arguments, list, move |row| Judgement {
            around: around.clone(),
            row,
        })
        .await
    }

    /// What it reaches: what was made from the asset, what it holds of revenue, what trades.
    #[graphql(complexity = "5 + child_complexity")]
    async fn blast_radius(&self) -> BlastRadius {
        BlastRadius {
            around: self.around.clone(),
            dispute: self.row.dispute_key,
            asset: self.row.asset_key,
        }
    }

    /// The log that raised it.
    async fn raised(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log that ended it; null until then.
    async fn resolved(&self) -> Option<Origin> {
        self.around
            .origin_of(self.row.resolved_block, self.row.resolved_log_index)
    }
}

/// How a dispute was judged.
pub struct Judgement {
    around: Around,
    row: JudgementRow,
}

/// How a dispute was judged.
#[Object]
impl Judgement {
    /// Who judged.
    async fn judge(&self) -> Account {
        self.around.account(self.row.judge)
    }

    /// Whether the challenger is right.
    async fn upheld(&self) -> bool {
        self.row.upheld
    }

    /// Unix time in seconds from which it can be carried out.
    async fn resolvable_at(&self) -> Long {
        seconds(self.row.resolvable_at)
    }

    /// Commitment to the reasons.
    async fn ruling_hash(&self) -> Bytes32 {
        self.row.ruling_hash
    }

    /// The log of the judgement.
    async fn judged(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}
