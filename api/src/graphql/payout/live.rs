//! What happens to payouts from now on: what an account is owed, whenever it changes, and what a distributor says.
//!
//! What is owed is a state and not a list of events, so who was away is told how it stands, and only if it is not what it was told last. What
//! distributors say is events: all of them are told, those that a reorganisation made void as well.

use async_graphql::{Context, SimpleObject, Subscription};
use async_stream::stream;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::Stream;
use souk_distribution::DistributionHandle;
use souk_schema::B256;

use super::Deployment;
use super::account::AccountPayout;
use super::snapshot::payouts_extension;
use crate::error::{ApiError, ErrorCode};
use crate::feed::{Changes, Feed, Subject};
use crate::follow::Followed;
use crate::graphql::extension::Execution;
use crate::graphql::subscription::{ProvenanceItem, items};
use crate::payouts::not_running;
use crate::payouts::sheet::AccountSheet;
use crate::scalars::{AccountId, Address, ChainId, Long};
use crate::session::{Pin, Session, Sources};

/// What an account is owed.
#[derive(SimpleObject)]
pub struct PayoutsChanged {
    /// Where to go on from after this item.
    cursor: String,
    /// Every token in which it is owed anything, or ever was.
    payouts: Vec<AccountPayout>,
}

/// What happens to payouts from now on.
#[derive(Default)]
pub struct PayoutSubscriptions;

/// What happens to payouts from now on.
#[Subscription]
impl PayoutSubscriptions {
    /// What an account is owed, now and whenever it changes: by a revenue, a hold or its end, a finalised root, a claim, a reorganisation. Changes
    /// that come fast may be told as one.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn payouts_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] account: AccountId,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "Go on after this item: nothing is told as long as it still holds.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<PayoutsChanged, ApiError>> + use<>, ApiError> {
        let execution = ctx.data_unchecked::<Execution>().clone();
        let sources = execution.engine().sources().clone();
        let mut told = after.as_deref().map(read_cursor).transpose()?;
        let chain = account.0.chain;
        let session = Session::new(sources.clone());
        let contracts = session.deployment(chain, registry.map(|registry| registry.0)).await?;
        let payouts = session.payouts().ok_or_else(not_running)?;
        let mut waiting = Waiting {
            handle: payouts.followed(chain)?,
            changes: ctx.data_unchecked::<Feed>().changes(Subject::Chain(chain)),
        };
        Ok(stream! {
            loop {
                let seen = waiting.handle.status();
                let session = Session::new(sources.clone());
                match session.owed(chain, contracts.registry, account.0.address).await {
                    Ok(sheet) => {
                        let now = digest(&sheet);
                        if told.replace(now) != Some(now) {
                            if let Some(extension) = payouts_extension(&session) {
                                execution.set_payouts(extension);
                            }
                            let deployment = Deployment { session, pin: Pin::Head, chain, contracts: contracts.clone() };
                            yield Ok(PayoutsChanged {
                                cursor: URL_SAFE_NO_PAD.encode(now),
                                payouts: AccountPayout::all(&deployment, Address(account.0.address), sheet),
                            });
                        }
                    }
                    // It is folded anew, or goes on too fast: there is more to tell in a moment.
                    Err(error) if error.code == ErrorCode::Unavailable => {}
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                }
                if !waiting.changed(&seen).await {
                    break;
                }
            }
        })
    }

    /// What a payout distributor says, oldest first: roots that are proposed (`root_proposed`), disputed, withdrawn or final (`root_finalised`),
    /// and claims (`payout_claimed`). Each item's cursor resumes after it, also across reorganisations: what they made void is told by an
    /// `EventsReverted`.
    #[graphql(complexity = "10 + child_complexity")]
    async fn payout_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "Only the claims of this account, which is one of the chain.")] account: Option<Address>,
        #[graphql(desc = "Go on after this item.")] after: Option<String>,
        #[graphql(desc = "Begin with this block; without it and without `after`, begin now.")] from_block: Option<Long>,
    ) -> Result<impl Stream<Item = Result<ProvenanceItem, ApiError>> + use<>, ApiError> {
        let sources: Sources = ctx.data_unchecked::<Execution>().engine().sources().clone();
        let session = Session::new(sources);
        let contracts = session.deployment(chain.0, registry.map(|registry| registry.0)).await?;
        let distributor = contracts.distributor.ok_or_else(|| {
            ApiError::not_found(format!(
                "registry {:#x} has no payout distributor: nothing is claimed there",
                contracts.registry
            ))
        })?;
        let followed = Followed::Payouts(distributor, account.map(|account| account.0));
        items(ctx, chain.0, followed, after, from_block).await
    }
}

/// Waits for whatever may have changed what is owed.
struct Waiting {
    handle: DistributionHandle,
    changes: Changes,
}

impl Waiting {
    /// Whether to look again; not once the server stops.
    async fn changed(&mut self, seen: &souk_distribution::DistributionStatus) -> bool {
        tokio::select! {
            // Where the follower has ended, the tables' changes say whether the server goes on.
            true = self.handle.changed(seen) => true,
            goes_on = self.changes.wait() => goes_on,
        }
    }
}

/// Identifies what an account was told.
fn digest(sheet: &AccountSheet) -> B256 {
    let mut hasher = alloy_primitives::Keccak256::new();
    for owed in &sheet.tokens {
        let numbers = [owed.unvested.releasable, owed.unvested.held, owed.vested, owed.claimed];
        hasher.update(owed.token);
        numbers
            .iter()
            .for_each(|number| hasher.update(number.to_be_bytes::<32>()));
        if let Some(claim) = &owed.claim {
            hasher.update(claim.root);
            hasher.update(claim.epoch.to_be_bytes());
        }
    }
    hasher.finalize()
}

fn read_cursor(text: &str) -> Result<B256, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| B256::try_from(&bytes[..]).ok())
        .ok_or_else(|| ApiError::input("`after` is no cursor of this subscription: use the `cursor` of an item"))
}
