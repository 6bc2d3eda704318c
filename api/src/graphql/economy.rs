//! Tasks, executions, disputes and mirrors as they are reached: by id from the root, and from the asset that they are about.
//!
//! What these types have in common is here too: [`RecordId`], how contracts' own records are named, and [`Around`], where they are told from.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{Context, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value};
use souk_schema::caip::{self, EvmAssetId};
use souk_schema::{TokenRef, TokenStandard, U256};

use super::account::Account;
use super::asset::{Asset, AssetRef};
use super::attestation::{Attestation, attestations};
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::Contribution;
use super::dispute::Dispute;
use super::execution::{Execution, ExecutionRole};
use super::execution_privacy::PrivacyBudget;
use super::execution_round::FederatedRound;
use super::gateway::{Announcement, Mirror, mirrors};
use super::task::Task;
use super::token::scope;
use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, ChainId, Key, Long};
use crate::session::{AsOf, Pin, Session};
use crate::store::contributions::ContributionByKey;
use crate::store::disputes::DisputesOf;
use crate::store::executions::{AskedBy, OutputsOf, RoundsOf, RunsOf, UsesOf};
use crate::store::gateway::AnnouncementsOf;
use crate::store::listing::{Listing, Page, Scope};
use crate::store::loaders::PageOf;
use crate::store::tasks::TasksOfAsset;

/// What a contract numbers itself: a task, a submission, an execution, a round, a challenge, a dispute, a contribution. The contract as
/// CAIP-10, then the number, for example `eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId {
    /// The chain.
    pub chain: souk_schema::ChainId,
    /// The contract and the number.
    pub record: TokenRef,
}

impl RecordId {
    /// Reads the textual form.
    ///
    /// # Errors
    /// What was expected, for a person.
    pub fn read(text: &str) -> Result<RecordId, String> {
        let expected = || {
            let shown: String = text.chars().take(80).collect();
            format!(
                "`{shown}` names no record of a contract: expected its CAIP-10 id and the number, for example \
                 `eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/7`"
            )
        };
        let (contract, number) = text.split_once('/').ok_or_else(expected)?;
        let contract: caip::AccountId = contract.parse().map_err(|_| expected())?;
        let plain = number.bytes().all(|digit| digit.is_ascii_digit()) && (number == "0" || !number.starts_with('0'));
        let number = U256::from_str_radix(number, 10)
            .ok()
            .filter(|_| plain && !number.is_empty());
        Ok(RecordId {
            chain: contract.chain,
            record: TokenRef::new(contract.address, number.ok_or_else(expected)?),
        })
    }
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let contract = caip::AccountId {
            chain: self.chain,
            address: self.record.contract,
        };
        write!(f, "{contract}/{}", self.record.id)
    }
}

/// What a contract numbers itself: a task, a submission, an execution, a round, a challenge, a dispute, a contribution. The contract as
/// CAIP-10, then the number, for example `eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/7`.
#[Scalar]
impl ScalarType for RecordId {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => RecordId::read(&text).map_err(InputValueError::custom),
            _ => Err(InputValueError::custom("expected a string with a record's id")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// Where a record is told from: a request, a moment and a chain.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) chain: ChainId,
}

impl Around {
    pub(super) fn new(session: &Session, pin: Pin, chain: ChainId) -> Around {
        Around {
            session: session.clone(),
            pin,
            chain,
        }
    }

    pub(super) fn account(&self, address: Address) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address,
        }
    }

    pub(super) fn origin(&self, block: Long, log_index: i32) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block,
            log_index,
        }
    }

    /// A log that may not have been yet.
    pub(super) fn origin_of(&self, block: Option<Long>, log_index: Option<i32>) -> Option<Origin> {
        Some(self.origin(block?, log_index?))
    }

    pub(super) fn record(&self, key: Key) -> RecordId {
        RecordId {
            chain: self.chain.0,
            record: key.0,
        }
    }

    pub(super) async fn asset(&self, key: Key) -> Result<Option<Asset>, ApiError> {
        Asset::by_key(&self.session, self.pin, self.chain.0, key.0).await
    }

    /// An asset of this chain by name.
    pub(super) fn named(&self, token: TokenRef) -> AssetRef {
        self.named_on(self.chain.0, token)
    }

    pub(super) fn named_on(&self, chain: souk_schema::ChainId, token: TokenRef) -> AssetRef {
        self.named_as(EvmAssetId {
            chain,
            standard: TokenStandard::Erc721,
            token,
        })
    }

    pub(super) fn named_as(&self, asset: EvmAssetId) -> AssetRef {
        AssetRef {
            session: self.session.clone(),
            pin: self.pin,
            id: caip::AssetId::Evm(asset),
        }
    }

    pub(super) fn erc20(&self, contract: Address) -> AssetId {
        EvmAssetId {
            chain: self.chain.0,
            standard: TokenStandard::Erc20,
            token: TokenRef::new(contract.0, U256::ZERO),
        }
        .into()
    }

    pub(super) async fn scope(&self, key: Key) -> Result<Scope, ApiError> {
        let key = key.0.key().as_bytes().to_vec();
        scope(&self.session, self.pin, self.chain.0, key).await
    }

    /// The rows of a list that contracts keep short, 100 at most.
    pub(super) async fn all<L: Listing>(&self, list: L) -> Result<Vec<L::Row>, ApiError> {
        let page = Page {
            backward: false,
            size: 100,
            after: None,
            before: None,
        };
        let found = self.session.load(PageOf(list, page)).await?;
        let rows = found.map(|found| found.rows.clone()).unwrap_or_default();
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The only row of a list.
    pub(super) async fn only<L: Listing>(&self, list: L) -> Result<Option<L::Row>, ApiError> {
        Ok(self.all(list).await?.pop())
    }

    /// A contribution, if it counts.
    pub(super) async fn contribution(&self, key: Option<Key>) -> Result<Option<Contribution>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        let row = self.only(ContributionByKey(self.scope(key).await?)).await?;
        Ok(row.map(Contribution::maker(&self.session, self.pin, self.chain)))
    }
}

/// Unix time in seconds that a contract gave: it can be any number of 64 bits.
pub(super) fn seconds(time: BigInt) -> Long {
    let number = time.unsigned().and_then(|number| u64::try_from(number).ok());
    Long::saturating(number.unwrap_or(u64::MAX))
}

/// What was asked for by an id, on a chain that is indexed.
async fn around(ctx: &Context<'_>, id: RecordId, as_of: Option<AsOf>) -> Result<Around, ApiError> {
    let session = Session::of(ctx);
    let pin = Pin::Head.or(as_of, id.chain);
    session.moment(pin, id.chain).await?;
    Ok(Around::new(&session, pin, ChainId(id.chain)))
}

fn found<T>(what: &str, id: RecordId, as_of: Option<AsOf>, found: Option<T>) -> Result<Option<T>, ApiError> {
    let when = if as_of.is_some() { " as of then" } else { "" };
    found.map(Some).ok_or_else(|| {
        ApiError::not_found(format!(
            "{what} {id} is not known{when}: check the contract's address and the number"
        ))
    })
}

/// What can be asked of tasks, executions and disputes.
#[derive(Default)]
pub struct EconomyQuery;

/// What can be asked of tasks, executions and disputes.
#[Object]
impl EconomyQuery {
    /// A task by the board's address and its number. An error tells if it is not known.
    async fn task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The task, for example `eip155:31337:0x…/7`.")] id: RecordId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<Task>, ApiError> {
        found(
            "task",
            id,
            as_of,
            Task::load(&around(ctx, id, as_of).await?, Key(id.record)).await?,
        )
    }

    /// An execution by the address of its log and its number. An error tells if it is not known.
    async fn execution(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The execution, for example `eip155:31337:0x…/7`.")] id: RecordId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<Execution>, ApiError> {
        let around = around(ctx, id, as_of).await?;
        found("execution", id, as_of, Execution::load(&around, Key(id.record)).await?)
    }

    /// A round of federated learning by the address of its log and its number there. An error tells if it is not known.
    async fn federated_round(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The round, for example `eip155:31337:0x…/7`.")] id: RecordId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<FederatedRound>, ApiError> {
        let around = around(ctx, id, as_of).await?;
        found("round", id, as_of, FederatedRound::load(&around, Key(id.record)).await?)
    }

    /// A dispute by the court's address and its number. An error tells if it is not known.
    async fn dispute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The dispute, for example `eip155:31337:0x…/7`.")] id: RecordId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<Dispute>, ApiError> {
        let around = around(ctx, id, as_of).await?;
        found("dispute", id, as_of, Dispute::load(&around, Key(id.record)).await?)
    }
}

/// What is done for an asset, with it and against it.
pub struct AssetEconomy {
    around: Around,
    key: Key,
}

impl AssetEconomy {
    /// Of an asset.
    pub(super) fn new(session: &Session, pin: Pin, chain: ChainId, key: Key) -> AssetEconomy {
        AssetEconomy {
            around: Around::new(session, pin, chain),
            key,
        }
    }

    async fn at(&self, as_of: Option<AsOf>) -> Result<(Around, Scope), ApiError> {
        let chain = self.around.chain;
        let around = Around::new(&self.around.session, self.around.pin.or(as_of, chain.0), chain);
        let scope = around.scope(self.key).await?;
        Ok((around, scope))
    }
}

/// What is done for an asset, with it and against it.
#[Object]
impl AssetEconomy {
    /// The work that was offered for it, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn tasks(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Task>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        let task = Task::maker(&around, scope.time);
        Connection::of(&around.session, arguments, TasksOfAsset(scope), task).await
    }

    /// The executions in which it has a role, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn executions(
        &self,
        #[graphql(desc = "Which role it has in them.")] role: ExecutionRole,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Execution>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        let (session, execution) = (around.session.clone(), Execution::maker(&around));
        match role {
            ExecutionRole::Runs => Connection::of(&session, arguments, RunsOf(scope), execution).await,
            ExecutionRole::Output => Connection::of(&session, arguments, OutputsOf(scope), execution).await,
            ExecutionRole::Dataset => Connection::of(&session, arguments, UsesOf(scope), execution).await,
            ExecutionRole::Caller => Connection::of(&session, arguments, AskedBy(scope), execution).await,
        }
    }

    /// The rounds of federated learning in which it is trained, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn rounds(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<FederatedRound>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        let round = FederatedRound::maker(&around);
        Connection::of(&around.session, arguments, RoundsOf(scope), round).await
    }

    /// The disputes over it, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn disputes(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Dispute>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        let dispute = Dispute::maker(&around);
        Connection::of(&around.session, arguments, DisputesOf(scope), dispute).await
    }

    /// The attestations of EAS about it, newest first: of what its address stands for, or naming it by their own words. Those of its own
    /// chain; anybody can attest anything.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn attestations(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Attestation>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        attestations(&around, scope, arguments).await
    }

    /// What it was charged in differential privacy as a dataset, and by what.
    #[graphql(complexity = "5 + child_complexity")]
    async fn privacy_budget(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<PrivacyBudget, ApiError> {
        let (around, scope) = self.at(as_of).await?;
        Ok(PrivacyBudget::new(around, scope))
    }

    /// The announcements that it is to be known on other chains, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn announcements(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Announcement>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        let announcement = Announcement::maker(&around);
        Connection::of(&around.session, arguments, AnnouncementsOf(scope), announcement).await
    }

    /// Where relayers say that it is known on other chains, and of what it is a mirror itself: by the mirror's chain, then oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn mirrors(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Mirror>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let (around, scope) = self.at(as_of).await?;
        mirrors(&around, scope, &arguments).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_named_in_one_way() {
        let text = "eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/7";
        let id = RecordId::read(text).unwrap();
        assert_eq!((id.to_string().as_str(), id.record.id), (text, U256::from(7)));
        let largest = format!("eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/{}", U256::MAX);
        assert_eq!(RecordId::read(&largest).unwrap().to_string(), largest);
        let contract = &text[..text.len() - 2];
        for bad in [
            "",
            "7",
            contract,
            &format!("{contract}/"),
            &format!("{contract}/07"),
            &format!("{contract}/-1"),
            &format!("{contract}/0x1"),
            &format!("{contract}/1/2"),
            &format!("{largest}0"),
            "eip155:1:0x12/1",
        ] {
            assert!(RecordId::read(bad).unwrap_err().contains("CAIP-10"), "{bad}");
        }
    }
}
