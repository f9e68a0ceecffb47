//! What the losses around other losses share in the families of pairs of numbers.

/// The methods of [`Pointwise`](crate::engine::pointwise::Pointwise) for the hardest values of another loss: of the field `loss`, and of the methods
/// `mining` and `quota`.
macro_rules! hardest_values {
    () => {
        fn values(
            &self,
            first: ::burn::tensor::Tensor<3>,
            targets: ::burn::tensor::Tensor<3>,
            mask: Option<&::burn::tensor::Tensor<3, ::burn::tensor::Bool>>,
        ) -> $crate::reduction::Unreduced<3> {
            let quota = self.quota(&targets);
            let values = $crate::engine::pointwise::values(&self.loss[0], first, targets, mask);
            self.mining().keep(values, quota.as_ref())
        }

        fn kernel_of_batch(
            &self,
            first: &::burn::tensor::Tensor<3>,
            targets: &::burn::tensor::Tensor<3>,
        ) -> Option<$crate::engine::pointwise::BatchKernel> {
            let kernel = self.loss[0].kernel()?;
            let values = kernel.values(&first.clone().without_autodiff(), targets)?.into();
            let (kept, count) = self.mining().select(&values, self.quota(targets).as_ref());
            let count = Some(count.into_scalar());
            Some($crate::engine::pointwise::BatchKernel { kernel, factors: Some(kept), count })
        }

        fn parts(
            &self,
            first: &::burn::tensor::Tensor<3>,
            targets: &::burn::tensor::Tensor<3>,
            mask: Option<&::burn::tensor::Tensor<3, ::burn::tensor::Bool>>,
        ) -> Option<Vec<$crate::engine::curved::Part>> {
            let parts = self.loss[0].parts(first, targets, mask)?;
            let values = $crate::engine::pointwise::values(&self.loss[0], first.clone(), targets.clone(), mask);
            let (kept, _) = self.mining().select(&values, self.quota(targets).as_ref());
            let kept = $crate::engine::pointwise::numbers(kept);
            Some(parts.into_iter().map(|part| part.with_factors(&kept)).collect())
        }

        fn accepts(&self, shape: &[usize]) -> Result<(), String> {
            Pointwise::accepts(&self.loss[0], shape)
        }
    };
}
pub(crate) use hardest_values;

/// The methods of [`Pointwise`](crate::engine::pointwise::Pointwise) for a weighted sum of losses: of the fields `losses` and
/// `config.terms`.
macro_rules! weighted_values {
    () => {
        fn values(
            &self,
            first: ::burn::tensor::Tensor<3>,
            targets: ::burn::tensor::Tensor<3>,
            mask: Option<&::burn::tensor::Tensor<3, ::burn::tensor::Bool>>,
        ) -> $crate::reduction::Unreduced<3> {
            let values_of = |loss| $crate::engine::pointwise::values(loss, first.clone(), targets.clone(), mask);
            $crate::terms::sum_unreduced(self.config.terms.weigh(self.losses.iter().map(values_of)))
        }

        fn kernel(&self) -> Option<$crate::engine::pointwise::PointKernel> {
            let kernels = self.losses.iter().map(Pointwise::kernel);
            $crate::engine::pointwise::PointKernel::weighted_sum(self.config.terms.weigh(kernels))
        }

        fn parts(
            &self,
            first: &::burn::tensor::Tensor<3>,
            targets: &::burn::tensor::Tensor<3>,
            mask: Option<&::burn::tensor::Tensor<3, ::burn::tensor::Bool>>,
        ) -> Option<Vec<$crate::engine::curved::Part>> {
            let parts = self.losses.iter().map(|loss| loss.parts(first, targets, mask));
            $crate::engine::curved::sum_of_parts(self.config.terms.weigh(parts))
        }

        fn accepts(&self, shape: &[usize]) -> Result<(), String> {
            self.losses.iter().try_for_each(|loss| Pointwise::accepts(loss, shape))
        }
    };
}
pub(crate) use weighted_values;
