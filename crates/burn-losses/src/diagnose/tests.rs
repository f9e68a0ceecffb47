//! Every problem with its message, through the methods of the families.

use super::Diagnosis;
use crate::binary::{BceInput, BceLossConfig};
use crate::boxes::{BoxFormat, DistributionFocalLossConfig, IouLossConfig};
use crate::classification::{CrossEntropyLossConfig, MultiMarginLossConfig, NllLossConfig};
use crate::distribution::{DistributionInput, EntropyLossConfig, KlDivergenceLossConfig, TargetForm};
use crate::heads::{ArcfaceLossConfig, CombinedMarginLossConfig, CosfaceLossConfig, SoftmaxLossConfig};
use crate::metric::{CenterLossConfig, ClipLossConfig, ContrastiveLossConfig, NtXentLossConfig, TripletLossConfig};
use crate::prelude::*;
use crate::regression::{GhmRLossConfig, MseLossConfig};
use crate::segmentation::{AbsentClasses, Activation, Background, DiceLossConfig, Masks, Over};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

fn device() -> Device {
    Device::flex()
}

fn floats<const D: usize>(data: impl Into<TensorData>) -> Tensor<D> {
    Tensor::from_data(data.into().convert::<f32>(), &device())
}

fn ints<const D: usize>(data: impl Into<TensorData>) -> Tensor<D, Int> {
    Tensor::from_data(data, &device())
}

#[track_caller]
fn says(diagnosis: &Diagnosis, lines: &[&str]) {
    let got: Vec<_> = diagnosis.findings.iter().map(ToString::to_string).collect();
    assert_eq!(got, lines, "\n{diagnosis}");
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let loss = MseLossConfig::new().init(&device());
    let diagnosis = loss.diagnose(&floats::<1>([0.5, 3.0]), &floats([0.0, 0.0]), None);
    assert!(diagnosis.is_clean() && !diagnosis.has_errors());
    assert_eq!(diagnosis.to_string(), "mse: nothing found");
}

#[test]
fn numbers_that_are_none() {
    let loss = MseLossConfig::new().init(&device());
    let predictions = floats::<2>([[0.5, NAN], [NAN, -INF]]);
    let diagnosis = loss.diagnose(&predictions, &floats([[0.0, 0.0], [0.0, INF]]), None);
    assert!(diagnosis.has_errors());
    assert_eq!(diagnosis.summary(), "3 errors");
    says(
        &diagnosis,
        &[
            "error: `predictions`: NaN (2 of 4, first at [0, 1])",
            "error: `predictions`: -infinity (1 of 4, first at [1, 1])",
            "error: `targets`: infinity (1 of 4, first at [1, 1])",
        ],
    );
    let half = predictions.cast(burn::tensor::FloatDType::F16);
    says(
        &loss.diagnose(&half, &floats([[0.0; 2]; 2]), None),
        &[
            "error: `predictions`: NaN (2 of 4, first at [0, 1])",
            "error: `predictions`: -infinity (1 of 4, first at [1, 1]); an f16 holds at most 65504",
        ],
    );
}

/// A class may be masked by -infinity; an ignored row may hold anything.
#[test]
fn infinity_that_the_loss_can_do_with() {
    let loss = CrossEntropyLossConfig::new().with_ignore_index(-1).init(&device());
    let logits = floats::<2>([[0.5, -INF, 2.0], [NAN, NAN, NAN]]);
    says(
        &loss.diagnose(&logits, &ints::<1>([0, -1]), None),
        &["warning: `logits`: -infinity (1 of 6, first at [0, 1]); \
         fine where it is meant, as in a masked class: all values are finite"],
    );
}

#[test]
fn what_check_refuses_and_what_is_wrong_with_the_values() {
    let loss = CrossEntropyLossConfig::new().init(&device());
    let logits = floats::<2>([[0.5, 1.0, NAN]]);
    says(
        &loss.diagnose(&logits, &ints::<1>([0, 7]), None),
        &[
            "error: cross_entropy: `labels` has shape [2], expected [1] (that of `logits` without the class axis)",
            "error: `logits`: NaN (1 of 3, first at [0, 2])",
            "error: `labels`: 7 is no class, allowed: 0 <= label < 3 (1 of 2, first at [1])",
        ],
    );
}

#[test]
fn labels_that_are_no_classes() {
    let logits = floats::<2>([[0.5, -1.0, 2.0]; 4]);
    let of =
        |labels: [i64; 4]| CrossEntropyLossConfig::new().init(&device()).diagnose(&logits, &ints::<1>(labels), None);
    says(
        &of([1, 2, 3, 3]),
        &[
            "error: `labels`: 3 is no class, allowed: 0 <= label < 3 (2 of 4, first at [2]); labels that begin at 1? Subtract 1",
        ],
    );
    says(
        &of([0, 255, 2, 255]),
        &["error: `labels`: 255 is no class, allowed: 0 <= label < 3 (2 of 4, first at [1]); \
         rows to leave out? Set `ignore_index = 255`"],
    );
    says(
        &of([0, 1, -100, 0]),
        &["error: `labels`: -100 is no class, allowed: 0 <= label < 3 (1 of 4, first at [2]); \
         rows to leave out? Set `ignore_index = -100`"],
    );
    says(
        &of([0, -1, 0, 0]),
        &["error: `labels`: -1 is no class, allowed: 0 <= label < 3 (1 of 4, first at [1]); \
         rows to leave out? Set `ignore_index = -1`"],
    );
    says(&of([0, 17, 1, 2]), &["error: `labels`: 17 is no class, allowed: 0 <= label < 3 (1 of 4, first at [1])"]);

    let loss = CrossEntropyLossConfig::new().with_ignore_index(9).init(&device());
    says(
        &loss.diagnose(&logits, &ints::<1>([9, 1, 4, 9]), None),
        &["error: `labels`: 4 is no class, allowed: 0 <= label < 3, or 9 (ignored) (1 of 4, first at [2])"],
    );
    says(
        &loss.diagnose(&logits, &ints::<1>([9; 4]), None),
        &[
            "warning: `labels`: every row is ignored; nothing counts, and every gradient is 0: fine for a batch of padding",
        ],
    );

    let pixels = floats::<4>([[[[0.5, -1.0]], [[2.0, 0.0]]]]);
    let loss = CrossEntropyLossConfig::new().init(&device());
    says(
        &loss.diagnose(&pixels, &ints::<3>([[[0, 5]]]), None),
        &["error: `labels`: 5 is no class, allowed: 0 <= label < 2 (1 of 2, first at [0, 0, 1])"],
    );
    let center = CenterLossConfig::new().with_num_classes(2).with_embedding_dim(1).init(&device());
    says(
        &center.diagnose(&floats([[0.5], [1.0]]), &ints([0, -1]), None),
        &["error: `labels`: -1 is no class, allowed: 0 <= label < 2 (1 of 2, first at [1]); \
         -1 is no label of this loss: leave such rows out"],
    );
    let one = floats::<2>([[0.5], [-1.0]]);
    says(
        &loss.diagnose(&one, &ints::<1>([0, 1]), None),
        &["error: `labels`: 1 is no class, allowed: 0 <= label < 1 (1 of 2, first at [1]); \
         one logit and labels 0 or 1? That is the family `binary`"],
    );
}

#[test]
fn targets_that_are_no_probabilities() {
    let loss = BceLossConfig::new().init(&device());
    let logits = floats::<1>([0.5, -1.0, 3.0]);
    says(
        &loss.diagnose(&logits, &floats([0.0, 1.5, -0.25]), None),
        &["error: `targets`: 1.5 is outside [0, 1] (2 of 3, first at [1]); \
         labels of classes? That is the family `classification`"],
    );
    says(
        &loss.diagnose(&logits, &floats([1.0, -1.0, 1.0]), None),
        &["error: `targets`: -1 is outside [0, 1] (1 of 3, first at [1]); targets of -1 and 1? Take (t + 1) / 2"],
    );

    let loss = CrossEntropyLossConfig::new().init(&device());
    let logits = floats::<2>([[0.5, -1.0], [2.0, 0.0], [1.0, 4.0]]);
    let soft = |probabilities: [[f64; 2]; 3], mask: [bool; 3]| {
        let mask = Tensor::<1, Bool>::from_data(mask, &device());
        loss.diagnose_soft::<2, 1>(&logits, &floats(probabilities), Some(&mask), None)
    };
    says(
        &soft([[0.5, 0.5], [0.5, 0.25], [9.0, 9.0]], [true, true, false]),
        &["error: `probabilities`: the probabilities of a row sum to 0.75, not to 1 (1 of 3, first at [1]); \
         targets of this loss are distributions: divide each row by its sum"],
    );
    says(
        &soft([[0.5, 0.5], [2.5, -1.5], [0.0, 1.0]], [true; 3]),
        &["error: `probabilities`: 2.5 is outside [0, 1] (2 of 6, first at [1, 0]); logits? Take their softmax"],
    );
    says(
        &soft([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], [false; 3]),
        &[
            "warning: `mask`: every row is ignored; nothing counts, and every gradient is 0: fine for a batch of padding",
        ],
    );

    let loss = KlDivergenceLossConfig::new().with_input(DistributionInput::Logits).init(&device());
    says(
        &loss.diagnose(&logits, &floats([[0.5, 0.5], [0.5, 0.0], [0.0, 1.0]])),
        &["warning: `targets`: the probabilities of a row sum to 0.5, not to 1 (1 of 3, first at [1]); \
         fine where they need not be normalised"],
    );
    says(
        &loss.diagnose(&logits, &floats([[0.5, 0.5], [-0.5, -1.0], [0.0, 1.0]])),
        &["error: `targets`: -0.5 is outside [0, 1] (2 of 6, first at [1, 0]); \
         log-probabilities? Set `target = \"log_probabilities\"`; logits? Take their softmax"],
    );
    // The entropy has no use for targets.
    let loss = EntropyLossConfig::new().with_input(DistributionInput::Logits).init(&device());
    says(&loss.diagnose(&logits, &(logits.clone() * 9.0)), &[]);
}

#[test]
fn weights() {
    let loss = MseLossConfig::new().init(&device());
    let of = |weights: [f64; 2]| loss.diagnose(&floats::<1>([0.5, 3.0]), &floats([0.0; 2]), Some(&floats(weights)));
    says(
        &of([1.0, -0.5]),
        &["warning: `weights`: -0.5 is negative (1 of 2, first at [1]); \
         it rewards what the loss punishes: fine for an advantage, say"],
    );
    says(
        &of([0.0, 0.0]),
        &[
            "warning: `weights`: all weights are 0; nothing counts, and every gradient is 0: fine for a batch of padding",
        ],
    );
    says(&of([1.0, NAN]), &["error: `weights`: NaN (1 of 2, first at [1])"]);
    says(&of([1.0, INF]), &["error: `weights`: infinity (1 of 2, first at [1])"]);
}

#[test]
fn boxes_that_are_none() {
    let loss = IouLossConfig::new().init(&device());
    let good = floats([[0.0, 0.0, 1.0, 1.0]; 3]);
    let bad = floats([[0.0, 0.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 2.0]]);
    says(
        &loss.diagnose(&good, &bad, None),
        &[
            "error: `targets`: an inverted box, width -1 and height 1 (1 of 3, first at [1]); \
         it counts as empty: nothing overlaps with it",
            "warning: `targets`: a box without area, width 0 and height 2 (1 of 3, first at [2]); \
         nothing overlaps with it: padding? Give such rows the weight 0",
        ],
    );
    says(
        &loss.diagnose(&bad, &good, None),
        &[
            "warning: `predictions`: an inverted box, width -1 and height 1 (1 of 3, first at [1]); \
         it counts as empty; fine early in training",
            "warning: `predictions`: a box without area, width 0 and height 2 (1 of 3, first at [2]); fine early in training",
        ],
    );
    let of = |format, row: [f64; 4]| {
        let loss = IouLossConfig::new().with_format(format).init(&device());
        let good = floats([[1.0, 1.0, 1.0, 1.0]]);
        loss.diagnose(&good, &floats([row]), None).findings[0].to_string()
    };
    for format in [BoxFormat::Cxcywh, BoxFormat::Xywh] {
        assert!(
            of(format, [5.0, 5.0, 1.0, -2.0]).starts_with("error: `targets`: an inverted box, width 1 and height -2")
        );
    }
    assert!(
        of(BoxFormat::Ltrb, [1.0, -3.0, 1.0, 2.0])
            .starts_with("error: `targets`: an inverted box, width 2 and height -1")
    );
}

#[test]
fn boxes_in_another_format() {
    let centers = floats([[5.0, 5.0, 1.0, 2.0], [7.0, 3.0, 2.0, 2.0], [4.0, 9.0, 3.0, 1.0], [1.0, 1.0, 2.0, 2.0]]);
    let corners = floats([[0.0, 0.0, 1.0, 1.0], [2.0, 1.0, 4.0, 3.0], [5.0, 5.0, 6.0, 7.0], [0.0, 1.0, 1.0, 2.0]]);
    let loss = IouLossConfig::new().init(&device());
    let diagnosis = loss.diagnose(&corners, &centers, None);
    says(
        &diagnosis,
        &[
            "error: `targets`: an inverted box, width -4 and height -3 (3 of 4, first at [0]); \
         it counts as empty: nothing overlaps with it",
            "warning: `targets`: as `xyxy` they make little sense: they look like `cxcywh` or `xywh`: many are inverted, and \
         the last two numbers are positive; set `format`, or convert them; fine if every box is really so (4 boxes)",
        ],
    );
    let loss = IouLossConfig::new().with_format(BoxFormat::Cxcywh).init(&device());
    says(
        &loss.diagnose(&centers, &corners, None),
        &[
            "warning: `targets`: as `cxcywh` they make little sense: they look like `xyxy`: the last two numbers are always \
         larger than the first two; set `format`, or convert them; fine if every box is really so (4 boxes)",
        ],
    );
}

#[test]
fn distances_without_bins() {
    let loss = DistributionFocalLossConfig::new().init(&device());
    let logits = floats([[0.5; 16]]);
    says(
        &loss.diagnose(&logits, &floats([[0.0, 3.0, 3.5, 2.0]]), None),
        &["error: `targets`: 3.5 is outside the bins [0, 3] (1 of 4, first at [0, 2]); \
         distances are in units of a bin: divide by the stride, or clamp them"],
    );
}

#[test]
fn masks() {
    let logits = floats::<3>([[[0.5, -1.0], [2.0, 3.0]], [[0.5, -1.0], [2.0, -3.0]]]);
    let masks = || floats::<3>([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]);
    let of = |config: DiceLossConfig, masks: Masks<3>| config.init(&device()).diagnose(&logits, &masks, None);
    let advice =
        "`smooth` alone decides its value; fine where absence is to be learned, else set `absent_classes = \"skip\"`";
    let line = |what: &str| format!("warning: `masks`: a class without a pixel ({what}); {advice}");
    says(&of(DiceLossConfig::new(), masks().into()), &[&line("2 of 4, first at [0, 1]")]);
    let foreground = DiceLossConfig::new().with_background(Background::Excluded);
    says(&of(foreground, masks().into()), &[&line("1 of 4, first at [0, 1]")]);
    says(&of(DiceLossConfig::new().with_absent_classes(AbsentClasses::Skip), masks().into()), &[]);
    says(&of(DiceLossConfig::new().with_over(Over::Batch), masks().into()), &[]);
    let first = floats::<3>([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]]);
    says(&of(DiceLossConfig::new().with_over(Over::Batch), first.into()), &[&line("1 of 2, first at [1]")]);

    let config = DiceLossConfig::new().with_absent_classes(AbsentClasses::Skip);
    says(
        &of(config.clone(), (masks() * 255.0).into()),
        &["error: `masks`: 255 is outside [0, 1] (2 of 8, first at [0, 0, 1]); \
         masks of 0 and 255? Divide by 255; labels? See `Masks::from_labels`"],
    );
    // A label that is no class is NaN in every channel.
    let labels = Masks::from_labels(ints::<2>([[0, 1], [1, 2]]), 2, None);
    says(&of(config, labels), &["error: `masks`: NaN (2 of 8, first at [1, 0, 1])"]);
}

#[test]
fn probabilities_and_logits_in_each_others_place() {
    let probabilities = floats::<2>([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0], [0.125, 0.875]]);
    let logits = floats::<2>([[0.25, -0.75], [0.5, 2.5], [1.0, 0.0], [-0.125, 0.875]]);
    let rows =
        "the loss takes the softmax or sigmoid itself: hand over what is before it; fine if they are logits by chance";
    let rows = format!(
        "warning: `logits`: probabilities, it seems, not logits: all numbers are in [0, 1] and every row sums to 1; {rows}"
    );
    let labels = ints::<1>([0, 1, 0, 1]);
    says(&CrossEntropyLossConfig::new().init(&device()).diagnose(&probabilities, &labels, None), &[&rows]);
    says(&MultiMarginLossConfig::new().init(&device()).diagnose(&probabilities, &labels, None), &[]);
    says(&BceLossConfig::new().init(&device()).diagnose(&probabilities, &probabilities, None), &[&rows]);
    let kl = KlDivergenceLossConfig::new().with_input(DistributionInput::Logits).init(&device());
    says(&kl.diagnose(&probabilities, &probabilities), &[&rows]);
    let each = floats::<1>([0.25, 0.75, 0.5, 0.5, 1.0, 0.0, 0.125, 0.5]);
    says(
        &BceLossConfig::new().init(&device()).diagnose(&each, &each, None),
        &["warning: `logits`: probabilities, it seems, not logits: all numbers are in [0, 1]; \
         the loss takes the sigmoid itself: hand over what is before it; fine if they are logits by chance"],
    );
    // The logits of a layer that begins at 0 are logits.
    says(&BceLossConfig::new().init(&device()).diagnose(&(each.clone() * 0.0), &each, None), &[]);

    let bce = BceLossConfig::new().with_input(BceInput::Probabilities).init(&device());
    says(
        &bce.diagnose(&logits, &probabilities, None),
        &[
            "error: `probabilities`: -0.75 is outside [0, 1] (3 of 8, first at [0, 1]); logits? Set `input = \"logits\"`",
        ],
    );
    let dice = DiceLossConfig::new().with_activation(Activation::None).with_absent_classes(AbsentClasses::Skip);
    says(
        &dice.init(&device()).diagnose(&logits, &probabilities.clone().into(), None),
        &["error: `probabilities`: -0.75 is outside [0, 1] (3 of 8, first at [0, 1]); \
         logits? Set `activation = \"sigmoid\"` or `\"softmax\"`"],
    );

    let nll = NllLossConfig::new().init(&device());
    says(
        &nll.diagnose(&probabilities, &labels, None),
        &[
            "error: `log_probabilities`: probabilities, it seems, not log-probabilities: all numbers are in [0, 1] and every row \
         sums to 1; take their logarithm, or the log-softmax of the logits",
        ],
    );
    says(
        &nll.diagnose(&logits, &labels, None),
        &["error: `log_probabilities`: 0.25 is the logarithm of a probability above 1 (5 of 8, first at [0, 0]); \
         logits? Take their log-softmax"],
    );
    says(
        &nll.diagnose(&(logits.clone() - 3.0), &labels, None),
        &[
            "warning: `log_probabilities`: the probabilities of a row sum to 0.087446, not to 1 (4 of 4, first at [0]); \
         logits? Take their log-softmax; fine where they need not be normalised",
        ],
    );
    says(&nll.diagnose(&probabilities.clone().clamp_min(1e-30).log(), &labels, None), &[]);
    let log = KlDivergenceLossConfig::new().with_target(TargetForm::LogProbabilities).init(&device());
    let good = probabilities.clone().clamp_min(1e-30).log();
    says(
        &log.diagnose(&good, &probabilities),
        &[
            "error: `targets`: probabilities, it seems, not log-probabilities: all numbers are in [0, 1] and every row sums to 1; \
         take their logarithm, or the log-softmax of the logits",
        ],
    );
}

#[test]
fn rows_without_partners() {
    let embeddings = floats([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]]);
    let nothing = "no row counts, and every gradient is 0: draw several rows of several labels into each batch";
    let triplet = TripletLossConfig::new().init(&device());
    says(
        &triplet.diagnose(&embeddings, &ints([4, 2, 9, 0]), None),
        &[&format!("warning: `labels`: no row has another row of its label; {nothing}")],
    );
    says(
        &triplet.diagnose(&embeddings, &ints([4, 4, 4, 4]), None),
        &[&format!("warning: `labels`: all rows have the same label; {nothing}")],
    );
    says(&triplet.diagnose(&embeddings, &ints([4, 4, 4, 2]), None), &[]);
    let contrastive = ContrastiveLossConfig::new().init(&device());
    says(
        &contrastive.diagnose(&embeddings, &ints([4, 2, 9, 0]), None),
        &[
            "warning: `labels`: no row has another row of its label; nothing is drawn together: fine if other batches do that",
        ],
    );
    says(
        &contrastive.diagnose(&embeddings, &ints([4, 4, 4, 4]), None),
        &["warning: `labels`: all rows have the same label; nothing is kept apart: fine if other batches do that"],
    );
    let clip = ClipLossConfig::new().init(&device());
    says(
        &clip.diagnose(&embeddings, &ints([0, 1, 0, 2]), None),
        &["warning: `labels`: a row without a row of its label in the other view (2 of 4, first at [1]); \
         the first half of the rows is one view, the second half the other: fine where only some have no partner"],
    );
}

#[test]
fn vectors_without_a_direction() {
    let embeddings = floats([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]);
    let labels = ints([0, 1, 0, 1]);
    let line = "error: `embeddings`: a vector of length 0, which has no cosine (2 of 4, first at [1]); \
                all its cosines count as 0: a dead layer, or padding?";
    says(&NtXentLossConfig::new().init(&device()).diagnose(&embeddings, &labels, None), &[line]);
    says(&TripletLossConfig::new().init(&device()).diagnose(&embeddings, &labels, None), &[line]);
    says(&TripletLossConfig::new().with_normalize(false).init(&device()).diagnose(&embeddings, &labels, None), &[]);
    says(&ContrastiveLossConfig::new().init(&device()).diagnose(&embeddings, &labels, None), &[]);
    let arcface =
        ArcfaceLossConfig::new().with_num_classes(2).with_embedding_dim(2).with_ignore_index(1).init(&device());
    says(&arcface.diagnose(&embeddings, &labels, None), &[]);
    says(
        &arcface.diagnose(&embeddings, &ints([0, 0, 0, 1]), None),
        &["error: `embeddings`: a vector of length 0, which has no cosine (1 of 4, first at [1]); \
         all its cosines count as 0: a dead layer, or padding?"],
    );
    let softmax = SoftmaxLossConfig::new().with_num_classes(2).with_embedding_dim(2).init(&device());
    says(&softmax.diagnose(&embeddings, &labels, None), &[]);
    let diverged = softmax.with_weight(floats([[1.0, 2.0], [NAN, 1.0]]));
    says(&diverged.diagnose(&embeddings, &labels, None), &["error: `weight`: NaN (1 of 4, first at [1, 0])"]);
}

#[test]
fn settings_that_make_little_sense() {
    let (embeddings, labels) = (floats([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]]), ints([0, 1, 0, 1]));
    let arcface = ArcfaceLossConfig::new().with_num_classes(2).with_embedding_dim(2);
    says(
        &arcface.clone().with_margin(2.5).init(&device()).diagnose(&embeddings, &labels, None),
        &["warning: `margin`: 2.5: radians, which are 143 degrees; \
         degrees? pi / 180 of them are the radians; 0.5 is usual"],
    );
    says(
        &arcface.with_scale(1.0).init(&device()).diagnose(&embeddings, &labels, None),
        &["warning: `scale`: 1: with 2 classes no embedding has a loss below 0.12693; \
         30 or 64 is usual; fine where the loss need not become small"],
    );
    let cosface = CosfaceLossConfig::new().with_num_classes(2).with_embedding_dim(2).with_margin(28.6);
    says(
        &cosface.init(&device()).diagnose(&embeddings, &labels, None),
        &["warning: `margin`: 28.6: two cosines differ by 2 at most; \
         an angle? Here it is a margin between cosines; 0.35 is usual"],
    );
    let combined = CombinedMarginLossConfig::new().with_num_classes(2).with_embedding_dim(2).with_m2(6.0);
    says(
        &combined.init(&device()).diagnose(&embeddings, &labels, None),
        &["warning: `m2`: 6: radians, which are 344 degrees; degrees? pi / 180 of them are the radians; 0.5 is usual"],
    );
    let nt_xent = |temperature: f64| {
        NtXentLossConfig::new().with_temperature(temperature).init(&device()).diagnose(&embeddings, &labels, None)
    };
    let advice = "it divides the cosines (a scale would multiply them); 0.07 to 0.5 is usual";
    says(
        &nt_xent(64.0),
        &[&format!("warning: `temperature`: 64: cosines divided by it differ by 0.03125 at most; {advice}")],
    );
    says(&nt_xent(0.001), &[&format!("warning: `temperature`: 0.001: cosines divided by it reach 1000; {advice}")]);
    let triplet = TripletLossConfig::new().with_margin(3.0).init(&device());
    says(
        &triplet.diagnose(&embeddings, &labels, None),
        &[
            "warning: `margin`: 3: no two embeddings are farther apart than 2: the loss never becomes 0; 0.2 to 1 is usual",
        ],
    );
}

#[test]
fn a_value_that_is_not_finite_of_inputs_that_are() {
    let loss = MseLossConfig::new().init(&device());
    says(
        &loss.diagnose(&floats::<1>([1.0, 1e30, NAN]), &floats([0.0; 3]), None),
        &[
            "error: `predictions`: NaN (1 of 3, first at [2])",
            "error: `values`: infinity although the inputs are finite (1 of 3, first at [1]); \
         numbers too large, or of a row above: some losses look at the whole batch",
        ],
    );
    says(
        &loss.diagnose(&floats::<1>([1.0, 1e30]), &floats([0.0; 2]), None),
        &["error: `values`: infinity although the inputs are finite (1 of 2, first at [1]); \
         numbers too large for the type in which the loss is computed?"],
    );
    // A mean adds in double precision.
    let loss = MseLossConfig::new().with_reduction(Reduction::Sum).init(&device());
    says(
        &loss.diagnose(&floats::<1>([1.5e19, 1.5e19]), &floats([0.0; 2]), None),
        &["error: `total`: infinity although the inputs are finite; every value is finite: their sum is too large"],
    );
}

/// A diagnosis is no step: GHM's moving counts stay, and tensors of a training are taken.
#[test]
fn nothing_is_learned_by_it() {
    let config = GhmRLossConfig::new().with_momentum(0.9);
    let autodiff = device().autodiff();
    let predictions = Tensor::<1>::from_floats([0.5, 3.0, -1.0], &autodiff).require_grad();
    let targets = Tensor::<1>::from_floats([0.0, 2.9, 1.0], &autodiff);
    let [asked, silent] = [true, false].map(|ask| {
        let loss = config.init(&autodiff);
        if ask {
            says(&loss.diagnose(&predictions, &targets, None), &[]);
        }
        let step = |made: &Tensor<1>| loss.forward(made.clone(), targets.clone()).into_scalar::<f32>();
        [step(&predictions), step(&targets), step(&predictions)]
    });
    assert_eq!(asked, silent);
    assert_ne!(asked[0], asked[2], "the second step is remembered");
}
