//! Figures computed on the host, in double precision, from a trained model's outputs for the held-out rows.

/// How well scores rank positives over negatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Average precision: the sum over all thresholds of (recall gained) x (precision there).
    pub average_precision: f64,
    /// The largest recall at any threshold whose precision is at least the one asked for.
    pub recall_at_precision: f64,
}

/// Ranks rows by score, and computes the precision and recall down the list; rows with equal scores count as one step.
pub fn ranking(scores: &[f32], positive: &[bool], precision: f64) -> Ranking {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let positives = positive.iter().filter(|&&p| p).count() as f64;

    let (mut hits, mut seen, mut recall) = (0.0, 0.0, 0.0);
    let mut result = Ranking { average_precision: 0.0, recall_at_precision: 0.0 };
    for (place, &row) in order.iter().enumerate() {
        seen += 1.0;
        hits += f64::from(positive[row]);
        let tied = order.get(place + 1).is_some_and(|&n| scores[n] == scores[row]);
        if tied || positives == 0.0 {
            continue;
        }
        let (here, gained) = (hits / seen, hits / positives - recall);
        recall = hits / positives;
        result.average_precision += gained * here;
        if here >= precision {
            result.recall_at_precision = recall;
        }
    }
    result
}

/// The largest share of rows on the right side of any threshold: positives above it, negatives not.
pub fn best_accuracy(scores: &[f32], positive: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut hits = positive.iter().filter(|&&p| !p).count();
    let mut best = hits;
    for (place, &row) in order.iter().enumerate() {
        if positive[row] {
            hits += 1
        } else {
            hits -= 1
        }
        let tied = order.get(place + 1).is_some_and(|&n| scores[n] == scores[row]);
        if !tied {
            best = best.max(hits);
        }
    }
    best as f64 / scores.len() as f64
}

/// Precision and recall of the rows whose logit is above zero.
pub fn precision_recall(logits: &[f32], positive: &[bool]) -> (f64, f64) {
    let count = |said: bool, is: bool| {
        let rows = logits.iter().zip(positive);
        rows.filter(|(l, p)| (**l > 0.0) == said && **p == is).count() as f64
    };
    let hits = count(true, true);
    let ratio = |all: f64| if all == 0.0 { 0.0 } else { hits / all };
    (ratio(hits + count(true, false)), ratio(hits + count(false, true)))
}

/// The Dice score, which is the F1 score: the harmonic mean of precision and recall.
pub fn dice(precision: f64, recall: f64) -> f64 {
    let sum = precision + recall;
    if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum }
}

/// The quality of a classifier's logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classification {
    /// The share of the rows whose largest logit is that of the label.
    pub accuracy: f64,
    /// The mean of the largest softmax probability.
    pub confidence: f64,
    /// The expected calibration error: over 15 bins of confidence, the mean of |accuracy - confidence|.
    pub calibration_error: f64,
}

/// Accuracy and calibration of `[rows, classes]` logits.
pub fn classification(logits: &[f32], labels: &[f32], classes: usize) -> Classification {
    const BINS: usize = 15;
    let (mut hits, mut sum) = ([0.0; BINS], [0.0; BINS]);
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let best = largest(row);
        let top = row[best];
        let total: f64 = row.iter().map(|&l| f64::from(l - top).exp()).sum();
        let confidence = 1.0 / total;
        let bin = ((confidence * BINS as f64) as usize).min(BINS - 1);
        hits[bin] += f64::from(best == label as usize);
        sum[bin] += confidence;
    }
    let rows = labels.len() as f64;
    let gap = |(hit, sum): (&f64, &f64)| (hit - sum).abs();
    Classification {
        accuracy: hits.iter().sum::<f64>() / rows,
        confidence: sum.iter().sum::<f64>() / rows,
        calibration_error: hits.iter().zip(&sum).map(gap).sum::<f64>() / rows,
    }
}

/// The place of the largest of some numbers, the first of equal ones.
pub fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// The recall of each class: the share of its rows whose largest logit is that of the class. Their mean is the balanced accuracy.
pub fn recalls(logits: &[f32], labels: &[f32], classes: usize) -> Vec<f64> {
    let (mut hits, mut rows) = (vec![0.0; classes], vec![0.0; classes]);
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        rows[label as usize] += 1.0;
        hits[label as usize] += f64::from(largest(row) == label as usize);
    }
    hits.iter().zip(&rows).map(|(hit, rows): (&f64, &f64)| hit / rows.max(1.0)).collect()
}

/// The mean of some numbers.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The quality of prediction intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intervals {
    /// The share of the targets within their interval.
    pub coverage: f64,
    /// The mean width.
    pub width: f64,
    /// The interval score (Gneiting and Raftery 2007, section 6.2): the width, plus `2 / outside` times the distance of a target
    /// from its interval. It is smallest for the true quantiles.
    pub score: f64,
}

/// The quality of intervals `(lower, upper)` that `outside` of the targets should lie outside of.
pub fn intervals(bounds: &[(f64, f64)], targets: &[f32], outside: f64) -> Intervals {
    let rows = || bounds.iter().zip(targets).map(|(&(lower, upper), &target)| (lower, upper, f64::from(target)));
    let mean = |of: fn((f64, f64, f64)) -> f64| rows().map(of).sum::<f64>() / targets.len() as f64;
    let width = mean(|(lower, upper, _)| upper - lower);
    let missed = mean(|(lower, upper, target)| (lower - target).max(target - upper).max(0.0));
    Intervals {
        coverage: mean(|(lower, upper, target)| f64::from((lower..=upper).contains(&target))),
        width,
        score: width + 2.0 / outside * missed,
    }
}

/// The share of the rows of `levels` quantiles in which one is above the next.
pub fn crossings(quantiles: &[f32], levels: usize) -> f64 {
    let crossed = |row: &&[f32]| row.windows(2).any(|pair| pair[0] > pair[1]);
    quantiles.chunks_exact(levels).filter(crossed).count() as f64 / (quantiles.len() / levels) as f64
}

/// The angle between the long sides of rotated boxes `(cx, cy, w, h, angle)` and those of their targets, from 0 to 90 degrees.
pub fn angle_errors(boxes: &[f32], targets: &[f32]) -> Vec<f64> {
    let direction = |b: &[f32]| f64::from(b[4]).to_degrees() + if b[2] < b[3] { 90.0 } else { 0.0 };
    let error = |(a, b)| {
        let between = (direction(a) - direction(b)).rem_euclid(180.0);
        between.min(180.0 - between)
    };
    boxes.chunks_exact(5).zip(targets.chunks_exact(5)).map(error).collect()
}

/// The share of the values that are at most `limit`.
pub fn share_within(values: &[f64], limit: f64) -> f64 {
    values.iter().filter(|&&value| value <= limit).count() as f64 / values.len() as f64
}

/// The mean pinball loss of a line, which is smallest at the `tau` quantile.
pub fn pinball(x: &[f64], y: &[f64], (intercept, slope): (f64, f64), tau: f64) -> f64 {
    let residuals = x.iter().zip(y).map(|(x, y)| y - intercept - slope * x);
    residuals.map(|r| (tau * r).max((tau - 1.0) * r)).sum::<f64>() / x.len() as f64
}

/// The share of the points that lie below the line.
pub fn share_below(x: &[f64], y: &[f64], (intercept, slope): (f64, f64)) -> f64 {
    let below = |(x, y): &(&f64, &f64)| **y < intercept + slope * **x;
    x.iter().zip(y).filter(below).count() as f64 / x.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_by_hand() {
        // In ranked order the rows are + - + + -; the precision at the positives is 1, 2/3 and 3/4.
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5];
        let positive = [true, false, true, true, false];
        let got = ranking(&scores, &positive, 0.7);
        let expected = (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0;
        assert!((got.average_precision - expected).abs() < 1e-12);
        assert_eq!(got.recall_at_precision, 1.0);
        assert_eq!(ranking(&scores, &positive, 0.8).recall_at_precision, 1.0 / 3.0);
    }

    #[test]
    fn tied_scores_are_one_step_in_any_order() {
        let one = ranking(&[0.5, 0.5, 0.1], &[true, false, true], 0.0);
        let other = ranking(&[0.5, 0.5, 0.1], &[false, true, true], 0.0);
        assert_eq!(one, other);
        let expected = 0.5 * 0.5 + 0.5 * 2.0 / 3.0;
        assert!((one.average_precision - expected).abs() < 1e-12);
    }

    #[test]
    fn no_positives_is_zero() {
        assert_eq!(ranking(&[1.0], &[false], 0.5).average_precision, 0.0);
        assert_eq!(precision_recall(&[1.0], &[false]), (0.0, 0.0));
    }

    #[test]
    fn the_best_threshold_by_hand() {
        assert_eq!(best_accuracy(&[0.9, 0.8, 0.7, 0.6], &[true, false, true, false]), 0.75);
        assert_eq!(best_accuracy(&[0.5, 0.5, 0.5], &[true, false, false]), 2.0 / 3.0);
        assert_eq!(best_accuracy(&[0.1, 0.9], &[true, false]), 0.5);
    }

    #[test]
    fn precision_and_recall_by_hand() {
        let logits = [2.0, 1.0, -1.0, -2.0];
        let positive = [true, false, true, true];
        assert_eq!(precision_recall(&logits, &positive), (0.5, 1.0 / 3.0));
        // One hit, two predicted, three positives: 2 x 1 / (2 + 3).
        assert!((dice(0.5, 1.0 / 3.0) - 0.4).abs() < 1e-12);
        assert_eq!(dice(0.0, 0.0), 0.0);
    }

    #[test]
    fn calibration_by_hand() {
        // Two rows have confidence 1/2 each (a tie between two classes), and one of them is right.
        let got = classification(&[0.0, 0.0, 0.0, 0.0], &[0.0, 1.0], 2);
        assert_eq!((got.accuracy, got.confidence), (0.5, 0.5));
        assert_eq!(got.calibration_error, 0.0);
        // The prediction is certain and wrong.
        let got = classification(&[100.0, 0.0], &[1.0], 2);
        assert_eq!((got.accuracy, got.calibration_error), (0.0, 1.0));
    }

    #[test]
    fn pinball_and_share_by_hand() {
        let (x, y) = ([0.0, 0.0, 0.0], [1.0, -1.0, 3.0]);
        assert!((pinball(&x, &y, (0.0, 0.0), 0.9) - (0.9 + 0.1 + 2.7) / 3.0).abs() < 1e-12);
        assert!((share_below(&x, &y, (0.0, 0.0)) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn recalls_by_hand() {
        // Two rows of class 0, one of them right, and one of class 2, which is right.
        let logits = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(recalls(&logits, &[0.0, 0.0, 2.0], 3), [0.5, 0.0, 1.0]);
        assert_eq!((largest(&[0.0, 2.0, 2.0]), mean(&[0.5, 1.0])), (1, 0.75));
    }

    #[test]
    fn intervals_by_hand() {
        // The second target is 0.5 above its interval.
        let got = intervals(&[(0.0, 1.0), (0.0, 2.0)], &[0.25, 2.5], 0.1);
        assert_eq!((got.coverage, got.width), (0.5, 1.5));
        assert!((got.score - (1.5 + 20.0 * 0.25)).abs() < 1e-12, "{}", got.score);
        assert_eq!(crossings(&[1.0, 2.0, 2.0, 1.0, 3.0, 2.0], 3), 0.5);
    }

    #[test]
    fn angles_by_hand() {
        let quarter = std::f32::consts::FRAC_PI_2;
        let targets = [0.0, 0.0, 1.0, 2.0, 0.0].repeat(3);
        // The same box with its sides exchanged, half a turn of it, and an eighth of a turn.
        let boxes =
            [[0.0, 0.0, 2.0, 1.0, quarter], [0.0, 0.0, 1.0, 2.0, 2.0 * quarter], [0.0, 0.0, 1.0, 2.0, -quarter / 2.0]];
        let errors = angle_errors(boxes.as_flattened(), &targets);
        assert!(errors.iter().zip([0.0, 0.0, 45.0]).all(|(got, expected)| (got - expected).abs() < 1e-4), "{errors:?}");
        assert_eq!(share_within(&errors, 5.0), 2.0 / 3.0);
    }
}
