//! The Rust blocks of the README and of the guide are doctests of the examples: `cargo test --doc`.

macro_rules! pages {
    ($($name:ident: $path:literal;)+) => {
        $(#[doc = include_str!($path)] struct $name;)+
    };
}

pages! {
    Readme: "../README.md";
    ConfigFiles: "src/config-files.md";
    Heads: "src/heads.md";
    Images: "src/images-and-generative-models.md";
    MetricLearning: "src/metric-learning.md";
    Migration: "src/migration.md";
    Numerics: "src/numerics.md";
    OwnLoss: "src/own-loss.md";
    Preferences: "src/preferences.md";
    QuickStart: "src/quick-start.md";
    Reductions: "src/reductions.md";
    SecondDerivatives: "src/second-derivatives.md";
    SegmentationAndDetection: "src/segmentation-and-detection.md";
    SelfSupervised: "src/self-supervised.md";
    Sequences: "src/sequences-and-rankings.md";
    SeveralTerms: "src/several-terms.md";
    Training: "src/training.md";
    Troubleshooting: "src/troubleshooting.md";
    Uncertainty: "src/uncertainty.md";
}
