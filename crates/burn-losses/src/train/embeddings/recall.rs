//! Recall@k: whether near embeddings are of the same class.

use super::EmbeddingsInput;
use crate::train::figure::{EpochCounts, EpochFigure, EpochMetric, Share};
use burn::tensor::{Int, Tensor, TensorReadError};

/// Recall@k of embeddings, of the epoch or within batches.
#[derive(Debug, Clone)]
pub struct RecallAtK {
    k: usize,
    within_batches: bool,
}

/// The share of the embeddings that have an embedding of their class among their `k` nearest neighbors by the cosine.
///
/// The neighbors are those of the whole epoch, as in papers: take this for validation. The embeddings stay on the device until
/// the epoch ends, and are then all compared with one another. In training, where embeddings change with every step, or if this
/// takes too much memory or time, take [`within_batches`](Self::within_batches). It is an easier task, since there are fewer
/// wrong neighbors.
pub type RecallAtKMetric = EpochMetric<RecallAtK>;

impl RecallAtKMetric {
    /// Recall@k.
    ///
    /// # Panics
    /// If k is 0.
    #[track_caller]
    pub fn new(k: usize) -> Self {
        assert!(k > 0, "RecallAtKMetric: `k` is 0, allowed: an integer >= 1");
        RecallAtK { k, within_batches: false }.into()
    }

    /// Looks for neighbors in the same batch alone.
    pub fn within_batches(self) -> Self {
        RecallAtK { within_batches: true, ..self.figure }.into()
    }
}

/// The counts so far, and the embeddings that are still to be compared.
#[derive(Clone, Default)]
pub struct Neighbors {
    found: Share,
    waiting: Vec<EmbeddingsInput>,
}

impl EpochCounts for Neighbors {
    fn add(&mut self, mut batch: Self) {
        self.found.add(batch.found);
        self.waiting.append(&mut batch.waiting);
    }

    fn size(&self) -> usize {
        self.found.size() + self.waiting.iter().map(EmbeddingsInput::rows).sum::<usize>()
    }
}

impl EpochFigure for RecallAtK {
    type Input = EmbeddingsInput;
    type Counts = Neighbors;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        format!("Recall@{}{}", self.k, if self.within_batches { " in batch" } else { "" })
    }

    fn description(&self) -> String {
        format!("The share of the embeddings with one of their class among the {} nearest by the cosine.", self.k)
    }

    fn count(&self, input: &EmbeddingsInput) -> Result<Neighbors, TensorReadError> {
        Ok(match self.within_batches {
            true => Neighbors { found: input.recall(self.k)?, waiting: Vec::new() },
            false => Neighbors { found: Share::default(), waiting: vec![input.clone()] },
        })
    }

    fn value(&self, counts: &Neighbors) -> Result<f64, TensorReadError> {
        Ok(match counts.waiting.is_empty() {
            true => counts.found.value(),
            false => EmbeddingsInput::all(&counts.waiting).recall(self.k)?.value(),
        })
    }

    fn at_the_end(&self) -> bool {
        !self.within_batches
    }
}

impl EmbeddingsInput {
    /// How many embeddings have one of their class among the `k` other embeddings with the greatest cosine.
    fn recall(&self, k: usize) -> Result<Share, TensorReadError> {
        /// The number of rows that are compared with all rows at a time.
        const ROWS: usize = 1024;
        /// Less than any cosine.
        const NEVER: f64 = -3.0;
        let (rows, device) = (self.rows(), self.labels.device());
        if rows < 2 {
            let of: i64 = if rows == 0 { 0 } else { self.valid().int().sum().try_into_scalar()? };
            return Ok(Share { sum: 0.0, of: of as usize });
        }
        let k = k.min(rows - 1);
        let (directions, valid) = (self.directions(), self.valid());
        let columns = Tensor::<1, Int>::arange(0..rows as i64, &device).unsqueeze_dim::<2>(0);
        let mut hits = Vec::new();
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            let own = Tensor::<1, Int>::arange(start as i64..(start + count) as i64, &device).unsqueeze_dim::<2>(1);
            let own = own.expand([count, rows]).equal(columns.clone().expand([count, rows]));
            let others = own.bool_or(valid.clone().bool_not().unsqueeze_dim::<2>(0).expand([count, rows]));
            let cosines = directions.clone().narrow(0, start, count).matmul(directions.clone().transpose());
            let (cosines, nearest) = cosines.mask_fill(others, NEVER).topk_with_indices(k, 1);
            let classes = self.labels.clone().select(0, nearest.reshape([count * k])).reshape([count, k]);
            let class = self.labels.clone().narrow(0, start, count).unsqueeze_dim::<2>(1).expand([count, k]);
            let found = classes.equal(class).bool_and(cosines.greater_scalar(NEVER + 1.0)).any_dim(1);
            hits.push(found.reshape([count]).bool_and(valid.clone().narrow(0, start, count)).int().sum());
        }
        hits.push(valid.int().sum());
        let counts: Vec<i64> = Tensor::cat(hits, 0).try_into_vec_as()?;
        let (of, hits) = counts.split_last().expect("at least the number of rows");
        Ok(Share { sum: hits.iter().sum::<i64>() as f64, of: *of as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FOUR, output};
    use super::super::{MetricLearningOutput, VerificationAccuracyMetric};
    use super::*;
    use crate::train::tests::epoch_values;
    use burn::tensor::Device;
    use burn::train::metric::Adaptor;

    #[test]
    fn recall_by_hand() {
        let recall = |k, labels| epoch_values(RecallAtKMetric::new(k), vec![output(FOUR, labels).adapt()]).1;
        assert_eq!(recall(1, [0, 0, 1, 1]), 1.0);
        assert_eq!(recall(1, [0, 0, 1, 2]), 0.5);
        // The neighbors in order, of the first: second, third; of the second: first, third; of the third: fourth, second; of the
        // fourth: third, second.
        assert_eq!(recall(1, [0, 1, 0, 1]), 0.0);
        assert_eq!(recall(2, [0, 1, 0, 1]), 0.5);
        assert_eq!(recall(2, [0, 1, 1, 1]), 0.75);
        assert_eq!(recall(9, [0, 1, 1, 0]), 1.0);
    }

    #[test]
    fn the_epoch_is_more_than_its_batches() {
        let two = |a: usize, b: usize, labels| output([FOUR[a], FOUR[b]], labels).adapt();
        // Within a batch the only neighbor is wrong; in the epoch the nearest is right.
        let batches = || vec![two(0, 2, [0, 1]), two(1, 3, [0, 1])];
        assert_eq!(epoch_values(RecallAtKMetric::new(1), batches()), (vec![0.0, 0.0], 1.0));
        assert_eq!(epoch_values(RecallAtKMetric::new(1).within_batches(), batches()).1, 0.0);
        // Four of four, then none of one: not the mean of the two.
        let uneven = vec![output(FOUR, [0, 0, 1, 1]).adapt(), output([[1.0, 0.0]], [0]).adapt()];
        assert_eq!(epoch_values(RecallAtKMetric::new(1).within_batches(), uneven), (vec![1.0, 0.0], 0.8));
    }

    #[test]
    fn what_is_ignored_is_no_neighbor() {
        let some = output(FOUR, [0, -1, 0, 0]).with_ignore_index(-1);
        // Without the second, the first's nearest is the third: three of three.
        assert_eq!(epoch_values(RecallAtKMetric::new(1), vec![some.adapt()]).1, 1.0);
        let pairs = epoch_values(VerificationAccuracyMetric::at(0.5), vec![some.adapt()]);
        assert!(pairs.1.is_nan(), "only alike pairs are left");
        let two = output(FOUR, [0, -1, 1, -1]).with_ignore_index(-1);
        assert_eq!(epoch_values(RecallAtKMetric::new(3), vec![two.adapt()]).1, 0.0);
    }

    #[test]
    fn more_rows_than_are_compared_at_a_time() {
        let device = Device::flex();
        let rows = 1500;
        let angle = Tensor::<1, Int>::arange(0..rows, &device).float() * (1.5 / rows as f64);
        let embeddings = Tensor::stack::<2>(vec![angle.clone().cos(), angle.sin()], 1);
        let labels = Tensor::<1, Int>::arange(0..rows, &device) / 750;
        let output = MetricLearningOutput::new(Tensor::zeros([1], &device), embeddings, labels);
        let (_, recall) = epoch_values(RecallAtKMetric::new(3), vec![output.adapt()]);
        assert_eq!(recall, 1.0);
    }

    #[test]
    fn no_direction_is_no_trouble() {
        let some = output([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [0, 1, 1]);
        assert_eq!(epoch_values(RecallAtKMetric::new(1), vec![some.adapt()]).1, 2.0 / 3.0);
    }
}
