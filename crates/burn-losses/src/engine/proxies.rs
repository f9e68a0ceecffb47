//! Proxies and rows in, the share that each row has of all proxies' losses out.

use super::anchors::{log_sum_exp, unit};
use super::rows::{one_hot, wide};
use crate::formula::Real;
use burn::tensor::{Bool, Int, Tensor};

/// The values `[N]` of proxies `[C, E]` and rows `[N, E]` by their cosines: see [`ProxyAnchorLoss`](crate::metric::ProxyAnchorLoss).
pub(crate) fn values(
    proxies: Tensor<2>,
    rows: Tensor<2>,
    labels: Tensor<1, Int>,
    margin: f64,
    alpha: f64,
) -> Tensor<1> {
    #[cfg(feature = "cpu-engine")]
    if let Some(values) = super::cpu::proxies::values(&[proxies.clone(), rows.clone()], &labels, margin, alpha) {
        return values;
    }
    let cosines = unit(proxies).matmul(unit(rows).transpose());
    let [classes, count] = cosines.dims();
    let member = one_hot(wide(labels), classes).transpose();
    let present = member.clone().any_dim(1).float().cast(cosines.dtype()).sum().clamp_min(1.0);
    let near = shares((cosines.clone() - margin) * -alpha, member.clone());
    let far = shares((cosines + margin) * alpha, member.bool_not());
    (near / present.expand([count]) + far * (1.0 / classes as f64)) * count as f64
}

/// ln(1 + sum of e^x where the mask is true) of each row, split among the columns: `[N]`, added up over the rows.
fn shares(exponents: Tensor<2>, mask: Tensor<2, Bool>) -> Tensor<1> {
    let shape = exponents.dims();
    let total = log_sum_exp(exponents.clone(), mask.clone());
    let over = exponents.detach() - total.clone().detach().unsqueeze_dim::<2>(1).expand(shape);
    let share = over.mask_fill(mask.clone().bool_not(), 0.0).exp().mask_fill(mask.bool_not(), 0.0);
    (share * Real::softplus(total).unsqueeze_dim::<2>(1).expand(shape)).sum_dim(0).squeeze_dim(0)
}
