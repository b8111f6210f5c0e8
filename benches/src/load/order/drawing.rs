//! The little SVG that a plot needs: scales, axes, lines with points.
//!
//! Colours come from classes, so that the picture suits a light and a dark page.

use std::fmt::Write as _;

/// From figures to the picture: linear, or logarithmic for what spans decades.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Where low and high are in the picture.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) log: bool,
}

impl Scale {
    /// The place of a figure; one beyond the scale stands at its end.
    pub(crate) fn at(&self, figure: f64) -> f64 {
        let figure = figure.clamp(self.low, self.high);
        let share = if self.log {
            (figure / self.low).ln() / (self.high / self.low).ln()
        } else {
            (figure - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Where lines are drawn: round figures, about five, or 1, 2, 5 of every decade.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
            let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(decade)));
            return all.filter(|tick| (self.low..=self.high).contains(tick)).collect();
        }
        let step = round_step((self.high - self.low) / 5.0);
        let count = ((self.high - self.low) / step).floor() as usize;
        (0..=count).map(|n| self.low + n as f64 * step).collect()
    }
}

/// The next round figure: 1, 2 or 5 times a power of ten.
pub(crate) fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= raw * 0.999).unwrap_or(raw)
}

/// A figure as an axis shows it: `250k`, `1.2M`, `50`.
pub(crate) fn short(figure: f64) -> String {
    let plain = |figure: f64| {
        let text = format!("{figure:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match figure {
        n if n >= 1e6 => format!("{}M", plain(n / 1e6)),
        n if n >= 1e3 => format!("{}k", plain(n / 1e3)),
        n => plain(n),
    }
}

/// Text, safe inside an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One chart: its scales, and what it has drawn so far.
pub(crate) struct Chart {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    out: String,
}

impl Chart {
    /// A chart with a title, lines across it, and figures at its axes.
    pub(crate) fn new(x: Scale, y: Scale, title: &str, x_name: &str) -> Chart {
        let mut chart = Chart { x, y, out: String::new() };
        let (left, right, bottom, top) = (x.from, x.to, y.from, y.to);
        chart.text(left, top - 16.0, "title", title);
        for tick in y.ticks() {
            let at = y.at(tick);
            chart.element(&format!(r#"<path class="grid" d="M{left:.1} {at:.1}H{right:.1}"/>"#));
            chart.text(left - 8.0, at + 4.0, "figure end", &short(tick));
        }
        for tick in x.ticks() {
            let at = x.at(tick);
            chart.element(&format!(r#"<path class="axis" d="M{at:.1} {bottom:.1}v5"/>"#));
            chart.text(at, bottom + 20.0, "figure middle", &short(tick));
        }
        chart.element(&format!(r#"<path class="axis" d="M{left:.1} {bottom:.1}H{right:.1}"/>"#));
        chart.text((left + right) / 2.0, bottom + 40.0, "figure middle", x_name);
        chart
    }

    fn element(&mut self, element: &str) {
        self.out.push_str(element);
        self.out.push('\n');
    }

    /// Text at a place of the picture.
    pub(crate) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.element(&format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#, escaped(text)));
    }

    /// A line through points, with its name at its end.
    pub(crate) fn line(&mut self, class: &str, points: &[(f64, f64)], name: &str, name_below: bool) {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{letter}{:.1} {:.1}", self.x.at(*x), self.y.at(*y));
        }
        self.element(&format!(r#"<path class="line {class}" d="{path}"/>"#));
        for (x, y) in points {
            let (x, y) = (self.x.at(*x), self.y.at(*y));
            self.element(&format!(r#"<circle class="point {class}" cx="{x:.1}" cy="{y:.1}" r="3.5"/>"#));
        }
        if let Some((x, y)) = points.last() {
            let (x, y) = (self.x.at(*x) - 8.0, self.y.at(*y) + if name_below { 20.0 } else { -10.0 });
            self.text(x, y, &format!("name end {class}"), name);
        }
    }

    /// A dashed line with its name at the middle.
    pub(crate) fn dashed(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (x1, y1) = (self.x.at(from.0), self.y.at(from.1));
        let (x2, y2) = (self.x.at(to.0), self.y.at(to.1));
        self.element(&format!(r#"<path class="dashed" d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"/>"#));
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_put_figures_in_their_places() {
        let linear = Scale { low: 0.0, high: 100.0, from: 300.0, to: 100.0, log: false };
        assert_eq!((linear.at(0.0), linear.at(50.0), linear.at(1000.0)), (300.0, 200.0, 100.0));
        assert_eq!(linear.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let log = Scale { low: 1.0, high: 100.0, from: 0.0, to: 10.0, log: true };
        assert!((log.at(10.0) - 5.0).abs() < 1e-9);
        assert_eq!(log.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn figures_are_short_and_text_is_safe() {
        assert_eq!(
            [50.0, 1_000.0, 250_000.0, 1_200_000.0, 0.5].map(short),
            ["50", "1k", "250k", "1.2M", "0.5"]
        );
        assert_eq!([0.7, 3.0, 120.0, 1.0].map(round_step), [1.0, 5.0, 200.0, 1.0]);
        assert_eq!(escaped("a<b & c"), "a&lt;b &amp; c");
    }
}
