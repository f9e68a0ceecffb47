//! Labels, probabilities, boxes and masks that are not valid.

use super::{device, floats, ints, says};
use crate::binary::BceLossConfig;
use crate::boxes::{BoxFormat, DistributionFocalLossConfig, IouLossConfig, WeightedSumLossConfig};
use crate::classification::CrossEntropyLossConfig;
use crate::composition::Terms;
use crate::config::{CountedWeights, WeightScheme};
use crate::distribution::{DistributionInput, EntropyLossConfig, KlDivergenceLossConfig};
use crate::metric::CenterLossConfig;
use crate::prelude::*;
use crate::regression::{LogDomain, MsleLossConfig, PoissonNllLossConfig, TweedieNllLossConfig};
use crate::segmentation::{AbsentClasses, Background, DiceLossConfig, Masks, SumOver};
use burn::tensor::{Bool, Tensor};

/// A class without a sample in the counts has weight 0, which is easily not seen.
#[test]
fn labels_of_a_class_without_samples() {
    let logits = floats::<2>([[0.5, -1.0, 2.0], [1.5, 1.0, -2.0]]);
    let weights = CountedWeights::new([3.0, 0.0, 1.0], WeightScheme::Inverse);
    let loss = CrossEntropyLossConfig::new().with_class_weights(weights).init(&device());
    says(&loss.diagnose(&logits, &ints::<1>([0, 2]), None), &[]);
    says(
        &loss.diagnose(&logits, &ints::<1>([0, 1]), None),
        &[
            "warning: `labels`: 1: `class_weights.counts` has no sample of the class, so the class weighs nothing (1 of 2, first at \
         [1]); count the samples anew, or leave the class out",
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
            "error: `labels`: 3 is out of range, allowed: 0 <= label < 3 (2 of 4, first at [2]); labels that begin at 1? Subtract 1",
        ],
    );
    says(
        &of([0, 255, 2, 255]),
        &["error: `labels`: 255 is out of range, allowed: 0 <= label < 3 (2 of 4, first at [1]); \
         rows to leave out? Set `ignore_index = 255`"],
    );
    says(
        &of([0, 1, -100, 0]),
        &["error: `labels`: -100 is out of range, allowed: 0 <= label < 3 (1 of 4, first at [2]); \
         rows to leave out? Set `ignore_index = -100`"],
    );
    says(
        &of([0, -1, 0, 0]),
        &["error: `labels`: -1 is out of range, allowed: 0 <= label < 3 (1 of 4, first at [1]); \
         rows to leave out? Set `ignore_index = -1`"],
    );
    says(&of([0, 17, 1, 2]), &["error: `labels`: 17 is out of range, allowed: 0 <= label < 3 (1 of 4, first at [1])"]);

    let loss = CrossEntropyLossConfig::new().with_ignore_index(9).init(&device());
    says(
        &loss.diagnose(&logits, &ints::<1>([9, 1, 4, 9]), None),
        &["error: `labels`: 4 is out of range, allowed: 0 <= label < 3, or 9 (ignored) (1 of 4, first at [2])"],
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
        &["error: `labels`: 5 is out of range, allowed: 0 <= label < 2 (1 of 2, first at [0, 0, 1])"],
    );
    let center = CenterLossConfig::new(2, 1).init(&device());
    says(
        &center.diagnose(&floats([[0.5], [1.0]]), &ints([0, -1]), None),
        &["error: `labels`: -1 is out of range, allowed: 0 <= label < 2 (1 of 2, first at [1]); \
         -1 is no label of this loss: leave such rows out"],
    );
    let one = floats::<2>([[0.5], [-1.0]]);
    says(
        &loss.diagnose(&one, &ints::<1>([0, 1]), None),
        &[
            "error: cross_entropy: `logits` has shape [2, 1], expected at least 2 classes on axis 1: the softmax of one is \
             always 1",
            "error: `labels`: 1 is out of range, allowed: 0 <= label < 1 (1 of 2, first at [1]); \
             one logit and labels 0 or 1? That is the family `binary`",
        ],
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
         fine where they need not be normalized"],
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
            // The IoU of an empty box has no slope, and that of a perfect fit is 0.
            "warning: `predictions`: its gradient is 0 everywhere, but the value is not; \
         nothing is learned from this batch: a kink, or a plateau? Fine for a loss that only counts",
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
    // The bins in the terms of a sum are not taken for corners either.
    let terms = Terms::new().with("sides", 2.0, DistributionFocalLossConfig::new());
    let sum = WeightedSumLossConfig::new().with_terms(terms).init(&device());
    says(&sum.diagnose(&logits, &floats([[0.0, 3.0, 2.5, 2.0]]), None), &[]);
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
    says(&of(DiceLossConfig::new().with_over(SumOver::Batch), masks().into()), &[]);
    let first = floats::<3>([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]]);
    says(&of(DiceLossConfig::new().with_over(SumOver::Batch), first.into()), &[&line("1 of 2, first at [1]")]);

    let config = DiceLossConfig::new().with_absent_classes(AbsentClasses::Skip);
    says(
        &of(config.clone(), (masks() * 255.0).into()),
        &["error: `masks`: 255 is outside [0, 1] (2 of 8, first at [0, 0, 1]); \
         masks of 0 and 255? Divide by 255; labels? See `Masks::from_labels`"],
    );
    // A label that is out of range is NaN in every channel.
    let labels = Masks::from_labels(ints::<2>([[0, 1], [1, 2]]), 2, None);
    says(&of(config, labels), &["error: `masks`: NaN (2 of 8, first at [1, 0, 1])"]);
}

#[test]
fn targets_below_0() {
    let (first, targets) = (floats::<1>([0.5, 1.0, -0.25]), floats::<1>([1.0, -2.0, 3.0]));
    let said = "warning: `targets`: -2 is negative (1 of 3, first at [1]); \
                this loss is for targets that are 0 or more, such as counts and amounts";
    says(&PoissonNllLossConfig::new().init(&device()).diagnose(&first, &targets, None), &[said]);
    says(&TweedieNllLossConfig::new().init(&device()).diagnose(&first, &targets, None), &[said]);
    says(&MsleLossConfig::new().init(&device()).diagnose(&first, &targets, None), &[said]);
    let signed = MsleLossConfig::new().with_domain(LogDomain::Signed).init(&device());
    assert!(signed.diagnose(&first, &targets, None).is_clean());
}
