//! Cosines of proxies and rows, and the labels of the rows -> the share that each row has of all proxies' losses.

use super::lanes::Float;
use super::memory::{Memory, Number, of_type, tensor, zeros};
use crate::engine::backward::{attach, like};
use crate::formula::Real;
use burn::tensor::{Int, Tensor};
use rayon::prelude::*;

/// What a proxy says of its own rows, and of the others.
#[derive(Clone, Copy, Default)]
struct Side {
    /// ln(1 + sum of e^x).
    value: f64,
    /// Its derivative by a cosine, but for the share of that cosine's row.
    slope: f64,
}

/// The values `[N]` of cosines `[C, N]`, in their graph: see [`ProxyAnchorLoss`](crate::metric::ProxyAnchorLoss). No value is `NaN`
/// because of its label.
pub(crate) fn values(cosines: &Tensor<2>, labels: &Tensor<1, Int>, margin: f64, alpha: f64) -> Option<Tensor<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(cosines.dtype(), N => values_of::<<N as Number>::Wide>(cosines, labels, margin, alpha))
}

fn values_of<T: Float + Number<Wide = T>>(
    cosines: &Tensor<2>,
    labels: &Tensor<1, Int>,
    margin: f64,
    alpha: f64,
) -> Option<Tensor<1>> {
    let shape @ [classes, count] = cosines.dims();
    let memory = Memory::of(cosines)?;
    let numbers = memory.numbers::<T>()?;
    let labels: Vec<i64> = labels.clone().without_autodiff().into_data().iter::<i64>().collect();
    let present = (0..classes as i64).filter(|class| labels.contains(class)).count().max(1);
    // Of its own rows, and of the others: what an exponent turns by, and what the sum over the proxies is divided by.
    let sides = [(-alpha, present as f64), (alpha, classes as f64)];

    // Of each row its share of the proxy's sum, of those that it belongs to.
    let mut shares = zeros::<T>(classes * count);
    let mut proxies = vec![[Side::default(); 2]; classes];
    let all = numbers.par_chunks(count).zip(shares.par_chunks_mut(count)).zip(&mut proxies).enumerate();
    all.for_each(|(class, ((cosines, shares), proxy))| {
        let side = |label: i64| usize::from(label != class as i64);
        let exponent = |label, cosine: T| {
            let (turn, _) = sides[side(label)];
            turn * cosine.to_f64() + alpha * margin
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
        for (i, (turn, divisor)) in sides.into_iter().enumerate() {
            if sums[i] != 0.0 {
                let total = Real::sigmoid(most[i] + sums[i].ln());
                let value = Real::softplus(most[i] + sums[i].ln()) / divisor;
                proxy[i] = Side { value, slope: turn * total / divisor };
            }
        }
    });

    let side = |label: i64, class: usize| usize::from(label != class as i64);
    let of_row = |row: usize| {
        let of_proxy = |(class, proxy): (usize, &[Side; 2])| {
            shares[class * count + row].to_f64() * proxy[side(labels[row], class)].value
        };
        T::from_f64(count as f64 * proxies.iter().enumerate().map(of_proxy).sum::<f64>())
    };
    let device = cosines.clone().without_autodiff().device();
    let values = tensor((0..count).into_par_iter().map(of_row).collect(), [count], &device);
    if !cosines.is_tracked() {
        return Some(like(cosines, values));
    }
    attach(values, core::slice::from_ref(cosines), move |upstream: Tensor<1>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        shares.par_chunks_mut(count).zip(proxies).enumerate().for_each(|(class, (shares, proxy))| {
            let mut through = [0.0; 2];
            for ((label, share), upstream) in labels.iter().zip(shares.iter()).zip(&upstream) {
                through[side(*label, class)] += count as f64 * share.to_f64() * upstream;
            }
            for (label, share) in labels.iter().zip(shares) {
                let i = side(*label, class);
                *share = T::from_f64(share.to_f64() * proxy[i].slope * through[i]);
            }
        });
        vec![Some(tensor(shares, shape, &device))]
    })
}
