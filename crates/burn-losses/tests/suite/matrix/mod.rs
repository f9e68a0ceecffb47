//! The parity matrix: every loss on every device and path, in every type, shape and layout, for every reduction and with upstream
//! gradients that are not 1, against tensor operations in f64 on the same rounded inputs.
//!
//! A part of it runs with the other tests. `cargo xtask parity` runs all of it and writes `docs/src/trust.json`; the page
//! `docs/src/trust.md` is generated from that file.

mod cells;
mod inputs;
mod laws;
mod page;
mod record;
mod run;

use crate::devices;
use crate::repository::repository;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use burn_losses::eval::Inputs;
use burn_losses::signature::Layout;
use burn_losses::{LossInfo, registry};
use cells::{Form, Path, Reason, TYPES, spacing};
use inputs::{Batch, batch, rounded};
use record::{Cells, Figures, Record, column, name};
use run::{Errors, Outcomes, Target};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A device of the matrix.
struct Place {
    /// Its name in the record.
    name: &'static str,
    device: Device,
    /// Why it has no cells of a type.
    without: Vec<(FloatDType, Reason)>,
}

impl Place {
    fn new(name: &'static str, device: Device) -> Self {
        let reason = |dtype| match device.supports_dtype(dtype) {
            false => Some(Reason::NoType),
            true => (!has_functions(&device, dtype)).then_some(Reason::NoFunctions),
        };
        let without = TYPES.iter().filter_map(|(_, dtype)| Some((*dtype, reason(*dtype)?))).collect();
        Self { name, device, without }
    }

    /// Whether the kernels of the device wait in the queue of Burn's fusion.
    fn has_fusion(&self) -> bool {
        self.name == "wgpu" && cfg!(feature = "fusion")
    }

    /// Why the device has no cells of this type.
    fn without_type(&self, dtype: FloatDType) -> Option<Reason> {
        self.without.iter().find(|(other, _)| *other == dtype).map(|(_, reason)| *reason)
    }

    /// Why the device has no cells of this path.
    fn without_path(&self, path: Path) -> Option<Reason> {
        match path {
            Path::Fused if self.has_fusion() => Some(Reason::AlwaysFusion),
            Path::Fusion if !self.has_fusion() => Some(Reason::NoFusion),
            _ => None,
        }
    }

    /// The types and paths that the device does not have.
    fn absent(&self) -> BTreeMap<String, Reason> {
        let types = TYPES.iter().filter_map(|(name, dtype)| Some((*name, self.without_type(*dtype)?)));
        let paths = Path::ALL.into_iter().filter_map(|path| Some((path.name(), self.without_path(path)?)));
        types.chain(paths).map(|(name, reason)| (name.to_owned(), reason)).collect()
    }

    /// The paths that the device has for a type.
    fn paths(&self, dtype: FloatDType) -> impl Iterator<Item = Path> {
        let has = move |path: &Path| self.without_type(dtype).is_none() && self.without_path(*path).is_none();
        Path::ALL.into_iter().filter(has)
    }
}

/// Whether Burn's exp, ln and square root are right in a type: some drivers have a type without them.
fn has_functions(device: &Device, dtype: FloatDType) -> bool {
    let x = || Tensor::<1>::from_data([2.5], (device, DType::from(dtype)));
    let tolerance = 16.0 * spacing(dtype.into()).0;
    let is_right = |got: Tensor<1>, expected: f64| (got.into_scalar::<f64>() - expected).abs() <= tolerance * expected;
    let are_right = || {
        is_right(x().exp(), 2.5_f64.exp()) && is_right(x().log(), 2.5_f64.ln()) && is_right(x().sqrt(), 2.5_f64.sqrt())
    };
    catch_unwind(AssertUnwindSafe(are_right)).unwrap_or(false)
}

/// The devices with these names that are there.
fn places(names: &[&str]) -> Vec<Place> {
    let named = devices::named().into_iter().filter(|(name, _)| names.contains(name));
    named.map(|(name, device)| Place::new(name, device)).collect()
}

/// Which cells are run.
struct Selection<'a> {
    places: &'a [Place],
    types: &'a [&'a str],
    forms: &'a [Form],
}

impl Selection<'_> {
    /// Runs the cells of a loss, and returns its figures on each device. What goes wrong is added to `failures`.
    fn run(&self, info: &LossInfo, failures: &mut Vec<String>) -> Vec<Figures> {
        let mut cells: Vec<_> = self.places.iter().map(|_| Cells::default()).collect();
        for form in Form::ALL {
            let batch = if self.forms.contains(&form) { batch(info, form) } else { Err(Reason::LeftOut) };
            for (type_name, dtype) in TYPES.into_iter().filter(|(name, _)| self.types.contains(name)) {
                let exact = OnceCell::new();
                for (place, cells) in self.places.iter().zip(&mut cells) {
                    for path in place.paths(dtype) {
                        let column = column(type_name, path);
                        let run = |batch: &Batch| {
                            let cell = Cell { place, dtype, path, form };
                            let exact = exact.get_or_init(|| caught(|| Exact::new(batch, dtype)));
                            let exact = exact.as_ref().map_err(|error| format!("the oracle: {error}"));
                            exact.and_then(|exact| cell.errors(batch, exact)).unwrap_or_else(|error| {
                                failures.push(format!("{} on {} {column} {form}: {error}", name(info), place.name));
                                Err(Reason::Fails)
                            })
                        };
                        let outcome = batch.as_ref().map_err(|reason| *reason).and_then(run);
                        cells.push(column, form, outcome);
                    }
                }
            }
        }
        cells.iter().map(Cells::figures).collect()
    }
}

/// The inputs that a type can hold, and the results that they should have.
struct Exact {
    inputs: Inputs,
    oracle: Outcomes,
}

impl Exact {
    /// The oracle: tensor operations in f64 on Flex, row after row.
    fn new(batch: &Batch, dtype: FloatDType) -> Result<Self, String> {
        let inputs = rounded(&batch.inputs, dtype);
        let exact = devices::cpu().remove(0);
        let target = Target { device: &exact.device, dtype: exact.dtype, layout: Layout::Contiguous };
        let oracle = target.on_tensors(batch, &inputs)?;
        Ok(Self { inputs, oracle })
    }
}

/// One cell.
struct Cell<'a> {
    place: &'a Place,
    dtype: FloatDType,
    path: Path,
    form: Form,
}

impl Cell<'_> {
    /// The errors, or why the cell does not run; a message if it fails.
    fn errors(&self, batch: &Batch, exact: &Exact) -> Result<Result<Errors, Reason>, String> {
        let layout = self.form.layout();
        let target = Target { device: &self.place.device, dtype: self.dtype, layout };
        let is_of_oracle = self.place.name == "flex" && self.path == Path::Tensor && self.dtype == FloatDType::F64;
        if is_of_oracle && layout == Layout::Contiguous {
            return Ok(Err(Reason::Oracle));
        }
        let outcomes = caught(|| match self.path {
            Path::Tensor => target.on_tensors(batch, &exact.inputs).map(Some),
            Path::Fused | Path::Fusion => target.on_kernels(batch, &exact.inputs),
        })?;
        let Some(outcomes) = outcomes else { return Ok(Err(Reason::NoKernel)) };
        let errors = outcomes.errors(&exact.oracle, self.dtype, self.form);
        let is_finite = [errors.value, errors.unreduced, errors.gradient].iter().all(|error| error.is_finite());
        if is_finite { Ok(Ok(errors)) } else { Err(format!("{errors:?}")) }
    }
}

/// A panic is an error too.
fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic.downcast::<String>().map_or_else(|_| "without a message".to_owned(), |text| *text);
        Err(format!("a panic: {message}"))
    })
}

/// Runs all cells of some losses on some devices, and keeps the figures in `docs/src/trust.json`.
fn keep(places: &[Place], forms: &[Form], losses: impl Fn(&LossInfo) -> bool) {
    let types = TYPES.map(|(name, _)| name);
    let selection = Selection { places, types: &types, forms };
    let mut failures = Vec::new();
    let (start, wanted): (_, Vec<_>) = (Instant::now(), registry().into_iter().filter(losses).collect());
    for (done, info) in (1..).zip(&wanted) {
        let figures = selection.run(info, &mut failures);
        let mut record = Record::read();
        for (place, figures) in places.iter().zip(figures) {
            println!("{:32} {:8} {}", name(info), place.name, page::in_short(&figures));
            let device = record.devices.entry(place.name.to_owned()).or_default();
            (device.machine, device.absent) = (devices::processor(&place.device), place.absent());
            device.losses.insert(name(info), figures);
        }
        record.write();
        let left = start.elapsed().as_secs_f64() / f64::from(done) * (wanted.len() - done as usize) as f64;
        println!("{done} of {} losses, about {left:.0} seconds left", wanted.len());
    }
    assert!(failures.is_empty(), "{} cells fail:\n{}", failures.len(), failures.join("\n"));
}

/// The words of an environment variable, or all that there are.
fn chosen(variable: &str) -> Option<Vec<String>> {
    let words = env::var(variable).ok()?;
    Some(words.split(',').map(str::to_owned).collect())
}

/// All of the matrix on the devices that `BURN_LOSSES_PARITY` names, as `cargo xtask parity` runs it.
#[test]
fn the_whole_matrix() {
    let Some(names) = chosen("BURN_LOSSES_PARITY") else { return };
    let places = places(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(places.len(), names.len(), "one of these devices is not there: {names:?}");
    let forms = chosen("BURN_LOSSES_PARITY_FORMS");
    let forms: Vec<_> =
        Form::ALL.into_iter().filter(|form| forms.as_ref().is_none_or(|all| all.contains(&form.to_string()))).collect();
    let losses = chosen("BURN_LOSSES_PARITY_LOSSES");
    let is_chosen =
        |info: &LossInfo| losses.as_ref().is_none_or(|all| all.iter().any(|part| name(info).contains(part)));
    keep(&places, &forms, is_chosen);
}

/// How far a cell may be off, in units, if a kept run was off by `kept`: another processor rounds in another way.
fn allowed(kept: f64) -> f64 {
    2.0 * kept + 4.0
}

/// The cells in f32 of small batches on the CPU devices are no further off than the page says.
#[test]
fn small_batches_are_as_precise_as_the_page_says() {
    // The page is in the repository alone.
    let Some(_) = repository() else { return };
    let places = places(&["flex", "ndarray"]);
    let forms: Vec<_> = Form::ALL.into_iter().filter(|form| !form.is_large()).collect();
    let selection = Selection { places: &places, types: &["f32"], forms: &forms };
    let record = Record::read();
    let mut failures = Vec::new();
    for info in registry() {
        let figures = selection.run(&info, &mut failures);
        for (place, figures) in places.iter().zip(figures) {
            let kept = record.devices.get(place.name).and_then(|device| device.losses.get(&name(&info)));
            for (column, errors) in &figures.cells {
                let kept = kept.and_then(|kept| kept.cells.get(column)).map_or(0.0, page::most);
                let most = page::most(errors);
                if most > allowed(kept) {
                    let place = format!("{} on {} {column} {}", name(&info), place.name, errors.3);
                    failures.push(format!("{place}: off by {most} units, the page says {kept}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
