//! Which word follows which.

use burn_losses::prelude::*;

use super::{Outcome, figure};
use crate::Error;
use crate::bigram::{self, Bigram};
use crate::config::RunConfig;
use crate::data;
use crate::training::{QUICK_STEPS, Setting};

/// The size of a quick run's vocabulary, and the number of held-out pairs that it evaluates.
const QUICK_WORDS: usize = 2000;
const QUICK_HELD_OUT: usize = 1000;

pub(super) fn run(config: &RunConfig<HeadLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (mut pairs, mut training, mut steps) = (data::glosses()?, config.bigram().clone(), usize::MAX);
    pairs.train.truncate(training.pairs);
    if setting.quick {
        pairs = pairs.of_frequent(QUICK_WORDS);
        pairs.held_out.truncate(QUICK_HELD_OUT);
        (training.epochs, steps) = (1, QUICK_STEPS);
    }
    let head = bigram::fitted(&config.loss, pairs.vocabulary, &training)?;
    let model = Bigram::new(&head, training.seed, &setting.training_device());
    let trained = bigram::train(model, &pairs, &training, steps, &setting.device)?;
    let unigram = pairs.unigram_perplexity();
    println!(
        "{label}: {} steps, perplexity {:.1} (unigram {unigram:.1})",
        trained.history.steps.len(),
        trained.perplexity
    );
    Ok(Outcome {
        figures: vec![
            figure("perplexity", trained.perplexity),
            figure("times that of unigrams", trained.perplexity / unigram),
            figure("ms per step", 1e3 * trained.seconds_per_step),
            figure("MB per step", 1e-6 * trained.step_memory as f64),
        ],
        history: trained.history,
        ..Outcome::default()
    })
}
