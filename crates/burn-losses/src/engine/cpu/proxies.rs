//! Proxies and rows, and the labels of the rows -> the share that each row has of all proxies' losses.

use super::lanes::Float;
use super::memory::{Memory, Number, of_type, tensor, unwritten};
use super::raw::{Matrix, product};
use super::turn::columns_of;
use super::unit::{normalized, pull_back};
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

/// The values `[N]` of proxies `[C, E]` and rows `[N, E]`, in their graph: see [`ProxyAnchorLoss`](crate::metric::ProxyAnchorLoss). No
/// value is `NaN` because of its label.
pub(crate) fn values(both: &[Tensor<2>; 2], labels: &Tensor<1, Int>, margin: f64, alpha: f64) -> Option<Tensor<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(both[0].dtype(), N => values_of::<<N as Number>::Wide>(both, labels, margin, alpha))
}

fn values_of<T: Float + Number<Wide = T>>(
    both: &[Tensor<2>; 2],
    labels: &Tensor<1, Int>,
    margin: f64,
    alpha: f64,
) -> Option<Tensor<1>> {
    let shapes @ [[classes, size], [count, _]] = both.each_ref().map(Tensor::dims);
    let memory = [Memory::of(&both[0])?, Memory::of(&both[1])?];
    let [proxies, rows] = [memory[0].numbers::<T>()?, memory[1].numbers::<T>()?];
    let units = [normalized(proxies, shapes[0], size), normalized(rows, shapes[1], size)];
    let mut of_rows = unwritten::<T>(count * classes);
    let [proxies, rows] = units.each_ref().map(|(units, _)| Matrix::rows(&units[..], size));
    // The right side is turned on one thread: it is the smaller one.
    product(rows, proxies.transposed(), 1.0, (&mut of_rows, classes), false);
    let cosines = columns_of(&of_rows, classes);
    let labels: Vec<i64> = labels.clone().without_autodiff().into_data().iter::<i64>().collect();
    let present = (0..classes as i64).filter(|class| labels.contains(class)).count().max(1);
    // Of its own rows, and of the others: what an exponent turns by, and what the sum over the proxies is divided by.
    let sides = [(-alpha, present as f64), (alpha, classes as f64)];

    // Of each row its share of the proxy's sum, of those that it belongs to.
    let mut shares = unwritten::<T>(classes * count);
    let mut of_proxies = vec![[Side::default(); 2]; classes];
    let all = cosines.par_chunks(count).zip(shares.par_chunks_mut(count)).zip(&mut of_proxies).enumerate();
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
        T::from_f64(count as f64 * of_proxies.iter().enumerate().map(of_proxy).sum::<f64>())
    };
    let device = both[0].clone().without_autodiff().device();
    let values = tensor((0..count).into_par_iter().map(of_row).collect::<Vec<_>>(), [count], &device);
    let needed = both.each_ref().map(Tensor::is_tracked);
    if !needed.contains(&true) {
        return Some(like(&both[1], values));
    }
    attach(values, both, move |upstream: Tensor<1>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        // The shares become the gradient of the cosines.
        shares.par_chunks_mut(count).zip(of_proxies).enumerate().for_each(|(class, (shares, proxy))| {
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
            let mut gradient = unwritten::<T>(shapes[i][0] * size);
            product(slopes, Matrix::rows(&units[1 - i].0[..], size), 1.0, (&mut gradient, size), false);
            pull_back(&mut gradient, &units[i].0, &units[i].1, size);
            tensor(gradient, shapes[i], &device)
        };
        vec![needed[0].then(|| gradient(0)), needed[1].then(|| gradient(1))]
    })
}
