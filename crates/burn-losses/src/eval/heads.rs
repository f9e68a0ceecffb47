//! The family `heads`.

use super::run::{Leaves, Run};
use super::{EvalError, Evaluation};
use crate::engine::heads;
use crate::heads::{AnyHeadLoss, HeadLoss};
use burn::tensor::Tensor;

impl Run<'_> {
    /// A head with its own parameters, or those that are given; with its own samples, or those that are given.
    pub(super) fn heads(&self, loss: &AnyHeadLoss) -> Result<Evaluation, EvalError> {
        let mut names = vec!["embeddings", "labels", "weights", "weight"];
        names.extend(loss.bias().map(|_| "bias"));
        names.extend(match loss {
            AnyHeadLoss::SampledSoftmax(_) => &["sampled", "expected_counts"][..],
            AnyHeadLoss::NegativeSampling(_) => &["sampled"],
            loss if loss.sampled_classes(&Tensor::zeros([0], &self.device), false).is_some() => &["sampled"],
            _ => &[],
        });
        self.takes(&names, &names[..2])?;
        let mut leaves = Leaves::default();
        let embeddings = self.float::<2>("embeddings", &mut leaves)?;
        let labels = self.int::<1>("labels")?;
        let weights = self.optional_float::<1>("weights", &mut leaves)?;
        let weight = self.optional_float::<2>("weight", &mut leaves)?;
        let bias = self.optional_float::<1>("bias", &mut leaves)?;
        let weight = weight.unwrap_or_else(|| loss.weight().to_device(&self.device));
        let bias = bias.or_else(|| loss.bias().map(|bias| bias.to_device(&self.device)));
        self.same_shape("weight", &weight, loss.weight().dims())?;
        let parameters = heads::Parameters { weight, bias };
        let reference = self.reference("embeddings", &embeddings);
        heads::check(loss, &parameters, reference, Some(&labels), weights.as_ref())?;
        let unreduced = match loss {
            AnyHeadLoss::SampledSoftmax(loss) if self.has("sampled") || self.has("expected_counts") => {
                self.needs(&["sampled", "expected_counts"], &names)?;
                let sampled = self.int::<1>("sampled")?;
                let expected = self.float::<1>("expected_counts", &mut Leaves::default())?;
                loss.check_samples(&embeddings, &labels, &sampled, &expected)?;
                loss.values_with_samples(parameters, embeddings, labels, sampled, expected)
            }
            AnyHeadLoss::NegativeSampling(loss) if self.has("sampled") => {
                let sampled = self.int::<2>("sampled")?;
                loss.check_samples(&embeddings, &labels, &sampled)?;
                loss.values_with_samples(parameters, embeddings, labels, sampled)
            }
            loss if self.has("sampled") => {
                let sampled = self.int::<1>("sampled")?;
                reference.same_device("sampled", &sampled)?;
                heads::values_of_sampled(loss, parameters, embeddings, labels, sampled)
            }
            loss => loss.values(parameters, embeddings, labels),
        };
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }
}
