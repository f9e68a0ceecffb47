//! What the losses around other losses share in the families of pairs of numbers.

use crate::engine::curved::{self, Part};
use crate::engine::hard_examples::{Mining, Quota};
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::reduction::Unreduced;
use crate::terms::{ByTerm, Terms, sum_unreduced};
use burn::tensor::{Bool, Tensor};

/// The hardest values of another loss: what its [`Pointwise`] methods give.
pub(crate) struct Mined<'a, L> {
    pub(crate) loss: &'a L,
    pub(crate) mining: Mining,
    pub(crate) quota: Option<Quota<3>>,
}

impl<L: Pointwise> Mined<'_, L> {
    pub(crate) fn values(self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        self.mining.keep(pointwise::values(self.loss, first, targets, mask), self.quota.as_ref())
    }

    pub(crate) fn kernel_of_batch(self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        let kernel = self.loss.kernel()?;
        let values = kernel.values(&first.clone().without_autodiff(), targets)?.into();
        let (kept, count) = self.mining.select(&values, self.quota.as_ref());
        Some(BatchKernel { kernel, factors: Some(kept), count: Some(count.into()) })
    }

    pub(crate) fn parts(
        self,
        first: &Tensor<3>,
        targets: &Tensor<3>,
        mask: Option<&Tensor<3, Bool>>,
    ) -> Option<Vec<Part>> {
        let parts = self.loss.parts(first, targets, mask)?;
        let values = pointwise::values(self.loss, first.clone(), targets.clone(), mask);
        let (kept, _) = self.mining.select(&values, self.quota.as_ref());
        let kept = pointwise::numbers(kept);
        Some(parts.into_iter().map(|part| part.with_factors(&kept)).collect())
    }
}

/// A weighted sum of losses: what its [`Pointwise`] methods give.
pub(crate) struct Weighted<'a, C, L> {
    pub(crate) terms: &'a Terms<C>,
    pub(crate) losses: &'a ByTerm<L>,
}

impl<C, L: Pointwise> Weighted<'_, C, L> {
    pub(crate) fn values(self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let values_of = |loss| pointwise::values(loss, first.clone(), targets.clone(), mask);
        sum_unreduced(self.terms.weigh(self.losses.iter().map(values_of)))
    }

    pub(crate) fn kernel(self) -> Option<PointKernel> {
        PointKernel::weighted_sum(self.terms.weigh(self.losses.iter().map(Pointwise::kernel)))
    }

    pub(crate) fn parts(
        self,
        first: &Tensor<3>,
        targets: &Tensor<3>,
        mask: Option<&Tensor<3, Bool>>,
    ) -> Option<Vec<Part>> {
        let parts = self.losses.iter().map(|loss| loss.parts(first, targets, mask));
        curved::sum_of_parts(self.terms.weigh(parts))
    }

    pub(crate) fn accepts(self, shape: &[usize]) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| Pointwise::accepts(loss, shape))
    }
}
