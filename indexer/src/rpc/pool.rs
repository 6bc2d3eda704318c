//! The endpoints of one chain behind one front: picks the best, fails over, waits where all of them ask for it.
//!
//! Start at [`Pool::attempt`]: the caller's work includes reading *and checking* the answer, so that an endpoint that lies loses its
//! standing like one that fails.

use std::sync::Arc;
use std::time::Instant;

use alloy_primitives::B256;
use rand::seq::IndexedRandom;
use souk_schema::ChainId;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::answer::Call;
use super::classify::{CallError, Fault};
use super::endpoint::Endpoint;
use super::wire::WireBlock;
use super::ws::Announcement;
use crate::source::ChainSource;
use crate::status::EndpointStatus;

/// Times that one piece of work is tried before its caller looks at the chain again.
pub(crate) const ATTEMPTS: u32 = 6;

/// An endpoint so many blocks behind the best is asked for recent blocks only if no other is left.
const LAG_BLOCKS: u64 = 3;

/// Who should do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The endpoint that does best, the same one as long as it does: recent blocks, which others may see differently.
    Best,
    /// Any good one: old blocks, which all see alike.
    Any,
}

#[derive(Debug)]
pub(crate) struct Pool {
    chain: ChainId,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Pool {
    pub(crate) fn new(
        source: &ChainSource,
        announcements: &watch::Sender<Option<Announcement>>,
    ) -> Result<Pool, CallError> {
        let of = |(index, url)| Endpoint::new(index, url, &source.limits, announcements).map(Arc::new);
        let endpoints = source.endpoints.iter().enumerate().map(of).collect::<Result<_, _>>()?;
        Ok(Pool {
            chain: source.chain,
            endpoints,
        })
    }

    /// Does the work with one endpoint after another until it succeeds.
    ///
    /// # Errors
    /// The last failure, after several; [`Fault::Refused`] only when no endpoint can ever be used; [`Fault::UnknownBlock`] when every
    /// endpoint said so, because asking the same again is then useless.
    pub(crate) async fn attempt<R, F: Future<Output = Result<R, CallError>>>(
        &self,
        who: Who,
        work: impl Fn(Arc<Endpoint>) -> F,
    ) -> Result<R, CallError> {
        self.attempt_times(who, ATTEMPTS, work).await
    }

    /// As [`Pool::attempt`], but so many times.
    pub(crate) async fn attempt_times<R, F: Future<Output = Result<R, CallError>>>(
        &self,
        who: Who,
        times: u32,
        work: impl Fn(Arc<Endpoint>) -> F,
    ) -> Result<R, CallError> {
        let mut attempt = 0;
        loop {
            let endpoint = self.pick(who).await?;
            let result = match self.identify(&endpoint).await {
                Ok(()) => work(endpoint.clone()).await,
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(done) => {
                    endpoint.praise();
                    return Ok(done);
                }
                Err(error) => error,
            };
            endpoint.blame(&error);
            attempt += 1;
            let all_asked = attempt as usize >= self.endpoints.len();
            if attempt >= times || (error.fault == Fault::UnknownBlock && all_asked) {
                // A refusal of one is not one of all, which `pick` reports.
                let fault = if error.fault == Fault::Refused {
                    Fault::Transient
                } else {
                    error.fault
                };
                return Err(CallError::new(fault, format!("{}: {}", endpoint.name, error.message)));
            }
        }
    }

    /// The endpoint for the next request, as soon as one may be asked.
    async fn pick(&self, who: Who) -> Result<Arc<Endpoint>, CallError> {
        loop {
            let now = Instant::now();
            let usable: Vec<_> = self
                .endpoints
                .iter()
                .filter_map(|one| Some((one.available_at(now)?, one)))
                .collect();
            let Some(soonest) = usable.iter().map(|(at, _)| *at).min() else {
                return Err(CallError::new(Fault::Refused, self.reasons()));
            };
            let ready: Vec<_> = usable
                .iter()
                .filter(|(at, _)| *at <= now)
                .map(|(_, one)| *one)
                .collect();
            let newest = self.endpoints.iter().filter_map(|one| one.head()).max().unwrap_or(0);
            let rank = |one: &&Arc<Endpoint>| {
                (
                    one.head().unwrap_or(newest).saturating_add(LAG_BLOCKS) >= newest,
                    one.grade(),
                )
            };
            let Some(best) = ready.iter().map(rank).max() else {
                sleep_until(soonest.into()).await;
                continue;
            };
            let best: Vec<_> = ready.into_iter().filter(|one| rank(one) == best).collect();
            let picked = match who {
                Who::Best => best.first(),
                Who::Any => choose(&best),
            };
            if let Some(picked) = picked {
                return Ok(Arc::clone(picked));
            }
        }
    }

    /// Makes sure, once, that the endpoint serves this chain.
    async fn identify(&self, endpoint: &Endpoint) -> Result<(), CallError> {
        if endpoint.is_identified() {
            return Ok(());
        }
        let id: Option<alloy_primitives::U64> = endpoint.ask(Call::new("eth_chainId", "[]".into())).await?;
        let id = id.ok_or_else(|| CallError::invalid("eth_chainId is null"))?.to::<u64>();
        if id != self.chain.0 {
            let message = format!("serves chain {id} instead of {}", self.chain);
            return Err(CallError::new(Fault::Refused, message));
        }
        endpoint.set_identified();
        Ok(())
    }

    fn reasons(&self) -> String {
        let reason = |one: &Arc<Endpoint>| format!("{}: {}", one.name, one.status().last_error.unwrap_or_default());
        self.endpoints.iter().map(reason).collect::<Vec<_>>().join("; ")
    }

    /// What the best endpoint calls final; `None` where it does not say.
    pub(crate) async fn finalized(&self) -> Result<Option<WireBlock>, CallError> {
        self.attempt(Who::Best, |endpoint| async move {
            match endpoint
                .ask(Call::new("eth_getBlockByNumber", r#"["finalized",false]"#.into()))
                .await
            {
                Err(error) if matches!(error.fault, Fault::UnknownBlock | Fault::Unsupported) => Ok(None),
                answer => answer,
            }
        })
        .await
    }

    /// Hash of block 0.
    pub(crate) async fn genesis(&self) -> Result<B256, CallError> {
        self.attempt(Who::Best, |endpoint| async move {
            let block: Option<WireBlock> = endpoint
                .ask(Call::new("eth_getBlockByNumber", r#"["0x0",false]"#.into()))
                .await?;
            let block = block.ok_or_else(|| CallError::invalid("block 0 is null"))?;
            if block.number == 0 {
                Ok(block.hash)
            } else {
                Err(CallError::invalid("another block than 0"))
            }
        })
        .await
    }

    /// Whether an endpoint other than the best has the same block; `None` while none of them has any of that height.
    pub(crate) async fn second_opinion(&self, number: u64, hash: B256) -> Result<Option<bool>, CallError> {
        let first = self.pick(Who::Best).await?.index;
        let call = Call::new("eth_getBlockByNumber", format!(r#"["{number:#x}",false]"#));
        let mut last_error = None;
        for endpoint in self
            .endpoints
            .iter()
            .filter(|one| one.index != first && one.available_at(Instant::now()).is_some())
        {
            let asked = async {
                self.identify(endpoint).await?;
                endpoint.ask::<WireBlock>(call.clone()).await
            };
            match asked.await {
                Ok(Some(block)) => {
                    endpoint.praise();
                    return Ok(Some(block.number == number && block.hash == hash));
                }
                Ok(None) => {}
                Err(error) => {
                    endpoint.blame(&error);
                    last_error = Some(error);
                }
            }
        }
        last_error.map_or(Ok(None), Err)
    }

    /// Whether an announcement of this endpoint can be taken as it is: only the best endpoint's are, so that two that follow different
    /// forks do not take turns.
    pub(crate) async fn is_best(&self, endpoint: usize) -> bool {
        self.pick(Who::Best).await.is_ok_and(|best| best.index == endpoint)
    }

    pub(crate) fn note_head(&self, endpoint: usize, number: u64) {
        if let Some(endpoint) = self.endpoints.get(endpoint) {
            endpoint.note_head(number);
        }
    }

    pub(crate) fn status(&self) -> Vec<EndpointStatus> {
        self.endpoints.iter().map(|endpoint| endpoint.status()).collect()
    }
}

#[allow(clippy::disallowed_methods, reason = "load is spread at random")]
fn choose<'a, 'b>(among: &'b [&'a Arc<Endpoint>]) -> Option<&'b &'a Arc<Endpoint>> {
    among.choose(&mut rand::rng())
}
