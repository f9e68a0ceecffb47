//! `burn-losses find`: finds losses by words, and by their names in other libraries.

use crate::catalog::{self, full_name, has_kind};
use crate::describe::{paragraph, plain, smallest};
use crate::error::Error;
use crate::style::{bold, faint, wrap};
use burn_losses::LossInfo;
use burn_losses::config::Twin;
use clap::Args;

/// Find losses by words: a task, a problem, or a name in another library
///
/// The search covers kinds, summaries, the texts on when to use a loss, fields, and names in other libraries. The best match comes
/// first. Exit code 1 means that no loss matches.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses find imbalance
  burn-losses find small objects
  burn-losses find torch.nn.HuberLoss
  burn-losses find BCEWithLogitsLoss")]
pub(crate) struct Find {
    /// The words to search for
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// Show all matches instead of the best ten
    #[arg(long)]
    all: bool,
}

/// How many matches are shown.
const MOST: usize = 10;

/// Words that say nothing about a loss.
const EMPTY_WORDS: &[&str] =
    &["a", "an", "and", "for", "function", "in", "loss", "losses", "of", "on", "the", "to", "with"];

impl Find {
    /// The losses that match, the best one first.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let query = paragraph(&self.words.join(" "));
        let is_kind = catalog::all().iter().any(|loss| has_kind(loss, &query));
        let twins = names(&query).iter().map(|name| twins(name)).find(|found| !found.is_empty()).unwrap_or_default();
        if !is_kind && !twins.is_empty() {
            return Ok(twins.join("\n\n"));
        }
        let mut matches = matches(&query);
        if matches.is_empty() {
            matches = self::matches(&last_name(&query).replace('_', " "));
        }
        if matches.is_empty() {
            return Err(Error::NothingFound { query, suggestions: catalog::near(None, &self.words.concat()) });
        }
        let shown = if self.all { matches.len() } else { MOST.min(matches.len()) };
        let mut text: Vec<_> = matches[..shown].iter().map(Match::text).collect();
        if shown < matches.len() {
            text.push(faint(&format!("{} more: --all shows them", matches.len() - shown)));
        }
        Ok(text.join("\n\n"))
    }
}

/// The last name of a path, without the arguments of a call: `mse_loss` of `torch.nn.functional.mse_loss(x, y)`.
fn last_name(query: &str) -> &str {
    let path = query.split('(').next().unwrap_or(query).trim();
    path.rsplit('.').next().unwrap_or(path)
}

/// The names in another library that a query may mean. The function `huber_loss` is the class `HuberLoss`.
fn names(query: &str) -> Vec<String> {
    let path = query.split('(').next().unwrap_or(query).trim();
    let class = last_name(query).replace('_', "");
    let mut names = vec![query.to_owned(), path.to_owned()];
    if class != last_name(query) {
        names.extend([class.clone(), class + "Loss"]);
    }
    names
}

/// The losses of this library that correspond to a name in another one.
fn twins(name: &str) -> Vec<String> {
    let all = catalog::all().iter().flat_map(|loss| loss.twins.iter().map(move |twin| (loss, twin)));
    let mut found: Vec<_> = all.filter(|(_, twin)| twin.is_called(name)).collect();
    // A loss that computes the same as its twin comes first.
    found.sort_by_key(|(_, twin)| twin.differs.is_some());
    found.into_iter().map(|(loss, twin)| answer(loss, twin)).collect()
}

fn answer(loss: &LossInfo, Twin { path, differs }: &Twin) -> String {
    let (name, differs) = (bold(&full_name(loss)), wrap(&plain(differs.unwrap_or("the same.")), 2));
    let config = smallest(loss).lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("{path} -> {name}\n{differs}\n{}", config.trim_end())
}

/// A loss that has some of the query's words.
struct Match {
    loss: &'static LossInfo,
    /// How many of the words the loss has, and how good the matches are.
    score: (usize, usize),
    /// The text of the best match, for display.
    found: String,
}

impl Match {
    fn text(&self) -> String {
        let Self { loss, found, .. } = self;
        let head = format!("{}\n{}", bold(&full_name(loss)), wrap(loss.summary, 2));
        if found.is_empty() { head } else { format!("{head}\n{}", faint(&wrap(found, 2))) }
    }
}

/// The losses that have the most words of the query, the best one first.
fn matches(query: &str) -> Vec<Match> {
    let query = query.to_lowercase();
    let mut words: Vec<_> = query.split_whitespace().filter(|word| !EMPTY_WORDS.contains(word)).collect();
    if words.is_empty() {
        words = query.split_whitespace().collect();
    }
    let mut matches: Vec<_> = catalog::all().iter().filter_map(|loss| match_of(loss, &words)).collect();
    let most = matches.iter().map(|found| found.score.0).max();
    matches.retain(|found| Some(found.score.0) == most);
    // The sort is stable: equally good losses stay in the order of the families.
    matches.sort_by_key(|found| std::cmp::Reverse(found.score));
    matches
}

fn match_of(loss: &'static LossInfo, words: &[&str]) -> Option<Match> {
    let places = places(loss);
    let best = |word: &&str| places.iter().filter(|place| place.has(word)).max_by_key(|place| place.weight);
    let found: Vec<_> = words.iter().filter_map(best).collect();
    let first = found.iter().max_by_key(|place| place.weight)?;
    let phrase = words.join(" ");
    let has_phrase = words.len() > 1 && places.iter().any(|place| place.text.to_lowercase().contains(&phrase));
    let score = found.iter().map(|place| place.weight).sum::<usize>() + if has_phrase { 20 } else { 0 };
    Some(Match { loss, score: (found.len(), score), found: first.shown.clone() })
}

/// A text of a loss that is searched for words.
struct Place {
    text: String,
    /// How much a match in this text counts.
    weight: usize,
    /// What is shown of the text; empty if it is shown anyway.
    shown: String,
}

impl Place {
    /// Whether some word of the text begins with the stem of `word`.
    fn has(&self, word: &str) -> bool {
        let stem = stem(word);
        let text = self.text.to_lowercase();
        text.split(|letter: char| !letter.is_alphanumeric()).any(|other| other.starts_with(stem))
            || word.contains(|letter: char| !letter.is_alphanumeric()) && text.contains(word)
    }
}

fn places(loss: &LossInfo) -> Vec<Place> {
    let place = |text: &str, weight, shown: &str| Place { text: text.to_owned(), weight, shown: shown.to_owned() };
    let mut places = vec![place(loss.kind, 12, ""), place(loss.summary, 8, ""), place(loss.family, 3, "")];
    places.extend(loss.aliases.iter().map(|alias| place(alias, 12, &format!("also called {alias}"))));
    let when = plain(loss.when_to_use);
    places.extend(sentences(&when).into_iter().map(|sentence| {
        // A sentence that names another loss is about that loss.
        let names_another = sentence.split('`').skip(1).step_by(2).any(|name| name != loss.kind && is_kind(name));
        place(sentence, if names_another { 3 } else { 6 }, sentence)
    }));
    places.extend(loss.twins.iter().map(|twin| place(twin.path, 5, &crate::describe::twin(twin))));
    places.extend(loss.fields.iter().filter(|field| field.name != "reduction").map(|field| {
        let meaning = paragraph(field.summary);
        place(&format!("{} {meaning}", field.name), 2, &format!("{}: {meaning}", field.name))
    }));
    places
}

fn is_kind(name: &str) -> bool {
    catalog::all().iter().any(|loss| loss.kind == name)
}

/// The sentences of a text. One ends where a capital letter follows, unlike in `et al. 2020`.
fn sentences(text: &str) -> Vec<&str> {
    let is_end = |(at, _): &(usize, &str)| text[at + 2..].starts_with(char::is_uppercase);
    let mut from = 0;
    let mut sentences = Vec::new();
    for (at, _) in text.match_indices(". ").filter(is_end) {
        sentences.push(&text[from..=at]);
        from = at + 2;
    }
    sentences.push(&text[from..]);
    sentences
}

/// A word without its ending: `imbalanced` and `imbalance` have the same stem.
fn stem(word: &str) -> &str {
    let endings = ["ing", "ed", "es", "s", "d", "e"];
    let stem = |ending: &&str| word.strip_suffix(*ending).filter(|stem| stem.len() >= 3);
    endings.iter().find_map(stem).unwrap_or(word)
}
