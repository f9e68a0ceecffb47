//! The checks of a batch, for each family: which argument is checked for which problems.

use super::labels::{self, ALL_IGNORED, Allowed};
use super::outcome::{Computed, Outcome};
use super::report::{Floats, Integers, Report};
use super::{Diagnosis, Problem, Severity, boxes, gradients, numbers, pairs, scale};
use crate::boxes::{BoxTargets, BoxesLoss};
use crate::classification::ClassificationLoss;
use crate::config::Value;
use crate::distribution::DistributionLoss;
use crate::heads::HeadLoss;
use crate::metric::MetricLoss;
use crate::segmentation::{AbsentClasses, Background, FOREGROUND, RegionOptions, SumOver};
use crate::sequence::{Alignment, Lattice};
use crate::signature::{Argument, Inputs, Kind, Role, Shape, Valid};
use burn::tensor::TensorData;
use std::collections::{BTreeMap, BTreeSet};

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

    /// Checks logits or log-probabilities, and labels or probabilities.
    pub(crate) fn classification(self, loss: &impl ClassificationLoss) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let ignore_index = loss.ignore_index();
        let labels = self.integers("labels");
        let first = self.floats(self.first);
        let shape = match (&labels, first.as_ref().and_then(Floats::rows)) {
            (_, Some(rows)) => rows.shape,
            (Some(labels), None) => labels.shape.clone(),
            (None, None) => vec![0],
        };
        let valid = self.valid(&shape);
        let label = |row: usize| labels.as_ref().and_then(|labels| labels.numbers.get(row)).copied();
        let is_left_out = |row: usize| ignore_index.is_some() && label(row) == ignore_index;
        // A row counts if the mask leaves it and its label is not the ignored one.
        let counts = |row: usize| valid.contains(row) && !is_left_out(row);
        if let Some(first) = first {
            if let Some(rows) = first.rows() {
                numbers::finite(&mut report, &first, |at| counts(rows.row_of(at)));
                match self.first {
                    "log_probabilities" => scale::log_probabilities(&mut report, &first, counts),
                    _ if loss.takes_any_scores() => (),
                    _ => scale::logits(&mut report, &first, false, counts),
                }
                if let Some(labels) = &labels {
                    let allowed = Allowed { classes: rows.classes, ignore_index, can_ignore: true };
                    labels::classes(&mut report, labels, &allowed);
                    labels::one_class(&mut report, labels, rows.classes, counts);
                    labels::weightless(&mut report, labels, &loss.settings(), counts);
                }
            } else {
                numbers::finite(&mut report, &first, |_| true);
            }
        }
        if let Some(probabilities) = self.floats("probabilities") {
            let Some(rows) = probabilities.rows() else { return self.finish(report, false) };
            let of_row = |at| counts(rows.row_of(at));
            numbers::finite(&mut report, &probabilities, of_row);
            if !numbers::in_unit_interval(&mut report, &probabilities, "logits? Take their softmax", of_row) {
                let advice = "targets of this loss are distributions: divide each row by its sum";
                numbers::row_sums(&mut report, &probabilities, Severity::Error, advice, counts);
            }
        }
        let (rows, is_said) = (shape.iter().product::<usize>(), |report: &Report| {
            report.findings.iter().any(|finding| finding.problem == Problem::AllIgnored)
        });
        if self.inputs.contains_key("mask") && rows > 0 && !(0..rows).any(counts) && !is_said(&report) {
            report.say(Severity::Warning, "mask", Problem::AllIgnored, ALL_IGNORED);
        }
        self.finish(report, false)
    }

    /// Checks log-probabilities or logits, and target probabilities or their logarithms.
    pub(crate) fn distribution(self, loss: &impl DistributionLoss) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let is_free = !loss.needs_normalized();
        let mut classes = None;
        if let Some(first) = self.finite(&mut report, self.first) {
            classes = first.rows().map(|rows| rows.classes);
            match self.first {
                "logits" => scale::logits(&mut report, &first, false, |_| true),
                _ if is_free => (),
                _ => scale::log_probabilities(&mut report, &first, |_| true),
            }
        }
        if loss.needs_targets()
            && let Some(targets) = self.finite(&mut report, "targets")
        {
            let is_log = loss.settings().get("target").and_then(Value::as_str) == Some("log_probabilities");
            let advice = "log-probabilities? Set `target = \"log_probabilities\"`; logits? Take their softmax";
            match is_log {
                true if is_free => (),
                true => scale::log_probabilities(&mut report, &targets, |_| true),
                false if numbers::in_unit_interval(&mut report, &targets, advice, |_| true) => (),
                false => {
                    let advice = "fine where they need not be normalized";
                    numbers::row_sums(&mut report, &targets, Severity::Warning, advice, |_| true);
                }
            }
        }
        if let (Some(classes), Some(labels)) = (classes, self.integers("labels")) {
            labels::classes(&mut report, &labels, &Allowed { classes, ignore_index: None, can_ignore: false });
        }
        self.finish(report, false)
    }

    /// Checks logits or probabilities, and masks or labels.
    pub(crate) fn segmentation(self, regions: &RegionOptions) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let Some(first) = self.floats(self.first) else { return self.finish(report, true) };
        let Some(rows) = first.rows() else { return self.finish(report, true) };
        let (labels, valid) = (self.integers("labels"), self.booleans("valid"));
        let is_ignored = |pixel: usize| {
            labels.as_ref().is_some_and(|labels| labels.numbers.get(pixel).copied() == regions.ignore_index)
                && regions.ignore_index.is_some()
        };
        let left = self.valid(&first.shape);
        let counts = |at: usize| {
            let is_valid = valid.as_ref().and_then(|valid| valid.get(at)) != Some(&false);
            is_valid && left.contains(at) && !is_ignored(rows.row_of(at))
        };
        numbers::finite(&mut report, &first, counts);
        if let Some(labels) = labels.as_ref().filter(|labels| rows.classes == 1 && !labels.numbers.is_empty()) {
            labels::one_channel(&mut report, labels, regions.ignore_index);
        }
        match self.first {
            "probabilities" => {
                let advice = "logits? Set `activation = \"sigmoid\"` or `\"softmax\"`";
                numbers::in_unit_interval(&mut report, &first, advice, counts);
            }
            _ => scale::logits(&mut report, &first, true, |row| !is_ignored(row)),
        }
        // Which classes have a pixel, [N, C].
        let classes = rows.classes;
        let pixels = rows.count() / rows.shape[0].max(1);
        let mut present = vec![false; rows.shape[0] * classes];
        let mut argument = "masks";
        if let Some(labels) = &labels {
            argument = "labels";
            let ignore_index = regions.ignore_index;
            labels::classes(&mut report, labels, &Allowed { classes, ignore_index, can_ignore: true });
            for (pixel, label) in labels.numbers.iter().enumerate().take(rows.count()) {
                let entry = |class: usize| (pixel / pixels * classes + class) * pixels + pixel % pixels;
                let is_present = |class: &usize| *class < classes && counts(entry(*class));
                if let Some(class) = usize::try_from(*label).ok().filter(is_present) {
                    present[pixel / pixels * classes + class] = true;
                }
            }
        } else if let Some(masks) = self.floats("masks") {
            numbers::finite(&mut report, &masks, counts);
            let advice = "masks of 0 and 255? Divide by 255; labels? See `Masks::from_labels`";
            numbers::in_unit_interval(&mut report, &masks, advice, counts);
            // Masked positives have been replaced.
            let given = Floats::from_inputs(self.given, masks.name).map_or_else(Vec::new, |given| given.numbers);
            let mut positive = (0..given.len()).filter(|at| given[*at] > FOREGROUND).peekable();
            if positive.peek().is_some() && !positive.any(counts) {
                let advice = "no foreground is left: fine if other batches have some";
                report.say(Severity::Warning, masks.name, Problem::IgnoredPositives, advice);
            }
            if masks.shape == first.shape {
                for (at, _) in masks.numbers.iter().enumerate().filter(|(at, mask)| **mask != 0.0 && counts(*at)) {
                    present[at / pixels.max(1)] = true;
                }
            }
        }
        if regions.absent_classes == AbsentClasses::Count && pixels > 0 && self.inputs.contains_key(argument) {
            let is_counted = |class: usize| class > 0 || regions.background == Background::Included;
            let (shape, present) = match regions.over {
                SumOver::Sample => (vec![rows.shape[0], classes], present),
                SumOver::Batch => {
                    let anywhere = |class| present.iter().skip(class).step_by(classes).any(|present| *present);
                    (vec![classes], (0..classes).map(anywhere).collect())
                }
            };
            let is_empty = |at: usize| is_counted(at % classes) && !present[at];
            report.check_everywhere(argument, &shape, is_empty, |_| super::report::Verdict {
                severity: Severity::Warning,
                problem: Problem::EmptyMask,
                advice: "`smooth` alone decides its value; fine where absence is to be learned, else set \
                         `absent_classes = \"skip\"`",
            });
        }
        self.finish(report, true)
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

    /// Checks embeddings, labels, and the parameters of a head.
    pub(crate) fn heads(self, loss: &impl HeadLoss) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let (classes, ignore_index, scaling) = (loss.num_classes(), loss.ignore_index(), loss.scaling());
        let labels = self.integers("labels");
        let counts = |row: usize| {
            let label = labels.as_ref().and_then(|labels| labels.numbers.get(row)).copied();
            ignore_index.is_none() || label != ignore_index
        };
        if let Some(embeddings) = self.floats(self.first) {
            let size = embeddings.shape.iter().skip(1).product::<usize>().max(1);
            numbers::finite(&mut report, &embeddings, |at| counts(at / size));
            if scaling.embeddings {
                pairs::directions(&mut report, &embeddings, counts);
            }
        }
        if let Some(labels) = &labels {
            let allowed = Allowed { classes, ignore_index, can_ignore: true };
            labels::classes(&mut report, labels, &allowed);
            labels::one_class(&mut report, labels, classes, counts);
            labels::weightless(&mut report, labels, &loss.settings(), counts);
        }
        for argument in loss.more_parameters() {
            self.finite(&mut report, argument.name);
        }
        if let Some(weight) = self.finite(&mut report, "weight")
            && scaling.weight
        {
            pairs::directions(&mut report, &weight, |_| true);
        }
        self.finite(&mut report, "bias");
        if let Some(counts) = self.finite(&mut report, "expected_counts") {
            numbers::expected_counts(&mut report, &counts);
        }
        if let Some(sampled) = self.integers("sampled") {
            labels::classes(&mut report, &sampled, &Allowed { classes, ignore_index: None, can_ignore: false });
        }
        let is_always_zero =
            |computed: &Computed| computed.values.num_elements() > 0 && computed.values.iter::<f64>().all(|x| x == 0.0);
        if classes == 1 && self.outcome.as_ref().is_ok_and(is_always_zero) {
            let because = "the softmax of one class is always 1, and the loss 0".to_owned();
            let advice = "give the background, or `none of them`, a class of its own";
            report.say(Severity::Error, "num_classes", Problem::Setting { value: 1.0, because }, advice);
        }
        scale::margins(&mut report, loss.angular_margins(), loss.cosine_margins());
        if scaling.embeddings && scaling.weight {
            scale::head(&mut report, classes, scaling.scale);
        }
        self.finish(report, false)
    }

    /// Checks embeddings and labels, where each row is compared with all others.
    pub(crate) fn metric(self, loss: &impl MetricLoss) -> Diagnosis {
        if let Some(mask) = self.empty_mask() {
            return self.nothing_counts(mask);
        }
        let mut report = self.report();
        let has_cosines = loss.compares_cosines();
        // For pairs, triplets and views, each part is a tensor of its own.
        let embeddings = Argument::prediction("embeddings", Shape::MATRIX);
        let mut predictions = vec![embeddings];
        predictions.extend(loss.tuples().concat().into_iter().filter(|argument| argument.role == Role::Prediction));
        let mut seen = BTreeSet::new();
        predictions.retain(|argument| seen.insert(argument.name));
        for Argument { name, shape, .. } in predictions {
            if let Some(embeddings) = self.finite(&mut report, name)
                && has_cosines
                && shape != Shape::Axes(1, 1)
            {
                pairs::directions(&mut report, &embeddings, |_| true);
            }
        }
        if let Some(dissimilar) = self.finite(&mut report, "dissimilar") {
            numbers::in_unit_interval(&mut report, &dissimilar, "1 is a dissimilar pair, and 0 a similar one", |_| {
                true
            });
        }
        let class_vectors = loss.class_vectors();
        if let Some((argument, _)) = &class_vectors
            && let Some(vectors) = self.finite(&mut report, argument.name)
            && has_cosines
        {
            pairs::directions(&mut report, &vectors, |_| true);
        }
        if let Some(labels) = self.integers("labels") {
            // Without class vectors a label is any number.
            match class_vectors {
                Some((_, vectors)) => {
                    let allowed = Allowed { classes: vectors.dims()[0], ignore_index: None, can_ignore: false };
                    labels::classes(&mut report, &labels, &allowed);
                }
                None => {
                    let valid = self.valid(&labels.shape);
                    pairs::partners(&mut report, &labels, loss.partners(), |row| valid.contains(row));
                }
            }
        }
        scale::metric(&mut report, &loss.settings());
        self.finish(report, true)
    }
}
