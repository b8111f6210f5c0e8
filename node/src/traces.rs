//! Traces by OpenTelemetry: what a request and each call took, sent to a collector.
//!
//! ```text
//!  request ──► span of kind server ──parent of──► span of each call ──traceparent──► what the guest asks outside
//!                      └───────────────┬──────────────┘
//!                        batches, on a thread of their own ──OTLP over HTTP──► collector
//! ```
//!
//! The standard variables decide: without an endpoint (`OTEL_EXPORTER_OTLP_ENDPOINT`, or the one for traces) nothing
//! is measured and a request costs nothing more. <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>
//!
//! - Provides: names of the standard's conventions; the path and no query, no header, no body: they hold what people
//!   send. A collector that is away is said once, and what it missed is dropped.
//! - Does not provide: gRPC, compression, another time limit for a batch than the standard's ten seconds, metrics and
//!   logs. Metrics are at `/_moot/metrics`.

mod collector;
mod span;

pub(crate) use span::CallSpan;

use std::env;
use std::time::Duration;

use moot_record::AccountId;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use collector::Collector;

/// What a resource is called that nobody named.
const USUAL_NAME: &str = "moot";
/// For the last spans, when a node stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go; nowhere by default.
#[derive(Default)]
pub(crate) struct Traces(Option<Sender>);

struct Sender {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl Traces {
    /// What the environment asks for. What it asks for and cannot be had is said, and nothing is sent: a node is not to
    /// stay down for its traces.
    pub(crate) fn of_environment(account: AccountId) -> Self {
        match wanted(|name| env::var(name).ok()).and_then(|wanted| match wanted {
            true => Sender::new(account).map(Some),
            false => Ok(None),
        }) {
            Ok(sender) => Traces(sender),
            Err(why) => {
                tracing::warn!("no traces are sent: {why}");
                Traces::default()
            }
        }
    }

    fn tracer(&self) -> Option<&SdkTracer> {
        self.0.as_ref().map(|sender| &sender.tracer)
    }

    /// Sends what has ended. What begins later is not sent any more.
    pub(crate) async fn end(&self) {
        let Some(sender) = &self.0 else { return };
        let provider = sender.provider.clone();
        // It waits for a thread.
        let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
    }
}

impl Sender {
    fn new(account: AccountId) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::of_this_runtime())
            .build()
            .map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(account))
            .build();
        Ok(Sender { tracer: provider.tracer(USUAL_NAME), provider })
    }
}

/// Who says it: what the environment names, and else this program and its account.
fn resource(account: AccountId) -> Resource {
    let found = Resource::builder().build();
    let told = |name: &'static str| {
        let value = found.get(&Key::from_static_str(name)).map(|value| value.to_string());
        value.is_some_and(|value| !value.is_empty() && !value.starts_with("unknown_service"))
    };
    let usual = [
        ("service.name", USUAL_NAME.to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", account.to_string()),
    ];
    let missing = usual.into_iter().filter(|(name, _)| !told(name));
    Resource::builder().with_attributes(missing.map(|(name, value)| KeyValue::new(name, value))).build()
}

/// Whether the environment asks for traces, or why it cannot have them.
fn wanted(get: impl Fn(&str) -> Option<String>) -> Result<bool, String> {
    let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
    if get("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return Ok(false);
    }
    let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let asked = match get("OTEL_TRACES_EXPORTER").as_deref().map(str::trim) {
        None => endpoints.iter().any(|name| get(name).is_some()),
        Some("none") => false,
        Some("otlp") => true,
        Some(other) => {
            return Err(format!(
                "OTEL_TRACES_EXPORTER is {other:?}; otlp and none are known, and without it an endpoint decides"
            ));
        }
    };
    let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let protocol = protocols.iter().find_map(|name| Some((name, get(name)?)));
    match protocol {
        Some((name, protocol)) if asked && protocol.trim() != "http/protobuf" => Err(format!(
            "{name} is {protocol:?}; only http/protobuf is spoken: say so, and name the collector's port for it, \
             which is 4318 as a rule"
        )),
        _ => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<bool, String> {
        wanted(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_endpoint_asks_for_traces() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(with(&[]), Ok(false));
        assert_eq!(with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(false));
        assert_eq!(with(&[ENDPOINT]), Ok(true));
        assert_eq!(
            with(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")]),
            Ok(true)
        );
        assert_eq!(with(&[("OTEL_TRACES_EXPORTER", "otlp")]), Ok(true), "at the standard's own address");
        assert_eq!(with(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(false));
        assert_eq!(with(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(false));
        assert_eq!(with(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]), Ok(true));
    }

    #[test]
    fn what_is_not_spoken_is_named() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
        let why = with(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        assert!(why.contains("\"grpc\"") && why.contains("http/protobuf") && why.contains("4318"), "{why}");
        let why = with(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "zipkin")]).unwrap_err();
        assert!(why.contains("\"zipkin\"") && why.contains("otlp"), "{why}");
        assert_eq!(with(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Ok(false), "nobody asked");
    }
}
