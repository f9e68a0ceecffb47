//! The checks of batches of classes: rows, distributions and regions.

use super::Batch;
use crate::classification::ClassificationLoss;
use crate::config::Value;
use crate::diagnose::labels::{self, ALL_IGNORED, Allowed};
use crate::diagnose::report::{Floats, Report, Verdict};
use crate::diagnose::{Diagnosis, Problem, Severity, numbers, scale};
use crate::distribution::DistributionLoss;
use crate::segmentation::{AbsentClasses, Background, FOREGROUND, RegionOptions, SumOver};

impl Batch<'_> {
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
            report.check_everywhere(argument, &shape, is_empty, |_| Verdict {
                severity: Severity::Warning,
                problem: Problem::EmptyMask,
                advice: "`smooth` alone decides its value; fine where absence is to be learned, else set \
                         `absent_classes = \"skip\"`",
            });
        }
        self.finish(report, true)
    }
}
