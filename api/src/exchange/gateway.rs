//! The way of a command into the log: rates, signatures and rights are checked here, and nothing that fails them is ever appended.
//!
//! What the engine then says is told as it is. A retry of an order answers with the first try: start at [`Exchange::place`].

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use souk_schema::exchange::command::{MassQuote, Withdraw};
use souk_schema::exchange::{
    AccountId, CommandBody, CommandNumber, Event, GroupId, OrderId, Outcome, Rejection, SignedOrder, Source, UnixMillis,
};
use souk_schema::{Address, B256};
use souk_sequencer::SubmitError;
use souk_settlement::Cosigned;

use super::order::{OrderView, same_order};
use super::refusal::refusal;
use super::signing::recover_signer;
use super::{Exchange, Group};
use crate::auth::sessions::Viewer;
use crate::error::{ApiError, ErrorCode};
use crate::limits::budget::Budgets;
use crate::store::Reader;
use crate::store::exchange::orders;

/// How long what readers see may take to have an outcome that the engine gave.
const HUB_PATIENCE: Duration = Duration::from_secs(5);

/// An order that the engine has.
#[derive(Clone, Debug)]
pub struct Placed {
    /// As it is now.
    pub order: Arc<OrderView>,
    /// The command that placed or amended it; none where it was placed by an earlier request.
    pub number: Option<CommandNumber>,
}

/// What a command changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The group.
    pub group: GroupId,
    /// The command.
    pub number: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// Orders that it changed, as they are now.
    pub orders: Vec<Arc<OrderView>>,
    /// What happened.
    pub events: Vec<Event>,
}

/// A withdrawal that the engine has debited.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The group.
    pub group: GroupId,
    /// As the account signs it.
    pub withdraw: Withdraw,
    /// The operator's word, where this server may give it.
    pub cosigned: Option<Cosigned>,
}

/// Takes from a budget.
fn spend<K: Hash + Eq>(budgets: &Mutex<Budgets<K>>, who: K, cost: usize, whose: &str) -> Result<(), ApiError> {
    let spent = budgets
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .spend(who, cost as u64, Instant::now());
    spent.map(drop).map_err(|spent| {
        metrics::counter!("souk_api_rate_limited_total").increment(1);
        let retry_after_secs = spent.retry_after.map(|wait| wait.as_secs_f64().ceil() as u64);
        let when = retry_after_secs.map_or("send fewer at once".into(), |secs| format!("try again in {secs} s"));
        ApiError {
            retry_after_secs,
            ..ApiError::new(ErrorCode::RateLimited, format!("{whose} sends too many: {when}"))
        }
    })
}

fn no_outcome(error: SubmitError) -> ApiError {
    match error {
        SubmitError::Stopped | SubmitError::Diverged => ApiError::new(
            ErrorCode::Unavailable,
            "the exchange does not take commands now; nothing was sent: try again",
        ),
        SubmitError::Unknown => outcome_unknown(),
        SubmitError::TooLarge { orders, limit } => {
            ApiError::input(format!("{orders} orders do not fit one command: send at most {limit}"))
        }
    }
}

fn outcome_unknown() -> ApiError {
    ApiError::new(
        ErrorCode::OutcomeUnknown,
        "the command was sent, and what came of it is not known: look the order up by its nonce, or send the very same order again",
    )
}

/// The ids of orders that events are about, each once.
fn orders_in(events: &[Event]) -> Vec<OrderId> {
    let mut seen = HashSet::new();
    let id = |event: &Event| match event {
        Event::OrderAccepted { order, .. }
        | Event::OrderTriggered { order }
        | Event::OrderRested { order, .. }
        | Event::OrderReduced { order, .. }
        | Event::OrderAmended { order, .. }
        | Event::OrderClosed { order, .. } => Some(*order),
        _ => None,
    };
    events.iter().filter_map(id).filter(|id| seen.insert(*id)).collect()
}

impl Exchange {
    /// Takes from what a client may ask beside orders.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn admit_request(&self, client: IpAddr) -> Result<(), ApiError> {
        spend(&self.0.requests, client, 1, "this client")
    }

    /// Places an order. The very same order again answers with what became of the first, however long ago.
    ///
    /// # Errors
    /// The engine's reason, `BAD_SIGNATURE`, `RATE_LIMITED`, `OUTCOME_UNKNOWN` or `UNAVAILABLE`.
    pub async fn place(&self, client: IpAddr, mut order: SignedOrder) -> Result<Placed, ApiError> {
        spend(&self.0.clients, client, 1, "this client")?;
        let group = self.verify(&mut order)?;
        spend(&self.0.accounts, order.account, 1, "this account")?;
        if let Some(first) = known(group, &order)? {
            return Ok(first);
        }
        let outcome = self
            .submit(group, CommandBody::PlaceOrder(Box::new(order.clone())))
            .await?;
        self.placed_or_first(group, &order, outcome).await
    }

    /// Replaces an open order by a newly signed one with its nonce. The very same amendment again answers with what became of the first, however
    /// long ago.
    ///
    /// # Errors
    /// As [`Exchange::place`].
    pub async fn amend(&self, client: IpAddr, mut order: SignedOrder) -> Result<Placed, ApiError> {
        spend(&self.0.clients, client, 1, "this client")?;
        let group = self.verify(&mut order)?;
        spend(&self.0.accounts, order.account, 1, "this account")?;
        if let Some(first) = known(group, &order)? {
            return Ok(first);
        }
        let outcome = self
            .submit(group, CommandBody::AmendOrder(Box::new(order.clone())))
            .await?;
        self.placed_or_first(group, &order, outcome).await
    }

    /// Replaces an account's quotes in a market, all or none.
    ///
    /// # Errors
    /// As [`Exchange::place`].
    pub async fn quote(
        &self,
        client: IpAddr,
        account: Address,
        market: B256,
        mut quotes: Vec<SignedOrder>,
    ) -> Result<Changed, ApiError> {
        spend(&self.0.clients, client, quotes.len().max(1), "this client")?;
        let (group, _) = self.group_of(market)?;
        for quote in &mut quotes {
            if quote.market != market || quote.account != account {
                return Err(refusal(Rejection::InvalidInstructions {
                    problem: souk_schema::exchange::rejection::InstructionProblem::Quote,
                }));
            }
            self.verify(quote)?;
        }
        spend(&self.0.accounts, account, quotes.len().max(1), "this account")?;
        let body = CommandBody::MassQuote(MassQuote {
            account,
            market,
            quotes,
        });
        let outcome = self.submit(group, body).await?;
        changed(group, outcome).await
    }

    /// Carries out a command of somebody whose rights were checked.
    ///
    /// # Errors
    /// The engine's reason, `RATE_LIMITED`, `OUTCOME_UNKNOWN` or `UNAVAILABLE`.
    pub async fn carry_out(&self, client: IpAddr, group: &Group, body: CommandBody) -> Result<Changed, ApiError> {
        self.admit_request(client)?;
        let outcome = self.submit(group, body).await?;
        changed(group, outcome).await
    }

    /// Debits a withdrawal and co-signs it. The very same withdrawal again is co-signed again while it is under way.
    ///
    /// # Errors
    /// The engine's reason, `RATE_LIMITED`, `OUTCOME_UNKNOWN` or `UNAVAILABLE`.
    pub async fn withdraw(&self, client: IpAddr, group: &Group, withdraw: Withdraw) -> Result<Approved, ApiError> {
        self.admit_request(client)?;
        if let Some(known) = in_flight(group, withdraw.account, withdraw.nonce).filter(|known| *known == withdraw) {
            return approved(group, known);
        }
        let outcome = self.submit(group, CommandBody::Withdraw(withdraw.clone())).await?;
        match outcome.result {
            Ok(_) => approved(group, withdraw),
            Err(rejection) => match in_flight(group, withdraw.account, withdraw.nonce) {
                Some(known) if known == withdraw => approved(group, known),
                _ => Err(refusal(rejection)),
            },
        }
    }

    /// Whether a session's signer still acts for its account: revoking a key ends its sessions.
    pub fn may_act(&self, viewer: &Viewer) -> bool {
        viewer.signer == viewer.account
            || self.groups().any(|group| {
                let on_chain = group.opened().is_ok_and(|opened| opened.venue.chain == viewer.chain);
                on_chain && is_key(group, viewer.account, viewer.signer)
            })
    }

    /// Checks that an order is signed by somebody who may, for this chain and vault; the group that it belongs to.
    fn verify(&self, order: &mut SignedOrder) -> Result<&Arc<Group>, ApiError> {
        let (group, market) = self.group_of(order.market)?;
        let venue = group.opened()?.venue;
        // What became of it could not be written; so nothing is sent.
        self.scale(venue.chain, &market)?;
        if !recover_signer(order, venue) {
            return Err(ApiError::new(
                ErrorCode::BadSignature,
                "the signature is not one of 65 bytes (r, s, v) with s in the lower half: sign the order's typed data with a wallet",
            ));
        }
        // The engine says the same. Asked before, so that strangers do not fill the log.
        let known = group.handle.read(|engine| engine.account(order.account).is_some());
        if !known {
            return Err(refusal(Rejection::UnknownAccount));
        }
        if order.signer != order.account && !is_key(group, order.account, order.signer) {
            return Err(refusal(Rejection::SignerNotAuthorised));
        }
        Ok(group)
    }

    async fn submit(&self, group: &Group, body: CommandBody) -> Result<Outcome, ApiError> {
        group.hub()?;
        let started = Instant::now();
        let sent = tokio::time::timeout(self.0.limits.patience, group.handle.submit(body)).await;
        let outcome = sent.map_err(|_| outcome_unknown())?.map_err(no_outcome)?;
        let taken = if outcome.result.is_ok() { "taken" } else { "refused" };
        metrics::histogram!("souk_api_command_seconds", "outcome" => taken).record(started.elapsed().as_secs_f64());
        Ok(outcome)
    }

    /// What a command placed or amended, or where it was refused, what the very same order did before.
    async fn placed_or_first(&self, group: &Group, order: &SignedOrder, outcome: Outcome) -> Result<Placed, ApiError> {
        match outcome.result {
            Ok(_) => placed(group, order, outcome.number).await,
            Err(rejection) => match self.first_try(group, order, outcome.number).await? {
                Some(first) => Ok(first),
                None => Err(refusal(rejection)),
            },
        }
    }

    /// The first try of an order that was refused by command `number`: in what readers see, or long ago in the tables.
    async fn first_try(
        &self,
        group: &Group,
        order: &SignedOrder,
        number: CommandNumber,
    ) -> Result<Option<Placed>, ApiError> {
        reach(group, number).await?;
        if let Some(first) = known(group, order)? {
            return Ok(Some(first));
        }
        let reader = Reader::begin(&self.0.pool).await?;
        let first = orders::by_nonce(&reader, group.handle.group(), order.account, order.nonce).await?;
        Ok(first
            .filter(|first| same_order(&first.signed, order))
            .map(|first| Placed {
                order: Arc::new(first),
                number: None,
            }))
    }
}

/// Whether a key signs for an account.
pub fn is_key(group: &Group, account: Address, key: Address) -> bool {
    let signs = |account: souk_exchange::AccountView<'_>| account.keys().any(|known| known == key);
    group.handle.read(|engine| engine.account(account).is_some_and(signs))
}

/// An account's number in a group.
pub fn account_number(group: &Group, account: Address) -> Option<AccountId> {
    group
        .handle
        .read(|engine| engine.account(account).map(|account| account.id()))
}

/// The order that readers see with the nonce of this one, where it is the same to the last field.
fn known(group: &Group, order: &SignedOrder) -> Result<Option<Placed>, ApiError> {
    let look = group.hub()?.look();
    let known = look.order_by_nonce(order.account, order.nonce).cloned();
    Ok(known
        .filter(|known| same_order(&known.signed, order))
        .map(|order| Placed { order, number: None }))
}

/// Waits until readers see a command's outcome.
async fn reach(group: &Group, number: CommandNumber) -> Result<(), ApiError> {
    match group.hub()?.reached(number, HUB_PATIENCE).await {
        true => Ok(()),
        false => Err(outcome_unknown()),
    }
}

async fn placed(group: &Group, order: &SignedOrder, number: CommandNumber) -> Result<Placed, ApiError> {
    reach(group, number).await?;
    let look = group.hub()?.look();
    let order = look.order_by_nonce(order.account, order.nonce).cloned();
    // It can be forgotten only by thousands of orders that ended since.
    order
        .map(|order| Placed {
            order,
            number: Some(number),
        })
        .ok_or_else(outcome_unknown)
}

async fn changed(group: &Group, outcome: Outcome) -> Result<Changed, ApiError> {
    let events = outcome.result.map_err(refusal)?;
    reach(group, outcome.number).await?;
    let look = group.hub()?.look();
    let orders = orders_in(&events).into_iter().filter_map(|id| look.order(id).cloned());
    Ok(Changed {
        group: group.handle.group(),
        number: outcome.number,
        time: outcome.time,
        orders: orders.collect(),
        events,
    })
}

/// An account's withdrawal that is debited and neither paid out nor credited back.
pub fn in_flight(group: &Group, account: Address, nonce: u64) -> Option<Withdraw> {
    group.handle.read(|engine| {
        let account = engine.account(account)?.id();
        let mut under_way = engine.withdrawals_in_flight(account);
        under_way
            .find(|flight| flight.withdraw.nonce == nonce)
            .map(|flight| flight.withdraw.clone())
    })
}

/// Co-signs a withdrawal that the engine says is under way. Commands are durable before the engine has them, so what it says is for good.
///
/// # Errors
/// `INTERNAL` where the signer fails.
pub fn approved(group: &Group, withdraw: Withdraw) -> Result<Approved, ApiError> {
    let says = Outcome {
        number: CommandNumber(0),
        source: Source::Gateway { id: 0, position: 0 },
        time: UnixMillis(0),
        signed: Vec::new(),
        result: Ok(vec![Event::WithdrawalApproved(Box::new(withdraw.clone()))]),
    };
    let cosigned = match &group.cosigner {
        Some(cosigner) => cosigner.cosign(&says).map_err(ApiError::internal)?,
        None => None,
    };
    Ok(Approved {
        group: group.handle.group(),
        withdraw,
        cosigned,
    })
}
