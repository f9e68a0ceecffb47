//! The shuttle anomaly set: nine sensors of a space shuttle; 7.15 % of the rows are anomalies.

use super::{DataError, Samples, Split, gunzip, moments};
use crate::rng::Rng;

const SET: &str = "shuttle";
const CSV: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/shuttle/shuttle.csv.gz"));
const FEATURES: usize = 9;
/// Sensor readings are clipped at this many deviations: a few of them lie hundreds of deviations away.
const CUT: f64 = 5.0;

/// Reads the rows, with sensors scaled to mean 0 and variance 1 over the training rows, and clipped at 5 deviations.
pub(super) fn load() -> Result<Split, DataError> {
    let (rows, labels) = parse(&gunzip(SET, CSV)?)?;
    let order = Rng::new(0).permutation(labels.len());
    let (train, held_out) = order.split_at(labels.len() * 3 / 4);

    let mut scaled = vec![0.0; labels.len() * FEATURES];
    for feature in 0..FEATURES {
        let value = |row: usize| rows[row * FEATURES + feature];
        let (mean, deviation) = moments(&train.iter().map(|&row| value(row)).collect::<Vec<_>>());
        for row in 0..labels.len() {
            let z = ((value(row) - mean) / deviation).clamp(-CUT, CUT);
            scaled[row * FEATURES + feature] = z as f32;
        }
    }

    let all = Samples::new(FEATURES, scaled, labels);
    Ok(Split { train: all.select(train), held_out: all.select(held_out) })
}

fn parse(csv: &[u8]) -> Result<(Vec<f64>, Vec<f32>), DataError> {
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for record in csv::Reader::from_reader(csv).deserialize::<[f64; FEATURES + 1]>() {
        let record = record.map_err(|error| DataError::new(SET, error))?;
        rows.extend(&record[..FEATURES]);
        labels.push(record[FEATURES] as f32);
    }
    Ok((rows, labels))
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::super::crc32;
    use super::*;

    #[test]
    fn sizes_and_share_of_anomalies() {
        let split = load().unwrap();
        assert_eq!((split.train.len(), split.held_out.len()), (36_822, 12_275));
        let positives = |s: &Samples| s.targets().iter().filter(|&&t| t == 1.0).count();
        assert_eq!(positives(&split.train) + positives(&split.held_out), 3511);
        assert!(positives(&split.held_out) > 800);
    }

    #[test]
    fn the_file_is_the_published_one() {
        assert_eq!(crc32(CSV), 0x866C_C714);
        let text = gunzip(SET, CSV).unwrap();
        assert_eq!(text.len(), 1_346_412);
    }

    #[test]
    fn a_bad_row_is_an_error_that_names_its_line() {
        let error = parse(b"a,b,c,d,e,f,g,h,i,y\n1,2,3,4,5,6,7,8,x,0\n").unwrap_err();
        assert!(error.to_string().contains("line: 2"), "{error}");
    }
}
