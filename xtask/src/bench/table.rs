//! The tables of the benchmark: all figures for the terminal, and a selection for the guide.

use super::results::{Measured, Results};

/// Every loss with all its figures, and the mean of each family.
pub(super) fn full(results: &Results) -> String {
    let mut text = String::from(
        "| loss | size | ms | copy | tensor, Flex | tensor, NdArray | PyTorch | compiled | MB | MB, tensor |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for of in &results.losses {
        let megabytes = of.peaks.map(|peak| peak.map_or(String::new(), |bytes| format!("{:.0}", bytes as f64 / 1e6)));
        let first = [
            of.name.clone(),
            size(&of.size, of.classes),
            format!("{:.1}", of.flex()),
            format!("{:.2}", of.copy / of.flex()),
        ];
        text.push_str(&row([&first[..], &of.ratios().map(times), &megabytes].concat()));
    }
    let mut mean = |name: String, losses: &[Measured]| {
        let none = String::new;
        let cells = [&[name, none(), none(), none()][..], &means(losses).map(times), &[none(), none()]].concat();
        text.push_str(&row(cells));
    };
    for group in results.losses.chunk_by(|a, b| family(a) == family(b)) {
        mean(format!("*mean of {}*", family(&group[0])), group);
    }
    mean("**geometric mean of all**".to_owned(), &results.losses);
    text
}

/// The table of the guide: the losses that are `shown`, and the mean of all.
pub(super) fn guide(results: &Results, shown: &[String]) -> String {
    let mut text = String::from(
        "| loss | size | fused, Flex | copy | Flex | NdArray | PyTorch | compiled |\n|---|---|---|---|---|---|---|---|\n",
    );
    for of in shown.iter().filter_map(|name| results.losses.iter().find(|of| of.name == *name)) {
        // In these families matrix products take most of the time, so a comparison with a copy says nothing.
        let copy = if matches!(family(of), "metric" | "heads") { String::new() } else { milliseconds(of.copy) };
        let first = [format!("`{}`", of.name), size(&of.size, of.classes), milliseconds(of.flex()), copy];
        text.push_str(&row([first, of.ratios().map(times)].concat()));
    }
    let name = format!("**geometric mean of all {}**", results.losses.len());
    let bold = means(&results.losses).map(times).map(|mean| if mean.is_empty() { mean } else { format!("**{mean}**") });
    text.push_str(&row([[name, String::new(), String::new(), String::new()], bold].concat()));
    text
}

/// A row of a Markdown table.
fn row(cells: Vec<String>) -> String {
    let cells = cells.into_iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {cell} |") });
    format!("|{}\n", cells.collect::<String>())
}

/// The losses in the first column of the benchmark's table in the guide.
pub(super) fn shown(page: &str) -> Vec<String> {
    let rows =
        page.lines().skip_while(|line| !line.starts_with("| loss | size |")).take_while(|line| line.starts_with('|'));
    let name = |row: &str| Some(row.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    rows.filter_map(name).collect()
}

/// The family of a loss.
pub(super) fn family(of: &Measured) -> &str {
    of.name.split_once('/').map_or(&*of.name, |(family, _)| family)
}

/// `4 x 128^3`, `1024 x 512, 64 classes`: without axes of one element, and equal axes as a power.
pub(super) fn size(size: &[usize], classes: Option<usize>) -> String {
    let axes: Vec<usize> = size.iter().copied().filter(|&length| length != 1).collect();
    let axes = axes.chunk_by(|a, b| a == b).map(|group| match group {
        [length] => length.to_string(),
        group => format!("{}^{}", group[0], group.len()),
    });
    let axes = axes.collect::<Vec<_>>().join(" x ");
    classes.map_or(axes.clone(), |classes| format!("{axes}, {classes} classes"))
}

/// A time with two digits, or with all digits before the decimal point.
fn milliseconds(time: f64) -> String {
    if time < 9.95 { format!("{time:.1} ms") } else { format!("{time:.0} ms") }
}

/// A ratio as text; empty if it was not measured.
fn times(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{ratio:.1}"))
}

/// The geometric mean of each column, over the losses that have a value there.
pub(super) fn means(losses: &[Measured]) -> [Option<f64>; 4] {
    [0, 1, 2, 3].map(|column: usize| {
        let logarithms: Vec<f64> = losses.iter().filter_map(|of| of.ratios()[column]).map(f64::ln).collect();
        (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "machine": { "cpu": "Some CPU @ 2.0 GHz", "threads": 2 }, "date": "2026-01-31",
        "versions": { "burn": "0.22.1", "torch": null },
        "losses": [
            { "name": "segmentation/dice", "size": [4, 1, 128, 128, 128], "classes": null, "copy": 15.0, "copy_reused": 9.0,
              "times": { "fused": { "flex": 17.0, "ndarray": 20.0 }, "tensor": { "flex": 170.0, "ndarray": 100.0 }, "forward": 1.0 },
              "torch": { "eager_ms": 34.0, "compiled_ms": null, "eager_peak_bytes": null }, "peaks": [1500000, null] },
            { "name": "heads/arcface", "size": [1024, 512], "classes": 10000, "copy": 1.0, "copy_reused": 1.0,
              "times": { "fused": { "flex": 2.0, "ndarray": 2.0 }, "tensor": { "flex": 5.0, "ndarray": 6.0 }, "forward": 1.0 },
              "torch": null, "peaks": [null, null] }
        ] }"#;

    fn results() -> Results {
        serde_json::from_str(JSON).unwrap()
    }

    #[test]
    fn the_table_of_the_guide_has_the_losses_that_it_has_now() {
        let old = "text\n\n| other |\n\n| loss | size | fused |\n|---|---|---|\n| `heads/arcface` | |\n| `segmentation/dice` | |\n\
                   | `gone/loss` |\n| **mean** |\n\n| `no/row` |\n";
        let expected = "| loss | size | fused, Flex | copy | Flex | NdArray | PyTorch | compiled |\n\
                        |---|---|---|---|---|---|---|---|\n\
                        | `heads/arcface` | 1024 x 512, 10000 classes | 2.0 ms | | 2.5 | 3.0 | | |\n\
                        | `segmentation/dice` | 4 x 128^3 | 17 ms | 15 ms | 10.0 | 5.0 | 2.0 | |\n\
                        | **geometric mean of all 2** | | | | **5.0** | **3.9** | **2.0** | |\n";
        assert_eq!(guide(&results(), &shown(old)), expected);
    }

    #[test]
    fn the_full_table_has_the_means_of_families() {
        let text = full(&results());
        assert!(
            text.contains("\n| segmentation/dice | 4 x 128^3 | 17.0 | 0.88 | 10.0 | 5.0 | 2.0 | | 2 | |\n"),
            "{text}"
        );
        assert!(text.contains("\n| *mean of heads* | | | | 2.5 | 3.0 | | | | |\n"), "{text}");
        assert!(text.contains("\n| **geometric mean of all** | | | | 5.0 | 3.9 | 2.0 | | | |\n"), "{text}");
    }
}
