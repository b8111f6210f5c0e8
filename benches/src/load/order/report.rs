//! What `load --order` prints: a table for people, one JSON object for scripts.

use super::idle::Idle;
use super::singles::Singles;
use super::sweep::Step;
use serde_json::{Value, json};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) steps: Vec<Step>,
    pub(crate) singles: Vec<Singles>,
    pub(crate) idle: Option<Idle>,
}

/// A figure with as many decimals as it deserves.
fn round(figure: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (figure * scale).round() / scale
}

/// `{"steps": [{offered_per_s, ordered_per_s, p50_ms, p99_ms, ...}], "singles": [...], "idle": {...}}`.
pub(crate) fn json(findings: &Findings, machine: &str) -> Value {
    let steps = findings.steps.iter().map(|step| {
        json!({
            "offered_per_s": step.offered_per_s.round(),
            "ordered_per_s": step.ordered_per_s.round(),
            "p50_ms": round(step.p50_ms, 1),
            "p99_ms": round(step.p99_ms, 1),
            "sent_per_s": step.sent_per_s.round(),
            "replicas_cpu": round(step.replicas_cpu, 2),
            "clients_cpu": round(step.clients_cpu, 2),
            "written_mb_per_s": step.written_mb_per_s.round(),
            "refused_bundles": step.refused,
        })
    });
    let mut object = json!({ "steps": steps.collect::<Vec<_>>(), "machine": machine });
    if !findings.singles.is_empty() {
        let singles = findings.singles.iter().map(|row| {
            json!({
                "connections": row.connections,
                "calls_per_s": row.calls_per_s.round(),
                "p50_ms": round(row.p50_ms, 1),
                "p99_ms": round(row.p99_ms, 1),
            })
        });
        object["singles"] = singles.collect();
    }
    if let Some(idle) = &findings.idle {
        object["idle"] = json!({
            "seconds": round(idle.seconds, 1),
            "cpu": round(idle.cpu, 4),
            "grown_bytes": idle.grown_bytes,
            "written_bytes": idle.written_bytes,
            "blocks": idle.blocks,
        });
    }
    object
}

/// The same for people.
pub(crate) fn table(findings: &Findings) -> String {
    let mut text = String::new();
    if !findings.steps.is_empty() {
        text.push_str(
            "calls of 128 bytes in client-signed bundles, 4 replicas; final: answered by the gateway they came in at\n\
             offered/s   ordered/s   p50 ms   p99 ms  replicas' cores  clients' cores  written MB/s  refused\n",
        );
    }
    for step in &findings.steps {
        text.push_str(&format!(
            "{:>9.0} {:>11.0} {:>8.1} {:>8.1} {:>16.2} {:>15.2} {:>13.0} {:>8}\n",
            step.offered_per_s,
            step.ordered_per_s,
            step.p50_ms,
            step.p99_ms,
            step.replicas_cpu,
            step.clients_cpu,
            step.written_mb_per_s,
            step.refused,
        ));
    }
    for row in &findings.singles {
        text.push_str(&format!(
            "HTTP calls, final, {:>2} at a time: {:>6.0}/s, p50 {:.1} ms, p99 {:.1} ms\n",
            row.connections, row.calls_per_s, row.p50_ms, row.p99_ms
        ));
    }
    if let Some(idle) = &findings.idle {
        text.push_str(&format!(
            "idle for {:.0} s: {:.1}% of a core, {} KiB more on the disk, {} KiB written, {} blocks\n",
            idle.seconds,
            idle.cpu * 100.0,
            idle.grown_bytes / 1024,
            idle.written_bytes / 1024,
            idle.blocks
        ));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn step(offered: f64, ordered: f64, p50_ms: f64, p99_ms: f64) -> Step {
        Step {
            offered_per_s: offered,
            sent_per_s: offered,
            ordered_per_s: ordered,
            p50_ms,
            p99_ms,
            replicas_cpu: 1.234,
            clients_cpu: 0.1,
            written_mb_per_s: 100.4,
            refused: 3,
        }
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let findings = Findings {
            steps: vec![step(50_000.0, 49_999.6, 12.34, 20.06)],
            singles: vec![Singles { connections: 64, calls_per_s: 1234.5, p50_ms: 9.99, p99_ms: 30.0 }],
            idle: Some(Idle { seconds: 30.0, cpu: 0.021, grown_bytes: -4096, written_bytes: 9, blocks: 30 }),
        };
        let json = json(&findings, "m");
        let first = &json["steps"][0];
        assert_eq!((&first["offered_per_s"], &first["ordered_per_s"]), (&json!(50_000.0), &json!(50_000.0)));
        assert_eq!((&first["p50_ms"], &first["p99_ms"]), (&json!(12.3), &json!(20.1)));
        assert_eq!((&json["singles"][0]["connections"], &json["idle"]["cpu"]), (&json!(64), &json!(0.021)));
        let table = table(&findings);
        assert_eq!(table.lines().count(), 5, "{table}");
        assert!(table.contains("2.1% of a core") && table.contains("1.23"), "{table}");
        assert!(super::json(&Findings::default(), "m").get("idle").is_none());
    }
}
