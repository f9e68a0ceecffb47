//! A weighted sum of losses that take the same arguments, possibly of different families.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::composition::LossTerms;
use burn_losses::heads::AnyHeadLoss;
use burn_losses::prelude::*;
use burn_losses::train::LossTermMetric;
use burn_losses::{AnyLoss, LossConfig};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::EmbeddingConfig;
use crate::rng::Rng;

/// A loss and its weight in a sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The weight, greater than 0.
    #[serde(default = "one")]
    pub weight: f64,
    /// The loss: `family`, `kind`, and the settings of that loss.
    pub loss: LossConfig,
}

fn one() -> f64 {
    1.0
}

impl From<LossConfig> for Term {
    fn from(loss: LossConfig) -> Self {
        Self { weight: one(), loss }
    }
}

/// The families whose losses take logits and masks: per pixel, and per region.
pub const OF_MASKS: &[&str] = &["binary", "segmentation"];
/// The families whose losses take embeddings and labels: with a weight of their own, and without.
pub const OF_EMBEDDINGS: &[&str] = &["heads", "metric"];

/// Checks the terms of a sum of losses of these families; the error says what is wrong.
pub fn check(terms: &[Term], families: &[&str]) -> Result<(), String> {
    if terms.is_empty() {
        return Err("there has to be a term".to_string());
    }
    for Term { weight, loss } in terms {
        if !families.contains(&loss.family()) {
            return Err(format!("the family of the loss is {} here, not {}", families.join(" or "), loss.family()));
        }
        if !(*weight > 0.0 && weight.is_finite()) {
            return Err(format!("the weight of a term is {weight}, allowed: a number > 0"));
        }
    }
    Ok(())
}

/// Checks the terms of a sum of losses for these embeddings; the error says what is wrong.
pub fn check_embedding(terms: &[Term], embedding: &EmbeddingConfig) -> Result<(), String> {
    check(terms, OF_EMBEDDINGS)?;
    for Term { loss, .. } in terms {
        let fields = serde_json::to_value(loss).map_err(|error| error.to_string())?;
        for (field, table, wanted) in
            [("embedding_dim", "size", embedding.size), ("num_classes", "classes", embedding.classes)]
        {
            let given = fields.get(field).and_then(serde_json::Value::as_u64);
            if let Some(given) = given.filter(|&given| given != wanted as u64) {
                let kind = loss.kind();
                return Err(format!("{field} of {kind} is {given}, but {table} in [embedding] is {wanted}"));
            }
        }
    }
    Ok(())
}

/// A weighted sum of losses.
#[derive(Module, Debug)]
pub struct WeightedSum {
    losses: Vec<AnyLoss>,
    weights: Vec<f64>,
    names: Vec<String>,
}

impl WeightedSum {
    /// The sum of these terms, which have passed [`check`].
    pub fn new(terms: &[Term], device: &Device) -> Result<Self, Error> {
        let losses = terms.iter().map(|term| term.loss.try_init(device));
        Ok(Self {
            losses: losses.collect::<Result<_, _>>().map_err(Error::new)?,
            weights: terms.iter().map(|term| term.weight).collect(),
            names: names(terms),
        })
    }

    /// Replaces the weights of the heads by weights drawn on the host, which are equal on every device.
    pub fn with_drawn_heads(self, seed: u64, device: &Device) -> Self {
        let mut rng = Rng::new(seed);
        let drawn = |loss| match loss {
            AnyLoss::Heads(head) => {
                let [classes, size] = head.weight().dims();
                let weight = TensorData::new(rng.weights(classes * size, size), [classes, size]);
                AnyLoss::Heads(head.with_weight(Tensor::from_data(weight, device)))
            }
            other => other,
        };
        Self { losses: self.losses.into_iter().map(drawn).collect(), ..self }
    }

    /// The first head in the sum, which predicts the class of an embedding.
    pub fn head(&self) -> Option<&AnyHeadLoss> {
        self.losses.iter().find_map(|loss| match loss {
            AnyLoss::Heads(head) => Some(head),
            _ => None,
        })
    }

    /// The value of the sum for `[tiles, 1, rows, columns]` logits and masks, and that of each term, all of [`OF_MASKS`].
    pub fn forward(&self, logits: Tensor<4>, masks: Tensor<4>) -> (Tensor<1>, LossTerms) {
        self.sum(|loss| match loss {
            AnyLoss::Binary(loss) => loss.forward(logits.clone(), masks.clone()),
            AnyLoss::Segmentation(loss) => loss.forward(logits.clone(), masks.clone()),
            _ => unreachable!("checked when the file was read"),
        })
    }

    /// The value of the sum for `[rows, size]` embeddings and `[rows]` labels, and that of each term; the terms are of
    /// [`OF_EMBEDDINGS`].
    pub fn forward_embeddings(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> (Tensor<1>, LossTerms) {
        self.sum(|loss| match loss {
            AnyLoss::Heads(loss) => loss.forward(embeddings.clone(), labels.clone()),
            AnyLoss::Metric(loss) => loss.forward(embeddings.clone(), labels.clone()),
            _ => unreachable!("checked when the file was read"),
        })
    }

    fn sum(&self, value: impl Fn(&AnyLoss) -> Tensor<1>) -> (Tensor<1>, LossTerms) {
        let values: Vec<_> =
            self.losses.iter().zip(&self.weights).map(|(loss, weight)| value(loss) * *weight).collect();
        let terms = LossTerms::new(self.names.clone(), values.clone());
        (values.into_iter().reduce(|sum, value| sum + value).expect("checked when the file was read"), terms)
    }
}

/// The name of each term on the dashboard: the kind of its loss, with a number if an earlier term has the same kind.
pub fn names(terms: &[Term]) -> Vec<String> {
    let kind = |i: usize| terms[i].loss.kind();
    let name = |i: usize| match (0..i).filter(|&before| kind(before) == kind(i)).count() {
        0 => kind(i).to_string(),
        earlier => format!("{} {}", kind(i), earlier + 1),
    };
    (0..terms.len()).map(name).collect()
}

/// The metrics of the terms, a line of the dashboard for each; empty if there is only one term.
pub fn term_metrics(terms: &[Term]) -> Vec<LossTermMetric> {
    if terms.len() < 2 {
        return Vec::new();
    }
    names(terms).into_iter().map(LossTermMetric::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<Term> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_sum_by_hand() {
        let terms = terms(
            r#"[{"loss": {"family": "binary", "kind": "bce"}},
                {"weight": 0.5, "loss": {"family": "segmentation", "kind": "dice", "smooth": 0.0}}]"#,
        );
        let device = Device::flex();
        let sum = WeightedSum::new(&terms, &device).unwrap();
        let logits = Tensor::<4>::zeros([1, 1, 2, 2], &device);
        let masks = Tensor::<4>::from_floats([[[[1.0, 1.0], [1.0, 0.0]]]], &device);
        // The BCE of logit 0 is ln 2; for Dice with p = 1/2: TP = 3/2, P = 2, T = 3.
        let expected = 2f64.ln() + 0.5 * (1.0 - 3.0 / 5.0);
        let (value, of_terms) = sum.forward(logits, masks);
        let got: f64 = value.into_scalar();
        assert!((got - expected).abs() < 1e-6, "{got}");
        // The contributions of the terms.
        assert_eq!(of_terms.names(), ["bce", "dice"]);
        let added: Vec<f64> = of_terms.values().into_data().iter().collect();
        assert!((added[0] - 2f64.ln()).abs() < 1e-6 && (added[1] - 0.2).abs() < 1e-6, "{added:?}");
    }

    #[test]
    fn embeddings_by_hand() {
        let terms = terms(
            r#"[{"loss": {"family": "heads", "kind": "softmax", "num_classes": 4, "embedding_dim": 2}},
                {"weight": 0.1, "loss": {"family": "metric", "kind": "center", "num_classes": 4, "embedding_dim": 2}}]"#,
        );
        check_embedding(&terms, &EmbeddingConfig { size: 2, classes: 4 }).unwrap();
        let problem = check_embedding(&terms, &EmbeddingConfig { size: 2, classes: 5 }).unwrap_err();
        assert_eq!(problem, "num_classes of softmax is 4, but classes in [embedding] is 5");

        let device = Device::flex();
        let sum = || WeightedSum::new(&terms, &device).unwrap().with_drawn_heads(1, &device);
        let weight = |sum: &WeightedSum| sum.head().unwrap().weight().into_data();
        assert_eq!(weight(&sum()), weight(&sum()));
        // At 0 all four classes are equally likely, and the centers lie there too.
        let labels = Tensor::<1, Int>::from_ints([3], &device);
        let at_zero = sum().forward_embeddings(Tensor::zeros([1, 2], &device), labels).0.into_scalar::<f32>();
        assert!((at_zero - 4f32.ln()).abs() < 1e-6, "{at_zero}");
    }

    #[test]
    fn terms_of_one_kind_have_names_of_their_own() {
        let one = r#"{"loss": {"family": "binary", "kind": "bce"}}"#;
        let terms = terms(&format!(r#"[{one}, {{"loss": {{"family": "segmentation", "kind": "dice"}}}}, {one}]"#));
        assert_eq!(names(&terms), ["bce", "dice", "bce 2"]);
        assert_eq!(term_metrics(&terms).len(), 3);
        assert!(term_metrics(&terms[..1]).is_empty(), "it is the loss itself");
    }

    #[test]
    fn what_is_not_allowed() {
        assert!(check(&[], OF_MASKS).is_err());
        let regression = terms(r#"[{"loss": {"family": "regression", "kind": "mse"}}]"#);
        let family = check(&regression, OF_MASKS).unwrap_err();
        assert_eq!(family, "the family of the loss is binary or segmentation here, not regression");
        let weight = check(&terms(r#"[{"weight": 0.0, "loss": {"family": "binary", "kind": "bce"}}]"#), OF_MASKS);
        assert!(weight.unwrap_err().contains("the weight of a term is 0"));
    }
}
