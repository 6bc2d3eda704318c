//! From a request to its answer, whatever brought it: parse, limit, validate, charge, execute, say where it was computed.
//!
//! [`Engine::execute`] answers queries, [`Engine::subscribe`] opens subscriptions. Whether an error came before execution decides what
//! HTTP and WebSocket make of it, so [`Answer`] keeps the two apart.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Request, Response, ServerError, Variables};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::broadcast::error::RecvError;

use crate::auth::caller::Caller;
use crate::error::{ApiError, ErrorCode};
use crate::graphql::SoukSchema;
use crate::graphql::extension::{Execution, Phase};
use crate::limits::budget::{Allowance, Budgets};
use crate::limits::document::{self, DocumentLimits};
use crate::persisted::{PersistedQueries, PersistedQuery};
use crate::session::{Session, Sources};
use crate::shared::{self, Part, Rest, SharedExecutions, Told};

/// A request as any transport brings it, its parts already of the right types.
#[derive(Clone, Debug, Default)]
pub struct GraphqlRequest {
    /// The document; may be missing when a stored one is named.
    pub query: Option<String>,
    /// Which operation of the document.
    pub operation_name: Option<String>,
    /// Values of variables.
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// A stored query.
    pub persisted: Option<PersistedQuery>,
}

/// How large questions may be.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Of a document.
    pub document: DocumentLimits,
    /// Points that one query may cost.
    pub cost: usize,
    /// Points that one client may spend.
    pub allowance: Allowance,
    /// Bytes of text that stored queries may take in all.
    pub persisted_bytes: usize,
}

/// A request that may be executed.
#[derive(Clone)]
pub struct Prepared {
    document: ExecutableDocument,
    text: Arc<str>,
    operation_name: Option<String>,
    variables: Variables,
    /// What the chosen operation does.
    pub operation: OperationType,
}

/// An answer, and whether execution began.
pub struct Answer {
    /// As it is sent.
    pub response: Response,
    /// False for a request that was refused before anything was executed: then there is no `data` entry.
    pub executed: bool,
    /// The answer as it is sent, where it was written for all who ask the same.
    written: Option<Arc<Told>>,
}

impl Answer {
    /// A request that was refused.
    pub fn refused(error: &ApiError) -> Answer {
        Answer {
            response: Response::from_errors(vec![error.server_error()]),
            executed: false,
            written: None,
        }
    }

    /// An item of a subscription that was written for all who ask the same.
    fn shared(told: Arc<Told>) -> Answer {
        Answer {
            response: Response::default(),
            executed: true,
            written: Some(told),
        }
    }

    /// The last item of a subscription that cannot go on.
    fn ended(error: &ApiError) -> Answer {
        Answer {
            executed: true,
            ..Answer::refused(error)
        }
    }

    /// The answer as JSON; a refused request has no `data` entry.
    pub fn body(&self) -> Cow<'_, str> {
        if let Some(told) = &self.written {
            return Cow::Borrowed(&told.body);
        }
        if self.executed {
            return serde_json::to_string(&self.response).unwrap_or_default().into();
        }
        let refused = Refused {
            errors: &self.response.errors,
            extensions: &self.response.extensions,
        };
        serde_json::to_string(&refused).unwrap_or_default().into()
    }

    /// The first error's code.
    pub fn code(&self) -> Option<&str> {
        match self.response.errors.first()?.extensions.as_ref()?.get("code")? {
            async_graphql::Value::String(code) => Some(code),
            _ => None,
        }
    }

    /// Seconds after which it is worth trying again, where an error says so.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self
            .response
            .errors
            .first()?
            .extensions
            .as_ref()?
            .get("retryAfterSecs")?
        {
            async_graphql::Value::Number(seconds) => seconds.as_u64(),
            _ => None,
        }
    }
}

/// An answer without data.
#[derive(serde::Serialize)]
struct Refused<'a> {
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, async_graphql::Value>,
}

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    schema: SoukSchema,
    sources: Sources,
    limits: EngineLimits,
    persisted: PersistedQueries,
    budgets: Mutex<Budgets<IpAddr>>,
    shared: Arc<SharedExecutions>,
}

/// How many clients' budgets are kept.
const CLIENTS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// How often a request is answered anew when a reorganisation comes between.
const ATTEMPTS: usize = 3;

impl Engine {
    /// An engine over a schema.
    pub fn new(schema: SoukSchema, sources: Sources, limits: EngineLimits) -> Engine {
        let persisted = PersistedQueries::new(limits.persisted_bytes);
        let budgets = Mutex::new(Budgets::new(limits.allowance, CLIENTS));
        Engine(Arc::new(Inner {
            schema,
            sources,
            limits,
            persisted,
            budgets,
            shared: Arc::default(),
        }))
    }

    /// The schema.
    pub fn schema(&self) -> &SoukSchema {
        &self.0.schema
    }

    /// Everything that can be decided about a request before it is validated.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn prepare(&self, request: GraphqlRequest) -> Result<Prepared, ApiError> {
        let query = self.0.persisted.resolve(request.query, request.persisted.as_ref())?;
        document::check_text(&query)?;
        let document =
            parse_query(&query).map_err(|error| ApiError::new(ErrorCode::GraphqlParseFailed, parse_message(&error)))?;
        document::check(&document, &self.0.limits.document)?;
        if let Some(persisted) = &request.persisted {
            self.0.persisted.store(persisted, &query);
        }
        let operation = operation_type(&document, request.operation_name.as_deref())?;
        let variables = serde_json::Value::Object(request.variables.unwrap_or_default());
        let variables = crate::graphql::variables::with_defaults(
            &document,
            request.operation_name.as_deref(),
            Variables::from_json(variables),
        );
        Ok(Prepared {
            document,
            text: query.into(),
            operation_name: request.operation_name,
            variables,
            operation,
        })
    }

    /// Takes one point for the arrival of a request, so that refused ones are not free.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn admit(&self, client: IpAddr) -> Result<u64, ApiError> {
        self.charge(client, 1)
    }

    /// Takes points from a client's budget; how many are left.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn charge(&self, client: IpAddr, cost: u64) -> Result<u64, ApiError> {
        let spent = self
            .0
            .budgets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spend(client, cost, Instant::now());
        spent.map_err(|spent| {
            metrics::counter!("souk_api_rate_limited_total").increment(1);
            let retry_after_secs = spent.retry_after.map(|wait| wait.as_secs_f64().ceil() as u64);
            let when = retry_after_secs.map_or("ask for less".into(), |seconds| {
                format!("try again in {seconds} s, or ask for less")
            });
            ApiError {
                retry_after_secs,
                ..ApiError::new(
                    ErrorCode::RateLimited,
                    format!("this client has spent its budget: {when}"),
                )
            }
        })
    }

    /// Answers a query or mutation.
    pub async fn execute(&self, prepared: &Prepared, caller: &Caller) -> Answer {
        let started = Instant::now();
        let mut answer = self.attempt(prepared, caller, true).await;
        for _ in 1..ATTEMPTS {
            // What was changed is changed once, whatever the answer to it would say.
            if !answer.1.moved() || prepared.operation != OperationType::Query {
                break;
            }
            // The graph follows the tables within milliseconds.
            tokio::time::sleep(Duration::from_millis(10)).await;
            answer = self.attempt(prepared, caller, false).await;
        }
        let outcome = if answer.0.response.errors.is_empty() {
            "ok"
        } else {
            "error"
        };
        metrics::histogram!("souk_api_request_seconds", "outcome" => outcome).record(started.elapsed().as_secs_f64());
        answer.0
    }

    async fn attempt(&self, prepared: &Prepared, caller: &Caller, charged: bool) -> (Answer, Session) {
        let session = Session::new(self.0.sources.clone());
        let execution = Execution::new(self.clone(), prepared.operation_name.clone(), caller.client, charged);
        let response = self
            .0
            .schema
            .execute(request(prepared, &session, &execution, caller))
            .await;
        let snapshot = session.seen().map(crate::graphql::meta::snapshot_extension);
        let exchange = crate::graphql::meta::exchange_extension(&session);
        let payouts = crate::graphql::payout::snapshot::payouts_extension(&session);
        let mut answer = finish(response, &execution, snapshot, exchange);
        answer
            .response
            .extensions
            .extend(payouts.map(|payouts| ("payouts".into(), payouts)));
        (answer, session)
    }

    /// Opens a subscription: answers come until it ends. What many ask in the same words is executed once.
    pub fn subscribe(&self, prepared: &Prepared, caller: &Caller) -> BoxStream<'static, Answer> {
        let key = shared::key(
            &prepared.document,
            &prepared.text,
            prepared.operation_name.as_deref(),
            &prepared.variables,
        );
        match key {
            Some(key) => self.subscribe_with_others(key, prepared, caller),
            None => self
                .items(prepared, caller, true, (Part::Whole, None))
                .map(|(_, answer)| answer)
                .boxed(),
        }
    }

    /// The items of one execution of a subscription, each with the number of what it is about.
    fn items(
        &self,
        prepared: &Prepared,
        caller: &Caller,
        charged: bool,
        part: (Part, Option<tokio::sync::watch::Sender<bool>>),
    ) -> BoxStream<'static, (u64, Answer)> {
        let session = Session::new(self.0.sources.clone());
        let name = prepared.operation_name.clone();
        let execution = Execution::of_part(self.clone(), name, caller.client, charged, part);
        let stream = self
            .0
            .schema
            .execute_stream(request(prepared, &session, &execution, caller));
        stream
            .map(move |response| {
                let mut answer = finish(response, &execution, execution.snapshot(), execution.exchange());
                let payouts = execution.payouts().map(|payouts| ("payouts".into(), payouts));
                answer.response.extensions.extend(payouts);
                (execution.sequence(), answer)
            })
            .boxed()
    }

    /// A beginning of its own, then what all who ask the same are told.
    fn subscribe_with_others(&self, key: String, prepared: &Prepared, caller: &Caller) -> BoxStream<'static, Answer> {
        let (engine, prepared, caller) = (self.clone(), prepared.clone(), caller.clone());
        let stream = async_stream::stream! {
            let others = Caller::stranger(caller.client);
            let Rest { mut coming, mut listening } = engine.0.shared.follow(&key, |listens| {
                engine.items(&prepared, &others, false, (Part::Rest, Some(listens)))
            });
            // Where the shared execution fails, so does the beginning, and says why.
            let _ = listening.wait_for(|listening| *listening).await;
            let mut told = 0;
            let mut beginning = engine.items(&prepared, &caller, true, (Part::Beginning, None));
            while let Some((sequence, answer)) = beginning.next().await {
                told = sequence;
                let over = !answer.executed || !answer.response.errors.is_empty();
                yield answer;
                if over {
                    return;
                }
            }
            loop {
                match coming.recv().await {
                    Ok(next) if next.sequence > told => {
                        told = next.sequence;
                        yield Answer::shared(next);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        yield Answer::ended(&left_behind(error));
                        return;
                    }
                }
            }
        };
        stream.boxed()
    }

    /// The points that one query may cost, and the most that a client can save up.
    pub fn limits(&self) -> &EngineLimits {
        &self.0.limits
    }

    /// Where a subscription reads from.
    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }
}

/// Why one who follows with others is left behind.
fn left_behind(error: RecvError) -> ApiError {
    match error {
        RecvError::Lagged(missed) => ApiError::new(
            ErrorCode::SlowConsumer,
            format!("{missed} messages were not read in time: subscribe again with `resumeFrom`"),
        ),
        RecvError::Closed => ApiError::new(
            ErrorCode::Unavailable,
            "the subscription was interrupted: subscribe again with `resumeFrom`",
        ),
    }
}

fn request(prepared: &Prepared, session: &Session, execution: &Execution, caller: &Caller) -> Request {
    let mut request = Request::new("")
        .variables(prepared.variables.clone())
        .data(caller.clone())
        .data(session.clone())
        .data(execution.clone());
    request.operation_name.clone_from(&prepared.operation_name);
    request.set_parsed_query(prepared.document.clone());
    request
}

/// Adds what every answer carries, and a code to every error.
fn finish(
    mut response: Response,
    execution: &Execution,
    snapshot: Option<async_graphql::Value>,
    exchange: Option<async_graphql::Value>,
) -> Answer {
    let phase = execution.phase();
    for error in &mut response.errors {
        complete(error, phase);
    }
    if let Some(cost) = execution.cost_extension() {
        response.extensions.insert("cost".into(), cost);
    }
    if let Some(snapshot) = snapshot {
        response.extensions.insert("snapshot".into(), snapshot);
    }
    if let Some(exchange) = exchange {
        response.extensions.insert("exchange".into(), exchange);
    }
    Answer {
        response,
        executed: phase == Phase::Executing,
        written: None,
    }
}

fn complete(error: &mut ServerError, phase: Phase) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        let code = if phase == Phase::Executing {
            ErrorCode::BadUserInput
        } else {
            ErrorCode::GraphqlValidationFailed
        };
        extensions.set("code", code.as_str());
    }
}

/// The parser's own text ends in a drawing over several lines; its place and its last line say it all.
fn parse_message(error: &async_graphql::parser::Error) -> String {
    let text = error.to_string();
    let place = error
        .positions()
        .next()
        .map(|position| format!(" at line {}, column {}", position.line, position.column))
        .unwrap_or_default();
    let what = text
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("= "))
        .unwrap_or_else(|| text.lines().next().unwrap_or_default())
        .to_string();
    format!("the document is not GraphQL{place}: {what}")
}

/// What the operation does that a request asks for.
fn operation_type(document: &ExecutableDocument, name: Option<&str>) -> Result<OperationType, ApiError> {
    let refuse = |message: String| ApiError::new(ErrorCode::GraphqlValidationFailed, message);
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation.node.ty),
        (DocumentOperations::Single(_), Some(name)) => {
            Err(refuse(format!("the document has no operation named `{name}`")))
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map(|operation| operation.node.ty)
            .ok_or_else(|| refuse(format!("the document has no operation named `{name}`"))),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(operation.node.ty),
            _ => Err(refuse(
                "the document has several operations: say which one with `operationName`".into(),
            )),
        },
    }
}
