//! Heads: margins, scales, and large vocabularies.

use burn::tensor::Device;
use experiments::Error;
use experiments::bigram::{self, Bigram, BigramTraining};
use experiments::data::{self, Pairs};
use serde_json::{Value, json};

use crate::call::{Call, difference, numbers};
use crate::claim::{Claim, Claimed, Paper};

const ARCFACE: Paper = Paper { name: "Deng et al. 2019", id: "arXiv 1801.07698" };
const COSFACE: Paper = Paper { name: "Wang et al. 2018", id: "arXiv 1801.09414" };
const ADAPTIVE: Paper = Paper { name: "Grave et al. 2017", id: "arXiv 1609.04309" };
const SAMPLED: Paper = Paper { name: "Jean et al. 2015", id: "arXiv 1412.2007" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "heads/arcface",
        ARCFACE,
        "the margin 0.5 at the angle 0.6 is the softmax of cosines at the angle 1.1",
        Claimed::IDENTITY,
        || {
            let with_margin = at_angle("heads/arcface", json!({ "scale": 8.0, "margin": 0.5 }), 0.6)?;
            Ok((with_margin - at_angle("heads/normalized_softmax", json!({ "scale": 8.0 }), 1.1)?).abs())
        },
    ),
    Claim::new(
        "heads/normalized_softmax",
        COSFACE,
        "the scale (C - 1)/C ln((C - 1) P/(1 - P)) is the least with which a posterior reaches P = 0.999: the least loss",
        Claimed::about(1.000_500e-3, 1e-5),
        least_loss,
    ),
    Claim::new(
        "heads/adaptive_softmax",
        ADAPTIVE,
        "the probabilities of all classes add up to 1",
        Claimed::Number { value: 1.0, within: 1e-6 },
        sum_of_probabilities,
    ),
    Claim::new(
        "heads/sampled_softmax",
        SAMPLED,
        "of every class once, each expected once, it is the full cross-entropy",
        Claimed::IDENTITY,
        all_classes_sampled,
    ),
    Claim::new(
        "heads/sampled_softmax",
        SAMPLED,
        "with the correction it learns what the full softmax learns: perplexity over that of the full softmax",
        Claimed::AtMost(1.1),
        || Ok(perplexity(sampled(true))? / perplexity(json!({ "kind": "softmax" }))?),
    )
    .long(),
    Claim::new(
        "heads/sampled_softmax",
        SAMPLED,
        "without the correction it is worse than the frequencies of the words: perplexity over theirs",
        Claimed::AtLeast(1.0),
        || Ok(perplexity(sampled(false))? / words()?.unigram_perplexity()),
    )
    .long(),
];

/// The value of an embedding at this angle from the vector of its class, and at a right angle from the other one.
fn at_angle(loss: &str, mut fields: Value, angle: f64) -> Result<f64, Error> {
    fields["num_classes"] = 2.into();
    fields["embedding_dim"] = 3.into();
    let call = Call::new(loss, fields)?.with("weight", &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [2, 3]);
    call.with("embeddings", &[angle.cos(), 0.0, angle.sin()], [1, 3]).with_labels("labels", &[0], [1]).value()
}

/// The loss of an embedding that lies on the vector of its class, where the vectors are as far apart as they can be.
fn least_loss() -> Result<f64, Error> {
    const CLASSES: usize = 10;
    const POSTERIOR: f64 = 0.999;
    let others = CLASSES as f64 - 1.0;
    let scale = others / CLASSES as f64 * (others * POSTERIOR / (1.0 - POSTERIOR)).ln();
    let is_diagonal = |at: usize| f64::from(at / CLASSES == at % CLASSES);
    let simplex: Vec<f64> = (0..CLASSES * CLASSES).map(|at| is_diagonal(at) - 1.0 / CLASSES as f64).collect();
    let fields = json!({ "num_classes": CLASSES, "embedding_dim": CLASSES, "scale": scale });
    let call = Call::new("heads/normalized_softmax", fields)?.with("weight", &simplex, [CLASSES, CLASSES]);
    call.with("embeddings", &simplex[..CLASSES], [1, CLASSES]).with_labels("labels", &[0], [1]).value()
}

fn sum_of_probabilities() -> Result<f64, Error> {
    const CLASSES: usize = 40;
    let fields = json!({ "num_classes": CLASSES, "embedding_dim": 8, "cutoffs": [5, 15], "div_value": 2.0 });
    let embeddings = numbers(8, 21).repeat(CLASSES);
    let labels: Vec<i64> = (0..CLASSES as i64).collect();
    let call = Call::new("heads/adaptive_softmax", fields)?.with("embeddings", &embeddings, [CLASSES, 8]);
    Ok(call.with_labels("labels", &labels, [CLASSES]).values()?.iter().map(|value| (-value).exp()).sum())
}

fn all_classes_sampled() -> Result<f64, Error> {
    const CLASSES: usize = 7;
    let (embeddings, weight) = (numbers(5 * 4, 22), numbers(CLASSES * 4, 23));
    let of_head = |loss: &str| {
        let call = Call::new(loss, json!({ "num_classes": CLASSES, "embedding_dim": 4 }))?;
        let call = call.with("embeddings", &embeddings, [5, 4]).with("weight", &weight, [CLASSES, 4]);
        Ok::<_, Error>(call.with_labels("labels", &[0, 6, 3, 3, 1], [5]))
    };
    let classes: Vec<i64> = (0..CLASSES as i64).collect();
    let sampled = of_head("heads/sampled_softmax")?.with_labels("sampled", &classes, [CLASSES]);
    let sampled = sampled.with_list("expected_counts", &[1.0; CLASSES]);
    Ok(difference(&sampled.values()?, &of_head("heads/softmax")?.values()?))
}

fn sampled(log_q: bool) -> Value {
    json!({ "kind": "sampled_softmax", "num_sampled": 200, "log_q": log_q })
}

const WORDS: usize = 2000;

/// Which of the most frequent words of WordNet's glosses follow each other.
fn words() -> Result<Pairs, Error> {
    let mut pairs = data::glosses()?.of_frequent(WORDS);
    pairs.held_out.truncate(5000);
    Ok(pairs)
}

/// The perplexity of the next word, after a training with this head.
fn perplexity(mut head: Value) -> Result<f64, Error> {
    let training =
        BigramTraining { pairs: 300_000, epochs: 1, batch_size: 512, learning_rate: 0.3, embedding_dim: 16, seed: 42 };
    head["num_classes"] = WORDS.into();
    head["embedding_dim"] = training.embedding_dim.into();
    let head = bigram::fitted(&serde_json::from_value(head).map_err(Error::new)?, WORDS, &training)?;
    let device = Device::flex();
    let model = Bigram::new(&head, training.seed, &device.clone().autodiff());
    Ok(bigram::train(model, &words()?, &training, usize::MAX, &device)?.perplexity)
}
