//! The losses of other libraries that correspond to each loss: their page in the guide, and how they are tested.

use burn_losses::config::Twin;
use burn_losses::{LossInfo, registry};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The names of the libraries, by the first part of a path, the best known first; other libraries follow by that part.
const LIBRARIES: [(&str, &str); 12] = [
    ("torch", "PyTorch"),
    ("torchvision", "torchvision"),
    ("burn", "burn-nn"),
    ("keras", "Keras"),
    ("optax", "optax"),
    ("pytorch_metric_learning", "pytorch-metric-learning"),
    ("monai", "MONAI"),
    ("segmentation_models_pytorch", "segmentation_models"),
    ("timm", "timm"),
    ("kornia", "kornia"),
    ("sklearn", "scikit-learn"),
    ("mmdet", "MMDetection"),
];

/// All losses of the two libraries that users of Burn come from: `torch.nn` 2.15, where `NLLLoss2d` is an old name of `NLLLoss`, and
/// `burn::nn::loss`.
const ALL: [&str; 40] = [
    "torch.nn.AdaptiveLogSoftmaxWithLoss",
    "torch.nn.BCELoss",
    "torch.nn.BCEWithLogitsLoss",
    "torch.nn.CTCLoss",
    "torch.nn.CosineEmbeddingLoss",
    "torch.nn.CrossEntropyLoss",
    "torch.nn.GaussianNLLLoss",
    "torch.nn.HingeEmbeddingLoss",
    "torch.nn.HuberLoss",
    "torch.nn.KLDivLoss",
    "torch.nn.L1Loss",
    "torch.nn.LinearCrossEntropyLoss",
    "torch.nn.MSELoss",
    "torch.nn.MarginRankingLoss",
    "torch.nn.MultiLabelMarginLoss",
    "torch.nn.MultiLabelSoftMarginLoss",
    "torch.nn.MultiMarginLoss",
    "torch.nn.NLLLoss",
    "torch.nn.PoissonNLLLoss",
    "torch.nn.SmoothL1Loss",
    "torch.nn.SoftMarginLoss",
    "torch.nn.TripletMarginLoss",
    "torch.nn.TripletMarginWithDistanceLoss",
    "burn.nn.loss.BinaryCrossEntropyLoss",
    "burn.nn.loss.CTCLoss",
    "burn.nn.loss.CosineEmbeddingLoss",
    "burn.nn.loss.CrossEntropyLoss",
    "burn.nn.loss.GaussianNLLLoss",
    "burn.nn.loss.HingeEmbeddingLoss",
    "burn.nn.loss.HuberLoss",
    "burn.nn.loss.KLDivLoss",
    "burn.nn.loss.LpLoss",
    "burn.nn.loss.MarginRankingLoss",
    "burn.nn.loss.MseLoss",
    "burn.nn.loss.MultiMarginLoss",
    "burn.nn.loss.PoissonNllLoss",
    "burn.nn.loss.RNNTLoss",
    "burn.nn.loss.SmoothL1Loss",
    "burn.nn.loss.SoftMarginLoss",
    "burn.nn.loss.TripletMarginLoss",
];

fn library_of(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// The text of the page in the guide.
pub(crate) fn page() -> String {
    let registry = registry();
    let mut rows: BTreeMap<(usize, &str), BTreeSet<String>> = BTreeMap::new();
    let section = |path: &'static str| {
        let library = library_of(path);
        let known = LIBRARIES.iter().position(|(first, _)| *first == library);
        (known.unwrap_or(LIBRARIES.len()), library)
    };
    for LossInfo { family, kind, twins, .. } in &registry {
        for Twin { path, differs } in *twins {
            let differs = differs.unwrap_or("the same.").replace('|', "\\|");
            let row = format!("| `{path}` | [`{family}` `{kind}`]({family}.md#{kind}) | {differs} |\n");
            rows.entry(section(path)).or_default().insert(row);
        }
    }
    let mut text = String::from(
        "# Losses of other libraries\n\n\
         What each loss of another library is here, as the losses say themselves. Where the last column says *the same*, the golden \
         values of the loss come from that library. `burn-losses find torch.nn.HuberLoss` answers on the command line, and the search of \
         the API's documentation knows the names.\n",
    );
    for ((_, library), rows) in rows {
        let name = LIBRARIES.iter().find(|(first, _)| *first == library).map_or(library, |(_, name)| name);
        write!(text, "\n## {name}\n\n| There | Here | Difference |\n|---|---|---|\n").expect("a string");
        rows.iter().for_each(|row| text.push_str(row));
    }
    text
}

/// The libraries that the golden values of a loss come from, by the beginning of their paths.
fn oracles(family: &str, kind: &str) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{family}/{kind}.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let golden: serde_json::Value = serde_json::from_str(&text).expect("golden values");
    let cases = golden["cases"].as_array().expect("cases").iter();
    let of_case = |case: &serde_json::Value| {
        let name = case["oracle"].as_str()?.split(' ').next()?.replace('-', "_");
        Some(if name == "scikit_learn" { "sklearn".to_owned() } else { name })
    };
    cases.filter_map(of_case).collect()
}

/// Every loss of PyTorch and of Burn is one here, and a test compares the numbers.
#[test]
fn every_loss_of_pytorch_and_burn_is_here() {
    let twins: Vec<&Twin> = registry().into_iter().flat_map(|loss| loss.twins).collect();
    for path in ALL {
        let mut twins = twins.iter().filter(|twin| twin.path == path).peekable();
        assert!(twins.peek().is_some(), "{path} is no loss here");
        assert!(
            twins.all(|twin| twin.differs.is_none_or(|words| !words.contains("not compared"))),
            "no test compares {path}"
        );
    }
}

#[test]
fn what_is_the_same_is_compared() {
    for LossInfo { family, kind, twins, .. } in registry() {
        for twin in twins.iter().filter(|twin| twin.differs.is_none()) {
            let oracles = oracles(family, kind);
            assert!(
                oracles.contains(library_of(twin.path)),
                "{family}/{kind}: {} is not one of {oracles:?}",
                twin.path
            );
        }
    }
}

/// The sections that tools show have the right form: a path, and sentences.
#[test]
fn the_documentation_of_every_loss_is_data() {
    for LossInfo { family, kind, formula, when_to_use, twins, .. } in registry() {
        let name = format!("{family}/{kind}");
        assert!(!formula.is_empty(), "{name}: a formula");
        let sentences = when_to_use.matches(". ").count() + 1;
        assert!(when_to_use.ends_with('.') && sentences <= 4, "{name}: {when_to_use}");
        let mut links = when_to_use.split("](").skip(1);
        assert!(
            links.all(|target| target.starts_with("http")) && !when_to_use.contains("TODO"),
            "{name}: {when_to_use}"
        );
        let mut paths = BTreeSet::new();
        for Twin { path, differs } in twins {
            assert!(path.contains('.') && paths.insert(path), "{name}: {path}");
            assert!(
                differs.is_none_or(|words| words.ends_with(['.', ')']) && !words.contains("](crate")),
                "{name}: {differs:?}"
            );
        }
    }
}

/// The error for the name of a twin as the `kind` suggests the loss.
#[test]
fn the_names_of_twins_are_understood() {
    let error = |family: &str, kind: &str| burn_losses::LossConfig::from_kind(family, kind).unwrap_err().to_string();
    for (family, name, kind) in [
        ("regression", "MSELoss", "mse"),
        ("regression", "torch.nn.SmoothL1Loss", "smooth_l1"),
        ("binary", "BCEWithLogitsLoss", "bce"),
        ("metric", "NTXentLoss", "nt_xent"),
    ] {
        let error = error(family, name);
        assert!(error.contains(&format!("did you mean `{kind}`?")), "{error}");
    }
}
