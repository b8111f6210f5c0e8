//! What `load` prints: a table for people, one JSON object for scripts.

use crate::client::{Measured, histogram};
use crate::counters::Usage;
use crate::scenario::Scenario;
use anyhow::Result;
use serde_json::{Value, json};

/// One scenario at one number of connections, all of its rounds together.
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) connections: usize,
    rounds: Vec<(Measured, Usage)>,
}

impl Row {
    pub(crate) fn new(scenario: Scenario, connections: usize) -> Row {
        Row { scenario, connections, rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, round: Measured, used: Usage) {
        self.rounds.push((round, used));
    }

    /// The ids of calls, the newest last.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &String> {
        self.rounds.iter().flat_map(|(round, _)| &round.calls)
    }

    /// The median of the rounds: one round on a shared machine says little.
    fn requests_per_s(&self) -> f64 {
        let mut all: Vec<f64> = self.rounds.iter().map(|(round, _)| round.requests_per_s).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    }

    /// The lowest and the highest round, as a share of the median.
    fn spread(&self) -> (f64, f64) {
        let all = || self.rounds.iter().map(|(round, _)| round.requests_per_s / self.requests_per_s());
        (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
    }

    /// A quantile over all rounds, in microseconds.
    fn quantile_us(&self, quantile: f64) -> Result<u64> {
        let mut all = histogram()?;
        for (round, _) in &self.rounds {
            all.add(&round.latency_us)?;
        }
        Ok(all.value_at_quantile(quantile))
    }

    /// What the server used for each answer: microseconds of a core, bytes written to the disk.
    fn used_per_answer(&self) -> (f64, f64) {
        let answers = self.rounds.iter().map(|(round, _)| round.answers).sum::<u64>().max(1) as f64;
        let cpu_us: u64 = self.rounds.iter().map(|(_, used)| used.cpu_us).sum();
        let written: u64 = self.rounds.iter().map(|(_, used)| used.written_bytes).sum();
        (cpu_us as f64 / answers, written as f64 / answers)
    }

    /// Throughput as a share of the baseline's at the same number of connections.
    fn ratio(&self, rows: &[Row]) -> f64 {
        let base =
            rows.iter().find(|row| row.scenario == Scenario::Hyper && row.connections == self.connections);
        base.map_or(0.0, |base| self.requests_per_s() / base.requests_per_s())
    }
}

/// `{"scenarios": [{name, connections, requests_per_s, p50_us, p99_us, ratio_to_hyper}]}`.
pub(crate) fn json(rows: &[Row]) -> Result<Value> {
    let mut scenarios = Vec::new();
    for row in rows {
        scenarios.push(json!({
            "name": row.scenario.name(),
            "connections": row.connections,
            "requests_per_s": row.requests_per_s().round(),
            "p50_us": row.quantile_us(0.50)?,
            "p99_us": row.quantile_us(0.99)?,
            "ratio_to_hyper": (row.ratio(rows) * 1000.0).round() / 1000.0,
        }));
    }
    Ok(json!({ "scenarios": scenarios }))
}

/// The same as a table, with what the server used.
pub(crate) fn table(rows: &[Row]) -> Result<String> {
    let mut text = String::from(
        "scenario        connections  requests/s   rounds      p50 us   p99 us  of hyper  server us/call  written B/call\n",
    );
    for row in rows {
        let (cpu_us, written) = row.used_per_answer();
        let (low, high) = row.spread();
        text.push_str(&format!(
            "{:<15} {:>11} {:>11.0}   {low:.2}-{high:.2} {:>8} {:>8} {:>9.3} {cpu_us:>15.1} {written:>15.0}\n",
            row.scenario.name(),
            row.connections,
            row.requests_per_s(),
            row.quantile_us(0.50)?,
            row.quantile_us(0.99)?,
            row.ratio(rows),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scenario: Scenario, rates: [f64; 3]) -> Row {
        let mut row = Row::new(scenario, 64);
        for rate in rates {
            let mut latency_us = histogram().unwrap();
            latency_us.record(500).unwrap();
            let round = Measured { requests_per_s: rate, latency_us, answers: 1, calls: Vec::new() };
            row.add(round, Usage { cpu_us: 20, written_bytes: 300 });
        }
        row
    }

    #[test]
    fn the_json_has_the_promised_shape_and_takes_medians() {
        let rows = [row(Scenario::Hyper, [90.0, 1_000.0, 100.0]), row(Scenario::Typed, [40.0, 50.0, 60.0])];
        let expected = json!({ "scenarios": [
            { "name": "hyper", "connections": 64, "requests_per_s": 100.0, "p50_us": 500, "p99_us": 500, "ratio_to_hyper": 1.0 },
            { "name": "typed", "connections": 64, "requests_per_s": 50.0, "p50_us": 500, "p99_us": 500, "ratio_to_hyper": 0.5 },
        ]});
        assert_eq!(json(&rows).unwrap(), expected);
        assert!(table(&rows).unwrap().lines().nth(2).unwrap().contains("0.500"));
    }
}
