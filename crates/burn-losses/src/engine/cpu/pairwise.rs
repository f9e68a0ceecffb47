//! Embeddings and labels -> products or distances of all pairs -> value, for every anchor.
//!
//! The pass over a row of scores writes what its value changes by, and the backward pass turns these slopes, which belong to pairs,
//! into the gradient of the embeddings.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, of_type, scaled_rows, tensor, zeros};
use super::pointwise::{Sum, load, rest};
use super::unit::{normalized, pull_back};
use super::{in_pieces, part};
use crate::engine::anchors::LEAST;
use crate::engine::backward::{attach, like};
use crate::formula::{Anchor, AnchorFormula, Counts, Dual, Partners, Real, Score};
use crate::metric::Distance;
use crate::reduction::Unreduced;
use burn::tensor::{Device, Int, Tensor};
use pulp::{Simd, WithSimd};

/// Anchors that are looked at together.
const ANCHORS: usize = MOST_LANES;
/// The numbers of an anchor that its value may be made of.
const NUMBERS: usize = 2;

/// The values `[N]` of `[N, E]`, in the graph of the embeddings. `None` where there is no kernel for these tensors.
pub(crate) fn values(
    formula: &impl AnchorFormula,
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Option<Unreduced<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(embeddings.dtype(), N => values_of::<N>(formula, embeddings, labels))
}

/// The values of rows whose scores with all columns are given, in the graph of the scores.
pub(crate) fn of_scores(
    formula: &impl AnchorFormula,
    scores: &Tensor<2>,
    labels: [&Tensor<1, Int>; 2],
) -> Option<Unreduced<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(scores.dtype(), N => of_scores_of::<N>(formula, scores, labels))
}

fn values_of<N: Number>(
    formula: &impl AnchorFormula,
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Option<Unreduced<1>> {
    let memory = Memory::of(embeddings)?;
    let mut room = Vec::new();
    let numbers = N::widen(memory.numbers::<N>()?, &mut room);
    let ([count, size], device) = (embeddings.dims(), embeddings.clone().without_autodiff().device());
    let vectors = Vectors::of(numbers, [count, size], formula.score());
    let products = vectors.products(&device)?;
    let labels = read(labels);
    let batch = Batch { labels: [&labels, &labels], is_same: true, is_half: vectors.is_of_distances };
    let Results { values, mass, slopes } = batch.run(formula, products.numbers::<N::Wide>()?, embeddings.is_tracked());
    let values = tensor(values, [count], &device);
    let mass = Some(like(embeddings, tensor(mass, [count], &device)));
    let Some(slopes) = slopes else { return Some(Unreduced { values: like(embeddings, values), mass }) };
    let dtype = embeddings.dtype();
    let values = attach(values, core::slice::from_ref(embeddings), move |upstream: Tensor<1>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let gradient = vectors.gradient(slopes, &upstream, &device);
        vec![Some(tensor(gradient, [count, size], &device).cast(dtype))]
    })?;
    Some(Unreduced { values, mass })
}

fn of_scores_of<N: Number>(
    formula: &impl AnchorFormula,
    scores: &Tensor<2>,
    labels: [&Tensor<1, Int>; 2],
) -> Option<Unreduced<1>> {
    let memory = Memory::of(scores)?;
    let mut room = Vec::new();
    let numbers = N::widen(memory.numbers::<N>()?, &mut room);
    let (shape, device) = (scores.dims(), scores.clone().without_autodiff().device());
    let labels = labels.map(read);
    let batch = Batch { labels: [&labels[0], &labels[1]], is_same: false, is_half: false };
    let Results { values, mass, slopes } = batch.run(formula, numbers, scores.is_tracked());
    let values = tensor(values, [shape[0]], &device);
    let mass = Some(like(scores, tensor(mass, [shape[0]], &device)));
    let Some(slopes) = slopes else { return Some(Unreduced { values: like(scores, values), mass }) };
    let dtype = scores.dtype();
    let values = attach(values, core::slice::from_ref(scores), move |upstream: Tensor<1>| {
        vec![Some(scaled_rows(slopes, upstream, shape, &device).cast(dtype))]
    })?;
    Some(Unreduced { values, mass })
}

fn read(labels: &Tensor<1, Int>) -> Vec<i64> {
    labels.clone().without_autodiff().into_data().iter::<i64>().collect()
}

/// The embeddings as they are compared, each filled up with zeros to whole registers.
struct Vectors<T> {
    numbers: Vec<T>,
    /// How many numbers an embedding has, and how many it has here.
    size: usize,
    width: usize,
    /// What each was divided by; none where they are as they were.
    lengths: Option<Vec<f64>>,
    /// Whether they are compared by their distance, or by their product.
    is_of_distances: bool,
}

impl<T: Float + Number<Wide = T>> Vectors<T> {
    fn of(numbers: &[T], [count, size]: [usize; 2], score: Score) -> Self {
        let (is_of_distances, is_unit) = match score {
            Score::Given | Score::Cosine | Score::Distance(Distance::Cosine, _) => (false, true),
            Score::Distance(_, normalize) => (true, normalize),
        };
        let width = if is_of_distances { size.next_multiple_of(MOST_LANES) } else { size };
        if is_unit {
            let (numbers, lengths) = normalized(numbers, [count, size], width);
            return Self { numbers, size, width, lengths: Some(lengths), is_of_distances };
        }
        let mut vectors = zeros::<T>(count * width);
        for (from, to) in numbers.chunks(size).zip(vectors.chunks_mut(width)) {
            to[..size].copy_from_slice(from);
        }
        Self { numbers: vectors, size, width, lengths: None, is_of_distances }
    }

    fn count(&self) -> usize {
        self.numbers.len() / self.width
    }

    fn as_tensor(&self, device: &Device) -> Tensor<2> {
        tensor(self.numbers.clone(), [self.count(), self.width], device)
    }

    /// What is computed of all pairs of rows `[N, N]`: their products, or the squares of their distances, and of these only what is
    /// on the diagonal and to the right of it.
    fn products(&self, device: &Device) -> Option<Memory> {
        let count = self.count();
        if !self.is_of_distances {
            let unit = self.as_tensor(device);
            return Memory::of(&unit.clone().matmul(unit.transpose()));
        }
        let mut squares = zeros::<T>(count * count);
        in_pieces(count, ANCHORS, [Some(&mut squares), None], [count, 0], |piece, [squares, _]| {
            let squares = squares.expect("an output");
            T::dispatch(Squares { vectors: &self.numbers, width: self.width, start: piece * ANCHORS, squares });
            0.0
        });
        Memory::of(&tensor(squares, [count, count], device))
    }

    /// The gradient of the embeddings, from that of the values and their slopes by what [`products`](Self::products) computes.
    fn gradient(&self, slopes: Vec<T>, upstream: &[f64], device: &Device) -> Vec<T> {
        let (count, width) = (self.count(), self.width);
        // A pair has two anchors.
        let both = |i: usize, j: usize| {
            let (own, other) = (slopes[i * count + j].to_f64(), slopes[j * count + i].to_f64());
            T::from_f64(own * upstream[i] + other * upstream[j])
        };
        let fill = |start: usize, room: &mut [T]| {
            let rows = room.len() / count;
            for j in 0..count {
                for i in 0..rows {
                    room[i * count + j] = both(start + i, j);
                }
            }
        };
        let mut gradient = zeros::<T>(count * width);
        if self.is_of_distances {
            in_pieces(count, ANCHORS, [Some(&mut gradient), None], [width, 0], |piece, [gradient, _]| {
                let gradient = gradient.expect("an output");
                let (start, rows) = (piece * ANCHORS, gradient.len() / width);
                let mut weights = vec![T::default(); rows * count];
                fill(start, &mut weights);
                T::dispatch(Pull { vectors: &self.numbers, width, start, weights: &weights, gradient });
                0.0
            });
        } else {
            let mut weights = zeros::<T>(count * count);
            in_pieces(count, ANCHORS, [Some(&mut weights), None], [count, 0], |piece, [weights, _]| {
                fill(piece * ANCHORS, weights.expect("an output"));
                0.0
            });
            let product = tensor(weights, [count, count], device).matmul(self.as_tensor(device));
            let memory = Memory::of(&product).expect("it lies where its factors do");
            gradient.copy_from_slice(memory.numbers::<T>().expect("of the same type"));
        }
        if let Some(lengths) = &self.lengths {
            pull_back(&mut gradient, &self.numbers, lengths, width);
        }
        if width == self.size {
            return gradient;
        }
        gradient.chunks(width).flat_map(|row| row[..self.size].iter().copied()).collect()
    }
}

/// The squared distances of some vectors, from number `start` on, to themselves and those behind them.
struct Squares<'a, T> {
    vectors: &'a [T],
    width: usize,
    start: usize,
    squares: &'a mut [T],
}

impl<T: Float> WithSimd for Squares<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { vectors, width, start, squares } = self;
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let count = vectors.len() / width;
        let mut room = [T::default(); MOST_LANES];
        // All anchors with one other row after the other: both stay in the fastest cache.
        for j in start..count {
            let other = &vectors[j * width..(j + 1) * width];
            for (i, squares) in squares.chunks_exact_mut(count).enumerate() {
                if start + i > j {
                    break;
                }
                let own = &vectors[(start + i) * width..][..width];
                let zero = load::<S, T>(simd, &[T::default(); MOST_LANES]);
                let mut sums = [zero, zero];
                let mut k = 0;
                while k + 2 * lanes <= width {
                    let mut part = 0;
                    while part < 2 {
                        let at = k + part * lanes;
                        let difference = load::<S, T>(simd, &own[at..]) - load::<S, T>(simd, &other[at..]);
                        sums[part] = difference.mul_add(difference, sums[part]);
                        part += 1;
                    }
                    k += 2 * lanes;
                }
                if k < width {
                    let difference = load::<S, T>(simd, &own[k..]) - load::<S, T>(simd, &other[k..]);
                    sums[0] = difference.mul_add(difference, sums[0]);
                }
                (sums[0] + sums[1]).store(&mut room);
                squares[j] = T::from_f64(room[..lanes].iter().map(|part| part.to_f64()).sum());
            }
        }
    }
}

/// The gradient of some vectors, from number `start` on: twice the sum of their differences from all others, each times its weight.
struct Pull<'a, T> {
    vectors: &'a [T],
    width: usize,
    start: usize,
    weights: &'a [T],
    gradient: &'a mut [T],
}

/// Registers that are summed up at once.
const TOGETHER: usize = 8;

impl<T: Float> WithSimd for Pull<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { vectors, width, start, weights, gradient } = self;
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let count = vectors.len() / width;
        for (i, gradient) in gradient.chunks_exact_mut(width).enumerate() {
            let own = &vectors[(start + i) * width..][..width];
            let weights = &weights[i * count..][..count];
            let mut k = 0;
            while k + TOGETHER * lanes <= width {
                pull::<S, T, TOGETHER>(simd, own, weights, &vectors[k..], width, k, gradient);
                k += TOGETHER * lanes;
            }
            while k < width {
                pull::<S, T, 1>(simd, own, weights, &vectors[k..], width, k, gradient);
                k += lanes;
            }
        }
    }
}

/// Some registers of the gradient of a vector, from number `k` on, where `others` begin too.
#[inline(always)]
fn pull<S: Simd, T: Float, const REGISTERS: usize>(
    simd: S,
    own: &[T],
    weights: &[T],
    others: &[T],
    width: usize,
    k: usize,
    gradient: &mut [T],
) {
    let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let zero = splat::<S, T>(simd, T::default());
    let (mut owns, mut sums) = ([zero; REGISTERS], [zero; REGISTERS]);
    let mut part = 0;
    while part < REGISTERS {
        owns[part] = load::<S, T>(simd, &own[k + part * lanes..]);
        part += 1;
    }
    let mut j = 0;
    while j < weights.len() {
        let weight = splat::<S, T>(simd, weights[j]);
        let other = &others[j * width..];
        let mut part = 0;
        while part < REGISTERS {
            let difference = owns[part] - load::<S, T>(simd, &other[part * lanes..]);
            sums[part] = difference.mul_add(weight, sums[part]);
            part += 1;
        }
        j += 1;
    }
    let mut part = 0;
    while part < REGISTERS {
        (sums[part] * 2.0).store(&mut gradient[k + part * lanes..]);
        part += 1;
    }
}

#[inline(always)]
fn splat<S: Simd, T: Float>(simd: S, number: T) -> T::Lanes<S> {
    load::<S, T>(simd, &[number; MOST_LANES])
}

/// Who is compared with whom.
struct Batch<'a> {
    /// Of the anchors, and of what they are compared with.
    labels: [&'a [i64]; 2],
    /// Whether both are the same.
    is_same: bool,
    /// Whether only what is on the diagonal and to the right of it was computed.
    is_half: bool,
}

struct Results<T> {
    values: Vec<T>,
    mass: Vec<T>,
    slopes: Option<Vec<T>>,
}

impl Batch<'_> {
    fn run<F: AnchorFormula, T: Float>(&self, formula: &F, products: &[T], is_tracked: bool) -> Results<T> {
        let [count, columns] = self.labels.map(<[i64]>::len);
        let mut values = vec![T::default(); 2 * count];
        let mut slopes = zeros::<T>(if is_tracked { count * columns } else { 0 });
        let outputs = [Some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
        in_pieces(count, ANCHORS, outputs, [2, columns], |piece, [values, slopes]| {
            let start = piece * ANCHORS;
            let values = values.expect("an output");
            let room = self.is_half.then(|| self.whole(products, start, values.len() / 2));
            let products = room.as_deref().unwrap_or_else(|| part(products, piece, ANCHORS, columns));
            T::dispatch(Run { formula, batch: self, start, products, values, slopes });
            0.0
        });
        let (values, mass) = values.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
        Results { values, mass, slopes: is_tracked.then_some(slopes) }
    }
}

/// Some anchors.
struct Run<'a, F, T> {
    formula: &'a F,
    batch: &'a Batch<'a>,
    start: usize,
    products: &'a [T],
    /// Value and what it counts.
    values: &'a mut [T],
    /// The derivatives by the products.
    slopes: Option<&'a mut [T]>,
}

impl<F: AnchorFormula, T: Float> WithSimd for Run<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [labels, others] = self.batch.labels;
        let columns = others.len();
        let mut rooms = Rooms::of(columns);
        for (i, value) in self.values.chunks_exact_mut(2).enumerate() {
            let anchor = self.start + i;
            let itself = self.batch.is_same.then_some(anchor);
            rooms.fill(simd, self.formula.score(), &self.products[i * columns..][..columns]);
            let counts = rooms.compare(labels[anchor], others, itself);
            let mut row = Row {
                formula: self.formula,
                simd,
                rooms: &mut rooms,
                counts,
                is_tracked: self.slopes.is_some(),
                factors: [0.0; NUMBERS],
                used: 0,
            };
            let result = self.formula.eval(&mut row);
            let factors = row.factors;
            let [positives, negatives] = counts;
            let is_complete = positives > 0 && negatives > 0;
            let (is_dropped, mass) = match self.formula.counts() {
                Counts::One => (false, 1),
                Counts::Pairs => (false, positives + negatives),
                Counts::Positives => (false, positives),
                Counts::WithPositive => (positives == 0, 1),
                Counts::WithBoth => (!is_complete, 1),
                // What is not a number counts, so that nobody takes it for nothing.
                Counts::Active => (!is_complete, usize::from(result.value > 0.0 || result.value.is_nan())),
            };
            value[0] = T::from_f64(if is_dropped { 0.0 } else { result.value });
            value[1] = T::from_f64(if is_dropped { 0.0 } else { mass as f64 });
            if let Some(slopes) = &mut self.slopes
                && !is_dropped
            {
                let [a, b] = [result.slope[0] * factors[0], result.slope[1] * factors[1]];
                rooms.finish([a, b], &mut slopes[i * columns..][..columns]);
            }
        }
    }
}

/// Room for what belongs to the pairs of an anchor, filled up to whole registers.
struct Rooms<T> {
    scores: Vec<T>,
    /// The derivatives of the scores by the products.
    turns: Vec<T>,
    /// 1 where a pair is of these, else 0: positives, negatives, both.
    masks: [Vec<T>; 3],
    terms: Vec<T>,
    by_given: Vec<T>,
    slopes: [Vec<T>; NUMBERS],
}

impl<T: Float> Rooms<T> {
    fn of(columns: usize) -> Self {
        let room = || vec![T::default(); columns.next_multiple_of(MOST_LANES)];
        Self {
            scores: room(),
            turns: room(),
            masks: [room(), room(), room()],
            terms: room(),
            by_given: room(),
            slopes: [room(), room()],
        }
    }

    /// The scores and what they turn by.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, simd: S, score: Score, products: &[T]) {
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
        let mut i = 0;
        while i < self.scores.len() {
            let product = match products.get(i..i + lanes) {
                Some(products) => load::<S, T>(simd, products),
                None => rest::<S, T>(simd, products.get(i..).filter(|rest| !rest.is_empty()).unwrap_or(&products[..1])),
            };
            let score = score.of(Dual::<_, 1>::variable(product, 0));
            score.value.store(&mut self.scores[i..]);
            score.slope[0].store(&mut self.turns[i..]);
            i += lanes;
        }
    }

    /// Who is a positive and who is a negative, and how many there are.
    #[inline(always)]
    fn compare(&mut self, label: i64, others: &[i64], itself: Option<usize>) -> [usize; 2] {
        let [positives, negatives, all] = &mut self.masks;
        let (yes, no) = (T::from_f64(1.0), T::from_f64(0.0));
        let mut same = 0;
        for (j, other) in others.iter().enumerate() {
            let is_same = *other == label;
            same += usize::from(is_same);
            positives[j] = if is_same { yes } else { no };
            negatives[j] = if is_same { no } else { yes };
            all[j] = yes;
        }
        if let Some(itself) = itself {
            positives[itself] = no;
            all[itself] = no;
        }
        [same - usize::from(itself.is_some()), others.len() - same]
    }

    /// The derivatives of the value by the products: the slopes of the numbers, each times its factor. In double precision: a factor
    /// belongs to all pairs of the anchor, whose slopes may nearly cancel in its gradient.
    #[inline(always)]
    fn finish(&self, factors: [f64; NUMBERS], output: &mut [T]) {
        let [first, second] = &self.slopes;
        for (i, output) in output.iter_mut().enumerate() {
            let sum = first[i].to_f64() * factors[0] + second[i].to_f64() * factors[1];
            *output = T::from_f64(sum * self.turns[i].to_f64());
        }
    }
}

/// An anchor as the formula sees it.
struct Row<'a, F, S, T> {
    formula: &'a F,
    simd: S,
    rooms: &'a mut Rooms<T>,
    counts: [usize; 2],
    is_tracked: bool,
    /// What the slopes of each number are still to be multiplied by.
    factors: [f64; NUMBERS],
    used: usize,
}

impl<F: AnchorFormula, S: Simd, T: Float> Row<'_, F, S, T> {
    #[inline(always)]
    fn count(&self, partners: Partners) -> usize {
        match partners {
            Partners::Positives => self.counts[0],
            Partners::Negatives => self.counts[1],
            Partners::All => self.counts[0] + self.counts[1],
        }
    }

    /// A number whose slopes stand in its room, but for a factor.
    #[inline(always)]
    fn number(&mut self, value: f64, factor: f64) -> Dual<f64, NUMBERS> {
        let index = self.used;
        self.used += 1;
        self.factors[index] = factor;
        Dual::variable(value, index)
    }

    /// A number without slopes.
    #[inline(always)]
    fn constant(&mut self, value: f64) -> Dual<f64, NUMBERS> {
        self.rooms.slopes[self.used].fill(T::default());
        self.number(value, 0.0)
    }

    #[inline(always)]
    fn extreme(&mut self, partners: Partners, sign: f64) -> Dual<f64, NUMBERS> {
        let mask = &self.rooms.masks[partners as usize];
        let mut found = None;
        for (j, score) in self.rooms.scores.iter().enumerate() {
            let score = score.to_f64();
            // What is not a number has to be seen.
            if mask[j].to_f64() > 0.5
                && found.is_none_or(|(_, most): (usize, f64)| score * sign > most * sign || score.is_nan())
            {
                found = Some((j, score));
            }
        }
        let index = self.used;
        let number = self.constant(found.map_or(LEAST * sign, |(_, score)| score));
        if let Some((place, _)) = found {
            self.rooms.slopes[index][place] = T::from_f64(1.0);
            self.factors[index] = 1.0;
        }
        number
    }
}

impl<F: AnchorFormula, S: Simd, T: Float> Anchor for Row<'_, F, S, T> {
    type Number = Dual<f64, NUMBERS>;

    #[inline(always)]
    fn log_sum_exp(&mut self, partners: Partners) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(LEAST);
        }
        let (simd, lanes) = (self.simd, <T::Lanes<S> as Lanes<S, T>>::COUNT);
        let Rooms { scores, masks, terms, slopes, .. } = &mut *self.rooms;
        let (mask, slopes) = (&masks[partners as usize], &mut slopes[self.used]);
        let least = splat::<S, T>(simd, T::from_f64(LEAST));
        let mut most = least;
        let mut i = 0;
        while i < scores.len() {
            let score = load::<S, T>(simd, &scores[i..]);
            let mask = load::<S, T>(simd, &mask[i..]).gt_lit(0.5);
            let exponent = if self.is_tracked {
                let exponent = self.formula.exponent(partners, Dual::<_, 1>::variable(score, 0));
                exponent.slope[0].store(&mut slopes[i..]);
                exponent.value
            } else {
                self.formula.exponent(partners, score)
            };
            let exponent = Real::select(&mask, exponent, least);
            exponent.store(&mut terms[i..]);
            most = exponent.maximum(most);
            i += lanes;
        }
        let mut all = [T::from_f64(LEAST); MOST_LANES];
        most.store(&mut all);
        let most = all.into_iter().fold(LEAST, |a, b| if b.to_f64() > a { b.to_f64() } else { a });
        let (largest, zero) = (splat::<S, T>(simd, T::from_f64(most)), splat::<S, T>(simd, T::default()));
        let mut i = 0;
        while i < scores.len() {
            let mask = load::<S, T>(simd, &mask[i..]).gt_lit(0.5);
            let power = Real::select(&mask, (load::<S, T>(simd, &terms[i..]) - largest).exp(), zero);
            power.store(&mut terms[i..]);
            if self.is_tracked {
                Real::select(&mask, load::<S, T>(simd, &slopes[i..]) * power, zero).store(&mut slopes[i..]);
            }
            i += lanes;
        }
        let mut sum = Sum::default();
        sum.add(terms, None);
        let total = sum.total();
        self.number(most + total.ln(), 1.0 / total)
    }

    #[inline(always)]
    fn sum(&mut self, partners: Partners) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(0.0);
        }
        let (simd, lanes) = (self.simd, <T::Lanes<S> as Lanes<S, T>>::COUNT);
        let Rooms { scores, masks, terms, slopes, .. } = &mut *self.rooms;
        let (mask, slopes) = (&masks[partners as usize], &mut slopes[self.used]);
        let zero = splat::<S, T>(simd, T::default());
        let mut i = 0;
        while i < scores.len() {
            let score = load::<S, T>(simd, &scores[i..]);
            let mask = load::<S, T>(simd, &mask[i..]).gt_lit(0.5);
            let term = if self.is_tracked {
                let term = self.formula.term(partners, Dual::<_, 1>::variable(score, 0));
                Real::select(&mask, term.slope[0], zero).store(&mut slopes[i..]);
                term.value
            } else {
                self.formula.term(partners, score)
            };
            Real::select(&mask, term, zero).store(&mut terms[i..]);
            i += lanes;
        }
        let mut sum = Sum::default();
        sum.add(terms, None);
        self.number(sum.total(), 1.0)
    }

    #[inline(always)]
    fn mean(&mut self, partners: Partners) -> Self::Number {
        let count = self.count(partners).max(1) as f64;
        self.sum(partners) * (1.0 / count)
    }

    #[inline(always)]
    fn sum_with(&mut self, partners: Partners, given: Self::Number) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(0.0);
        }
        let (simd, lanes) = (self.simd, <T::Lanes<S> as Lanes<S, T>>::COUNT);
        let Rooms { scores, masks, terms, by_given, slopes, .. } = &mut *self.rooms;
        let (mask, slopes) = (&masks[partners as usize], &mut slopes[self.used]);
        let zero = splat::<S, T>(simd, T::default());
        let own = splat::<S, T>(simd, T::from_f64(given.value));
        let mut i = 0;
        while i < scores.len() {
            let score = load::<S, T>(simd, &scores[i..]);
            let mask = load::<S, T>(simd, &mask[i..]).gt_lit(0.5);
            let term = if self.is_tracked {
                let (score, own) = (Dual::<_, 2>::variable(score, 0), Dual::variable(own, 1));
                let term = self.formula.term_with(partners, score, own);
                Real::select(&mask, term.slope[0], zero).store(&mut slopes[i..]);
                Real::select(&mask, term.slope[1], zero).store(&mut by_given[i..]);
                term.value
            } else {
                self.formula.term_with(partners, score, own)
            };
            Real::select(&mask, term, zero).store(&mut terms[i..]);
            i += lanes;
        }
        let (mut sum, mut of_given) = (Sum::default(), Sum::default());
        sum.add(terms, None);
        if self.is_tracked {
            of_given.add(by_given, None);
        }
        let through = of_given.total();
        let mut number = self.number(sum.total(), 1.0);
        for (slope, of_given) in number.slope.iter_mut().zip(given.slope) {
            *slope += of_given * through;
        }
        number
    }

    #[inline(always)]
    fn largest(&mut self, partners: Partners) -> Self::Number {
        self.extreme(partners, 1.0)
    }

    #[inline(always)]
    fn smallest(&mut self, partners: Partners) -> Self::Number {
        self.extreme(partners, -1.0)
    }
}

impl Batch<'_> {
    /// Rows of which only the right half was computed, with the rest: what is left of the diagonal stands below it.
    fn whole<T: Float>(&self, all: &[T], start: usize, rows: usize) -> Vec<T> {
        let count = self.labels[0].len();
        let mut whole = all[start * count..(start + rows) * count].to_vec();
        for j in 0..start + rows {
            for i in 0..rows {
                if start + i > j {
                    whole[i * count + j] = all[j * count + start + i];
                }
            }
        }
        whole
    }
}
