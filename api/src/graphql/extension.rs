//! What happens around the execution of every request: its cost is charged, variables are checked, and it is noted that it began.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextValidation,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Response, ServerError, ServerResult, ValidationResult, Value, Variables, value};
use tokio::sync::watch;

use super::{shape, variables};
use crate::engine::Engine;
use crate::error::{ApiError, ErrorCode};
use crate::shared::Part;

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was executed: an error is about the request itself.
    Requested,
    /// Execution began: there is data, possibly null.
    Executing,
}

/// The execution of one request.
#[derive(Clone)]
pub struct Execution(Arc<Inner>);

struct Inner {
    engine: Engine,
    operation_name: Option<String>,
    client: IpAddr,
    charged: bool,
    part: Part,
    listening: Option<watch::Sender<bool>>,
    state: Mutex<State>,
}

/// What was asked, by which the answer is shaped.
struct Asked {
    document: ExecutableDocument,
    variables: Variables,
}

struct State {
    phase: Phase,
    asked: Option<Arc<Asked>>,
    cost: Option<(usize, u64)>,
    snapshot: Option<Value>,
    exchange: Option<Value>,
    payouts: Option<Value>,
    sequence: u64,
}

impl Execution {
    /// A request that arrived; `charged` says whether its cost is taken from the client's budget.
    pub fn new(engine: Engine, operation_name: Option<String>, client: IpAddr, charged: bool) -> Execution {
        Execution::of_part(engine, operation_name, client, charged, (Part::Whole, None))
    }

    /// A part of a subscription. Who is given with it is told once nothing that happens is missed.
    pub fn of_part(
        engine: Engine,
        operation_name: Option<String>,
        client: IpAddr,
        charged: bool,
        (part, listening): (Part, Option<watch::Sender<bool>>),
    ) -> Execution {
        let state = Mutex::new(State {
            phase: Phase::Requested,
            asked: None,
            cost: None,
            snapshot: None,
            exchange: None,
            payouts: None,
            sequence: 0,
        });
        Execution(Arc::new(Inner {
            engine,
            operation_name,
            client,
            charged,
            part,
            listening,
            state,
        }))
    }

    /// Which part of a subscription this is.
    pub fn part(&self) -> Part {
        self.0.part
    }

    /// Says that from now on nothing is missed.
    pub fn set_listening(&self) {
        if let Some(listening) = &self.0.listening {
            listening.send_replace(true);
        }
    }

    /// The number of what the newest item of a subscription is about.
    pub fn sequence(&self) -> u64 {
        self.change(|state| state.sequence)
    }

    /// Notes the number of what the next item of a subscription is about.
    pub fn set_sequence(&self, sequence: u64) {
        self.change(|state| state.sequence = sequence);
    }

    /// What the newest item of a subscription says of the exchange's groups.
    pub fn exchange(&self) -> Option<Value> {
        self.change(|state| state.exchange.clone())
    }

    /// Notes which command of which group the next item of a subscription is of.
    pub fn set_exchange(&self, exchange: Value) {
        self.change(|state| state.exchange = Some(exchange));
    }

    /// What the newest item of a subscription says of payouts.
    pub fn payouts(&self) -> Option<Value> {
        self.change(|state| state.payouts.clone())
    }

    /// Notes what the next item of a subscription was computed at.
    pub fn set_payouts(&self, payouts: Value) {
        self.change(|state| state.payouts = Some(payouts));
    }

    /// How far it came.
    pub fn phase(&self) -> Phase {
        self.change(|state| state.phase)
    }

    /// Where the engine reads from.
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The snapshot that the newest item of a subscription was computed at.
    pub fn snapshot(&self) -> Option<Value> {
        self.change(|state| state.snapshot.clone())
    }

    /// Notes the snapshot that the next item of a subscription is computed at.
    pub fn set_snapshot(&self, snapshot: Value) {
        self.change(|state| state.snapshot = Some(snapshot));
    }

    /// Cost and budget as they stand in `extensions.cost`.
    pub fn cost_extension(&self) -> Option<Value> {
        if self.0.part == Part::Rest {
            // It is nobody's own.
            return None;
        }
        let (cost, remaining) = self.change(|state| state.cost)?;
        let limits = self.0.engine.limits();
        Some(value!({
            "requested": cost,
            "limit": limits.cost,
            "remaining": remaining,
            "restorePerSecond": limits.allowance.per_second,
        }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn charge(&self, cost: usize) -> Result<(), ApiError> {
        let limit = self.0.engine.limits().cost;
        if cost > limit {
            let message = format!(
                "the query costs {cost} points; {limit} are allowed: ask for fewer rows, or in several queries"
            );
            return Err(ApiError::new(ErrorCode::CostLimit, message));
        }
        // One point was taken when the request arrived.
        let points = if self.0.charged {
            (cost as u64).saturating_sub(1)
        } else {
            0
        };
        let remaining = self.0.engine.charge(self.0.client, points)?;
        self.change(|state| state.cost = Some((cost, remaining)));
        Ok(())
    }
}

/// Makes [`Around`] for each request.
pub struct AroundFactory;

impl ExtensionFactory for AroundFactory {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Around)
    }
}

/// Wraps execution.
struct Around;

#[async_trait::async_trait]
impl Extension for Around {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let mut document = next.run(ctx, query, variables).await?;
        let name = ctx.data_unchecked::<Execution>().0.operation_name.as_deref();
        variables::check(&document, name, variables, &ctx.schema_env.registry).map_err(|error| error.server_error())?;
        shape::mark(&mut document, &ctx.schema_env.registry);
        let asked = Asked {
            document: document.clone(),
            variables: variables.clone(),
        };
        ctx.data_unchecked::<Execution>()
            .change(|state| state.asked = Some(Arc::new(asked)));
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        let execution = ctx.data_unchecked::<Execution>();
        execution
            .charge(result.complexity)
            .map_err(|error| vec![error.server_error()])?;
        Ok(result)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let execution = ctx.data_unchecked::<Execution>();
        execution.change(|state| state.phase = Phase::Executing);
        let mut response = next.run(ctx, operation_name).await;
        if let Some(asked) = execution.change(|state| state.asked.clone()) {
            let (data, name) = (
                std::mem::take(&mut response.data),
                execution.0.operation_name.as_deref(),
            );
            let registry = &ctx.schema_env.registry;
            response.data = shape::complete(
                data,
                &response.errors,
                &asked.document,
                name,
                &asked.variables,
                registry,
            );
        }
        response
    }
}
