//! Metric learning: its output, recall@k and verification.

use super::figure::{EpochFigure, EpochMetric, Share};
use super::output;
use burn::tensor::{Bool, Int, Tensor, TensorReadError};
use burn::train::metric::{AccuracyInput, Adaptor};

/// What a step of metric learning hands over; for Burn's `LossMetric`, [`RecallAtKMetric`], [`VerificationAccuracyMetric`], and with
/// the logits of a head also for Burn's `AccuracyMetric`.
#[derive(Debug, Clone)]
pub struct MetricLearningOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The embeddings, `[N, E]`, of any length: only their directions count.
    pub embeddings: Tensor<2>,
    /// The class of each, `[N]`.
    pub labels: Tensor<1, Int>,
    /// Embeddings with this label do not count, and are nobody's neighbours.
    pub ignore_index: Option<i64>,
    /// The logits of the loss's head, `[N, C]`, where it has one.
    pub logits: Option<Tensor<2>>,
}

impl MetricLearningOutput {
    /// From the loss, the embeddings and their labels.
    ///
    /// # Panics
    /// If there is not one label for each embedding.
    #[track_caller]
    pub fn new(loss: Tensor<1>, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Self {
        let ([rows, _], given) = (embeddings.dims(), labels.dims());
        assert!(
            given == [rows],
            "MetricLearningOutput: `labels` has shape {given:?}, expected {:?} (one per embedding)",
            [rows]
        );
        Self { loss, embeddings, labels, ignore_index: None, logits: None }
    }

    /// Embeddings with this label do not count.
    pub fn with_ignore_index(self, label: i64) -> Self {
        Self { ignore_index: Some(label), ..self }
    }

    /// With the logits of a head, `[N, C]`.
    pub fn with_logits(self, logits: Tensor<2>) -> Self {
        Self { logits: Some(logits), ..self }
    }
}

output!(MetricLearningOutput { embeddings, labels } [logits] ignore_index);

/// # Panics
/// If there are no logits.
impl Adaptor<AccuracyInput> for MetricLearningOutput {
    fn adapt(&self) -> AccuracyInput {
        let logits = self.logits.clone().expect("MetricLearningOutput: the accuracy needs `with_logits`");
        AccuracyInput::new(logits, self.labels.clone())
    }
}

/// What [`RecallAtKMetric`] and [`VerificationAccuracyMetric`] take.
#[derive(Clone)]
pub struct EmbeddingsInput {
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    ignore_index: Option<i64>,
}

impl Adaptor<EmbeddingsInput> for MetricLearningOutput {
    fn adapt(&self) -> EmbeddingsInput {
        EmbeddingsInput {
            embeddings: self.embeddings.clone(),
            labels: self.labels.clone(),
            ignore_index: self.ignore_index,
        }
    }
}

impl EmbeddingsInput {
    fn all(parts: &[Self]) -> Self {
        Self {
            embeddings: Tensor::cat(parts.iter().map(|part| part.embeddings.clone()).collect(), 0),
            labels: Tensor::cat(parts.iter().map(|part| part.labels.clone()).collect(), 0),
            ignore_index: parts[0].ignore_index,
        }
    }

    fn rows(&self) -> usize {
        self.labels.dims()[0]
    }

    /// At length 1; what has no direction stays 0.
    fn directions(&self) -> Tensor<2> {
        let length = self.embeddings.clone().square().sum_dim(1).sqrt();
        let none = length.clone().equal_scalar(0.0);
        self.embeddings.clone() / length.mask_fill(none, 1.0)
    }

    fn valid(&self) -> Tensor<1, Bool> {
        match self.ignore_index {
            Some(label) => self.labels.clone().not_equal_elem(label),
            None => self.labels.clone().equal(self.labels.clone()),
        }
    }

    /// How many have one of their class among the `k` with the greatest cosine, themselves left out.
    fn recall(&self, k: usize) -> Result<Share, TensorReadError> {
        /// So many rows at a time are compared with all.
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

/// Recall@k of embeddings, of the epoch or within batches.
#[derive(Debug, Clone)]
pub struct RecallAtK {
    k: usize,
    within_batches: bool,
}

/// The share of the embeddings that have one of their class among their `k` nearest neighbours by the cosine.
///
/// The neighbours are those of the whole epoch, as papers have it: for validation. The embeddings stay on the device until the
/// epoch ends, and are then compared all with all. In training, where they change with every step, or where this is too much, take
/// [`within_batches`](Self::within_batches), which is an easier task: there are fewer neighbours to be mistaken for.
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

    /// Among the neighbours in the same batch.
    pub fn within_batches(self) -> Self {
        RecallAtK { within_batches: true, ..self.figure }.into()
    }
}

/// What was found, and the embeddings that are still to be compared.
#[derive(Clone, Default)]
pub struct Neighbours {
    found: Share,
    waiting: Vec<EmbeddingsInput>,
}

impl EpochFigure for RecallAtK {
    type Input = EmbeddingsInput;
    type Counts = Neighbours;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        format!("Recall@{}{}", self.k, if self.within_batches { " in batch" } else { "" })
    }

    fn description(&self) -> String {
        format!("The share of the embeddings with one of their class among the {} nearest by the cosine.", self.k)
    }

    fn count(&self, input: &EmbeddingsInput) -> Result<Neighbours, TensorReadError> {
        Ok(match self.within_batches {
            true => Neighbours { found: input.recall(self.k)?, waiting: Vec::new() },
            false => Neighbours { found: Share::default(), waiting: vec![input.clone()] },
        })
    }

    fn add(&self, epoch: &mut Neighbours, mut batch: Neighbours) {
        epoch.found.add(batch.found);
        epoch.waiting.append(&mut batch.waiting);
    }

    fn size(&self, counts: &Neighbours) -> usize {
        counts.found.of + counts.waiting.iter().map(EmbeddingsInput::rows).sum::<usize>()
    }

    fn value(&self, counts: &Neighbours) -> Result<f64, TensorReadError> {
        Ok(match counts.waiting.is_empty() {
            true => counts.found.value(),
            false => EmbeddingsInput::all(&counts.waiting).recall(self.k)?.value(),
        })
    }

    fn at_the_end(&self) -> bool {
        !self.within_batches
    }
}

/// Telling pairs of one class from pairs of two by the cosine.
#[derive(Debug, Clone)]
pub struct VerificationAccuracy {
    threshold: Option<f64>,
}

/// How well a threshold on the cosine tells whether two embeddings are of one class: the mean of the share of the alike pairs above
/// it and the share of the others not above it, as with as many pairs of each kind.
///
/// The pairs are those within a batch.
pub type VerificationAccuracyMetric = EpochMetric<VerificationAccuracy>;

impl VerificationAccuracyMetric {
    /// With the best threshold there is for the pairs of the epoch.
    pub fn new() -> Self {
        VerificationAccuracy { threshold: None }.into()
    }

    /// With this threshold.
    ///
    /// # Panics
    /// If it is not a number.
    #[track_caller]
    pub fn at(threshold: f64) -> Self {
        assert!(!threshold.is_nan(), "VerificationAccuracyMetric: `threshold` is NaN, allowed: a number");
        VerificationAccuracy { threshold: Some(threshold) }.into()
    }
}

impl Default for VerificationAccuracyMetric {
    fn default() -> Self {
        Self::new()
    }
}

/// The cosines of pairs.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    alike: Vec<f32>,
    others: Vec<f32>,
}

impl Pairs {
    fn accuracy_at(&self, threshold: f64) -> f64 {
        let above = |cosines: &[f32]| cosines.iter().filter(|cosine| f64::from(**cosine) > threshold).count() as f64;
        let not_above = self.others.len() as f64 - above(&self.others);
        (above(&self.alike) / self.alike.len() as f64 + not_above / self.others.len() as f64) / 2.0
    }

    /// Walks down the pairs by their cosine; those with the same one are one step.
    fn best_accuracy(&self) -> f64 {
        let kind = |cosines: &[f32], alike| cosines.iter().map(move |c| (*c, alike)).collect::<Vec<_>>();
        let mut pairs = [kind(&self.alike, true), kind(&self.others, false)].concat();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (alike, others) = (self.alike.len() as f64, self.others.len() as f64);
        let (mut found, mut wrong, mut best) = (0.0, 0.0, 0.5);
        for same in pairs.chunk_by(|a, b| a.0 == b.0) {
            let hits = same.iter().filter(|(_, alike)| *alike).count() as f64;
            found += hits;
            wrong += same.len() as f64 - hits;
            best = f64::max(best, (found / alike + 1.0 - wrong / others) / 2.0);
        }
        best
    }
}

impl EpochFigure for VerificationAccuracy {
    type Input = EmbeddingsInput;
    type Counts = Pairs;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        match self.threshold {
            None => "Verification accuracy".to_string(),
            Some(threshold) => format!("Verification accuracy at {threshold}"),
        }
    }

    fn description(&self) -> String {
        "How often the cosine tells pairs of one class from pairs of two, both kinds having the same say.".to_string()
    }

    fn count(&self, input: &EmbeddingsInput) -> Result<Pairs, TensorReadError> {
        let rows = input.rows();
        let mut pairs = Pairs::default();
        if rows < 2 {
            return Ok(pairs);
        }
        let directions = input.directions();
        let cosines: Vec<f32> = directions.clone().matmul(directions.transpose()).try_into_vec_as()?;
        let labels: Vec<i64> = input.labels.clone().try_into_vec_as()?;
        let counts = |row: &usize| input.ignore_index != Some(labels[*row]);
        for i in (0..rows).filter(counts) {
            for j in (0..i).filter(counts) {
                let kind = if labels[i] == labels[j] { &mut pairs.alike } else { &mut pairs.others };
                kind.push(cosines[i * rows + j]);
            }
        }
        Ok(pairs)
    }

    fn add(&self, epoch: &mut Pairs, mut batch: Pairs) {
        epoch.alike.append(&mut batch.alike);
        epoch.others.append(&mut batch.others);
    }

    fn size(&self, counts: &Pairs) -> usize {
        counts.alike.len() + counts.others.len()
    }

    fn value(&self, counts: &Pairs) -> Result<f64, TensorReadError> {
        if counts.alike.is_empty() || counts.others.is_empty() {
            return Ok(f64::NAN);
        }
        Ok(match self.threshold {
            Some(threshold) => counts.accuracy_at(threshold),
            None => counts.best_accuracy(),
        })
    }

    fn at_the_end(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::figures;
    use super::*;
    use burn::tensor::Device;

    fn output<const N: usize>(embeddings: [[f32; 2]; N], labels: [i32; N]) -> MetricLearningOutput {
        let device = Device::flex();
        let embeddings = Tensor::from_floats(embeddings, &device);
        let labels = Tensor::<1, Int>::from_ints(labels, &device);
        MetricLearningOutput::new(Tensor::zeros([1], &device), embeddings, labels)
    }

    /// The nearest of the third is the fourth by the cosine, though the first is closer.
    const FOUR: [[f32; 2]; 4] = [[1.0, 0.0], [1.0, 0.1], [0.1, 1.0], [0.0, 9.0]];

    #[test]
    fn recall_by_hand() {
        let recall = |k, labels| figures(RecallAtKMetric::new(k), vec![output(FOUR, labels).adapt()]).1;
        assert_eq!(recall(1, [0, 0, 1, 1]), 1.0);
        assert_eq!(recall(1, [0, 0, 1, 2]), 0.5);
        // In order, those of the first: second, third; of the second: first, third; of the third: fourth, second; of the fourth:
        // third, second.
        assert_eq!(recall(1, [0, 1, 0, 1]), 0.0);
        assert_eq!(recall(2, [0, 1, 0, 1]), 0.5);
        assert_eq!(recall(2, [0, 1, 1, 1]), 0.75);
        assert_eq!(recall(9, [0, 1, 1, 0]), 1.0);
    }

    #[test]
    fn the_epoch_is_more_than_its_batches() {
        let two = |a: usize, b: usize, labels| output([FOUR[a], FOUR[b]], labels).adapt();
        // Within a batch the only neighbour is wrong; in the epoch the nearest is right.
        let batches = || vec![two(0, 2, [0, 1]), two(1, 3, [0, 1])];
        assert_eq!(figures(RecallAtKMetric::new(1), batches()), (vec![0.0, 0.0], 1.0));
        assert_eq!(figures(RecallAtKMetric::new(1).within_batches(), batches()).1, 0.0);
        // Four of four, then none of one: not the mean of the two.
        let uneven = vec![output(FOUR, [0, 0, 1, 1]).adapt(), output([[1.0, 0.0]], [0]).adapt()];
        assert_eq!(figures(RecallAtKMetric::new(1).within_batches(), uneven), (vec![1.0, 0.0], 0.8));
    }

    #[test]
    fn what_is_ignored_is_no_neighbour() {
        let some = output(FOUR, [0, -1, 0, 0]).with_ignore_index(-1);
        // Without the second, the first's nearest is the third: three of three.
        assert_eq!(figures(RecallAtKMetric::new(1), vec![some.adapt()]).1, 1.0);
        let pairs = figures(VerificationAccuracyMetric::at(0.5), vec![some.adapt()]);
        assert!(pairs.1.is_nan(), "only alike pairs are left");
        let two = output(FOUR, [0, -1, 1, -1]).with_ignore_index(-1);
        assert_eq!(figures(RecallAtKMetric::new(3), vec![two.adapt()]).1, 0.0);
    }

    #[test]
    fn more_rows_than_are_compared_at_a_time() {
        let device = Device::flex();
        let rows = 1500;
        let angle = Tensor::<1, Int>::arange(0..rows, &device).float() * (1.5 / rows as f64);
        let embeddings = Tensor::stack::<2>(vec![angle.clone().cos(), angle.sin()], 1);
        let labels = Tensor::<1, Int>::arange(0..rows, &device) / 750;
        let output = MetricLearningOutput::new(Tensor::zeros([1], &device), embeddings, labels);
        let (_, recall) = figures(RecallAtKMetric::new(3), vec![output.adapt()]);
        assert_eq!(recall, 1.0);
    }

    #[test]
    fn no_direction_is_no_trouble() {
        let some = output([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [0, 1, 1]);
        assert_eq!(figures(RecallAtKMetric::new(1), vec![some.adapt()]).1, 2.0 / 3.0);
    }

    #[test]
    fn verification_by_hand() {
        let apart = || output(FOUR, [0, 0, 1, 1]).adapt();
        assert_eq!(figures(VerificationAccuracyMetric::new(), vec![apart()]).1, 1.0);
        assert_eq!(figures(VerificationAccuracyMetric::at(0.5), vec![apart()]).1, 1.0);
        // Nothing is above: none of the alike, all of the others.
        assert_eq!(figures(VerificationAccuracyMetric::at(1.5), vec![apart()]).1, 0.5);
        // All alike pairs have a cosine of 1/sqrt(2) or less, two of the others have 1.
        let mixed = output([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [0, 1, 0, 1]).adapt();
        assert_eq!(figures(VerificationAccuracyMetric::at(0.9), vec![mixed]).1, 0.25);
    }

    #[test]
    fn the_best_threshold_by_hand() {
        let pairs = |alike: &[f32], others: &[f32]| Pairs { alike: alike.to_vec(), others: others.to_vec() };
        // Above 0.6: all three alike, one of four others.
        assert_eq!(pairs(&[0.9, 0.8, 0.7], &[0.75, 0.5, 0.4, 0.3]).best_accuracy(), 0.875);
        assert_eq!(pairs(&[0.5, 0.5], &[0.5]).best_accuracy(), 0.5);
        assert_eq!(pairs(&[0.1], &[0.9]).best_accuracy(), 0.5);
        assert_eq!(pairs(&[0.9], &[0.1]).best_accuracy(), 1.0);
    }

    #[test]
    #[should_panic(expected = "the accuracy needs `with_logits`")]
    fn no_accuracy_without_a_head() {
        let _: AccuracyInput = output(FOUR, [0, 0, 1, 1]).adapt();
    }

    #[test]
    #[should_panic(expected = "`labels` has shape [1], expected [2] (one per embedding)")]
    fn labels_of_another_batch() {
        let device = Device::flex();
        let labels = Tensor::<1, Int>::zeros([1], &device);
        MetricLearningOutput::new(Tensor::zeros([1], &device), Tensor::zeros([2, 3], &device), labels);
    }
}
