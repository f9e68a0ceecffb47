//! A figure of an epoch from counts that are added up over its batches.

use burn::tensor::TensorReadError;
use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry, SerializedEntry,
    format_float,
};
use std::sync::Arc;

/// What the batches of an epoch add up to.
pub trait EpochCounts: Clone + Default + Send + Sync {
    /// Adds the counts of a batch to those of the epoch.
    fn add(&mut self, batch: Self);

    /// How many things the counts are about; it is the weight of a batch in a mean.
    fn size(&self) -> usize;
}

/// A figure that follows from counts: how a batch is counted, and how the figure is computed from all counts.
///
/// [`EpochMetric`] makes a metric of it. The figure of an epoch comes from the counts of the epoch; it is not a mean of the
/// values of its batches, which would be another number (an IoU) or would weigh a small batch like a large one.
pub trait EpochFigure: Clone + Send + Sync + 'static {
    /// The input, to which the output of a step adapts.
    type Input;
    /// The counts; the default is that of no batch.
    type Counts: EpochCounts;
    /// Whether more is better.
    const HIGHER_IS_BETTER: bool;

    /// The name, which differs between settings.
    fn name(&self) -> String;

    /// One sentence that says what the figure is.
    fn description(&self) -> String;

    /// The counts of a batch.
    fn count(&self, input: &Self::Input) -> Result<Self::Counts, TensorReadError>;

    /// The figure; NaN if there is nothing to count.
    fn value(&self, counts: &Self::Counts) -> Result<f64, TensorReadError>;

    /// Whether the figure of the epoch is computed at its end only, since that takes long.
    fn at_the_end(&self) -> bool {
        false
    }
}

/// Burn's metric of an [`EpochFigure`].
#[derive(Clone)]
pub struct EpochMetric<F: EpochFigure> {
    pub(super) figure: F,
    name: MetricName,
    counts: F::Counts,
    batch: Measured,
    epoch: Measured,
}

/// A figure, and how many things it is about.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    size: usize,
}

impl Measured {
    const NONE: Self = Self { value: f64::NAN, size: 0 };

    fn entry(self) -> Option<NumericEntry> {
        let entry = NumericEntry::Aggregated { aggregated_value: self.value, count: self.size };
        (!self.value.is_nan()).then_some(entry)
    }
}

impl<F: EpochFigure> From<F> for EpochMetric<F> {
    fn from(figure: F) -> Self {
        let name = Arc::new(figure.name());
        Self { figure, name, counts: F::Counts::default(), batch: Measured::NONE, epoch: Measured::NONE }
    }
}

impl<F: EpochFigure> EpochMetric<F> {
    fn measure(&self, counts: &F::Counts) -> Result<Measured, TensorReadError> {
        Ok(Measured { value: self.figure.value(counts)?, size: counts.size() })
    }

    fn entry(&self, entry: NumericEntry) -> SerializedEntry {
        let show = |value: f64| match value.is_nan() {
            true => SerializedEntry::NOT_AVAILABLE.to_string(),
            false => format_float(value, 4),
        };
        let formatted = format!("epoch {} - batch {}", show(self.epoch.value), show(self.batch.value));
        SerializedEntry::new(formatted, entry.serialize())
    }
}

impl<F: EpochFigure> Metric for EpochMetric<F> {
    type Input = F::Input;

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn description(&self) -> Option<String> {
        Some(self.figure.description())
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes { unit: None, higher_is_better: F::HIGHER_IS_BETTER }.into()
    }

    fn update(&mut self, input: &F::Input, _: &MetricMetadata) -> Result<SerializedEntry, TensorReadError> {
        let counts = self.figure.count(input)?;
        self.batch = self.measure(&counts)?;
        self.counts.add(counts);
        if !self.figure.at_the_end() {
            self.epoch = self.measure(&self.counts)?;
        }
        Ok(match self.batch.entry() {
            Some(entry) => self.entry(entry),
            None => SerializedEntry::not_available(None),
        })
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        self.epoch = self.measure(&self.counts)?;
        Ok(self.entry(NumericEntry::Final(self.epoch.value)))
    }

    fn clear(&mut self) {
        *self = self.figure.clone().into();
    }
}

impl<F: EpochFigure> Numeric for EpochMetric<F> {
    fn value(&self) -> Option<NumericEntry> {
        self.batch.entry()
    }

    fn running_value(&self) -> Option<NumericEntry> {
        self.epoch.entry()
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.epoch.value)
    }
}

/// A sum and a number of things: their quotient is a mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share {
    /// The sum; for a share, the number of things that fit.
    pub sum: f64,
    /// The number of all things.
    pub of: usize,
}

impl EpochCounts for Share {
    fn add(&mut self, batch: Self) {
        self.sum += batch.sum;
        self.of += batch.of;
    }

    fn size(&self) -> usize {
        self.of
    }
}

impl Share {
    /// The mean; NaN without values.
    pub fn value(self) -> f64 {
        self.sum / self.of as f64
    }
}
