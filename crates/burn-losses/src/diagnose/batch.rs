//! The checks of a batch, for each family: which argument is checked for which problems.

mod classes;
mod embeddings;

use super::labels::{self, ALL_IGNORED, Allowed};
use super::outcome::{Computed, Outcome};
use super::report::{Floats, Integers, Report};
use super::{Diagnosis, Problem, Severity, boxes, gradients, numbers, scale};
use crate::boxes::{BoxTargets, BoxesLoss};
use crate::sequence::{Alignment, Lattice};
use crate::signature::{Argument, Inputs, Kind, Role, Valid};
use burn::tensor::TensorData;
use std::collections::BTreeMap;

/// Tensors by name for one loss, and the result of the loss on them.
pub(crate) struct Batch<'a> {
    /// The loss.
    pub(crate) kind: &'static str,
    /// The name of the first argument of the loss.
    pub(crate) first: &'static str,
    /// The tensors.
    pub(crate) inputs: &'a BTreeMap<String, TensorData>,
    /// The tensors as they were handed in, with what the masked entries hold.
    pub(crate) given: &'a BTreeMap<String, TensorData>,
    /// The arguments that hold valid entries in place of the masked ones.
    pub(crate) stand_ins: &'a [&'static str],
    /// The result of the loss on the tensors.
    pub(crate) outcome: Outcome,
}

/// The arguments that say what counts.
pub(super) const MASKS: [&str; 2] = ["mask", "valid"];

impl<'a> Batch<'a> {
    /// Of tensors whose masked entries, if there are any, are looked at too.
    pub(crate) fn new(
        kind: &'static str,
        first: &'static str,
        inputs: &'a BTreeMap<String, TensorData>,
        outcome: Outcome,
    ) -> Self {
        Self { kind, first, inputs, given: inputs, stand_ins: &[], outcome }
    }

    /// The mask that leaves nothing of the batch, if one does.
    fn empty_mask(&self) -> Option<&'static str> {
        let leaves_nothing = |mask: Vec<bool>| !mask.is_empty() && !mask.contains(&true);
        MASKS.into_iter().find(|name| self.booleans(name).is_some_and(leaves_nothing))
    }

    /// Says that nothing counts: there is no content to look at.
    fn nothing_counts(self, mask: &str) -> Diagnosis {
        let mut report = self.report();
        report.say(Severity::Warning, mask, Problem::AllIgnored, ALL_IGNORED);
        self.with_results(report, true)
    }

    /// The entries of an argument of this shape that the mask leaves.
    fn valid(&self, shape: &[usize]) -> Valid {
        Valid::new(self.given, shape)
    }

    fn floats(&self, name: &'a str) -> Option<Floats<'a>> {
        Floats::from_inputs(self.inputs, name)
    }

    fn integers(&self, name: &'a str) -> Option<Integers<'a>> {
        Integers::from_inputs(self.inputs, name)
    }

    fn booleans(&self, name: &str) -> Option<Vec<bool>> {
        let data = self.inputs.get(name).filter(|data| data.dtype().is_bool())?;
        Some(data.iter().collect())
    }

    fn report(&self) -> Report {
        let is_finite = |computed: &Computed| {
            let tensors = computed.gradients.values().chain([&computed.values]);
            computed.total.is_finite() && tensors.into_iter().all(|data| data.iter::<f64>().all(f64::is_finite))
        };
        let mask: Inputs = self.given.get_key_value("mask").into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let (is_finite, stand_ins) = (self.outcome.as_ref().is_ok_and(is_finite), self.stand_ins.to_vec());
        Report { is_finite, mask, stand_ins, ..Report::default() }
    }

    /// Checks every number of a tensor for NaN and infinity, and returns the tensor.
    fn finite(&self, report: &mut Report, name: &'a str) -> Option<Floats<'a>> {
        let tensor = self.floats(name)?;
        numbers::finite(report, &tensor, |_| true);
        Some(tensor)
    }

    /// The checks that all families share; `mixes_rows` says that the value of a row depends on other rows.
    fn finish(self, mut report: Report, mixes_rows: bool) -> Diagnosis {
        if let Some(weights) = self.floats("weights") {
            numbers::weights(&mut report, &weights);
        }
        self.with_results(report, mixes_rows)
    }

    /// The checks of the results of the loss.
    fn with_results(self, mut report: Report, mixes_rows: bool) -> Diagnosis {
        match self.outcome {
            Ok(computed) => {
                numbers::values(&mut report, &computed.values, computed.total, mixes_rows);
                numbers::unmasked(&mut report, self.inputs, &computed);
                gradients::check(&mut report, &computed);
            }
            Err(finding) => report.findings.insert(0, *finding),
        }
        report.findings.sort_by_key(|finding| finding.severity);
        Diagnosis { loss: self.kind, findings: report.findings }
    }

    /// Checks every argument as its signature describes it: numbers that are finite, and labels that are classes.
    pub(crate) fn by_signature(self, signature: &'a [Argument]) -> Diagnosis {
        self.by_signature_and(signature, |_, _| {})
    }

    /// Checks sequences: their arguments, and for `ctc` whether each has enough steps for its labels.
    pub(crate) fn sequences(self, signature: &'a [Argument], alignment: Alignment) -> Diagnosis {
        self.by_signature_and(signature, |batch, report| {
            let all = ["labels", "input_lengths", "label_lengths"].map(|name| batch.integers(name));
            if let ([Some(labels), Some(steps), Some(counts)], Lattice::Ctc) = (all, alignment.lattice) {
                labels::enough_steps(report, &[labels, steps, counts], alignment.zero_infinity);
            }
        })
    }

    fn by_signature_and(self, signature: &'a [Argument], further: impl FnOnce(&Self, &mut Report)) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let prediction = self.inputs.get(self.first).map_or(Vec::new(), |data| data.shape().to_vec());
        for argument in signature.iter().filter(|argument| argument.role != Role::Weight) {
            match argument.kind {
                Kind::Float => _ = self.finite(&mut report, argument.name),
                Kind::Labels { classes, ignored } => {
                    let labels = self.integers(argument.name);
                    match (labels, classes.number(&prediction)) {
                        (Some(lengths), Some(number)) if classes.is_length() => {
                            labels::lengths(&mut report, &lengths, number - 1);
                        }
                        (Some(labels), Some(classes)) => {
                            let allowed = Allowed { classes, ignore_index: ignored, can_ignore: ignored.is_some() };
                            labels::classes(&mut report, &labels, &allowed);
                        }
                        _ => {}
                    }
                }
                Kind::Mask => {}
            }
        }
        further(&self, &mut report);
        self.finish(report, true)
    }

    /// Checks predictions that may be any numbers, and targets, which some losses take from 0 on alone.
    pub(crate) fn regression(self, takes_negative_targets: bool) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        self.finite(&mut report, self.first);
        if let Some(targets) = self.finite(&mut report, "targets").filter(|_| !takes_negative_targets) {
            numbers::not_negative(&mut report, &targets);
        }
        self.finish(report, false)
    }

    /// Checks logits or probabilities, and targets in [0, 1].
    pub(crate) fn binary(self) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        if let Some(first) = self.finite(&mut report, self.first) {
            match self.first {
                "probabilities" => {
                    _ = numbers::in_unit_interval(&mut report, &first, "logits? Set `input = \"logits\"`", |_| true)
                }
                _ => scale::logits(&mut report, &first, true, |_| true),
            }
        }
        if let Some(targets) = self.finite(&mut report, "targets") {
            let advice = match targets.numbers.iter().all(|x| [-1.0, 1.0].contains(x)) {
                true => "targets of -1 and 1? Take (t + 1) / 2",
                false => "labels of classes? That is the family `classification`",
            };
            numbers::in_unit_interval(&mut report, &targets, advice, |_| true);
            let given = Floats::from_inputs(self.given, "targets").unwrap_or(targets);
            let valid = self.valid(&given.shape);
            numbers::positives(&mut report, &given, &valid, self.floats("weights").as_ref());
        }
        self.finish(report, false)
    }

    /// Checks boxes, or the bins of their sides.
    pub(crate) fn boxes(self, loss: &impl BoxesLoss) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let (mut report, format) = (self.report(), loss.format());
        let predictions = self.finite(&mut report, self.first);
        let targets = self.finite(&mut report, "targets");
        match loss.targets() {
            BoxTargets::Bins => {
                if let (Some(predictions), Some(targets)) = (&predictions, &targets) {
                    let bins = predictions.shape.get(1).map_or(0, |width| width / 4);
                    boxes::bins(&mut report, targets, bins);
                }
            }
            kind => {
                if let Some(targets) = &targets {
                    boxes::areas(&mut report, targets, kind, format);
                    if kind == BoxTargets::Boxes {
                        boxes::format(&mut report, targets, format);
                    }
                }
                if let Some(predictions) = &predictions {
                    boxes::areas(&mut report, predictions, kind, format);
                }
                for tensor in [&predictions, &targets].into_iter().flatten() {
                    boxes::units(&mut report, tensor, format, loss.units());
                }
            }
        }
        self.finish(report, false)
    }
}
