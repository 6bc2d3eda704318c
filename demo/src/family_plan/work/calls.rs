//! What customers ask agents and applications for, who ask others.

use rand::RngExt;
use rand::seq::IndexedRandom;
use souk_schema::event::{AssetKind, ExecutionKind, Relation};

use super::executions::Asked;
use super::{When, Working};
use crate::action::AssetNo;

/// Requests of customers.
const REQUESTS: usize = 26;
/// Requests that their providers still work on.
const STILL_OPEN: usize = 3;

impl Working<'_> {
    /// Customers ask agents, applications and models; those ask what they run on or one another, and pay for it.
    pub(super) fn draw_calls(&mut self) {
        let kind = |asset: usize| self.family.entries()[asset].kind;
        let acts = |asset: &usize| matches!(kind(*asset), AssetKind::Agent | AssetKind::Application);
        let actors: Vec<usize> = (0..self.family.entries().len()).filter(acts).collect();
        let agents: Vec<usize> = actors
            .iter()
            .copied()
            .filter(|&asset| kind(asset) == AssetKind::Agent)
            .collect();
        for number in 0..REQUESTS {
            let Some(&actor) = actors.choose(&mut self.rng) else {
                return;
            };
            let customer = self.rng.random_range(self.cast.customers.clone());
            let asset = actor as AssetNo;
            let title = format!("request {number} of {}", self.slug(asset));
            let fee_micros = self.rng.random_range(200_000..=9_000_000);
            let execution = self.execution(&title, ExecutionKind::Inference, asset, self.owner(asset), fee_micros);
            let asked = self.draw_request(When::Postings, customer, execution);
            for (which, (called, through)) in self.draw_callees(actor, &agents).into_iter().enumerate() {
                let title = format!("call {which} of {title}");
                let call = self.draw_call(When::Calls, &title, asset, &asked, called);
                if let Some(model) = through {
                    let title = format!("call of {title}");
                    let deeper = self.draw_call(When::CallsOfCalls, &title, called, &call, model);
                    self.draw_completion(When::Work, &deeper, None);
                }
                self.draw_completion(When::FirstReviews, &call, None);
            }
            if number + STILL_OPEN < REQUESTS {
                self.draw_completion(When::SecondReviews, &asked, None);
            }
        }
    }

    /// What an actor calls: models that it runs on, or else another agent, with the model that this one runs on.
    fn draw_callees(&mut self, actor: usize, agents: &[usize]) -> Vec<(AssetNo, Option<AssetNo>)> {
        let powers = |asset: usize| {
            let parents = self.family.parents(asset).iter();
            parents
                .filter(|(_, relation)| *relation == Relation::PoweredBy)
                .map(|&(parent, _)| parent as AssetNo)
        };
        let models: Vec<AssetNo> = powers(actor).take(2).collect();
        let other = *agents.choose(&mut self.rng).unwrap_or(&actor);
        let calls_agent = models.is_empty() || self.rng.random_ratio(1, 4);
        let agent = (calls_agent && other != actor).then(|| (other as AssetNo, powers(other).next()));
        models.into_iter().map(|model| (model, None)).chain(agent).collect()
    }

    /// A call in the name of the asset that is being executed, by who provides that.
    fn draw_call(&mut self, when: When, title: &str, caller: AssetNo, parent: &Asked, called: AssetNo) -> Asked {
        let fee_micros = self.rng.random_range(10_000..=400_000);
        let provider = self.owner(called);
        let mut execution = self.execution(title, ExecutionKind::Inference, called, provider, fee_micros);
        execution.caller = Some(caller);
        execution.parent = Some(parent.input);
        self.draw_request(when, parent.provider, execution)
    }
}
