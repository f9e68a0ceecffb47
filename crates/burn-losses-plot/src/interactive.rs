//! One page that shows every loss, with a slider or a list for each of its fields.
//!
//! Every number on the page was computed by the library: for each field there is a table of curves, one for each of some values,
//! and the page interpolates between two of them.

use crate::error::PlotError;
use crate::families::sample_curves;
use crate::panel::Curve;
use crate::probe::fields;
use crate::sweep::with;
use burn_losses::config::Field;
use burn_losses::{LossConfig, LossInfo};
use serde_json::{Value, json};

/// The page without its data.
const PAGE: &str = include_str!("interactive.html");
/// The place of the data.
const DATA: &str = "\"DATA\"";
/// At most this many points of a curve are on the page.
const POINTS: usize = 81;

/// The page of these losses, as HTML: one file that needs no server and no network.
///
/// ```
/// use burn_losses::registry;
///
/// let focal = registry().into_iter().filter(|info| info.kind == "huber").collect::<Vec<_>>();
/// let page = burn_losses_plot::interactive(&focal)?;
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), burn_losses_plot::PlotError>(())
/// ```
pub fn interactive(losses: &[LossInfo]) -> Result<String, PlotError> {
    let losses = losses.iter().map(of_loss).collect::<Result<Vec<_>, _>>()?;
    // Text of the library must not end the script.
    let data = json!({ "losses": losses }).to_string().replace("</", "<\\/");
    Ok(PAGE.replacen(DATA, &data, 1))
}

fn of_loss(info: &LossInfo) -> Result<Value, PlotError> {
    let config = LossConfig::example(info.family, info.kind)?;
    let own = sample_curves(&config)?;
    let fields: Vec<_> = info.fields.iter().filter_map(|field| of_field(&config, field, &own.curves)).collect();
    Ok(json!({
        "family": info.family,
        "kind": info.kind,
        "summary": info.summary,
        "x": own.x,
        "gradient": own.gradient,
        "note": own.notes.join("; "),
        "curves": of_curves(&own.curves),
        "fields": fields,
    }))
}

/// A field with its values, and the curves of each; `None` if no value changes a curve, or if it has only one.
fn of_field(config: &LossConfig, field: &Field, own: &[Curve]) -> Option<Value> {
    let all = fields(config);
    let default = all.get(field.name)?;
    let is_number = default.is_number();
    let mut values: Vec<Value> = if is_number { numbers(default) } else { words(field, default) };
    if is_number {
        values.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    let mut shown: Vec<(Value, Vec<Curve>)> = Vec::new();
    for value in values {
        // Values that are not allowed are left out.
        let curves =
            with(config, field.name, &value).and_then(|config| sample_curves(&config).ok()).map(|sample| sample.curves);
        let is_alike = |curves: &Vec<Curve>| {
            curves.len() == own.len() && curves.iter().zip(own).all(|(a, b)| a.at.len() == b.at.len())
        };
        if let Some(curves) = curves.filter(is_alike) {
            shown.push((value, curves));
        }
    }
    let differs = |(_, curves): &(_, Vec<Curve>)| curves.iter().zip(own).any(|(a, b)| !a.is_like(b));
    if !shown.iter().any(differs) {
        return None;
    }
    let at = shown.iter().position(|(value, _)| value == default)?;
    let (values, tables): (Vec<_>, Vec<_>) = shown.iter().map(|(value, curves)| (value, of_curves(curves))).unzip();
    Some(json!({
        "name": field.name,
        "summary": field.summary,
        "number": is_number,
        // There is nothing between two whole numbers.
        "whole": default.is_u64(),
        "values": values,
        "default": at,
        "tables": tables,
    }))
}

/// Numbers around a default; not all of them have to be allowed.
fn numbers(default: &Value) -> Vec<Value> {
    if let Some(whole) = default.as_u64() {
        let mut values: Vec<u64> = [0, 1, 2, 3, 5, 10].into_iter().chain([whole, 2 * whole]).collect();
        values.sort_unstable();
        values.dedup();
        return values.into_iter().map(Value::from).collect();
    }
    let default = number(default);
    let near = [0.25, 0.5, 1.0, 2.0, 4.0].map(|factor| factor * default);
    let mut values = [near.to_vec(), vec![0.0, 0.1, 0.5, 0.9, 1.0, 2.0, 5.0]].concat();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.into_iter().map(Value::from).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

/// The default and the other words of a choice, or yes and no.
fn words(field: &Field, default: &Value) -> Vec<Value> {
    let mut values = vec![default.clone()];
    for sample in &field.samples {
        let Ok(value) = serde_json::to_value(sample) else { continue };
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Curves, with fewer points and digits than a computation needs.
fn of_curves(curves: &[Curve]) -> Value {
    let of = |curve: &Curve| {
        let step = curve.at.len().div_ceil(POINTS).max(1);
        let few = |numbers: &[f64]| numbers.iter().step_by(step).map(|number| rounded(*number)).collect::<Vec<_>>();
        json!({
            "name": curve.name,
            "at": few(&curve.at),
            "value": few(&curve.value),
            "gradient": few(&curve.gradient),
        })
    };
    Value::Array(curves.iter().map(of).collect())
}

/// A number with four digits; `null` if it is not finite, which JSON cannot hold.
fn rounded(number: f64) -> Value {
    let text = format!("{number:.3e}");
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_losses::registry;

    #[test]
    fn a_field_has_the_curves_of_its_values() {
        let info =
            registry().into_iter().find(|info| (info.family, info.kind) == ("regression", "huber")).expect("huber");
        let loss = of_loss(&info).expect("curves");
        let delta = &loss["fields"][0];
        assert_eq!((delta["name"].as_str(), delta["number"].as_bool()), (Some("delta"), Some(true)));
        let values: Vec<f64> = delta["values"].as_array().expect("values").iter().map(number).collect();
        assert!(values.is_sorted() && values.iter().all(|delta| *delta > 0.0), "{values:?}");
        let at = values.iter().position(|delta| *delta == 2.0).expect("2");
        // The error is -6 at the left end: 2 (6 - 1).
        assert_eq!(delta["tables"][at][0]["value"][0], 10.0);
        assert_eq!(delta["tables"][at][0]["gradient"][0], -2.0);
        assert_eq!(delta["whole"], false);
    }

    #[test]
    fn every_field_that_changes_a_curve_is_there() {
        let fields = |family: &str, kind: &str| {
            let info = registry().into_iter().find(|info| (info.family, info.kind) == (family, kind)).expect("a loss");
            let loss = of_loss(&info).expect("curves");
            let names = loss["fields"].as_array().expect("fields").iter().map(|field| field["name"].to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(fields("binary", "focal"), ["\"gamma\"", "\"alpha\""]);
        assert_eq!(fields("regression", "mse"), [""; 0]);
    }
}
