//! The family `metric`.

use super::run::{Leaves, Run};
use super::{EvalError, Evaluation};
use crate::metric::{AnyMetricLoss, MetricLoss};

impl Run<'_> {
    /// A loss with its own proxies, or those that are given.
    pub(super) fn metric(&self, loss: &AnyMetricLoss) -> Result<Evaluation, EvalError> {
        let own = match loss {
            AnyMetricLoss::ProxyAnchor(loss) => Some(loss),
            _ => None,
        };
        let mut names = vec!["embeddings", "labels", "weights"];
        names.extend(own.map(|_| "proxies"));
        self.takes(&names, &names[..2])?;
        let mut leaves = Leaves::default();
        let embeddings = self.float::<2>("embeddings", &mut leaves)?;
        let labels = self.int::<1>("labels")?;
        let weights = self.optional_float::<1>("weights", &mut leaves)?;
        loss.check(&embeddings, &labels, weights.as_ref())?;
        let unreduced = match own {
            Some(own) if self.has("proxies") => {
                let proxies = self.float::<2>("proxies", &mut leaves)?;
                self.same_shape("proxies", &proxies, own.proxies().dims())?;
                own.values_with_proxies(proxies, embeddings, labels)
            }
            _ => loss.forward_unreduced(embeddings, labels),
        };
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }
}
