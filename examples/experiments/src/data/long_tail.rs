//! Fashion-MNIST with a long tail: each class has 0.6 times as many images to train on as the one before.

use super::{DataError, Split, fashion};

/// The number of images of each class to train on.
pub const COUNTS: [usize; 10] = [700, 420, 252, 151, 91, 54, 33, 20, 12, 7];

/// Takes the first images of each class to train on; the held-out images are those of all classes.
pub(super) fn load() -> Result<Split, DataError> {
    let Split { train, held_out } = fashion::load()?;
    let mut left = COUNTS;
    let mut rows = Vec::new();
    for (row, &class) in train.targets().iter().enumerate() {
        let left = &mut left[class as usize];
        if *left > 0 {
            *left -= 1;
            rows.push(row);
        }
    }
    Ok(Split { train: train.select(&rows), held_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Experiment, default_folder};

    #[test]
    fn every_class_has_its_count() {
        let split = load().unwrap();
        let counts: Vec<usize> =
            (0..10).map(|class| split.train.targets().iter().filter(|&&t| t == class as f32).count()).collect();
        assert_eq!(counts, COUNTS);
    }

    /// A prior or counts in a config file are those of the training images.
    #[test]
    fn the_configs_have_these_counts() {
        let files = ConfigFile::all(&default_folder(), Experiment::LongTail).unwrap();
        let counts = serde_json::json!(COUNTS.map(|count| count as f64));
        let mut found = 0;
        for file in files {
            let loss = file.load::<serde_json::Value>().unwrap().loss;
            for given in [&loss["prior"], &loss["class_weights"]["counts"], &loss["alpha"]["counts"]] {
                let given: Option<Vec<f64>> = serde_json::from_value(given.clone()).unwrap();
                if let Some(given) = given {
                    assert_eq!(serde_json::json!(given), counts, "{}", file.name);
                    found += 1;
                }
            }
        }
        assert!(found >= 3, "{found}");
    }
}
