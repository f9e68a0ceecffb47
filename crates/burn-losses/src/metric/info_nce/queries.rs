//! Queries and keys, as they are given without labels.

use super::{InfoNceLoss, OfNegatives};
use crate::check::{Reference, widen};
use crate::engine::pairs;
use crate::engine::pairs::anchors::LEAST;
use crate::engine::rows::valid_rows;
use crate::engine::{clean_weightless, with_zero_gradient};
use crate::error::{InputError, InputProblem, expect};
use crate::formula::EarlierRows;
use crate::reduction::{Extras, ShapedExtras, Unreduced, cleaned};
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Role, Shape, Signature, Wanted};
use burn::tensor::{Bool, Int, Tensor};

/// Facts about the keys of a batch, for [`InfoNceLoss::forward_queries_with`].
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    log_q: Option<Tensor<1>>,
    ids: Option<Tensor<1, Int>>,
}

impl Candidates {
    /// Keys without probabilities and ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the logarithm of the probability with which each key gets into a batch: `[N]`. It gets no gradient.
    #[must_use]
    pub fn with_log_q(self, log_q: Tensor<1>) -> Self {
        Self { log_q: Some(log_q), ..self }
    }

    /// With the id of each key, `[N]`: keys of equal ids are the same thing.
    #[must_use]
    pub fn with_ids(self, ids: Tensor<1, Int>) -> Self {
        Self { ids: Some(ids), ..self }
    }
}

impl InfoNceLoss {
    /// The value of queries and their keys, row by row, reduced as the config says.
    ///
    /// # Shapes
    /// - queries, keys: `[N, E]`
    ///
    /// # Panics
    /// With the message of [`check_queries`](Self::check_queries)'s error.
    #[track_caller]
    pub fn forward_queries(&self, queries: Tensor<2>, keys: Tensor<2>) -> Tensor<1> {
        self.forward_queries_with(queries, keys, Candidates::new(), Extras::new())
    }

    /// Like [`forward_queries`](Self::forward_queries), with what is known about the keys; and with weights `[N]`, a mask `[N]` of the
    /// rows that are valid, or a divisor: see [`Extras`]. The key of a row that is not valid is no negative.
    ///
    /// # Panics
    /// With the message of [`check_queries`](Self::check_queries)'s error.
    #[track_caller]
    pub fn forward_queries_with(
        &self,
        queries: Tensor<2>,
        keys: Tensor<2>,
        candidates: Candidates,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = self.checked_queries([queries, keys], candidates, extras.into());
        extras.reduce(self.config.reduction, values)
    }

    /// One value per query, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_queries`](Self::check_queries)'s error.
    #[track_caller]
    pub fn forward_queries_unreduced(
        &self,
        queries: Tensor<2>,
        keys: Tensor<2>,
        candidates: Candidates,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = self.checked_queries([queries, keys], candidates, extras.into());
        extras.apply(values)
    }

    /// The value of queries with a positive each and with negatives that all of them share, reduced as the config says. `both_ways` and
    /// `parts` have no effect on it.
    ///
    /// # Shapes
    /// - queries, positives: `[N, E]`
    /// - negatives: `[M, E]`
    ///
    /// # Panics
    /// With the message of [`check_negatives`](Self::check_negatives)'s error.
    #[track_caller]
    pub fn forward_with_negatives(&self, queries: Tensor<2>, positives: Tensor<2>, negatives: Tensor<2>) -> Tensor<1> {
        self.forward_with_negatives_and(queries, positives, negatives, Extras::new())
    }

    /// Like [`forward_with_negatives`](Self::forward_with_negatives), with weights `[N]`, a mask `[N]` of the queries that are valid, or
    /// a divisor: see [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_negatives`](Self::check_negatives)'s error.
    #[track_caller]
    pub fn forward_with_negatives_and(
        &self,
        queries: Tensor<2>,
        positives: Tensor<2>,
        negatives: Tensor<2>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = self.checked_negatives([queries, positives], negatives, extras.into());
        extras.reduce(self.config.reduction, values)
    }

    /// One value per query, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_negatives`](Self::check_negatives)'s error.
    #[track_caller]
    pub fn forward_with_negatives_unreduced(
        &self,
        queries: Tensor<2>,
        positives: Tensor<2>,
        negatives: Tensor<2>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = self.checked_negatives([queries, positives], negatives, extras.into());
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of queries and keys.
    pub fn check_queries(
        &self,
        queries: &Tensor<2>,
        keys: &Tensor<2>,
        candidates: &Candidates,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = self.check_first(queries)?;
        let shape @ [count, _] = queries.dims();
        self.fits(count).map_err(|expected| first.shape_error(first.name, &shape, expected))?;
        first.same("keys", keys)?;
        if let Some(log_q) = &candidates.log_q {
            first.companion("log_q", log_q, [count], "one number per key")?;
        }
        if let Some(ids) = &candidates.ids {
            if ids.dims() != [count] {
                return Err(first.shape_error("ids", &ids.dims(), format!("[{count}] (one id per key)")));
            }
            first.same_device("ids", ids)?;
        }
        first.extras(&[count], extras)
    }

    /// Checks the shapes, types and devices of queries, positives and negatives.
    pub fn check_negatives(
        &self,
        queries: &Tensor<2>,
        positives: &Tensor<2>,
        negatives: &Tensor<2>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = self.check_first(queries)?;
        first.same("positives", positives)?;
        let ([count, size], [number, _]) = (queries.dims(), negatives.dims());
        first.companion("negatives", negatives, [number, size], "rows as long as those of `queries`")?;
        first.extras(&[count], extras)
    }

    fn check_first<'a>(&self, queries: &'a Tensor<2>) -> Result<Reference<'a, 2>, InputError> {
        let first = Reference { loss: self.kind(), name: "queries", tensor: queries };
        match queries.dims() {
            shape @ [_, 0] => {
                let (given, expected) = (shape.to_vec(), "at least one number per embedding".into());
                Err(first.error("queries", InputProblem::Shape { given, expected }))
            }
            _ => Ok(first),
        }
    }

    #[track_caller]
    fn checked_queries(
        &self,
        [queries, keys]: [Tensor<2>; 2],
        candidates: Candidates,
        extras: Extras,
    ) -> (Unreduced<1>, ShapedExtras<1>) {
        expect(self.check_queries(&queries, &keys, &candidates, &extras));
        let extras = extras.for_shape([queries.dims()[0]]);
        let queries = match self.config.both_ways {
            true => queries,
            false => clean_weightless(queries, extras.weightless().as_ref()),
        };
        (self.values_of_queries([queries, keys], candidates, extras.mask.as_ref()), extras)
    }

    #[track_caller]
    fn checked_negatives(
        &self,
        [queries, positives]: [Tensor<2>; 2],
        negatives: Tensor<2>,
        extras: Extras,
    ) -> (Unreduced<1>, ShapedExtras<1>) {
        expect(self.check_negatives(&queries, &positives, &negatives, &extras));
        let extras = extras.for_shape([queries.dims()[0]]);
        let [queries, positives] =
            [queries, positives].map(|rows| clean_weightless(rows, extras.weightless().as_ref()));
        (self.values_with_negatives([queries, positives], negatives, extras.mask.as_ref()), extras)
    }

    fn values_of_queries(
        &self,
        pair: [Tensor<2>; 2],
        candidates: Candidates,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        let [count, _] = pair[0].dims();
        let [queries, keys] = pair.map(|rows| widen(valid_rows(rows, mask)));
        if count == 0 {
            return queries.reshape([0]).into();
        }
        let tracked = queries.clone();
        let log_q = candidates.log_q.map(|log_q| widen(cleaned(log_q.detach(), mask)));
        let ids = candidates.ids.as_ref().filter(|_| self.config.remove_accidental_hits);
        let earlier = self.memory.as_ref().map(|memory| memory.all(&keys));
        let size = count / self.config.parts;
        let places = || Tensor::<1, Int>::arange(0..size as i64, &tracked.device());
        let of_part = |start: usize| {
            let [queries, keys] = [&queries, &keys].map(|rows| self.ready(rows.clone().narrow(0, start, size)));
            let ids = ids.map(|ids| ids.clone().narrow(0, start, size));
            let mut scores = self.scores(queries.clone(), keys);
            if let Some(ids) = &ids {
                scores = without_hits(scores, ids, &places());
            }
            let valid = mask.map(|mask| mask.clone().narrow(0, start, size)).map(|mask| [mask.clone(), mask]);
            let values = |scores, earlier| {
                self.values(&OfNegatives, scores, [places(), places()], valid.clone(), earlier).values
            };
            let backward = self.config.both_ways.then(|| values(scores.clone().transpose(), None));
            if let Some(log_q) = &log_q {
                scores = scores - log_q.clone().narrow(0, start, size).unsqueeze::<2>().expand([size, size]);
            }
            let forward = values(scores, earlier.as_ref().map(|earlier| (earlier, queries, ids)));
            match backward {
                Some(backward) => (forward + backward) * 0.5,
                None => forward,
            }
        };
        let values = Tensor::cat((0..count).step_by(size).map(of_part).collect(), 0);
        if let Some(memory) = &self.memory {
            // A key without an id is like no other.
            let ids = candidates.ids.unwrap_or_else(|| Tensor::full([count], -1, &keys.device()));
            memory.after_step(&keys, &ids, mask);
        }
        Unreduced::from(with_zero_gradient(values, tracked)).masked(mask)
    }

    fn values_with_negatives(
        &self,
        pair: [Tensor<2>; 2],
        negatives: Tensor<2>,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        let [count, _] = pair[0].dims();
        let [queries, positives] = pair.map(|rows| widen(valid_rows(rows, mask)));
        if count == 0 {
            return queries.reshape([0]).into();
        }
        let tracked = queries.clone();
        let [queries, positives] = [queries, positives].map(|rows| self.ready(rows));
        let own = (queries.clone() * positives).sum_dim(1) * (1.0 / self.config.temperature);
        let [number, _] = negatives.dims();
        let scores = match number {
            0 => own,
            _ => Tensor::cat(vec![own, self.scores(queries, self.ready(widen(negatives)))], 1),
        };
        let rows = Tensor::<1, Int>::zeros([count], &scores.device());
        let columns = Tensor::<1, Int>::arange(0..number as i64 + 1, &scores.device());
        let values = pairs::of_scores(&OfNegatives, scores, [rows, columns], None).values;
        Unreduced::from(with_zero_gradient(values, tracked)).masked(mask)
    }
}

/// The scores, and a number far below all of them where two ids are the same at different places.
fn without_hits(scores: Tensor<2>, ids: &Tensor<1, Int>, places: &Tensor<1, Int>) -> Tensor<2> {
    let shape = scores.dims();
    let equal = |x: &Tensor<1, Int>| {
        x.clone().unsqueeze_dim::<2>(1).expand(shape).equal(x.clone().unsqueeze::<2>().expand(shape))
    };
    let hits = equal(ids).bool_and(equal(places).bool_not());
    scores.mask_fill(hits, LEAST)
}

/// The arguments: queries and their keys, or queries with a positive each and negatives that all of them share.
pub(super) fn signatures() -> Vec<Signature> {
    let queries = || Argument::prediction("queries", Shape::MATRIX);
    let extras = || [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
    let log_q = Argument { role: Role::State, ..Argument::target("log_q", Shape::First(1)) }.optional();
    let ids = Argument::labels("ids", Shape::First(1), Classes::Any, None).optional();
    let of_batch = [queries(), Argument::prediction("keys", Shape::Same), log_q, ids];
    let positives = Argument::prediction("positives", Shape::Same);
    let with_negatives = [queries(), positives, Argument::prediction("negatives", Shape::MATRIX)];
    vec![of_batch.into_iter().chain(extras()).collect(), with_negatives.into_iter().chain(extras()).collect()]
}

/// Calls the loss with these arguments.
pub(super) fn call(loss: &InfoNceLoss, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
    let queries = arguments.float("queries");
    let extras = arguments.extras::<1, 1>();
    if arguments.has("negatives") {
        let (positives, negatives) = (arguments.float("positives"), arguments.float("negatives"));
        loss.check_negatives(&queries, &positives, &negatives, &extras)?;
        return Ok(match wanted {
            Wanted::Values => {
                let extras = extras.mask_alone();
                loss.forward_with_negatives_unreduced(queries, positives, negatives, extras).values.into()
            }
            Wanted::Loss => loss.forward_with_negatives_and(queries, positives, negatives, extras).into(),
        });
    }
    let keys = arguments.float("keys");
    let log_q = arguments.optional_float("log_q");
    let candidates = Candidates { log_q, ids: arguments.has("ids").then(|| arguments.labels("ids")) };
    loss.check_queries(&queries, &keys, &candidates, &extras)?;
    Ok(match wanted {
        Wanted::Values => {
            let extras = extras.mask_alone();
            loss.forward_queries_unreduced(queries, keys, candidates, extras).values.into()
        }
        Wanted::Loss => loss.forward_queries_with(queries, keys, candidates, extras).into(),
    })
}
