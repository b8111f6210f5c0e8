//! What the node counts, for Prometheus at `/_moot/metrics`.
//!
//! Counters of calls are made once for each status, so that a call costs an addition and no look-up.

use moot_record::Status;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The node's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    calls: Vec<(Status, Counter)>,
    duration: Histogram,
    fuel: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Functions that can be called.
    pub(crate) functions: Gauge,
    /// Functions whose code is in memory.
    pub(crate) loaded: Gauge,
    /// Calls that run or wait.
    pub(crate) running: Gauge,
    /// Workers that have joined.
    pub(crate) workers: Gauge,
    /// Calls that run at them.
    pub(crate) workers_running: Gauge,
    /// Calls that they answered.
    pub(crate) worker_calls: Counter,
    /// Calls that were lost with them.
    pub(crate) worker_calls_lost: Counter,
    /// Height of the last block.
    pub(crate) height: Gauge,
    /// Requests that were refused before anything was recorded.
    pub(crate) refused: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("moot");
        let family = Family::<[(&str, &str); 1], Counter>::default();
        let calls = Status::ALL
            .iter()
            .map(|status| (*status, family.get_or_create(&[("status", status.as_str())]).clone()))
            .collect();
        registry.register("calls", "Calls that got a receipt, by its status", family);
        // 16 us to 17 s.
        let duration = Histogram::new(exponential_buckets(16e-6, 2.0, 21));
        let help = "Time that calls ran";
        registry.register_with_unit("call_duration", help, Unit::Seconds, duration.clone());
        let mut metrics = Metrics {
            calls,
            duration,
            fuel: Counter::default(),
            connections: Gauge::default(),
            functions: Gauge::default(),
            loaded: Gauge::default(),
            running: Gauge::default(),
            workers: Gauge::default(),
            workers_running: Gauge::default(),
            worker_calls: Counter::default(),
            worker_calls_lost: Counter::default(),
            height: Gauge::default(),
            refused: Counter::default(),
            registry,
        };
        let registry = &mut metrics.registry;
        registry.register("fuel", "Fuel that calls used", metrics.fuel.clone());
        registry.register(
            "refused",
            "Requests refused before anything was recorded",
            metrics.refused.clone(),
        );
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("functions", "Functions that can be called", metrics.functions.clone());
        registry.register("functions_loaded", "Functions whose code is in memory", metrics.loaded.clone());
        registry.register("calls_running", "Calls that run or wait for a place", metrics.running.clone());
        registry.register("workers", "Workers that have joined", metrics.workers.clone());
        registry.register(
            "workers_calls_running",
            "Calls that run at joined workers",
            metrics.workers_running.clone(),
        );
        registry.register(
            "workers_calls",
            "Calls that joined workers answered",
            metrics.worker_calls.clone(),
        );
        registry.register(
            "workers_calls_lost",
            "Calls that were lost with a joined worker in their middle",
            metrics.worker_calls_lost.clone(),
        );
        registry.register("height", "Height of the last block", metrics.height.clone());
        metrics
    }

    /// Counts a call that got its receipt.
    pub(crate) fn called(&self, status: Status, fuel: u64, duration_us: u64) {
        if let Some((_, counter)) = self.calls.iter().find(|(s, _)| *s == status) {
            counter.inc();
        }
        self.fuel.inc_by(fuel);
        self.duration.observe(duration_us as f64 / 1e6);
    }

    /// The text that Prometheus scrapes (OpenMetrics).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_status() {
        let metrics = Metrics::new();
        metrics.called(Status::OutOfFuel, 1000, 250);
        metrics.called(Status::OutOfFuel, 500, 250);
        let text = metrics.text();
        assert!(text.contains("moot_calls_total{status=\"out-of-fuel\"} 2"), "{text}");
        assert!(text.contains("moot_calls_total{status=\"ok\"} 0"), "{text}");
        assert!(text.contains("moot_fuel_total 1500"), "{text}");
        assert!(text.contains("moot_call_duration_seconds_count 2"), "{text}");
    }
}
