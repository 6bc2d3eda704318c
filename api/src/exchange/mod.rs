//! The exchange behind the API: groups that run, what readers see of them, and the way of a command into them.
//!
//! [`Exchange`] is the service that fields ask. [`hub`] keeps what readers see up with the engine, [`gateway`] checks signatures and sends
//! commands, [`refusal`] turns an engine's reason into an error. Nothing here decides about an order: that is the engine's.

pub mod auction;
pub mod channel;
pub mod decimal;
mod fold;
pub mod gateway;
pub mod hub;
pub mod levels;
pub mod order;
pub mod refusal;
mod seed;
pub mod signing;
pub mod tokens;
pub mod view;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use souk_eventlog::EventLog;
use souk_schema::exchange::{CommandNumber, GroupId, InstrumentId, MarketId, MarketState, OutcomeBatch, UnixMillis};
use souk_schema::{Address, B256, ChainId, TokenRef};
use souk_sequencer::{GroupHandle, Phase};
use souk_settlement::Cosigner;
use sqlx::PgPool;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::decimal::Scale;
use self::hub::Hub;
use self::tokens::{TokenName, TokenNames};
use self::view::{GroupView, MarketView, Opened, effective_state};
use crate::auth::SignIn;
use crate::error::{ApiError, ErrorCode};
use crate::limits::budget::{Allowance, Budgets};

/// How the exchange is offered.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeLimits {
    /// Orders that one account may place, amend and quote.
    pub orders_of_account: Allowance,
    /// Orders that one client may place, amend and quote, whoever signed them.
    pub orders_of_client: Allowance,
    /// Cancels, reductions, timers, withdrawals and sign-ins of one client.
    pub requests_of_client: Allowance,
    /// How long an answer waits for what comes of a command.
    pub patience: Duration,
    /// The server is ready while the exchange's tables are at most this many commands behind.
    pub ready_lag_commands: u64,
}

impl Default for ExchangeLimits {
    fn default() -> ExchangeLimits {
        ExchangeLimits {
            orders_of_account: Allowance {
                capacity: 400,
                per_second: 100,
            },
            orders_of_client: Allowance {
                capacity: 1_000,
                per_second: 250,
            },
            requests_of_client: Allowance {
                capacity: 1_000,
                per_second: 250,
            },
            patience: Duration::from_secs(10),
            ready_lag_commands: 10_000,
        }
    }
}

/// A group that runs in this process.
pub struct RunningGroup {
    /// Its engine.
    pub handle: GroupHandle,
    /// Co-signs its withdrawals; without one they are approved, and not co-signed here.
    pub cosigner: Option<Cosigner>,
}

/// What an exchange is made of.
pub struct ExchangeParts {
    /// Its groups.
    pub groups: Vec<RunningGroup>,
    /// How tokens are written.
    pub tokens: TokenNames,
}

/// A group as the API holds it.
pub struct Group {
    /// Its engine.
    pub handle: GroupHandle,
    cosigner: Option<Cosigner>,
    hub: OnceLock<Hub>,
}

/// The exchange. Cheap to clone.
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

struct Inner {
    groups: BTreeMap<GroupId, Arc<Group>>,
    tokens: TokenNames,
    limits: ExchangeLimits,
    accounts: Mutex<Budgets<Address>>,
    clients: Mutex<Budgets<IpAddr>>,
    requests: Mutex<Budgets<IpAddr>>,
    sign_in: SignIn,
    pool: PgPool,
}

/// A market at one moment.
#[derive(Clone, Debug)]
pub struct MarketAt {
    /// Its group.
    pub group: GroupId,
    /// What the group settles on.
    pub opened: Opened,
    /// Engine time.
    pub time: UnixMillis,
    /// The market.
    pub market: Arc<MarketView>,
    /// What it does with orders, the settlement limit considered.
    pub state: MarketState,
    /// How its numbers are written.
    pub scale: Scale,
}

/// All groups at one moment each.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// By number.
    pub groups: BTreeMap<GroupId, LiveGroup>,
}

/// A group at one command.
#[derive(Clone, Debug)]
pub struct LiveGroup {
    /// The command.
    pub number: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// What it settles on.
    pub opened: Opened,
    /// What all markets are limited to.
    pub limit: MarketState,
    /// By number.
    pub markets: Vec<Arc<MarketView>>,
    /// By number.
    pub instruments: Vec<TokenRef>,
}

impl LiveGroup {
    /// What a market does with orders now.
    pub fn state(&self, market: &MarketView) -> MarketState {
        effective_state(market.state, self.limit)
    }

    /// An instrument's token.
    pub fn instrument(&self, instrument: InstrumentId) -> Option<TokenRef> {
        self.instruments.get(instrument.0 as usize).copied()
    }
}

/// The error of fields that need an exchange where there is none.
pub fn not_running() -> ApiError {
    ApiError::new(
        ErrorCode::ExchangeNotRunning,
        "no exchange runs behind this server: it was started without one",
    )
}

fn not_ready(group: GroupId) -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        format!("market group {group} is recovering: try again in a moment"),
    )
}

/// A view that was made, or why not, and the outcomes that came meanwhile.
struct Seeded {
    view: Result<GroupView, ApiError>,
    meanwhile: Vec<Arc<OutcomeBatch>>,
}

impl Group {
    /// What readers see of it.
    ///
    /// # Errors
    /// `UNAVAILABLE` while it recovers.
    pub fn hub(&self) -> Result<&Hub, ApiError> {
        self.hub.get().ok_or_else(|| not_ready(self.handle.group()))
    }

    /// What it settles on.
    ///
    /// # Errors
    /// `UNAVAILABLE` while it recovers, `GROUP_NOT_OPEN` before it is opened.
    pub fn opened(&self) -> Result<Opened, ApiError> {
        let opened = self.hub()?.look().opened();
        opened.ok_or_else(|| refusal::refusal(souk_schema::exchange::Rejection::GroupNotOpen))
    }

    /// Keeps the hub up with the engine until that ends. A panic on the way is a defect of the view, which is then made anew.
    async fn keep_following(self: Arc<Group>, pool: &PgPool, log: &Arc<dyn EventLog>) {
        loop {
            let (group, pool, log) = (self.clone(), pool.clone(), log.clone());
            let following = tokio::spawn(async move { group.follow(&pool, &log).await });
            let Err(failed) = AbortOnDropHandle::new(following).await else {
                return;
            };
            let group = self.handle.group().to_string();
            tracing::error!(group, %failed, "following the engine failed: readers of the exchange begin anew");
            metrics::counter!("souk_api_exchange_restarts_total", "group" => group).increment(1);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Keeps the hub up with the engine until that ends.
    async fn follow(&self, pool: &PgPool, log: &Arc<dyn EventLog>) {
        loop {
            let mut outcomes = self.handle.outcomes();
            let Some(Seeded { view, meanwhile }) = self.seed(pool, log, &mut outcomes).await else {
                return;
            };
            match view {
                Ok(view) => match self.hub.get() {
                    Some(hub) => hub.restart(view),
                    None => drop(self.hub.set(Hub::new(view))),
                },
                // Said in the log already: the database or the event log is away, or no primary runs.
                Err(_) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            }
            let Ok(hub) = self.hub() else { continue };
            meanwhile.iter().for_each(|batch| hub.apply(&batch.outcomes));
            drop(meanwhile);
            loop {
                match outcomes.recv().await {
                    Ok(batch) => hub.apply(&batch.outcomes),
                    Err(RecvError::Lagged(missed)) => {
                        let group = self.handle.group().to_string();
                        tracing::warn!(group, missed, "readers of the exchange begin anew");
                        metrics::counter!("souk_api_exchange_restarts_total", "group" => group).increment(1);
                        break;
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Makes a view, and takes in the outcomes that come meanwhile: their channel holds so many batches and no more, and a view that takes long
    /// would have to be made again and again. `None` where the engine ended.
    async fn seed(
        &self,
        pool: &PgPool,
        log: &Arc<dyn EventLog>,
        outcomes: &mut Receiver<Arc<OutcomeBatch>>,
    ) -> Option<Seeded> {
        let (pool, log, handle) = (pool.clone(), log.clone(), self.handle.clone());
        let seeding = tokio::spawn(async move { seed::seed(&pool, &log, &handle).await });
        let mut seeding = AbortOnDropHandle::new(seeding);
        let mut meanwhile = Vec::new();
        loop {
            tokio::select! {
                seeded = &mut seeding => {
                    let view = seeded.unwrap_or_else(|panic| Err(ApiError::internal(panic)));
                    return Some(Seeded { view, meanwhile });
                }
                batch = outcomes.recv() => match batch {
                    Ok(batch) => meanwhile.push(batch),
                    // Only where this task stood still that long; told again once the view is there.
                    Err(RecvError::Lagged(missed)) => {
                        let view = Err(ApiError::internal(format!("{missed} batches came too fast")));
                        return Some(Seeded { view, meanwhile });
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

impl Exchange {
    /// Takes the groups in and keeps up with them until `cancel`.
    pub fn start(
        parts: ExchangeParts,
        limits: ExchangeLimits,
        sign_in: SignIn,
        pool: PgPool,
        log: Arc<dyn EventLog>,
        cancel: &CancellationToken,
    ) -> Exchange {
        const ACCOUNTS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(100_000).unwrap();
        let groups: BTreeMap<GroupId, Arc<Group>> = parts
            .groups
            .into_iter()
            .map(|RunningGroup { handle, cosigner }| {
                let group = Group {
                    handle,
                    cosigner,
                    hub: OnceLock::new(),
                };
                (group.handle.group(), Arc::new(group))
            })
            .collect();
        for group in groups.values() {
            let (group, pool, log, cancel) = (group.clone(), pool.clone(), log.clone(), cancel.clone());
            tokio::spawn(cancel.run_until_cancelled_owned(async move { group.keep_following(&pool, &log).await }));
        }
        Exchange(Arc::new(Inner {
            groups,
            tokens: parts.tokens,
            limits,
            accounts: Mutex::new(Budgets::new(limits.orders_of_account, ACCOUNTS)),
            clients: Mutex::new(Budgets::new(limits.orders_of_client, ACCOUNTS)),
            requests: Mutex::new(Budgets::new(limits.requests_of_client, ACCOUNTS)),
            sign_in,
            pool,
        }))
    }

    /// Every group, by number.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.0.groups.values()
    }

    /// A group; the only one where none is named.
    ///
    /// # Errors
    /// `NOT_FOUND`, naming those that there are.
    pub fn group(&self, named: Option<GroupId>) -> Result<&Arc<Group>, ApiError> {
        let found = match named {
            Some(group) => self.0.groups.get(&group),
            None => self.0.groups.values().next().filter(|_| self.0.groups.len() == 1),
        };
        found.ok_or_else(|| {
            let known: Vec<String> = self.0.groups.keys().map(ToString::to_string).collect();
            let known = known.join(", ");
            match named {
                Some(group) => ApiError::not_found(format!("there is no market group {group}; there are {known}")),
                None => ApiError::input(format!("say which market group with `group`: {known}")),
            }
        })
    }

    /// The group that has a market.
    ///
    /// # Errors
    /// `UNKNOWN_MARKET`, or `UNAVAILABLE` while a group recovers that may have it.
    pub fn group_of(&self, market: B256) -> Result<(&Arc<Group>, Arc<MarketView>), ApiError> {
        let mut unready = None;
        for group in self.groups() {
            match group.hub() {
                Ok(hub) => {
                    if let Some(view) = hub.look().market_by_key(market) {
                        return Ok((group, view.clone()));
                    }
                }
                Err(error) => unready = Some(error),
            }
        }
        Err(unready.unwrap_or_else(|| refusal::refusal(souk_schema::exchange::Rejection::UnknownMarket)))
    }

    /// The chains that groups settle on.
    pub fn chains(&self) -> Vec<ChainId> {
        let mut chains: Vec<ChainId> = self
            .groups()
            .filter_map(|group| group.opened().ok())
            .map(|opened| opened.venue.chain)
            .collect();
        chains.sort_unstable();
        chains.dedup();
        chains
    }

    /// Every group that is open and no longer recovers, as it is now.
    pub fn live(&self) -> Live {
        let live = |group: &Arc<Group>| {
            let view = group.hub().ok()?.look();
            let live = LiveGroup {
                number: view.number(),
                time: view.time(),
                opened: view.opened()?,
                limit: view.settlement_limit(),
                markets: view.markets().to_vec(),
                instruments: view.instruments().to_vec(),
            };
            Some((view.group(), live))
        };
        Live {
            groups: self.groups().filter_map(live).collect(),
        }
    }

    /// How a payment token is written.
    ///
    /// # Errors
    /// `UNAVAILABLE` until its contract has said.
    pub fn token_name(&self, chain: ChainId, contract: Address) -> Result<TokenName, ApiError> {
        self.0.tokens.get(chain, contract).ok_or_else(|| {
            ApiError::new(
                ErrorCode::Unavailable,
                format!("the token {contract} has not said yet how many decimals it has: try again in a moment"),
            )
        })
    }

    /// How amounts and prices of a market are written. Its base is an id of an ERC-1155 contract, which has no decimals.
    ///
    /// # Errors
    /// As [`Exchange::token_name`].
    pub fn scale(&self, chain: ChainId, market: &MarketView) -> Result<Scale, ApiError> {
        Ok(Scale {
            units: market.spec.units,
            base: 0,
            quote: self.token_name(chain, market.spec.quote)?.decimals,
        })
    }

    /// A market at this moment, with what is needed to write its numbers.
    ///
    /// # Errors
    /// `UNAVAILABLE` while the group recovers or the payment token is not known, `UNKNOWN_MARKET` where there is none.
    pub fn market_at(&self, group: GroupId, market: MarketId) -> Result<MarketAt, ApiError> {
        let view = self.group(Some(group))?.hub()?.look();
        let unknown = || refusal::refusal(souk_schema::exchange::Rejection::UnknownMarket);
        let opened = view.opened().ok_or_else(unknown)?;
        let market = view.market(market).ok_or_else(unknown)?.clone();
        Ok(MarketAt {
            group,
            opened,
            time: view.time(),
            state: effective_state(market.state, view.settlement_limit()),
            scale: self.scale(opened.venue.chain, &market)?,
            market,
        })
    }

    /// Signs accounts in and out.
    pub fn sign_in(&self) -> &SignIn {
        &self.0.sign_in
    }

    /// How it is offered.
    pub fn limits(&self) -> &ExchangeLimits {
        &self.0.limits
    }

    /// Whether a group's engine serves.
    pub fn serves(group: &Group) -> Result<(), String> {
        let phase = group.handle.status().borrow().phase;
        match phase {
            Phase::Running if group.hub.get().is_some() => Ok(()),
            Phase::Running | Phase::Recovering => Err("recovers".into()),
            Phase::Diverged(command) => Err(format!("differs from its events since command {command}")),
            Phase::Stopped => Err("has stopped".into()),
        }
    }
}
