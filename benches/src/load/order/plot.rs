//! The sweep as a picture: what was ordered, and how soon, over what was offered.

use super::drawing::{Chart, Scale, escaped, round_step};
use super::sweep::Step;

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 440.0;
/// Least and greatest latency that is shown, in ms.
const LATENCIES_MS: (f64, f64) = (5.0, 20_000.0);

/// Readable on a light and on a dark page: the page's own colour shines through.
const STYLE: &str = "\
text{font-family:system-ui,'Helvetica Neue',Arial,sans-serif;fill:#24292f}\
.title{font-size:15px;font-weight:600}.figure{font-size:12px;fill:#57606a}.note{font-size:11px;fill:#57606a}\
.name{font-size:13px;font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}\
.grid{stroke:#d0d7de;fill:none}.axis{stroke:#57606a;fill:none}.dashed{stroke:#57606a;stroke-dasharray:5 5;fill:none}\
.line{fill:none;stroke-width:2.5}.line.one{stroke:#0969da}.line.two{stroke:#bc4c00}\
.point.one,text.one{fill:#0969da}.point.two,text.two{fill:#bc4c00}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.figure,.note{fill:#9198a1}.grid{stroke:#30363d}\
.axis,.dashed{stroke:#9198a1}.line.one{stroke:#58a6ff}.line.two{stroke:#ff9e64}\
.point.one,text.one{fill:#58a6ff}.point.two,text.two{fill:#ff9e64}}";

/// The picture.
pub(crate) fn svg(steps: &[Step], machine: &str) -> String {
    let most = steps.iter().map(|step| step.offered_per_s.max(step.ordered_per_s)).fold(1.0, f64::max);
    let step = round_step(most / 5.0);
    let most = (most / step).ceil() * step;
    let rate = |from, to| Scale { low: 0.0, high: most, from, to, log: false };
    let series = |of: fn(&Step) -> f64| -> Vec<(f64, f64)> {
        steps.iter().map(|step| (step.offered_per_s, of(step))).collect()
    };
    let (top, bottom) = (60.0, HEIGHT - 90.0);

    let mut ordered =
        Chart::new(rate(60.0, 390.0), rate(bottom, top), "ordered and durable, calls/s", "offered, calls/s");
    ordered.dashed((0.0, 0.0), (most, most));
    ordered.line("one", &series(|step| step.ordered_per_s), "ordered", true);

    let (low, high) = LATENCIES_MS;
    let slowest = steps.iter().map(|step| step.p99_ms).fold(low * 20.0, f64::max);
    let high = [100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0]
        .into_iter()
        .find(|n| *n >= slowest)
        .unwrap_or(high);
    let latency = Scale { low, high, from: bottom, to: top, log: true };
    let mut soon =
        Chart::new(rate(480.0, WIDTH - 20.0), latency, "from due to final, ms", "offered, calls/s");
    soon.line("one", &series(|step| step.p50_ms), "p50", true);
    soon.line("two", &series(|step| step.p99_ms), "p99", false);

    let (note, place) = (escaped(machine), HEIGHT - 12.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">\n\
         <title>Calls ordered and durable, and latency, over calls offered a second: four replicas</title>\n\
         <style>{STYLE}</style>\n{}{}<text class=\"note\" x=\"16\" y=\"{place}\">{note}</text>\n</svg>\n",
        ordered.finish(),
        soon.finish(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::report::tests::step;

    #[test]
    fn every_step_is_in_both_charts() {
        let steps = [step(100_000.0, 99_000.0, 12.0, 30.0), step(1_000_000.0, 900_000.0, 50.0, 1e9)];
        let svg = svg(&steps, "2 cores <of something>");
        assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
        assert!(svg.contains("&lt;of something&gt;") && !svg.contains("<of"));
        assert!(svg.contains(">1M<") && svg.contains(">p99<"));
        // What is off the scale stands at its edge, inside the picture.
        for place in svg.split("cy=\"").skip(1) {
            let y: f64 = place.split('"').next().unwrap().parse().unwrap();
            assert!((60.0..=350.0).contains(&y), "{y}");
        }
    }
}
