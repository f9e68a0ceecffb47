//! A model that predicts the next word: an embedding of the first word, and a head with a class for every word.
//!
//! The head takes most of the time and memory here: a step of the full softmax computes a logit for every word of the
//! vocabulary, and a step of a sampled one computes logits for a few of them.

use std::time::Instant;

use burn::module::{Module, Param};
use burn::optim::{AdaGradConfig, GradientsParams};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::heads::AnyHeadLoss;
use burn_losses::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::Pairs;
use crate::history::History;
use crate::memory::peak_of;
use crate::rng::Rng;

/// The settings of a training with Adagrad, which suits words: parameters of rare words take larger steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BigramTraining {
    /// How many pairs of the training set are used.
    pub pairs: usize,
    /// Passes over the pairs; the model is evaluated on the held-out pairs after each.
    pub epochs: usize,
    /// Pairs per step.
    pub batch_size: usize,
    /// The learning rate, in (0, 1].
    pub learning_rate: f64,
    /// The size of an embedding.
    pub embedding_dim: usize,
    /// The seed of the initial weights and of the order of the pairs.
    pub seed: u64,
}

impl BigramTraining {
    /// The rule that a setting violates, if any.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if [self.pairs, self.epochs, self.batch_size, self.embedding_dim].contains(&0) {
            return Some("pairs, epochs, batch_size and embedding_dim must be at least 1");
        }
        let is_right = self.learning_rate > 0.0 && self.learning_rate <= 1.0;
        (!is_right).then_some("learning_rate must be in (0, 1]")
    }
}

/// The head of a config file, with a class for each word of the vocabulary and the size of the training's embeddings.
pub fn fitted(head: &HeadLossConfig, words: usize, training: &BigramTraining) -> Result<HeadLossConfig, Error> {
    let mut fields = serde_json::to_value(head).map_err(Error::new)?;
    fields["num_classes"] = words.into();
    fields["embedding_dim"] = training.embedding_dim.into();
    serde_json::from_value(fields).map_err(Error::new)
}

/// The model: an embedding and a head.
#[derive(Module, Debug)]
pub struct Bigram {
    /// `[words, size]`
    embedding: Param<Tensor<2>>,
    head: AnyHeadLoss,
}

impl Bigram {
    /// A model with an embedding for each of the head's classes. It is drawn on the host, so that it is equal on every device.
    pub fn new(head: &HeadLossConfig, seed: u64, device: &Device) -> Self {
        let head = head.init(device);
        let [words, size] = head.weight().dims();
        let mut rng = Rng::new(seed);
        let mut draw = || Tensor::from_data(TensorData::new(rng.weights(words * size, size), [words, size]), device);
        Self { embedding: Param::from_tensor(draw()), head: head.with_weight(draw()) }
    }

    fn embed(&self, words: Tensor<1, Int>) -> Tensor<2> {
        self.embedding.val().select(0, words)
    }

    /// The number of equally likely words among which a choice is as uncertain as the model's prediction of the second words. It
    /// is computed with the full softmax, however the head was trained, and `rows` first words at a time.
    pub fn perplexity(&self, pairs: &[[usize; 2]], rows: usize, device: &Device) -> Result<f64, Error> {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        // Pairs with the same first word share their logits.
        let groups: Vec<&[[usize; 2]]> = pairs.chunk_by(|one, other| one[0] == other[0]).collect();
        let mut sum = 0.0;
        for groups in groups.chunks(rows) {
            let first = self.embed(words(groups.iter().map(|group| group[0][0]), device));
            let log_probabilities = log_softmax(self.head.logits(first), 1);
            let [_, classes] = log_probabilities.dims();
            let at = groups
                .iter()
                .enumerate()
                .flat_map(|(row, group)| group.iter().map(move |pair| row * classes + pair[1]));
            sum += number(log_probabilities.flatten::<1>(0, 1).select(0, words(at, device)).sum())?;
        }
        Ok((-sum / pairs.len() as f64).exp())
    }
}

fn words(numbers: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let numbers: Vec<i32> = numbers.map(|number| number as i32).collect();
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}

fn number(value: Tensor<1>) -> Result<f64, Error> {
    value.try_into_scalar::<f32>().map(f64::from).map_err(Error::new)
}

/// The results of a training.
#[derive(Debug)]
pub struct Trained {
    /// The loss of every step; the perplexity of the held-out pairs after every epoch.
    pub history: History,
    /// The perplexity of the held-out pairs at the end.
    pub perplexity: f64,
    /// The mean time of the forward pass, the backward pass and the optimizer.
    pub seconds_per_step: f64,
    /// The most host memory that a step uses, in bytes, besides the model and the optimizer's state.
    pub step_memory: usize,
}

/// Trains a model, with at most `steps` steps per epoch.
pub fn train(
    mut model: Bigram,
    pairs: &Pairs,
    training: &BigramTraining,
    steps: usize,
    device: &Device,
) -> Result<Trained, Error> {
    const PERPLEXITY: &str = "Perplexity";
    let training_device = device.clone().autodiff();
    let mut optimizer = AdaGradConfig::new().with_epsilon(1e-10).init();
    let (mut history, mut rng) = (History::default(), Rng::new(training.seed));
    let (mut seconds, mut step_memory, mut perplexity) = (0.0, 0, f64::NAN);
    for _ in 0..training.epochs {
        let order = rng.permutation(pairs.train.len());
        for rows in order.chunks(training.batch_size).take(steps) {
            let [first, second] =
                [0, 1].map(|at| words(rows.iter().map(|&row| pairs.train[row][at]), &training_device));
            let start = Instant::now();
            let step = || {
                let loss = model.head.forward(model.embed(first), second);
                let value = number(loss.clone())?;
                let gradients = GradientsParams::from_grads(loss.backward(), &model);
                Ok::<_, Error>((value, optimizer.step(training.learning_rate, model.clone(), gradients)))
            };
            let (result, memory) = peak_of(step);
            let (value, stepped) = result?;
            model = stepped;
            seconds += start.elapsed().as_secs_f64();
            // The optimizer creates its state in the first step, which is not measured.
            step_memory = if history.steps.is_empty() { 0 } else { step_memory.max(memory) };
            history.steps.push(value);
        }
        perplexity = model.valid().perplexity(&pairs.held_out, training.batch_size, device)?;
        history.held_out.entry(PERPLEXITY.to_string()).or_default().push(perplexity);
    }
    let seconds_per_step = seconds / history.steps.len() as f64;
    Ok(Trained { history, perplexity, seconds_per_step, step_memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: usize = 8;

    fn training() -> BigramTraining {
        BigramTraining { pairs: 800, epochs: 2, batch_size: 20, learning_rate: 0.3, embedding_dim: 4, seed: 1 }
    }

    /// Every word predicts the next one, and the last word predicts the first.
    fn cycle() -> Pairs {
        let pair = |i: usize| [i % WORDS, (i + 1) % WORDS];
        Pairs::new(WORDS, (0..training().pairs).map(pair).collect(), (0..WORDS).map(pair).collect())
    }

    fn trained(head: &str) -> Trained {
        let device = Device::flex();
        let head = fitted(&serde_json::from_str(head).unwrap(), WORDS, &training()).unwrap();
        let model = Bigram::new(&head, training().seed, &device.clone().autodiff());
        let before = model.valid().perplexity(&cycle().held_out, 3, &device).unwrap();
        assert!((6.0..10.0).contains(&before), "it knows nothing: {before}");
        train(model, &cycle(), &training(), usize::MAX, &device).unwrap()
    }

    #[test]
    fn what_always_follows_is_learned() {
        let result = trained(r#"{"kind": "softmax", "num_classes": 2, "embedding_dim": 2}"#);
        assert!(result.perplexity < 1.2, "{}", result.perplexity);
        assert_eq!(result.history.steps.len(), 80);
        assert_eq!(result.history.held_out["Perplexity"].last(), Some(&result.perplexity));
    }

    #[test]
    fn a_sample_of_the_words_is_enough() {
        let result = trained(r#"{"kind": "sampled_softmax", "num_classes": 8, "embedding_dim": 4, "num_sampled": 4}"#);
        assert!(result.perplexity < 1.5, "{}", result.perplexity);
    }

    #[test]
    fn a_config_is_made_to_fit_the_vocabulary() {
        let head = fitted(
            &serde_json::from_str(r#"{"kind": "softmax", "num_classes": 2, "embedding_dim": 2}"#).unwrap(),
            30,
            &training(),
        )
        .unwrap();
        assert_eq!(head.init(&Device::flex()).weight().dims(), [30, 4]);
        let counts = r#"{"kind": "sampled_softmax", "num_classes": 2, "embedding_dim": 2, "sampler": {"kind": "unigram", "counts": [1.0, 2.0]}}"#;
        assert!(fitted(&serde_json::from_str(counts).unwrap(), 30, &training()).is_err());
    }
}
