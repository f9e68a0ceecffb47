//! The claims, by what they are about.

mod boxes;
mod classes;
mod generative;
mod heads;
mod imbalance;
mod metric;
mod preference;
mod quantiles;
mod ranking;
mod regions;
mod regression;
mod sequence;

use crate::claim::Claim;

/// The groups of claims, each with its title.
pub(crate) static GROUPS: [(&str, &[Claim]); 12] = [
    ("Robust regression", regression::CLAIMS),
    ("Quantiles and likelihoods", quantiles::CLAIMS),
    ("Imbalanced classes", imbalance::CLAIMS),
    ("Labels and distributions", classes::CLAIMS),
    ("Regions", regions::CLAIMS),
    ("Boxes", boxes::CLAIMS),
    ("Heads and large vocabularies", heads::CLAIMS),
    ("Embeddings and views", metric::CLAIMS),
    ("Ranking", ranking::CLAIMS),
    ("Preferences", preference::CLAIMS),
    ("Sequences", sequence::CLAIMS),
    ("Images and generative models", generative::CLAIMS),
];

/// All claims, in their order on the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Claim> {
    GROUPS.iter().flat_map(|(_, claims)| *claims)
}
