//! Epochs: the root that was proposed for each, and what became of it.

use std::ops::RangeInclusive;

use async_graphql::{Object, SimpleObject};
use souk_payouts::state::Epoch;
use souk_schema::BlockRef;
use souk_schema::U256;

use super::Deployment;
use super::kinds::PayoutRootStatus;
use super::list::{SORT, page_of, place, total};
use crate::error::ApiError;
use crate::graphql::chain::BlockId;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::scalars::{Address, BigInt, Bytes32, ChainId, Long};
use crate::session::{Pin, Session};
use crate::store::listing::Page;

/// An epoch and the last root that was proposed for it.
pub struct PayoutEpoch {
    deployment: Deployment,
    number: u64,
    epoch: Epoch,
    spoiled: Vec<(U256, u32)>,
}

/// A portion that must not be in a pending root any more.
#[derive(Clone, Debug, SimpleObject)]
pub struct SpoiledPortion {
    /// The revenue's number in the router.
    revenue_number: BigInt,
    /// The portion's number in the revenue.
    portion: Long,
}

/// The numbers of a page of epochs, newest first, and whether there are more.
fn numbers(page: &Page, newest: u64) -> (Vec<u64>, bool) {
    let natural = |place: i64| u64::try_from(place).unwrap_or(0);
    let before = |limit: u64| limit.saturating_sub(1);
    let high = place(page.after.as_ref()).map_or(newest, |place| before(natural(place)).min(newest));
    let low = place(page.before.as_ref()).map_or(1, |place| natural(place).saturating_add(1).max(1));
    let (all, size): (RangeInclusive<u64>, _) = (low..=high, usize::try_from(page.size).unwrap_or(0));
    let mut found: Vec<u64> = match page.backward {
        false => all.rev().take(size + 1).collect(),
        true => all.take(size + 1).collect(),
    };
    let more = found.len() > size;
    found.truncate(size);
    if page.backward {
        found.reverse();
    }
    (found, more)
}

impl PayoutEpoch {
    /// The epochs of a deployment, newest first.
    pub(super) async fn page(
        session: &Session,
        chain: ChainId,
        registry: Option<Address>,
        arguments: &PageArguments,
    ) -> Result<Connection<PayoutEpoch>, ApiError> {
        let page = arguments.page("payoutEpochs", SORT)?;
        let contracts = session.deployment(chain.0, registry.map(|registry| registry.0)).await?;
        let asked = page.clone();
        let (newest, found, more) = session
            .ask_payouts(chain.0, contracts.registry, move |deployed| {
                let state = &deployed.state;
                // Only the epoch after the last finalised one can have a root.
                let next = state.finalised_epoch() + 1;
                let newest = if state.epoch(next).is_some() { next } else { next - 1 };
                let (numbers, more) = numbers(&asked, newest);
                let epoch = |number| {
                    let pending = if number == next { state.pending_root() } else { None };
                    let spoiled = pending.map(|pending| pending.spoiled).unwrap_or_default();
                    Some((number, state.epoch(number)?.clone(), spoiled))
                };
                let found: Vec<_> = numbers.into_iter().filter_map(epoch).collect();
                (newest, found, more)
            })
            .await?;
        let deployment = Deployment {
            session: session.clone(),
            pin: Pin::Head,
            chain: chain.0,
            contracts,
        };
        let rows = found.into_iter().map(|(number, epoch, spoiled)| {
            let epoch = PayoutEpoch {
                deployment: deployment.clone(),
                number,
                epoch,
                spoiled,
            };
            (vec![number.to_string()], epoch)
        });
        let rows: Vec<_> = rows.collect();
        let count = usize::try_from(newest).unwrap_or(usize::MAX);
        Ok(Connection::new("payoutEpochs", &page, rows, more, total(count)))
    }
}

/// A block as answers name it.
pub(super) fn block_id(block: BlockRef) -> BlockId {
    BlockId {
        number: Long::saturating(block.number),
        hash: Bytes32(block.hash),
    }
}

/// An epoch of payouts and the last root that was proposed for it.
#[Object]
impl PayoutEpoch {
    /// The registry whose assets' revenues are paid out.
    async fn registry(&self) -> Address {
        Address(self.deployment.contracts.registry)
    }

    /// Its number, from 1.
    async fn number(&self) -> Long {
        Long::saturating(self.number)
    }

    /// The root.
    async fn root(&self) -> Bytes32 {
        Bytes32(self.epoch.root)
    }

    /// The block that the root was computed at, as its proposer said.
    async fn computed_at(&self) -> BlockId {
        block_id(self.epoch.computed_at)
    }

    /// What became of the root.
    async fn status(&self) -> PayoutRootStatus {
        self.epoch.status.into()
    }

    /// What a pending root counts although it is held, or was recomputed, by now: if there is any, the root is to be replaced.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn spoiled(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<SpoiledPortion>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        page_of("spoiledPortions", &arguments, &self.spoiled, |(revenue, portion)| {
            SpoiledPortion {
                revenue_number: (*revenue).into(),
                portion: Long((*portion).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_paged_newest_first_and_new_ones_move_no_cursor() {
        let cursor = |place: i64| Some(vec![place.to_string()]);
        let page = |backward, after, before| Page {
            backward,
            size: 2,
            after,
            before,
        };
        for newest in [5, 9] {
            assert_eq!(
                numbers(&page(false, cursor(4), None), newest),
                (vec![3, 2], true),
                "{newest}"
            );
            assert_eq!(numbers(&page(true, None, None), newest), (vec![2, 1], true), "{newest}");
        }
        assert_eq!(numbers(&page(false, None, None), 5), (vec![5, 4], true));
        assert_eq!(numbers(&page(false, cursor(2), None), 5), (vec![1], false));
        assert_eq!(numbers(&page(true, None, cursor(3)), 5), (vec![5, 4], false));
        assert_eq!(numbers(&page(false, None, None), 0), (vec![], false));
        for forged in [i64::MIN, 0, i64::MAX] {
            assert!(numbers(&page(false, cursor(forged), cursor(forged)), 5).0.len() <= 2);
        }
    }
}
