//! Log lines and traces: to standard error as text or JSON, and to an OTLP collector if one is named.

use anyhow::{Context, Result};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::cli::{GlobalArgs, LogFormat};

/// Keeps the trace exporter alive; dropping it sends what is left.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Starts logging and, if asked for, tracing.
///
/// # Errors
/// One line for a filter that cannot be parsed or a collector that cannot be used.
pub fn start(args: &GlobalArgs) -> Result<Telemetry> {
    // Libraries speak up when something is wrong; their day's work is noise.
    let directives = format!(
        "warn,souk={0},souk_adapters={0},souk_api={0},souk_demo={0},souk_devstack={0},souk_eventlog={0},souk_indexer={0},souk_provenance={0}",
        args.log_level
    );
    let directives = if args.log_level.contains(['=', ',']) {
        &args.log_level
    } else {
        &directives
    };
    let filter = EnvFilter::try_new(directives).with_context(|| {
        format!(
            "--log-level {}: expected error, warn, info, debug, trace or directives",
            args.log_level
        )
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match args.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let provider = args.otlp_endpoint.as_ref().map(exporter).transpose()?;
    let traces = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("souk")));
    tracing_subscriber::registry()
        .with(lines)
        .with(traces)
        .with(filter)
        .init();
    Ok(Telemetry { provider })
}

fn exporter(endpoint: &url::Url) -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.as_str())
        .build()
        .with_context(|| format!("--otlp-endpoint {endpoint}"))?;
    let resource = Resource::builder().with_service_name("souk").build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
