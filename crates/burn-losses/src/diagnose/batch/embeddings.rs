//! The checks of batches of embeddings.

use super::Batch;
use crate::diagnose::labels::{self, Allowed};
use crate::diagnose::outcome::Computed;
use crate::diagnose::{Diagnosis, Problem, Severity, numbers, pairs, scale};
use crate::heads::HeadLoss;
use crate::metric::MetricLoss;
use crate::signature::{Argument, Role, Shape};
use std::collections::BTreeSet;

impl Batch<'_> {
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
