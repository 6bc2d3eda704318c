//! Health, readiness, metrics: what those who run the server look at.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sqlx::PgPool;

use crate::engine::Answer;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::payouts::Payouts;
use crate::scalars::ChainId;
use crate::server::App;
use crate::status::{exchange_readiness, readiness};

/// Seconds, in the steps that latencies are counted in.
const LATENCY_STEPS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to gather what the process measures; again is the same as once.
///
/// # Errors
/// When something else gathers already.
pub fn record_metrics() -> Result<(), String> {
    static ONCE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = ONCE.lock();
    if METRICS.get().is_some() {
        return Ok(());
    }
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), LATENCY_STEPS);
    let handle = builder
        .and_then(|builder| builder.install_recorder())
        .map_err(|error| error.to_string())?;
    describe();
    let _ = METRICS.set(handle);
    Ok(())
}

fn describe() {
    metrics::describe_histogram!(
        "souk_api_request_seconds",
        "Time to answer a GraphQL request, in seconds."
    );
    metrics::describe_counter!("souk_api_sql_statements_total", "SQL statements that answers took.");
    metrics::describe_counter!(
        "souk_api_rate_limited_total",
        "Requests refused because their client had spent its budget."
    );
    metrics::describe_counter!("souk_api_internal_errors_total", "Answers that failed by a defect.");
    metrics::describe_counter!(
        "souk_api_websocket_closed_total",
        "WebSocket connections closed by the server, by code."
    );
    metrics::describe_gauge!("souk_api_websocket_connections", "Open WebSocket connections.");
    metrics::describe_gauge!("souk_api_subscriptions", "Subscriptions that run.");
    metrics::describe_histogram!(
        "souk_api_command_seconds",
        "Time from a command's arrival to its durable outcome, in seconds."
    );
    metrics::describe_gauge!("souk_exchange_serves", "1 while the group's engine serves, by group.");
    metrics::describe_gauge!(
        "souk_exchange_command",
        "The last command that the engine decided, by group."
    );
    metrics::describe_gauge!(
        "souk_exchange_unsettled_fills",
        "Fills that are not settled for good, by group."
    );
    metrics::describe_gauge!(
        "souk_exchange_tables_lag_commands",
        "Commands that the exchange's tables do not hold yet, by group."
    );
    metrics::describe_counter!(
        "souk_observations_total",
        "Metadata documents that were found or are not to be found, by outcome."
    );
    metrics::describe_counter!(
        "souk_observation_retries_total",
        "Tries of metadata documents that failed and are repeated, by problem."
    );
    metrics::describe_gauge!(
        "souk_observations_waiting",
        "Metadata documents that are still to be fetched."
    );
    metrics::describe_histogram!(
        "souk_observation_seconds",
        "Time of one try of a metadata document, in seconds."
    );
    metrics::describe_counter!(
        "souk_payouts_refused_facts_total",
        "Chain events that the payout rule refused since the process began, by chain."
    );
    metrics::describe_gauge!(
        "souk_payouts_refused_block",
        "The block of the last chain event that the payout rule refused, by chain."
    );
    metrics::describe_counter!(
        "souk_payouts_false_roots_total",
        "Pending payout roots that were not what the log says and were taken back, by chain."
    );
    metrics::describe_gauge!("souk_chain_head", "The newest projected block, by chain.");
    metrics::describe_gauge!(
        "souk_chain_lag_records",
        "Records of the stream that the tables do not hold yet, by chain."
    );
}

/// The process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The projections have caught up and the graph follows: answers are current.
pub async fn readyz(State(app): State<App>) -> Response {
    let most = i64::try_from(app.config.ready_lag_records).unwrap_or(i64::MAX);
    let mut readiness = readiness(&app.pool, &app.graph, &app.status, &app.config.expected_chains, most).await;
    if let Some(exchange) = &app.exchange {
        readiness.add_exchange(exchange, &app.pool).await;
    }
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

/// Everything that is measured, for Prometheus.
pub async fn metrics(State(app): State<App>) -> Response {
    let used = app
        .config
        .subscriptions
        .saturating_sub(app.subscriptions.available_permits());
    metrics::gauge!("souk_api_subscriptions").set(used as f64);
    let readiness = readiness(&app.pool, &app.graph, &app.status, &[], i64::MAX).await;
    for chain in readiness.chains {
        if let Some(head) = chain.head {
            metrics::gauge!("souk_chain_head", "chain" => chain.chain.clone()).set(head as f64);
        }
        if let Some(lag) = chain.lag_records {
            metrics::gauge!("souk_chain_lag_records", "chain" => chain.chain).set(lag as f64);
        }
    }
    if let Some(exchange) = &app.exchange {
        exchange_gauges(exchange, &app.pool).await;
    }
    for payouts in app.engine.sources().payouts.iter().flat_map(Payouts::all) {
        let (chain, status) = (ChainId(payouts.chain()).to_string(), payouts.status());
        metrics::counter!("souk_payouts_refused_facts_total", "chain" => chain.clone()).absolute(status.refused.count);
        if let Some(last) = &status.refused.last {
            metrics::gauge!("souk_payouts_refused_block", "chain" => chain).set(last.block.number as f64);
        }
    }
    let Some(handle) = METRICS.get() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    handle.run_upkeep();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        handle.render(),
    )
        .into_response()
}

/// How each group of the exchange is.
async fn exchange_gauges(exchange: &Exchange, pool: &PgPool) {
    for group in exchange_readiness(exchange, pool).await {
        let name = group.group.to_string();
        metrics::gauge!("souk_exchange_serves", "group" => name.clone())
            .set(f64::from(u8::from(group.problem.is_none())));
        metrics::gauge!("souk_exchange_command", "group" => name.clone()).set(group.command as f64);
        metrics::gauge!("souk_exchange_unsettled_fills", "group" => name.clone()).set(group.unsettled_fills as f64);
        if let Some(lag) = group.tables_lag_commands {
            metrics::gauge!("souk_exchange_tables_lag_commands", "group" => name).set(lag as f64);
        }
    }
}

/// A defect in a handler: the request fails, the server goes on.
pub fn panicked(defect: Box<dyn std::any::Any + Send>) -> Response {
    let text = defect
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| defect.downcast_ref::<&str>().map(ToString::to_string));
    let error = ApiError::internal(format!("a handler panicked: {}", text.unwrap_or_default()));
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        json,
        Answer::refused(&error).body().into_owned(),
    )
        .into_response()
}
