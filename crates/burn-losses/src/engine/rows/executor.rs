//! The executor: rows of logits and their targets in, one value per row out.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::classes::per_class;
use crate::engine::curved::Curved;
use crate::engine::curved_rows::CurvedRow;
use crate::engine::distributions::LEAST as LEAST_PROBABILITY;
use crate::engine::pointwise::PointKernel;
use crate::engine::primitives::gather::gather;
use crate::engine::primitives::labels::one_hot;
use crate::engine::primitives::order_statistics::argmax;
use crate::engine::primitives::softmax::{finite, log_softmax};
use crate::engine::{machine, outlined, tracked_targets};
use crate::formula::{Dual, Formula, Real, RowFormula};
use crate::reduction::{Divisor, Reduction, ShapedExtras, Unreduced};
use burn::tensor::{Int, Tensor};
use std::sync::Arc;

/// The targets of rows of logits.
pub(crate) enum Target {
    /// Labels `[M]`: a class for each row, or the label of rows that do not count.
    Labels { of: Tensor<1, Int>, ignore_index: Option<i64> },
    /// `[M, C]`: a distribution for each row.
    Probabilities(Tensor<2>),
    /// `[M, C]`: a distribution t for each row, or its logarithm, which is softened to q = softmax(sharpness ln t). The value of
    /// a row is the mean of the formula under q; the formula gets ln q as the share of a class. The logits are multiplied by the
    /// sharpness too.
    Teacher { of: Tensor<2>, sharpness: f64, is_logarithm: bool },
    /// `[M, 1]`: a number from 0 to C - 1 for each row, which is shared by its two neighboring classes; the value of any other
    /// number is NaN.
    Bins(Tensor<2>),
}

/// A finite number in place of the logarithm of 0.
pub(crate) const MINUS_INFINITY: f64 = -1e30;

/// The values of `[M, C]` logits, as tensor operations; all labels must be in 0..C.
pub(super) fn tensor_values(formula: &impl RowFormula, logits: Tensor<2>, target: &Target) -> Unreduced<1> {
    let shape @ [_, classes] = logits.dims();
    let logits = of_logits(formula, logits);
    let logits = match target {
        Target::Teacher { sharpness, .. } => logits * *sharpness,
        _ => logits,
    };
    let logits = match formula.class_offsets() {
        None => logits,
        Some(offsets) => logits.clone() + per_class(offsets, &logits).unsqueeze::<2>().expand(shape),
    };
    let log_p = log_softmax(logits.clone());
    let class = OfClass(formula.clone());
    let (keep, floor) = formula.smoothing(classes);
    let factors = formula.class_factors().map(|factors| per_class(factors, &logits));
    let of_classes = |shares: Tensor<2>| match &factors {
        None => shares,
        Some(factors) => shares * factors.clone().unsqueeze::<2>().expand(shape),
    };
    let sum = |values: Tensor<2>| values.sum_dim(1).squeeze_dim::<1>(1);
    // The normalizers of the rows, and their values.
    let (normalizer, values) = match target {
        Target::Labels { of: labels, .. } => {
            let normalizer = factors.clone().map(|factors| factors.select(0, labels.clone()));
            let values = if floor > 0.0 || formula.every_class_counts() {
                let of_label = one_hot(labels.clone(), classes).float().cast(logits.dtype());
                sum(outlined::eval(&class, log_p.clone(), of_classes(of_label * keep + floor)))
            } else {
                let picked = gather(log_p.clone(), labels.clone());
                let share = normalizer.clone().unwrap_or_else(|| picked.ones_like().detach());
                outlined::eval(&class, picked, share * keep)
            };
            (normalizer, values)
        }
        Target::Probabilities(q) => {
            let normalizer = factors.is_some().then(|| sum(of_classes(q.clone())));
            (normalizer, sum(outlined::eval(&class, log_p.clone(), of_classes(q.clone() * keep + floor))))
        }
        Target::Teacher { of, sharpness, is_logarithm } => {
            let (log_t, is_zero) = if *is_logarithm {
                let is_zero = of.clone().lower_scalar(MINUS_INFINITY);
                (of.clone().mask_fill(is_zero.clone(), 0.0), is_zero)
            } else {
                let is_zero = of.clone().lower_scalar(LEAST_PROBABILITY);
                (of.clone().mask_fill(is_zero.clone(), 1.0).log(), is_zero)
            };
            let log_q = log_softmax((log_t * *sharpness).mask_fill(is_zero.clone(), MINUS_INFINITY));
            // A row without any probability must have none after the softmax.
            let q = log_q.clone().exp().mask_fill(is_zero.clone(), 0.0);
            (None, sum(q.weigh(outlined::eval(&class, log_p.clone(), log_q.mask_fill(is_zero, MINUS_INFINITY)))))
        }
        Target::Bins(y) => {
            let outside = y.clone().lower_scalar(0.0).bool_or(y.clone().greater_scalar(classes as f64 - 1.0));
            let bin = Tensor::<1, Int>::arange(0..classes as i64, &y.device()).float().cast(y.dtype());
            // The two bins around y have the shares i + 1 - y and y - i, every other bin 0.
            let shares = (-(y.clone().expand(shape) - bin.unsqueeze::<2>().expand(shape)).abs() + 1.0).clamp_min(0.0);
            let values = sum(outlined::eval(&class, log_p.clone(), shares));
            (None, values.mask_fill(outside.squeeze_dim::<1>(1), f64::NAN))
        }
    };
    let normalizer = normalizer.filter(|_| formula.factors_count());
    // ln(sum e^x), computed from the class with the largest logit, because a logit of minus infinity cannot be used.
    let log_total = || {
        let places = argmax(logits.clone().detach());
        gather(finite(logits.clone()), places.clone()) - gather(log_p.clone(), places)
    };
    // The graph is built only where it is needed.
    let has_penalty = formula.penalty(0.0).is_some();
    let values = match has_penalty.then(log_total).and_then(|log_total| formula.penalty(log_total)) {
        None => values,
        Some(penalty) => values + penalty * normalizer.clone().unwrap_or_else(|| values_of_one(&log_p)),
    };
    Unreduced { values, normalizer }
}

/// Logits, or the function of them that the softmax is taken of.
pub(crate) fn of_logits(formula: &impl RowFormula, logits: Tensor<2>) -> Tensor<2> {
    match formula.logit(0.0) {
        None => logits,
        Some(_) => outlined::eval(&OfLogit(formula.clone()), logits.clone(), logits),
    }
}

/// `[M]`: the value 1 for each row.
fn values_of_one(rows: &Tensor<2>) -> Tensor<1> {
    Tensor::ones([rows.dims()[0]], (&rows.device(), rows.dtype()))
}

/// The values `[M]` of a [`RowFormula`] for `[M, C]` logits, with a target other than labels or probabilities.
pub(crate) fn values_of(formula: &impl RowFormula, logits: Tensor<2>, target: &Target) -> Tensor<1> {
    let of_each = |logits, target: &Target| {
        let values = RowKernel::new(formula).values(&logits, target, None);
        values.unwrap_or_else(|| tensor_values(formula, logits, target))
    };
    let unreduced = match target {
        Target::Bins(of) => {
            tracked_targets::values(logits, of.clone(), |logits, of| of_each(logits, &Target::Bins(of)))
        }
        target => of_each(logits, target),
    };
    unreduced.values
}

/// A [`RowFormula`] as the machines of the fused engine run it.
pub struct RowKernel {
    /// The formula with its second derivatives.
    pub(in crate::engine) curved: Arc<CurvedRow>,
    /// The formula of a class: (log-probability, share) -> its contribution to the value of the row.
    #[cfg(any(feature = "cpu-engine", feature = "cube"))]
    pub(in crate::engine) classes: PointKernel,
    /// The function of each logit that the softmax is taken of.
    #[cfg(any(feature = "cpu-engine", feature = "cube"))]
    pub(in crate::engine) logits: Option<PointKernel>,
    #[cfg(feature = "cpu-engine")]
    pub(in crate::engine) host: Box<dyn super::host::Kernel>,
    #[cfg(feature = "cube")]
    pub(in crate::engine) record: Box<dyn super::cube::Record>,
}

/// The settings of a [`RowFormula`] whose type the compiler does not know.
pub(in crate::engine) trait RowSettings: Send + Sync {
    fn class_factors(&self) -> Option<&[f64]>;
    fn class_offsets(&self) -> Option<&[f64]>;
    fn factors_count(&self) -> bool;
    fn every_class_counts(&self) -> bool;
    fn smoothing(&self, classes: usize) -> (f64, f64);
}

impl<F: RowFormula> RowSettings for F {
    fn class_factors(&self) -> Option<&[f64]> {
        RowFormula::class_factors(self)
    }
    fn class_offsets(&self) -> Option<&[f64]> {
        RowFormula::class_offsets(self)
    }
    fn factors_count(&self) -> bool {
        RowFormula::factors_count(self)
    }
    fn every_class_counts(&self) -> bool {
        RowFormula::every_class_counts(self)
    }
    fn smoothing(&self, classes: usize) -> (f64, f64) {
        RowFormula::smoothing(self, classes)
    }
}

/// The formula of a class as a [`Formula`] of two numbers.
#[derive(Debug, Clone)]
struct OfClass<F>(F);

impl<F: RowFormula> Formula for OfClass<F> {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        self.0.eval(log_p, share)
    }
}

/// The function of a logit as a [`Formula`] of that number alone.
#[derive(Debug, Clone)]
struct OfLogit<F>(F);

impl<F: RowFormula> Formula for OfLogit<F> {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, _: R) -> R {
        match self.0.logit(logit.clone()) {
            Some(changed) => changed,
            None => logit,
        }
    }
}

/// The penalty as a [`Formula`] of the logarithm of the sum alone.
#[derive(Debug, Clone)]
struct Penalty<F>(F);

impl<F: RowFormula> Formula for Penalty<F> {
    #[inline(always)]
    fn eval<R: Real>(&self, log_total: R, _: R) -> R {
        match self.0.penalty(log_total.clone()) {
            Some(penalty) => penalty,
            None => log_total.lit(0.0),
        }
    }
}

/// The margin of a row's label: (row, logit, length) -> the logit with its margin, and the derivatives with respect to the logit
/// and the length. The length is the factor of the logit beside the cosine and the scale.
pub(crate) type Margin<'a> = dyn Fn(usize, f64, f64) -> Dual<f64, 2> + Sync + 'a;

/// A call of the executor: logits, their targets, and the results that are wanted.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a RowKernel,
    /// `[M, C]`; or `[N, C, rest]`, if the targets are labels and one number is wanted.
    pub(crate) logits: AnyTensor,
    pub(crate) target: &'a Target,
    pub(crate) margin: Option<&'a Margin<'a>>,
    /// The margin as data, for machines that do not read back the tensors that it depends on.
    #[cfg(feature = "cube")]
    pub(crate) recorded: Option<&'a super::cube::RecordedMargin>,
    /// How the values are reduced to one number; `None` if all values are wanted.
    pub(crate) reduce: Option<&'a Reduce>,
}

impl<'a> Call<'a> {
    /// A call that wants all values, without a margin.
    fn new(kernel: &'a RowKernel, logits: AnyTensor, target: &'a Target) -> Self {
        Self {
            kernel,
            logits,
            target,
            margin: None,
            #[cfg(feature = "cube")]
            recorded: None,
            reduce: None,
        }
    }
}

/// How the values of rows are reduced to one number.
pub(crate) struct Reduce {
    pub(crate) reduction: Reduction,
    pub(crate) samples: usize,
    /// The weights of the rows, or of the samples.
    pub(crate) weights: Option<AnyTensor>,
}

impl Reduce {
    /// The reduction with these extras; and the divisor of the result, if the kernel does not know it.
    pub(crate) fn new<const L: usize>(reduction: Reduction, extras: &ShapedExtras<L>) -> (Self, Option<Divisor>) {
        let divisor = extras.counted(reduction);
        let reduction = if divisor.is_some() { Reduction::Sum } else { reduction };
        (Self { reduction, samples: extras.samples, weights: extras.weights.as_ref().map(AnyTensor::from) }, divisor)
    }
}

/// The result of a call: the values or the reduced value, and the normalizer of each row.
pub(crate) struct Outcome {
    pub(crate) values: AnyTensor,
    pub(crate) normalizer: Option<AnyTensor>,
}

impl Outcome {
    fn unreduced(self) -> Unreduced<1> {
        Unreduced { values: self.values.into_rank(), normalizer: self.normalizer.map(AnyTensor::into_rank) }
    }
}

impl RowKernel {
    /// The kernel of a formula.
    pub fn new(formula: &impl RowFormula) -> Self {
        let classes = PointKernel::new(&OfClass(formula.clone()));
        let logits = formula.logit(0.0).map(|_| PointKernel::new(&OfLogit(formula.clone())));
        let curved = CurvedRow {
            settings: Arc::new(formula.clone()),
            logit: logits.as_ref().map(|kernel| kernel.curved.clone()),
            class: classes.curved.clone(),
            penalty: formula.penalty(0.0).map(|_| Arc::new(Penalty(formula.clone())) as Arc<dyn Curved>),
        };
        Self {
            curved: Arc::new(curved),
            #[cfg(any(feature = "cpu-engine", feature = "cube"))]
            classes,
            #[cfg(any(feature = "cpu-engine", feature = "cube"))]
            logits,
            #[cfg(feature = "cpu-engine")]
            host: Box::new(formula.clone()),
            #[cfg(feature = "cube")]
            record: Box::new(formula.clone()),
        }
    }

    fn run(&self, call: &Call<'_>) -> Option<Outcome> {
        machine::run("rows", &call.logits, |machine| machine.rows(call))
    }

    /// The values of `[M, C]` logits; labels may be out of range.
    pub(crate) fn values(
        &self,
        logits: &Tensor<2>,
        target: &Target,
        margin: Option<&Margin<'_>>,
    ) -> Option<Unreduced<1>> {
        let call = Call { margin, ..Call::new(self, logits.into(), target) };
        self.run(&call).map(Outcome::unreduced)
    }

    /// The reduced value of `[M, C]` or `[N, C, ..]` logits.
    pub(crate) fn reduced(&self, logits: AnyTensor, target: &Target, reduce: &Reduce) -> Option<Tensor<1>> {
        let call = Call { reduce: Some(reduce), ..Call::new(self, logits, target) };
        self.run(&call).map(|outcome| outcome.values.into_rank())
    }

    /// The values of `[M, C]` logits, or the reduced value, for labels with a margin.
    #[cfg(feature = "cube")]
    pub(crate) fn with_margin(
        &self,
        logits: &Tensor<2>,
        target: &Target,
        margin: Option<&super::cube::RecordedMargin>,
        reduce: Option<&Reduce>,
    ) -> Option<Unreduced<1>> {
        let call = Call { recorded: margin, reduce, ..Call::new(self, logits.into(), target) };
        self.run(&call).map(Outcome::unreduced)
    }
}
