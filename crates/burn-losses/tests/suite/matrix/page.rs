//! The page of the guide that says what was compared with what, and how far off it was.

use super::cells::{Form, Path, Reason, TYPES};
use super::record::{Figures, OnDevice, Record, column, name};
use super::{keep, laws, places};
use crate::repository::repository;
use crate::{devices, golden};
use burn_losses::{LossInfo, registry};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const PAGE: &str = "docs/src/trust.md";

/// The largest figures of a loss on a device, for a line of a terminal.
pub(super) fn in_short(figures: &Figures) -> String {
    let columns = figures.cells.iter().map(|(column, errors)| format!("{column} {} ({})", most(errors), errors.3));
    columns.collect::<Vec<_>>().join(", ")
}

/// How many golden cases each oracle of each loss has.
fn oracles() -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut oracles = BTreeMap::<_, BTreeMap<_, usize>>::new();
    for (family, kind, content) in golden::files() {
        let of_loss = oracles.entry(format!("{family}/{kind}")).or_default();
        for case in content["cases"].as_array().expect("cases") {
            *of_loss.entry(case["oracle"].as_str().expect("an oracle").to_owned()).or_default() += 1;
        }
    }
    oracles
}

/// A row of a table.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
fn head(cells: &[String]) -> String {
    format!("\n{}|{}\n", row(cells.iter().cloned()), "---|".repeat(cells.len()))
}

fn link(info: &LossInfo) -> String {
    format!("[`{0}`](losses/{1}.md#{0})", info.kind, info.family)
}

/// The largest of three errors.
pub(super) fn most((value, unreduced, gradient, _): &(f64, f64, f64, Form)) -> f64 {
    value.max(*unreduced).max(*gradient)
}

/// A figure of a column, or why it has none.
fn of_column(figures: &Figures, column: &str) -> String {
    match figures.cells.get(column) {
        Some(errors) => most(errors).to_string(),
        None => {
            let is_whole = |name: &String| name == column;
            let reason = figures.not_run.iter().find(|(_, names)| names.iter().any(is_whole));
            reason.map_or(Reason::LeftOut, |(reason, _)| *reason).to_string()
        }
    }
}

/// Both paths of a type on a device: the kernels, then tensor operations.
fn of_type(device: &OnDevice, figures: Option<&Figures>, dtype: &str) -> String {
    let Some(figures) = figures else { return Reason::LeftOut.to_string() };
    let kernels = if device.absent.contains_key(Path::Fused.name()) { Path::Fusion } else { Path::Fused };
    [kernels, Path::Tensor].map(|path| of_column(figures, &column(dtype, path))).join(" / ")
}

/// The largest error of a form on all devices, or why it has none.
fn of_form(figures: &[&Figures], form: Form) -> String {
    let errors = figures.iter().filter_map(|figures| figures.forms.get(&form));
    if let Some(most) = errors.copied().reduce(f64::max) {
        return most.to_string();
    }
    let reasons = figures.iter().flat_map(|figures| &figures.not_run);
    let reason = reasons.filter(|(reason, _)| **reason != Reason::LeftOut);
    let own = reason.clone().find(|(_, names)| names.contains(&form.to_string()));
    own.map_or(Reason::LeftOut, |(reason, _)| *reason).to_string()
}

/// The cells of single forms that did not run.
fn single_cells(record: &Record, info: &LossInfo) -> BTreeMap<(Reason, String), Vec<String>> {
    let mut cells = BTreeMap::<_, Vec<String>>::new();
    for (place, device) in &record.devices {
        for (reason, names) in device.losses.get(&name(info)).into_iter().flat_map(|figures| &figures.not_run) {
            for (column, form) in names.iter().filter_map(|name| name.rsplit_once(' ')) {
                let is_form = Form::ALL.iter().any(|other| other.to_string() == form);
                if is_form && *reason != Reason::Oracle {
                    cells.entry((*reason, form.to_owned())).or_default().push(format!("{place} {column}"));
                }
            }
        }
    }
    cells
}

fn of_family(text: &mut String, record: &Record, losses: &[LossInfo]) {
    let oracles = oracles();
    let title = losses[0].family;
    write!(text, "\n## `{title}`\n").expect("a string");
    text.push_str(&head(&["Loss", "Golden cases, and the oracle of each"].map(str::to_owned)));
    for info in losses {
        let of_loss = &oracles[&name(info)];
        let sources: Vec<_> = of_loss.iter().map(|(oracle, cases)| format!("{cases}: {oracle}")).collect();
        let all: usize = of_loss.values().sum();
        text.push_str(&row([link(info), format!("{all}. {}", sources.join("; "))]));
    }

    let columns: Vec<_> = record
        .devices
        .iter()
        .flat_map(|(place, device)| {
            let types = TYPES.iter().filter(|(name, _)| !device.absent.contains_key(*name));
            types.map(move |(name, _)| (place, device, *name))
        })
        .collect();
    let heads = columns.iter().map(|(place, _, dtype)| format!("{place} {dtype}"));
    text.push_str(&head(&[String::from("Kernels / tensors")].into_iter().chain(heads).collect::<Vec<_>>()));
    for info in losses {
        let figures = columns.iter().map(|(_, device, dtype)| of_type(device, device.losses.get(&name(info)), dtype));
        text.push_str(&row([format!("`{}`", info.kind)].into_iter().chain(figures)));
    }

    let forms = Form::ALL.map(|form| format!("`{form}`"));
    text.push_str(&head(&[String::from("By form")].into_iter().chain(forms).collect::<Vec<_>>()));
    for info in losses {
        let figures: Vec<_> = record.devices.values().filter_map(|device| device.losses.get(&name(info))).collect();
        let forms = Form::ALL.map(|form| of_form(&figures, form));
        text.push_str(&row([format!("`{}`", info.kind)].into_iter().chain(forms)));
    }

    let mut single = BTreeMap::<_, Vec<_>>::new();
    for info in losses {
        for ((reason, form), columns) in single_cells(record, info) {
            single.entry((reason, form, columns)).or_default().push(format!("`{}`", info.kind));
        }
    }
    if !single.is_empty() {
        text.push_str("\nThese cells did not run either:\n\n");
    }
    for ((reason, form, columns), kinds) in single {
        let (kinds, columns) = (kinds.join(", "), columns.join(", "));
        writeln!(text, "- `{reason}`, `{form}` on {columns}: {kinds}.").expect("a string");
    }
}

/// The text of the page.
fn page(record: &Record) -> String {
    let registry = registry();
    let cases: usize = oracles().values().flat_map(BTreeMap::values).sum();
    let ran: usize = record.devices.values().flat_map(|device| device.losses.values()).map(|figures| figures.ran).sum();
    let tolerance = |at: usize| devices::cpu()[at].tolerance;
    let mut text = format!(
        "# What was compared with what\n\n\
         Every loss is compared twice, and this page says with what, where, and how far off it was.\n\n\
         1. **With an oracle.** {cases} golden cases have values, unreduced values and gradients of another library, of the formula of \
         a paper in f64, or of mpmath in 60 digits. Tensor operations and kernels on Flex and on NdArray agree with them within \
         {f64:.0e} in f64, and within {f32:.0e} in f32, relative to the largest number of a tensor. Every change is tested so.\n\
         2. **With itself, in every way in which it can be computed.** {ran} cells of a matrix are compared with tensor operations in \
         f64 on Flex, from the same rounded inputs. The figures below are from there; [trust.json](trust.json) has them with the errors \
         of values, unreduced values and gradients apart.\n\n\
         `cargo xtask parity` measures the figures again, and writes both files.\n\n\
         ## The matrix\n\n\
         Each cell is a loss with its default config on a device, on a path, in a type and in a form. It is computed three times: \
         with the reductions mean and sum, whose value is multiplied by {upstream}, and without a reduction, where each value is \
         multiplied by another number in [-2, 2]. So no upstream gradient is 1.\n",
        f64 = tolerance(0),
        f32 = tolerance(1),
        upstream = super::run::UPSTREAM,
    );
    text.push_str(&head(&["Device", "Computed by"].map(str::to_owned)));
    for (place, device) in &record.devices {
        text.push_str(&row([format!("`{place}`"), device.machine.clone()]));
    }
    text.push_str(&head(&["Path", "What computes"].map(str::to_owned)));
    for path in Path::ALL {
        text.push_str(&row([format!("`{}`", path.name()), path.about().to_owned()]));
    }
    text.push_str(&head(&["Form", "The batch"].map(str::to_owned)));
    for form in Form::ALL {
        text.push_str(&row([format!("`{form}`"), form.about().to_owned()]));
    }
    write!(
        text,
        "\n## The unit\n\n\
         An error is the largest difference of a tensor, divided by epsilon times the largest number of the tensor. Epsilon is that of \
         the type that the numbers come out in: 2^-52 in f64, 2^-23 in f32, 2^-10 in f16, 2^-7 in bf16. Of f16 and bf16, the values come \
         out in f32, and the gradients in the half type. The best possible error is 0.5. A tensor whose largest number is small counts \
         as one with a number of {floor}: as a slope, times the upstream gradient and divided by the number of values if they are averaged. \
         For a reduced value the largest number is the sum of the magnitudes that it adds up, if that is more. No unit is less than \
         the distance of the numbers of the type near 0, which is 2^-24 in f16.\n\n\
         Some losses are ill-conditioned where they are steep: a logit that is 64 cosines, or the variance of a window of nearly equal \
         pixels. The last place of an input moves the result by many units then, and no way to compute it can do better. The inputs are \
         in about [-3, 3].\n\n\
         ## Cells that do not run\n",
        floor = super::run::FLOOR,
    )
    .expect("a string");
    text.push_str(&head(&["Word", "Why"].map(str::to_owned)));
    for reason in Reason::ALL {
        text.push_str(&row([format!("`{reason}`"), reason.sentence().to_owned()]));
    }
    text.push_str("\nOn whole devices these do not run, for every loss:\n\n");
    for (place, device) in &record.devices {
        for (part, reason) in &device.absent {
            writeln!(text, "- `{reason}`: {part} on {place}.").expect("a string");
        }
    }
    text.push_str(
        "\n## Laws\n\n\
         These tests go through every loss that they apply to, with every field at other values than the default, on the CPU devices \
         or on all. Every change is tested with them.\n",
    );
    text.push_str(&head(&["Law", "What holds"].map(str::to_owned)));
    for (law, documentation) in laws::of_every_loss() {
        assert!(!documentation.is_empty(), "{law} does not say what holds: write it into its documentation");
        text.push_str(&row([format!("`{law}`"), documentation]));
    }
    for losses in registry.chunk_by(|a, b| a.family == b.family) {
        of_family(&mut text, record, losses);
    }
    text
}

/// Run with `BURN_LOSSES_WRITE=1` to write the page; the losses without figures are measured first.
#[test]
fn generated_page_of_trust() {
    let Some(repository) = repository() else { return };
    let path = repository.join(PAGE);
    let is_write = std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1");
    let is_missing = |place: &str, record: &Record, info: &LossInfo| {
        record.devices.get(place).is_none_or(|device| !device.losses.contains_key(&name(info)))
    };
    for place in ["flex", "ndarray"] {
        let record = Record::read();
        if is_write {
            keep(&places(&[place]), &Form::ALL, |info| is_missing(place, &record, info));
        }
        let record = Record::read();
        let missing: Vec<_> = registry().iter().filter(|info| is_missing(place, &record, info)).map(name).collect();
        assert!(missing.is_empty(), "no figures on {place}, run `cargo xtask generate`: {missing:?}");
    }
    let text = page(&Record::read());
    if is_write {
        fs::write(&path, text).expect("a writable page");
    } else {
        let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(written == text, "{PAGE} is old: run `cargo xtask generate`");
    }
}

/// The record has no loss that is gone.
#[test]
fn figures_are_of_registered_losses() {
    let registry: Vec<_> = registry().iter().map(name).collect();
    for (place, device) in Record::read().devices {
        let gone: Vec<_> = device.losses.into_keys().filter(|loss| !registry.contains(loss)).collect();
        assert!(gone.is_empty(), "docs/src/trust.json has {gone:?} on {place}");
    }
}
