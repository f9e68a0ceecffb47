//! Inputs and configs that are allowed, but make little sense.

use super::{NAN, device, floats, ints, says};
use crate::binary::{BceInput, BceLossConfig, HardExamples, OhemLossConfig};
use crate::classification::{CrossEntropyLossConfig, MultiMarginLossConfig, NllLossConfig};
use crate::composition::Terms;
use crate::distribution::{DistributionInput, KlDivergenceLossConfig, TargetForm};
use crate::heads::{ArcfaceLossConfig, CombinedMarginLossConfig, CosfaceLossConfig, SoftmaxLossConfig};
use crate::metric::{
    ClipLossConfig, ContrastiveLossConfig, NtXentLossConfig, TripletLossConfig, WeightedSumLossConfig,
};
use crate::prelude::*;
use crate::segmentation::{AbsentClasses, Activation, DiceLossConfig};

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
    // The logits of a layer that begins at 0 do not look like probabilities.
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
         logits? Take their log-softmax; fine where they need not be normalized",
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
    let arcface = ArcfaceLossConfig::new(2, 2).with_ignore_index(1).init(&device());
    let one = "warning: `labels`: every row that counts has the class 0; one class alone says nothing of the others: fine if \
               other batches have them";
    says(&arcface.diagnose(&embeddings, &labels, None), &[one]);
    says(
        &arcface.diagnose(&embeddings, &ints([0, 0, 0, 1]), None),
        &[
            "error: `embeddings`: a vector of length 0, which has no cosine (1 of 4, first at [1]); \
             all its cosines count as 0: a dead layer, or padding?",
            one,
        ],
    );
    let softmax = SoftmaxLossConfig::new(2, 2).init(&device());
    says(&softmax.diagnose(&embeddings, &labels, None), &[]);
    let diverged = softmax.with_weight(floats([[1.0, 2.0], [NAN, 1.0]]));
    says(&diverged.diagnose(&embeddings, &labels, None), &["error: `weight`: NaN (1 of 4, first at [1, 0])"]);
}

/// Each term of a sum says what it needs.
#[test]
fn a_sum_is_looked_at_as_its_terms_are() {
    let of = |terms: Terms<MetricLossConfig>| {
        let embeddings = floats([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [-1.0, 0.5]]);
        let sum = WeightedSumLossConfig::new().with_terms(terms).init(&device());
        sum.diagnose(&embeddings, &ints([4, 4, 4, 4]), None)
    };
    let line = "error: `embeddings`: a vector of length 0, which has no cosine (1 of 4, first at [1]); \
                all its cosines count as 0: a dead layer, or padding?";
    let nothing = "no row counts, and every gradient is 0: draw several rows of several labels into each batch";
    let one_label = format!("warning: `labels`: all rows have the same label; {nothing}");
    let both = Terms::new().with("far", 0.5, NtXentLossConfig::new()).with("near", 1.0, TripletLossConfig::new());
    says(&of(both), &[line, &one_label]);
    // With the pairs of one term, any two rows count.
    let any = Terms::new().with("far", 0.5, NtXentLossConfig::new()).with("near", 1.0, ContrastiveLossConfig::new());
    says(&of(any), &[line]);
    let contrastive = Terms::new().with("near", 1.0, ContrastiveLossConfig::new());
    let kept = "warning: `labels`: all rows have the same label; nothing is kept apart: fine if other batches do that";
    says(&of(contrastive), &[kept]);
}

#[test]
fn settings_that_make_little_sense() {
    let (embeddings, labels) = (floats([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]]), ints([0, 1, 0, 1]));
    let arcface = ArcfaceLossConfig::new(2, 2);
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
    let cosface = CosfaceLossConfig::new(2, 2).with_margin(28.6);
    says(
        &cosface.init(&device()).diagnose(&embeddings, &labels, None),
        &["warning: `margin`: 28.6: two cosines differ by 2 at most; \
         an angle? Here it is a margin between cosines; 0.35 is usual"],
    );
    let combined = CombinedMarginLossConfig::new(2, 2).with_m2(6.0);
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

/// Weights of 0 in the place of a mask: the rows that shall not count are the hardest ones.
#[test]
fn t73_weights_that_are_meant_as_a_mask() {
    let (logits, targets) =
        (floats::<1>([9.0, 8.0, 7.0, -1.0, -2.0, -3.0]), floats::<1>([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]));
    let weights = floats::<1>([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let told = "warning: `weights`: what has the weight 0 changes the values of the rest: the loss looks at the whole batch; \
                to leave it out, hand in a `mask`; fine if it is to be looked at";
    let ohem =
        OhemLossConfig::new().with_loss(BceLossConfig::new()).with_keep(HardExamples::Ratio(0.5)).init(&device());
    let lines = ohem.diagnose(&logits, &targets, Some(&weights)).to_string();
    assert!(lines.contains(told), "{lines}");
    // For a loss of each value alone, weights are as good as a mask.
    says(&BceLossConfig::new().init(&device()).diagnose(&logits, &targets, Some(&weights)), &[]);
    let triplet = TripletLossConfig::new().init(&device());
    let embeddings = floats::<2>([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]);
    let lines = triplet.diagnose(&embeddings, &ints::<1>([0, 0, 1, 1]), Some(&floats::<1>([1.0, 1.0, 1.0, 0.0])));
    assert!(lines.to_string().contains(told), "{lines}");
}
