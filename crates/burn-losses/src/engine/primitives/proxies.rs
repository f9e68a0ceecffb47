//! Proxies and rows in, the share of each row in the losses of all proxies out.

use super::l2_normalize::l2_normalize;
use super::labels::{one_hot, widen_labels};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use crate::engine::pairs::anchors::log_sum_exp;
use crate::formula::Real;
use burn::tensor::{Bool, Int, Tensor};

/// The values `[N]` of proxies `[C, E]` and rows `[N, E]` by their cosines; a masked row has no class. See
/// [`ProxyAnchorLoss`](crate::metric::ProxyAnchorLoss).
pub(crate) fn values(
    proxies: Tensor<2>,
    rows: Tensor<2>,
    labels: Tensor<1, Int>,
    mask: Option<&Tensor<1, Bool>>,
    [margin, alpha]: [f64; 2],
) -> Tensor<1> {
    let parents = [AnyTensor::from(&proxies), AnyTensor::from(&rows)];
    if mask.is_none()
        && let Some(values) = machine::run("proxy_anchor", &parents[0], |machine| {
            machine.proxy_anchor(&parents, &labels, [margin, alpha])
        })
    {
        return values.into_rank();
    }
    let cosines = l2_normalize(proxies).matmul(l2_normalize(rows).transpose());
    let [classes, count] = cosines.dims();
    let member = one_hot(widen_labels(labels), classes).transpose();
    let present = member.clone().any_dim(1).float().cast(cosines.dtype()).sum().clamp_min(1.0);
    let near = shares((cosines.clone() - margin) * -alpha, member.clone());
    let (others, number) = match mask {
        None => (member.bool_not(), present.full_like(count as f64)),
        Some(mask) => {
            let valid = mask.clone().unsqueeze::<2>().expand([classes, count]);
            (member.bool_not().bool_and(valid), mask.clone().int().sum().float().cast(present.dtype()))
        }
    };
    let far = shares((cosines + margin) * alpha, others);
    (near / present.expand([count]) + far * (1.0 / classes as f64)) * number.expand([count])
}

/// ln(1 + sum of e^x where the mask is true) of each row, split among the columns by their shares of the sum and added up over
/// the rows: `[N]`.
fn shares(exponents: Tensor<2>, mask: Tensor<2, Bool>) -> Tensor<1> {
    let shape = exponents.dims();
    let total = log_sum_exp(exponents.clone(), mask.clone());
    let over = exponents.detach() - total.clone().detach().unsqueeze_dim::<2>(1).expand(shape);
    let share = over.mask_fill(mask.clone().bool_not(), 0.0).exp().mask_fill(mask.bool_not(), 0.0);
    (share * Real::softplus(total).unsqueeze_dim::<2>(1).expand(shape)).sum_dim(0).squeeze_dim(0)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{par_map, par_rows};
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor};
    use crate::engine::host::simd::Float;
    use crate::engine::host::transpose::columns_of;
    use crate::engine::host::unsafe_calls::{Matrix, product};
    use crate::engine::host::vectors::{l2_normalize, l2_normalize_backward};
    use crate::formula::Real;
    use burn::tensor::{Int, Tensor};
    use rayon::prelude::*;

    /// The loss of a proxy for its own rows, or for the others.
    #[derive(Clone, Copy, Default)]
    struct Side {
        /// ln(1 + sum of e^x).
        value: f64,
        /// The derivative of the value with respect to a cosine, without the share of that cosine's row.
        slope: f64,
    }

    /// The values `[N]` of proxies `[C, E]` and rows `[N, E]`, in the graph of both. No value is `NaN` because of its label.
    pub(in crate::engine) fn run(
        parents: &[AnyTensor; 2],
        labels: &Tensor<1, Int>,
        scales: [f64; 2],
    ) -> Option<AnyTensor> {
        in_precision!(parents[0].dtype(), T => run_in::<T>(parents, labels, scales))
    }

    fn run_in<T: Float>(
        parents: &[AnyTensor; 2],
        labels: &Tensor<1, Int>,
        [margin, alpha]: [f64; 2],
    ) -> Option<AnyTensor> {
        let shapes: [Vec<usize>; 2] = parents.each_ref().map(AnyTensor::shape);
        let (classes, count, size) = (shapes[0][0], shapes[1][0], shapes[1][1]);
        let memory = [Memory::new(&parents[0])?, Memory::new(&parents[1])?];
        let [proxies, rows] = [memory[0].numbers_of::<T>()?, memory[1].numbers_of::<T>()?];
        let units = [l2_normalize(proxies, [classes, size], size), l2_normalize(rows, [count, size], size)];
        let mut of_rows = stale::<T>(count * classes);
        let [proxies, rows] = units.each_ref().map(|(units, _)| Matrix::rows(&units[..], size));
        // The right side is transposed on one thread, so it is the smaller one.
        product(rows, proxies.transposed(), 1.0, (&mut of_rows, classes), false);
        let cosines = columns_of(&of_rows, classes);
        let labels: Vec<i64> = labels.clone().without_autodiff().into_data().iter::<i64>().collect();
        let present = (0..classes as i64).filter(|class| labels.contains(class)).count().max(1);
        // For the rows of a proxy and for the others: the derivative of an exponent with respect to the cosine, and the divisor
        // of the sum over the proxies.
        let sides = [(-alpha, present as f64), (alpha, classes as f64)];

        // The share of each row in the proxy's sum over that row's side.
        let mut shares = stale::<T>(classes * count);
        let mut of_proxies = vec![[Side::default(); 2]; classes];
        let all = cosines.par_chunks(count).zip(shares.par_chunks_mut(count)).zip(&mut of_proxies).enumerate();
        all.for_each(|(class, ((cosines, shares), proxy))| {
            let side = |label: i64| usize::from(label != class as i64);
            let exponent = |label, cosine: T| {
                let (by_cosine, _) = sides[side(label)];
                by_cosine * cosine.to_f64() + alpha * margin
            };
            let mut most = [f64::NEG_INFINITY; 2];
            for (label, cosine) in labels.iter().zip(cosines) {
                most[side(*label)] = most[side(*label)].max(exponent(*label, *cosine));
            }
            let mut sums = [0.0; 2];
            for ((label, cosine), share) in labels.iter().zip(cosines).zip(shares.iter_mut()) {
                let power = (exponent(*label, *cosine) - most[side(*label)]).exp();
                sums[side(*label)] += power;
                *share = T::from_f64(power);
            }
            for (label, share) in labels.iter().zip(shares.iter_mut()) {
                *share = T::from_f64(share.to_f64() / sums[side(*label)]);
            }
            for (i, (by_cosine, divisor)) in sides.into_iter().enumerate() {
                if sums[i] != 0.0 {
                    let total = Real::sigmoid(most[i] + sums[i].ln());
                    let value = Real::softplus(most[i] + sums[i].ln()) / divisor;
                    proxy[i] = Side { value, slope: by_cosine * total / divisor };
                }
            }
        });

        let side = |label: i64, class: usize| usize::from(label != class as i64);
        let of_row = |row: usize| {
            let of_proxy = |(class, proxy): (usize, &[Side; 2])| {
                shares[class * count + row].to_f64() * proxy[side(labels[row], class)].value
            };
            count as f64 * of_proxies.iter().enumerate().map(of_proxy).sum::<f64>()
        };
        let device = parents[0].inner_device();
        let values =
            tensor(par_map(count, 1, &of_row).into_iter().map(T::from_f64).collect::<Vec<_>>(), &[count], &device);
        let needed = parents.each_ref().map(AnyTensor::is_tracked);
        custom_backward(values, parents, move |upstream| {
            let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
            // The shares become the gradient of the cosines in place.
            par_rows(&mut shares, count, 1, &|class, shares| {
                let proxy = &of_proxies[class];
                let mut through = [0.0; 2];
                for ((label, share), upstream) in labels.iter().zip(shares.iter()).zip(&upstream) {
                    through[side(*label, class)] += count as f64 * share.to_f64() * upstream;
                }
                for (label, share) in labels.iter().zip(shares) {
                    let i = side(*label, class);
                    *share = T::from_f64(share.to_f64() * proxy[i].slope * through[i]);
                }
            });
            let slopes = Matrix::rows(&shares[..], count);
            let gradient = |i: usize| {
                let slopes = if i == 0 { slopes } else { slopes.transposed() };
                let mut gradient = stale::<T>(shapes[i][0] * size);
                product(slopes, Matrix::rows(&units[1 - i].0[..], size), 1.0, (&mut gradient, size), false);
                l2_normalize_backward(&mut gradient, &units[i].0, &units[i].1, size);
                tensor(gradient, &shapes[i], &device)
            };
            vec![needed[0].then(|| gradient(0)), needed[1].then(|| gradient(1))]
        })
    }
}
