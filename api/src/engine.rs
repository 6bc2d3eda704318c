//! From a request to its answer, whatever brought it: parse, limit, validate, charge, execute, say where it was computed.
//!
//! [`Engine::execute`] answers queries, [`Engine::subscribe`] opens subscriptions. Whether an error came before execution decides what
//! HTTP and WebSocket make of it, so [`Answer`] keeps the two apart.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Request, Response, ServerError, Variables};
use souk_provenance::graph::GraphHandle;
use sqlx::PgPool;

use crate::error::{ApiError, ErrorCode};
use crate::graphql::SoukSchema;
use crate::graphql::extension::{Execution, Phase};
use crate::limits::budget::{Allowance, Budgets};
use crate::limits::document::{self, DocumentLimits};
use crate::persisted::{PersistedQueries, PersistedQuery};
use crate::session::{Session, Sources};

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
pub struct Prepared {
    document: ExecutableDocument,
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
}

impl Answer {
    /// A request that was refused.
    pub fn refused(error: &ApiError) -> Answer {
        Answer {
            response: Response::from_errors(vec![error.server_error()]),
            executed: false,
        }
    }

    /// The answer as JSON; a refused request has no `data` entry.
    pub fn body(&self) -> String {
        if self.executed {
            return serde_json::to_string(&self.response).unwrap_or_default();
        }
        let refused = Refused {
            errors: &self.response.errors,
            extensions: &self.response.extensions,
        };
        serde_json::to_string(&refused).unwrap_or_default()
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
}

/// How many clients' budgets are kept.
const CLIENTS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// How often a request is answered anew when a reorganisation comes between.
const ATTEMPTS: usize = 3;

impl Engine {
    /// An engine over a schema.
    pub fn new(schema: SoukSchema, pool: PgPool, graph: GraphHandle, limits: EngineLimits) -> Engine {
        let persisted = PersistedQueries::new(limits.persisted_bytes);
        let budgets = Mutex::new(Budgets::new(limits.allowance, CLIENTS));
        Engine(Arc::new(Inner {
            schema,
            sources: Sources::new(pool, graph),
            limits,
            persisted,
            budgets,
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
    pub async fn execute(&self, prepared: &Prepared, client: IpAddr) -> Answer {
        let started = Instant::now();
        let mut answer = self.attempt(prepared, client, true).await;
        for _ in 1..ATTEMPTS {
            if !answer.1.moved() {
                break;
            }
            // The graph follows the tables within milliseconds.
            tokio::time::sleep(Duration::from_millis(10)).await;
            answer = self.attempt(prepared, client, false).await;
        }
        let outcome = if answer.0.response.errors.is_empty() {
            "ok"
        } else {
            "error"
        };
        metrics::histogram!("souk_api_request_seconds", "outcome" => outcome).record(started.elapsed().as_secs_f64());
        answer.0
    }

    async fn attempt(&self, prepared: &Prepared, client: IpAddr, charged: bool) -> (Answer, Session) {
        let session = Session::new(self.0.sources.clone());
        let execution = Execution::new(self.clone(), prepared.operation_name.clone(), client, charged);
        let response = self.0.schema.execute(request(prepared, &session, &execution)).await;
        (
            finish(
                response,
                &execution,
                session.seen().map(crate::graphql::meta::snapshot_extension),
            ),
            session,
        )
    }

    /// Opens a subscription: answers come until it ends.
    pub fn subscribe(&self, prepared: &Prepared, client: IpAddr) -> futures::stream::BoxStream<'static, Answer> {
        use futures::StreamExt;
        let session = Session::new(self.0.sources.clone());
        let execution = Execution::new(self.clone(), prepared.operation_name.clone(), client, true);
        let stream = self.0.schema.execute_stream(request(prepared, &session, &execution));
        stream
            .map(move |response| finish(response, &execution, execution.snapshot()))
            .boxed()
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

fn request(prepared: &Prepared, session: &Session, execution: &Execution) -> Request {
    let mut request = Request::new("")
        .variables(prepared.variables.clone())
        .data(session.clone())
        .data(execution.clone());
    request.operation_name.clone_from(&prepared.operation_name);
    request.set_parsed_query(prepared.document.clone());
    request
}

/// Adds what every answer carries, and a code to every error.
fn finish(mut response: Response, execution: &Execution, snapshot: Option<async_graphql::Value>) -> Answer {
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
    Answer {
        response,
        executed: phase == Phase::Executing,
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
