//! The page of a report: a card for each experiment, tables of figures, plots. It suits light and dark screens.

use std::fmt::Write;

use clap::ValueEnum;

use crate::config::Experiment;
use crate::runs::RunResult;

const STYLE: &str = include_str!("page.css");

/// An experiment with its results, and what stands below the table of its figures.
pub(crate) struct Section<'a> {
    pub(crate) experiment: Experiment,
    pub(crate) results: Vec<&'a RunResult>,
    pub(crate) text: &'a str,
    pub(crate) plots: String,
}

/// The whole page; `end` comes after all sections.
pub(crate) fn page(device: &str, is_quick: bool, sections: &[Section], end: &str) -> String {
    let all = || sections.iter().flat_map(|section| section.results.iter().copied());
    let title = format!("Experiments on {}", escape(device));
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>burn-losses: {title}</title><style>{STYLE}</style><body><h1>{title}</h1><p class=\"lead\">"
    );
    if is_quick {
        page.push_str("A few steps of each training only: the figures are not those of a full run. ");
    }
    let _ = write!(
        page,
        "{}, {}, {}. {}.</p><p><a href=\"report.json\">All numbers</a> · \
         <a href=\"trajectories.json\">The loss of every step</a></p><nav class=\"cards\">",
        counted(sections.len(), "experiment"),
        counted(all().count(), "training"),
        duration(all()),
        verdict(all())
    );
    for section in sections {
        let _ = write!(
            page,
            "<a class=\"card\" href=\"#{0}\"><b>{0}</b><span>{1}</span><small>{2}, {3}. {4}</small></a>",
            section.experiment,
            escape(&about(section.experiment)),
            counted(section.results.len(), "training"),
            duration(section.results.iter().copied()),
            verdict(section.results.iter().copied())
        );
    }
    page.push_str("</nav>");
    for section in sections {
        let Section { experiment, results, text, plots } = section;
        let figures = figures(results);
        let _ = write!(page, "<section id=\"{experiment}\"><h2>{experiment}</h2>{text}{figures}{plots}</section>");
    }
    page + end + "</body></html>\n"
}

/// What an experiment is about, as its option says.
fn about(experiment: Experiment) -> String {
    let value = experiment.to_possible_value();
    value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
}

/// The figures, with a row for each training and a column for each figure.
fn figures(results: &[&RunResult]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for figure in results.iter().flat_map(|result| &result.outcome.figures) {
        if !names.contains(&figure.name) {
            names.push(figure.name);
        }
    }
    let heads = ["loss"].iter().chain(&names).chain(&["seconds", "expected"]);
    let heads: String = heads.map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let mut html = format!("<div class=\"wide\"><table><thead><tr>{heads}</tr></thead><tbody>");
    for result in results {
        let missed: String = result.missed.iter().map(|text| format!("<small>{}</small>", escape(text))).collect();
        let _ = write!(
            html,
            "<tr><td><code>{}</code><small>{}</small></td>",
            escape(&result.config),
            escape(&result.title)
        );
        for name in &names {
            let figure = result.outcome.figures.iter().find(|figure| figure.name == *name);
            let _ = write!(html, "<td>{}</td>", figure.map_or(String::new(), |figure| digits(figure.value)));
        }
        let class = if result.missed.is_empty() { "met" } else { "missed" };
        let _ =
            write!(html, "<td>{:.1}</td><td class=\"{class}\">{}{missed}</td></tr>", result.seconds, result.verdict());
    }
    html + "</tbody></table></div>"
}

/// A number with four digits.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let places = (3 - value.abs().log10().floor() as i32).clamp(0, 8) as usize;
    format!("{value:.places$}").replace('-', "\u{2212}")
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn duration<'a>(results: impl Iterator<Item = &'a RunResult>) -> String {
    let seconds: f64 = results.map(|result| result.seconds).sum();
    if seconds < 120.0 { format!("{seconds:.0} seconds") } else { format!("{:.0} minutes", seconds / 60.0) }
}

/// How many of the expected figures were reached.
fn verdict<'a>(results: impl Iterator<Item = &'a RunResult>) -> String {
    let (checked, missed) =
        results.fold((0, 0), |(checked, missed), result| (checked + result.checked, missed + result.missed.len()));
    match (checked, missed) {
        (0, _) => "No figure was checked".to_string(),
        (_, 0) => format!("<span class=\"met\">All {checked} expectations are met</span>"),
        _ => format!("<span class=\"missed\">{missed} of {checked} expectations are missed</span>"),
    }
}

/// A picture. `class` is `plot` if a dark page may turn its colors over.
pub(crate) fn image(file: &str, class: &str) -> String {
    format!("<img class=\"{class}\" src=\"plots/{file}\" alt=\"{file}\" loading=\"lazy\">")
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{Figure, Outcome};

    fn result(config: &str, missed: &[&str]) -> RunResult {
        let figures = vec![Figure { name: "recall <1>", value: 0.123456 }];
        RunResult {
            experiment: Experiment::Images,
            config: config.to_string(),
            title: "a & b".to_string(),
            loss: serde_json::Value::Null,
            expected: Vec::new(),
            checked: 2,
            missed: missed.iter().map(ToString::to_string).collect(),
            seconds: 1.5,
            outcome: Outcome { figures, ..Outcome::default() },
        }
    }

    #[test]
    fn a_page_has_cards_and_figures() {
        let (one, other) = (result("one", &[]), result("other", &["recall is low"]));
        let section = Section {
            experiment: Experiment::Images,
            results: vec![&one, &other],
            text: "<p>Text.</p>",
            plots: image("a.svg", "plot"),
        };
        let page = page("a <device>", false, &[section], "<p>end</p>");
        for part in [
            "Experiments on a &lt;device&gt;",
            "1 experiment, 2 trainings, 3 seconds. <span class=\"missed\">1 of 4 expectations are missed</span>",
            "href=\"#images\"",
            "Ten kinds of clothes",
            "<section id=\"images\">",
            "<th scope=\"col\">recall &lt;1&gt;</th>",
            "<td>0.1235</td>",
            "a &amp; b",
            "<small>recall is low</small>",
            "plots/a.svg",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(page.ends_with("<p>end</p></body></html>\n"));
    }

    #[test]
    fn digits_by_hand() {
        assert_eq!(
            [0.0, 0.5, 169.80162, 2311.1, -0.4595].map(digits),
            ["0", "0.5000", "169.8", "2311", "\u{2212}0.4595"]
        );
    }
}
