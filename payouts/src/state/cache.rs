//! What the state computed from its tables and would compute again: shares above assets, recipients, plans. It changes no result; it is
//! thrown away at a reorganisation, and when it grows too large.
//!
//! A plan is valid as long as no recipients of its payees changed and its asset declared no further parents. Nobody walks down the graph to
//! invalidate: each asset notes when its recipients last changed, and a plan notes when it was last compared.

use std::sync::Arc;

use super::assets::RecipientsScratch;
use super::tables::Tables;
use crate::rule::{AssetNo, Overspent, Plan, Recipients, Upstream, UpstreamBuilder};

/// Payees and ancestors of all cached plans together: some 500 MB at most.
const CAPACITY: usize = 16 << 20;

/// Computed values by asset number.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    builder: UpstreamBuilder,
    scratch: RecipientsScratch,
    upstreams: Vec<Option<Arc<Upstream>>>,
    recipients: Vec<Option<Arc<Recipients>>>,
    plans: Vec<Option<CachedPlan>>,
    /// Per asset, the number of the change that its recipients last saw.
    changed_at: Vec<u64>,
    changes: u64,
    size: usize,
}

#[derive(Clone, Debug)]
struct CachedPlan {
    plan: Arc<Plan>,
    /// The number of changes when it was last compared.
    compared_at: u64,
}

impl Cache {
    /// Forgets everything.
    pub fn clear(&mut self) {
        // The builder's memory is no result, and is kept.
        *self = Cache {
            builder: std::mem::take(&mut self.builder),
            ..Cache::default()
        };
    }

    /// The asset's contributors, shares or owner changed.
    pub fn recipients_changed(&mut self, asset: AssetNo) {
        let place = asset as usize;
        if let Some(recipients) = self.recipients.get_mut(place) {
            *recipients = None;
        }
        self.changes += 1;
        if self.changed_at.len() <= place {
            self.changed_at.resize(place + 1, 0);
        }
        self.changed_at[place] = self.changes;
    }

    /// The asset declared a parent.
    pub fn lineage_changed(&mut self, asset: AssetNo) {
        let place = asset as usize;
        if let Some(upstream) = self.upstreams.get_mut(place) {
            *upstream = None;
        }
        if let Some(plan) = self.plans.get_mut(place) {
            *plan = None;
        }
    }

    /// What is owed above the asset.
    ///
    /// # Errors
    /// [`Overspent`], which assets that the fold admitted never are.
    pub fn upstream(&mut self, tables: &Tables, asset: AssetNo) -> Result<Arc<Upstream>, Overspent> {
        let place = asset as usize;
        if let Some(Some(upstream)) = self.upstreams.get(place) {
            return Ok(upstream.clone());
        }
        let upstream = Arc::new(self.builder.build(tables, asset)?);
        self.size += upstream.payees.len() * 2 + upstream.ancestors.len();
        if self.size > CAPACITY {
            self.upstreams.clear();
            self.plans.clear();
            self.size = upstream.payees.len() * 2 + upstream.ancestors.len();
        }
        put(&mut self.upstreams, place, upstream.clone());
        Ok(upstream)
    }

    /// Who has what the asset keeps or receives, now.
    pub fn recipients(&mut self, tables: &Tables, asset: AssetNo) -> Arc<Recipients> {
        let place = asset as usize;
        if let Some(Some(recipients)) = self.recipients.get(place) {
            return recipients.clone();
        }
        let recipients = Arc::new(tables.recipients(asset, &mut self.scratch));
        put(&mut self.recipients, place, recipients.clone());
        recipients
    }

    /// How a revenue of the asset is split now.
    ///
    /// # Errors
    /// [`Overspent`], as [`Cache::upstream`].
    pub fn plan(&mut self, tables: &Tables, asset: AssetNo) -> Result<Arc<Plan>, Overspent> {
        let place = asset as usize;
        if let Some(Some(cached)) = self.plans.get(place) {
            let changed_at = |asset: AssetNo| self.changed_at.get(asset as usize).copied().unwrap_or(0);
            let payees = &cached.plan.upstream.payees;
            if cached.compared_at == self.changes
                || payees.iter().all(|payee| changed_at(payee.asset) <= cached.compared_at)
            {
                let plan = cached.plan.clone();
                self.plans[place] = Some(CachedPlan {
                    plan: plan.clone(),
                    compared_at: self.changes,
                });
                return Ok(plan);
            }
        }
        let upstream = self.upstream(tables, asset)?;
        let recipients = upstream
            .payees
            .iter()
            .map(|payee| self.recipients(tables, payee.asset))
            .collect();
        let plan = Arc::new(Plan { upstream, recipients });
        put(
            &mut self.plans,
            place,
            CachedPlan {
                plan: plan.clone(),
                compared_at: self.changes,
            },
        );
        Ok(plan)
    }
}

fn put<V: Clone>(values: &mut Vec<Option<V>>, place: usize, value: V) {
    if values.len() <= place {
        values.resize(place + 1, None);
    }
    values[place] = Some(value);
}
