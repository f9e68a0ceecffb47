//! WordNet's glosses, short explanations of words: which word follows which.

use super::{DataError, gunzip};

const SET: &str = "wordnet";
const GLOSSES: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wordnet/glosses-u16.gz"));
const VOCABULARY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wordnet/vocabulary.txt.gz"));
/// The number after every gloss.
const END: usize = 0xFFFF;
/// The word that stands for all rare words.
const UNKNOWN: &str = "<unknown>";
/// How many words there are; the unknown ones count as one.
pub const WORDS: usize = 19_056;
const TRAIN: usize = 300_000;
const HELD_OUT: usize = 20_000;

/// Pairs of words that follow each other, as numbers: 0 is the most frequent word.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// How many words there are.
    pub vocabulary: usize,
    /// The pairs to train on.
    pub train: Vec<[usize; 2]>,
    /// The pairs that training never sees.
    pub held_out: Vec<[usize; 2]>,
    unknown: usize,
}

impl Pairs {
    /// Pairs of the words `0..vocabulary`; the last of these stands for all unknown words.
    #[cfg(test)]
    pub(crate) fn new(vocabulary: usize, train: Vec<[usize; 2]>, held_out: Vec<[usize; 2]>) -> Self {
        Self { vocabulary, train, held_out, unknown: vocabulary - 1 }
    }

    /// Keeps only the most frequent words; the others become unknown.
    pub fn of_frequent(mut self, vocabulary: usize) -> Self {
        let unknown = self.unknown;
        for word in self.train.iter_mut().chain(&mut self.held_out).flatten() {
            *word = if *word < vocabulary { *word } else { unknown };
        }
        Self { vocabulary, ..self }
    }

    /// The perplexity of the second words of the held-out pairs for a model that only knows how often each word comes second in
    /// the training pairs.
    pub fn unigram_perplexity(&self) -> f64 {
        let mut counts = vec![1.0; self.vocabulary]; // each count is 1 more than was seen, so that no word is impossible
        self.train.iter().for_each(|&[_, next]| counts[next] += 1.0);
        let total: f64 = counts.iter().sum();
        let surprise: f64 = self.held_out.iter().map(|&[_, next]| -(counts[next] / total).ln()).sum();
        (surprise / self.held_out.len() as f64).exp()
    }
}

pub(super) fn load() -> Result<Pairs, DataError> {
    let words = String::from_utf8(gunzip(SET, VOCABULARY)?).map_err(|error| DataError::new(SET, error))?;
    let vocabulary = words.lines().count();
    if vocabulary != WORDS {
        return Err(DataError::new(SET, format!("{WORDS} words, got {vocabulary}")));
    }
    let unknown = words.lines().position(|word| word == UNKNOWN);
    let unknown = unknown.ok_or_else(|| DataError::new(SET, "there is no number for unknown words"))?;

    let glosses = gunzip(SET, GLOSSES)?;
    let numbers = glosses.chunks_exact(2).map(|bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])));
    let numbers: Vec<usize> = numbers.collect();
    if let Some(number) = numbers.iter().find(|&&number| number >= vocabulary && number != END) {
        return Err(DataError::new(SET, format!("there is no word {number}")));
    }
    let pairs = numbers.windows(2).map(|pair| [pair[0], pair[1]]).filter(|pair| !pair.contains(&END));
    let mut train: Vec<[usize; 2]> = pairs.take(TRAIN + HELD_OUT).collect();
    if train.len() < TRAIN + HELD_OUT {
        return Err(DataError::new(SET, "it is too short"));
    }
    let held_out = train.split_off(TRAIN);
    Ok(Pairs { vocabulary, train, held_out, unknown })
}

#[cfg(test)]
mod tests {
    use super::super::crc32;
    use super::*;

    #[test]
    fn sizes_and_the_unigram_baseline() {
        let pairs = load().unwrap();
        assert_eq!((pairs.vocabulary, pairs.train.len(), pairs.held_out.len()), (WORDS, 300_000, 20_000));
        let perplexity = pairs.unigram_perplexity();
        assert!((1100.0..1250.0).contains(&perplexity), "{perplexity}");
    }

    #[test]
    fn words_are_sorted_by_how_often_they_are_seen() {
        let pairs = load().unwrap();
        let mut counts = vec![0; pairs.vocabulary];
        pairs.train.iter().for_each(|&[_, next]| counts[next] += 1);
        let sum = |range: std::ops::Range<usize>| counts[range].iter().sum::<i32>();
        assert!(
            sum(0..10) > sum(10..100) && sum(10..100) > sum(1_900..3_000) && sum(1_900..3_000) > sum(10_000..19_056)
        );
    }

    #[test]
    fn a_smaller_vocabulary_knows_fewer_words() {
        let pairs = load().unwrap().of_frequent(500);
        assert_eq!(pairs.vocabulary, 500);
        assert!(pairs.train.iter().flatten().all(|&word| word < 500));
        assert!(pairs.unigram_perplexity() < 100.0);
    }

    #[test]
    fn files_are_those_of_the_script() {
        assert_eq!(crc32(GLOSSES), 0x2AFB_6ED2);
        assert_eq!(crc32(VOCABULARY), 0x4A6D_EC39);
    }
}
