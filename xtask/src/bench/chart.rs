//! The chart of the guide: how many times as long as the fused engine PyTorch and Burn's tensor operations take, by family.

use std::fmt::Write;

use super::results::{Measured, Results};
use super::table::{family, means};

/// The colors of a picture, for readers with a light or with a dark page.
pub(super) struct Theme {
    /// The end of the file name.
    pub(super) name: &'static str,
    background: &'static str,
    text: &'static str,
    faint: &'static str,
    grid: &'static str,
    /// The colors of the bars, in the order of [`BARS`].
    bars: [&'static str; 2],
}

pub(super) const THEMES: [Theme; 2] = [
    Theme {
        name: "light",
        background: "#ffffff",
        text: "#1e1e1e",
        faint: "#555555",
        grid: "#dddddd",
        bars: ["#d55e00", "#0072b2"],
    },
    Theme {
        name: "dark",
        background: "#0d1117",
        text: "#e6e6e6",
        faint: "#a0a0a0",
        grid: "#30363d",
        bars: ["#f08a3c", "#56b4e9"],
    },
];

/// What has a bar: its name, and its place among the ratios of a loss.
const BARS: [(&str, usize); 2] = [("PyTorch", 2), ("Burn's tensor operations", 0)];

/// The picture in pixels, as wide as it is shown in the README.
const WIDTH: f64 = 800.0;
/// From here to there go the bars.
const BARS_FROM: f64 = 150.0;
const BARS_TO: f64 = 740.0;
/// Where the first row begins, and the heights of a row and of a bar.
const TOP: f64 = 108.0;
const ROW: f64 = 30.0;
const BAR: f64 = 11.0;

/// A family, or all losses, with the geometric means of [`BARS`].
struct Row {
    name: String,
    means: [Option<f64>; 2],
    is_total: bool,
}

/// The chart as an SVG file.
pub(super) fn draw(results: &Results, theme: &Theme) -> String {
    let rows = rows(&results.losses);
    let scale = Scale::new(rows.iter().flat_map(|row| row.means).flatten());
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 16.0;
    let title = "Value and gradient: how many times as long as the fused engine";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" style=\"max-width:100%;height:auto\" font-family=\"Open Sans,Segoe UI,Helvetica,Arial,sans-serif\">\n\
         <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{}\"/>\n",
        theme.background
    );
    text(&mut svg, (16.0, 28.0), 16, theme.text, " font-weight=\"600\"", title);
    text(&mut svg, (16.0, 48.0), 12, theme.faint, "", &machine(results));
    let mut x = BARS_FROM;
    for ((name, _), color) in BARS.iter().zip(theme.bars) {
        rect(&mut svg, (x, 62.0), 14.0, color);
        text(&mut svg, (x + 20.0, 72.0), 12, theme.text, "", name);
        x += 120.0;
    }
    for tick in scale.ticks() {
        // The fused engine itself is at 1.
        let (x, width) = (scale.x(tick), if tick == 1.0 { 2.0 } else { 1.0 });
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1},{:.1}V{bottom:.1}\" stroke=\"{}\" stroke-width=\"{width}\"/>",
            TOP - 6.0,
            theme.grid
        );
        text(&mut svg, (x, TOP - 11.0), 11, theme.faint, " text-anchor=\"middle\"", &format!("{tick} x"));
    }
    for (at, row) in rows.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let bold = if row.is_total { " font-weight=\"600\"" } else { "" };
        let style = format!(" text-anchor=\"end\"{bold}");
        text(&mut svg, (BARS_FROM - 12.0, y + 17.0), 13, theme.text, &style, &row.name);
        for (line, (mean, color)) in row.means.iter().zip(theme.bars).enumerate() {
            let Some(mean) = *mean else { continue };
            let y = y + 1.0 + (BAR + 1.0) * line as f64;
            let (one, end) = (scale.x(1.0), scale.x(mean));
            rect(&mut svg, (one.min(end), y), (one - end).abs(), color);
            text(&mut svg, (one.max(end) + 5.0, y + 9.5), 11, theme.text, bold, &format!("{mean:.1}"));
        }
    }
    svg + "</svg>\n"
}

/// The families in the order of the run, then all losses.
fn rows(losses: &[Measured]) -> Vec<Row> {
    let row = |name: String, losses: &[Measured], is_total| {
        let means = means(losses);
        Row { name, means: BARS.map(|(_, column)| means[column]), is_total }
    };
    let groups = losses.chunk_by(|a, b| family(a) == family(b));
    let mut rows: Vec<Row> = groups.map(|group| row(family(&group[0]).replace('_', "-"), group, false)).collect();
    rows.push(row(format!("all {} losses", losses.len()), losses, true));
    rows
}

/// What was measured, where and when.
fn machine(results: &Results) -> String {
    let versions = &results.versions;
    let torch = versions.torch.as_ref().map_or(String::new(), |version| format!(", PyTorch {version}"));
    let (machine, date) = (&results.machine, &results.date);
    let of = format!("Geometric means per family; {}, {} threads", machine.cpu, machine.threads);
    format!("{of}; Burn {}{torch}; {date}", versions.burn)
}

/// A logarithmic axis: a bar begins at 1, and twice as long is the same step everywhere.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The axis for these ratios; it has room for 1 and 2.
    fn new(ratios: impl Iterator<Item = f64>) -> Self {
        let [least, most] =
            ratios.fold([1.0, 2.0], |[least, most]: [f64; 2], ratio| [least.min(ratio), most.max(ratio)]);
        let low = all_ticks().filter(|tick| *tick <= least).last().unwrap_or(least);
        Self { low, high: all_ticks().find(|tick| *tick >= most).unwrap_or(most) }
    }

    /// The place of a ratio in the picture.
    fn x(&self, ratio: f64) -> f64 {
        BARS_FROM + (BARS_TO - BARS_FROM) * (ratio / self.low).ln() / (self.high / self.low).ln()
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (low, high) = (self.low, self.high);
        all_ticks().filter(move |tick| (low..=high).contains(tick))
    }
}

/// 1, 2 and 5, times powers of ten.
fn all_ticks() -> impl Iterator<Item = f64> {
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0].into_iter()
}

fn rect(svg: &mut String, (x, y): (f64, f64), width: f64, color: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"1.5\" fill=\"{color}\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), size: u32, color: &str, style: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ =
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{color}\"{style}>{content}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let loss = |name: &str, tensor: f64, torch: &str| {
            format!(
                r#"{{ "name": "{name}", "size": [4], "classes": null, "copy": 1.0, "copy_reused": 1.0,
                "times": {{ "fused": {{ "flex": 1.0, "ndarray": 1.0 }}, "tensor": {{ "flex": {tensor:?}, "ndarray": 1.0 }},
                           "forward": 1.0 }}, "torch": {torch}, "peaks": [null, null] }}"#
            )
        };
        let torch =
            |eager: f64| format!(r#"{{ "eager_ms": {eager:?}, "compiled_ms": null, "eager_peak_bytes": null }}"#);
        let losses = [
            loss("boxes/ciou", 20.0, &torch(4.0)),
            loss("boxes/giou", 5.0, &torch(9.0)),
            loss("self_supervised/vicreg", 0.8, "null"),
        ];
        let json = format!(
            r#"{{ "machine": {{ "cpu": "A & B", "threads": 2 }}, "date": "2026-01-31",
            "versions": {{ "burn": "0.22.1", "torch": "2.15.0" }}, "losses": [{}] }}"#,
            losses.join(", ")
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_family_has_a_bar_for_each_mean_that_was_measured() {
        let rows = rows(&results().losses);
        let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["boxes", "self-supervised", "all 3 losses"]);
        let rounded = |row: &Row| row.means.map(|mean| mean.map(|mean| (mean * 1e6).round() / 1e6));
        assert_eq!(rounded(&rows[0]), [Some(6.0), Some(10.0)]);
        assert_eq!(rounded(&rows[1]), [None, Some(0.8)]);
        assert_eq!(rounded(&rows[2])[0], Some(6.0));
    }

    #[test]
    fn the_picture_has_the_bars_and_their_labels() {
        for theme in &THEMES {
            let svg = draw(&results(), theme);
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
            // Two bars of boxes, one of a family without PyTorch, two of all, two of the legend, and the background.
            assert_eq!(svg.matches("<rect ").count(), 8, "{svg}");
            for label in
                [">boxes<", ">self-supervised<", ">all 3 losses<", ">6.0<", ">10.0<", ">0.8<", ">1 x<", ">PyTorch<"]
            {
                assert!(svg.contains(label), "{label}: {svg}");
            }
            assert!(svg.contains("A &amp; B, 2 threads; Burn 0.22.1, PyTorch 2.15.0; 2026-01-31<"), "{svg}");
        }
    }

    #[test]
    fn a_bar_ends_at_its_ratio() {
        let scale = Scale::new([6.0, 0.8, 10.0].into_iter());
        assert_eq!((scale.low, scale.high), (0.5, 10.0));
        assert_eq!(scale.ticks().collect::<Vec<_>>(), [0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!((scale.x(0.5), scale.x(10.0)), (BARS_FROM, BARS_TO));
        assert!((scale.x(2.0) - scale.x(1.0) - (scale.x(10.0) - scale.x(5.0))).abs() < 1e-9);
        let nothing = Scale::new(std::iter::empty());
        assert_eq!((nothing.low, nothing.high), (1.0, 2.0));
    }
}
