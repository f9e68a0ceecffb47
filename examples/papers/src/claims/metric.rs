//! Embeddings: contrast, collapse, the center loss, and views.

use burn::module::Module;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::heads::{SoftmaxLoss, SoftmaxLossConfig};
use burn_losses::metric::{CenterLoss, CenterLossConfig};
use burn_losses::prelude::*;
use experiments::Error;
use experiments::data;
use experiments::embedded::Embedded;
use experiments::model::Mlp;
use experiments::rng::Rng;
use serde_json::json;

use crate::call::{Call, difference, largest, numbers};
use crate::claim::{Claim, Claimed, Paper};

const INFO_NCE: Paper = Paper { name: "van den Oord et al. 2018", id: "arXiv 1807.03748" };
const SUP_CON: Paper = Paper { name: "Khosla et al. 2020", id: "arXiv 2004.11362" };
const HERMANS: Paper = Paper { name: "Hermans et al. 2017", id: "arXiv 1703.07737" };
const WEN: Paper = Paper { name: "Wen et al. 2016", id: "doi 10.1007/978-3-319-46478-7_31" };
const BARLOW: Paper = Paper { name: "Zbontar et al. 2021", id: "arXiv 2103.03230" };
const VICREG: Paper = Paper { name: "Bardes et al. 2022", id: "arXiv 2105.04906" };
const BYOL: Paper = Paper { name: "Grill et al. 2020", id: "arXiv 2006.07733" };

pub(crate) const CLAIMS: &[Claim] = &[
    Claim::new(
        "metric/info_nce",
        INFO_NCE,
        "ln N minus the loss bounds the information from below: of keys that say nothing, N = 64, the loss is ln 64",
        Claimed::about(4.158_883, 1e-6),
        || {
            let rows = [0.6, 0.8].repeat(64);
            Call::new("metric/info_nce", json!({}))?
                .with("queries", &rows, [64, 2])
                .with("keys", &rows, [64, 2])
                .value()
        },
    ),
    Claim::new(
        "metric/sup_con",
        SUP_CON,
        "with one positive for each anchor it is the loss of SimCLR",
        Claimed::IDENTITY,
        || {
            let embeddings = numbers(12 * 5, 31);
            let labels: Vec<i64> = (0..12).map(|row| row % 6).collect();
            let values = |loss: &str| {
                let call = Call::new(loss, json!({ "temperature": 0.2 }))?.with("embeddings", &embeddings, [12, 5]);
                call.with_labels("labels", &labels, [12]).values()
            };
            Ok(difference(&values("metric/sup_con")?, &values("metric/nt_xent")?))
        },
    ),
    Claim::new(
        "metric/triplet",
        HERMANS,
        "with the hardest triplets, embeddings that have collapsed stay at the value of the margin, 0.2",
        Claimed::about(0.2, 1e-6),
        || {
            let call = Call::new("metric/triplet", json!({ "mining": "hard", "margin": 0.2 }))?;
            call.with("embeddings", &[0.6, 0.8].repeat(6), [6, 2])
                .with_labels("labels", &[0, 0, 1, 1, 2, 2], [6])
                .value()
        },
    ),
    Claim::new(
        "metric/center",
        WEN,
        "0.01 times the center loss draws a class together: its spread over the distance of classes, over that without",
        Claimed::AtMost(1.0),
        || Ok(spread_of_classes(0.01)? / spread_of_classes(0.0)?),
    )
    .long(),
    Claim::new(
        "metric/center",
        WEN,
        "and 0.1 times does so more: the same ratio, over that of 0.01 times",
        Claimed::AtMost(1.0),
        || Ok(spread_of_classes(0.1)? / spread_of_classes(0.01)?),
    )
    .long(),
    Claim::new(
        "self_supervised/barlow_twins",
        BARLOW,
        "equal views whose columns are not correlated: 0",
        Claimed::Number { value: 0.0, within: 1e-8 },
        || of_views("self_supervised/barlow_twins", &CROSS, &CROSS),
    ),
    Claim::new(
        "self_supervised/vicreg",
        VICREG,
        "the variance term prevents the collapse of all rows into one: 25 (1 - sqrt(0.0001))",
        Claimed::about(24.75, 1e-4),
        || of_views("self_supervised/vicreg", &[1.0; 8], &[1.0; 8]),
    ),
    Claim::new(
        "vectors/cosine",
        BYOL,
        "twice the value is the squared distance of the vectors of length 1",
        Claimed::IDENTITY,
        || {
            let (first, second) = (numbers(24, 32), numbers(24, 33));
            let call = Call::new("vectors/cosine", json!({}))?.with("first", &first, [8, 3]);
            let values = call.with("second", &second, [8, 3]).values()?;
            let rows = first.chunks(3).zip(second.chunks(3)).zip(values);
            Ok(largest(rows.map(|((a, b), value)| (2.0 * value - squared_distance(a, b)).abs())))
        },
    ),
];

/// Four rows of two columns with mean 0 and variance 1, which are not correlated.
const CROSS: [f64; 8] = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0];

fn of_views(loss: &str, first: &[f64], second: &[f64]) -> Result<f64, Error> {
    Call::new(loss, json!({}))?.with("first", first, [4, 2]).with("second", second, [4, 2]).value()
}

/// The squared distance of two vectors that are scaled to length 1.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let length = |vector: &[f64]| vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (of_a, of_b) = (length(a), length(b));
    a.iter().zip(b).map(|(a, b)| (a / of_a - b / of_b).powi(2)).sum()
}

/// A network from pictures to a plane, with its losses.
#[derive(Module, Debug)]
struct Model {
    network: Mlp,
    head: SoftmaxLoss,
    center: CenterLoss,
}

/// The distance of the pictures of a class from their mean, over the distance of the classes, after a training with softmax
/// cross-entropy and `lambda` times the center loss. The pictures are Fashion-MNIST, and the embeddings have two numbers.
fn spread_of_classes(lambda: f64) -> Result<f64, Error> {
    const BATCH: usize = 100;
    const EPOCHS: usize = 4;
    let pictures = data::fashion()?;
    let device = Device::flex().autodiff();
    let head = SoftmaxLossConfig::new(10, 2).init(&device);
    let mut rng = Rng::new(7);
    let weight = Tensor::<2>::from_data(TensorData::new(rng.weights(20, 2), [10, 2]), &device);
    let mut model = Model {
        network: Mlp::new(&[pictures.train.width(), 48, 2], 3, &device),
        head: head.with_weight(weight),
        center: CenterLossConfig::new(10, 2).init(&device),
    };
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    for _ in 0..EPOCHS {
        for rows in rng.permutation(pictures.train.targets().len()).chunks(BATCH) {
            let batch = pictures.train.select(rows);
            let labels: Vec<i32> = batch.targets().iter().map(|class| *class as i32).collect();
            let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [rows.len()]), &device);
            let embeddings = model.network.forward(Tensor::from_data(batch.to_data(), &device));
            let value = model.head.forward(embeddings.clone(), labels.clone());
            let value = value + model.center.forward(embeddings, labels) * lambda;
            let gradients = GradientsParams::from_grads(value.backward(), &model);
            model = optimizer.step(0.02, model, gradients);
        }
    }
    let inputs = Tensor::<2>::from_data(pictures.held_out.to_data(), &Device::flex());
    let embeddings: Vec<f32> = model.valid().network.forward(inputs).into_data().iter().collect();
    let (within, between) = Embedded::new(2, &embeddings, pictures.held_out.targets()).spread();
    Ok(within / between)
}
