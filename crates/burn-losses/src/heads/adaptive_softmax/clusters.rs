//! The clusters of rare classes.

use super::{AdaptiveSoftmaxLoss, AdaptiveSoftmaxLossConfig};
use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::engine::primitives::gather::select;
use crate::engine::rows;
use burn::tensor::{Int, Tensor, TensorData};

/// One cluster: its classes, and the place of its parameters.
pub(super) struct Cluster {
    /// Its place among the clusters.
    pub(super) number: usize,
    pub(super) first: usize,
    pub(super) classes: usize,
    /// The numbers of its vectors, and where its projection begins.
    pub(super) size: usize,
    row: usize,
    /// Where its rows begin among those of all clusters.
    place: usize,
}

/// The parameters of a cluster.
pub(super) struct Weights {
    projection: Tensor<2>,
    tail: Tensor<2>,
}

impl Weights {
    pub(super) fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        embeddings.matmul(self.projection.clone().transpose()).matmul(self.tail.clone().transpose())
    }
}

impl AdaptiveSoftmaxLossConfig {
    /// The clusters, in the order of their classes.
    pub(super) fn clusters(&self) -> Vec<Cluster> {
        let (mut row, mut place, mut divisor) = (0, 0, 1.0);
        let ends = self.cutoffs.iter().skip(1).chain([&self.num_classes]);
        let cluster = |(number, (&first, end)): (usize, (&usize, &usize))| {
            divisor *= self.div_value;
            let (classes, size) = (end - first, ((self.embedding_dim as f64 / divisor) as usize).max(1));
            let cluster = Cluster { number, first, classes, size, row, place };
            row += size;
            place += classes * size;
            cluster
        };
        self.cutoffs.iter().zip(ends).enumerate().map(cluster).collect()
    }
}

impl AdaptiveSoftmaxLoss {
    /// The clusters with their parameters, in the graph of the embeddings and of their type.
    pub(super) fn clusters_like(&self, embeddings: &Tensor<2>) -> Vec<(Cluster, Weights)> {
        let (projections, tails) = (self.projections.val(), self.tails.val());
        let (projections, tails) = match embeddings.device().is_autodiff() {
            true => (projections, tails),
            false => (projections.without_autodiff(), tails.without_autodiff()),
        };
        let dtype = embeddings.dtype();
        let with_weights = |cluster: Cluster| {
            let Cluster { row, place, size, classes, .. } = cluster;
            let projection = projections.clone().narrow(0, row, size).cast(dtype);
            let tail = tails.clone().narrow(0, place, classes * size).reshape([classes, size]).cast(dtype);
            (cluster, Weights { projection, tail })
        };
        self.config.clusters().into_iter().map(with_weights).collect()
    }
}

/// The logarithm of the probability of each row's class: `[M]`, from logits `[M, C]`.
pub(super) fn log_p_of(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    -rows::valid_values(&CrossEntropyLoss::new(CrossEntropyLossConfig::new()), logits, labels).values
}

/// The logarithm of each row's class within its cluster, 0 for a class of the head: each cluster sees its own rows. The labels are
/// read, which takes no time here.
pub(super) fn of_own_rows(
    clusters: &[(Cluster, Weights)],
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Tensor<1> {
    let classes: Vec<i64> = labels.clone().without_autodiff().into_data().iter::<i64>().collect();
    let ints = |numbers: Vec<i64>| {
        let shape = [numbers.len()];
        Tensor::<1, Int>::from_data(TensorData::new(numbers, shape), (&labels.device(), labels.dtype()))
    };
    let mut parts = vec![embeddings.clone().narrow(1, 0, 1).squeeze_dim::<1>(1).zeros_like().detach()];
    // The rows of the head come first: each row has a place there, which a row of a cluster does not use.
    let mut places: Vec<i64> = (0..classes.len() as i64).collect();
    let mut next = places.len() as i64;
    for (Cluster { first, classes: count, .. }, weights) in clusters {
        let is_own = |class: i64| (*first as i64..(first + count) as i64).contains(&class);
        let own: Vec<usize> = (0..classes.len()).filter(|row| is_own(classes[*row])).collect();
        if own.is_empty() {
            continue;
        }
        let rows = select(embeddings.clone(), ints(own.iter().map(|row| *row as i64).collect()));
        let within = ints(own.iter().map(|row| classes[*row] - *first as i64).collect());
        parts.push(log_p_of(weights.logits(rows), within));
        own.iter().zip(next..).for_each(|(row, place)| places[*row] = place);
        next += own.len() as i64;
    }
    Tensor::cat(parts, 0).select(0, ints(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of a cluster always have at least one number.
    #[test]
    fn the_sizes_of_the_clusters() {
        let sizes = |config: AdaptiveSoftmaxLossConfig| -> Vec<_> {
            config.clusters().iter().map(|cluster| (cluster.classes, cluster.size)).collect()
        };
        assert_eq!(sizes(AdaptiveSoftmaxLossConfig::new(100, 64, [10, 30, 60])), [(20, 16), (30, 4), (40, 1)]);
        assert_eq!(sizes(AdaptiveSoftmaxLossConfig::new(10, 4, [4, 8]).with_div_value(8.0)), [(4, 1), (2, 1)]);
    }
}
