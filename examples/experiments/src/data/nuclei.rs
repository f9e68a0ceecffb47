//! Nuclei under a fluorescence microscope: one image in tiles, and a mask of the nuclei's cores, 4.9 % of the pixels.

use super::{DataError, Samples, Split, gunzip, halve, moments};

const SET: &str = "nuclei";
const IMAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/nuclei/image-512x512-u8.gz"));
const LABELS: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/nuclei/labels-512x512-u8.gz"));
/// Pixels along a side of the image, after it is halved.
const SIDE: usize = 256;
/// Pixels along a side of a tile.
pub const TILE: usize = 64;
/// A pixel of a core is more than this many steps (without diagonal ones) away from every pixel outside its nucleus.
const DEPTH: usize = 3;
/// The held-out tiles: one of every row and of every column.
const HELD_OUT: [usize; 4] = [1, 7, 8, 14];

/// The training tiles come in all eight orientations; the logarithm of the brightness is scaled to mean 0 and variance 1
/// over them.
pub(super) fn load() -> Result<Split, DataError> {
    let bytes = |file: &[u8]| match gunzip(SET, file)? {
        pixels if pixels.len() == 4 * SIDE * SIDE => Ok(pixels),
        pixels => Err(DataError::new(SET, format!("{} pixels, got {}", 4 * SIDE * SIDE, pixels.len()))),
    };
    let image: Vec<f64> = halve(&bytes(IMAGE)?, 2 * SIDE).iter().map(|p| p.ln_1p()).collect();
    let image = tiles(&image);
    let mask = tiles(&cores(&halve_labels(&bytes(LABELS)?), DEPTH));

    let train: Vec<usize> = (0..image.len()).filter(|tile| !HELD_OUT.contains(tile)).collect();
    let (mean, deviation) = moments(&train.iter().flat_map(|&tile| image[tile].clone()).collect::<Vec<_>>());
    let samples = |chosen: &[usize], positions: usize| {
        let all = |of: &[Vec<f64>]| -> Vec<f64> {
            let rotated = chosen.iter().flat_map(|&tile| (0..positions).map(move |p| rotate(&of[tile], p)));
            rotated.flatten().collect()
        };
        let pixels = all(&image).iter().map(|p| ((p - mean) / deviation) as f32).collect();
        Samples::new(TILE * TILE, pixels, all(&mask).iter().map(|&m| m as f32).collect())
    };
    Ok(Split { train: samples(&train, 8), held_out: samples(&HELD_OUT, 1) })
}

/// Halves labels: the first label of every square of four.
fn halve_labels(labels: &[u8]) -> Vec<u8> {
    (0..SIDE * SIDE).map(|i| labels[4 * SIDE * (i / SIDE) + 2 * (i % SIDE)]).collect()
}

/// 1 if all pixels at most `depth` steps away have the same label, which is not 0; else 0. Pixels outside the image do not
/// count.
fn cores(labels: &[u8], depth: usize) -> Vec<f64> {
    let reach = |at: usize, by: usize| at.saturating_sub(by)..(at + by + 1).min(SIDE);
    let is_core = |i: usize| {
        let (row, column) = (i / SIDE, i % SIDE);
        let alike = |r: usize| {
            let mut columns = reach(column, depth - row.abs_diff(r));
            columns.all(|c| labels[SIDE * r + c] == labels[i])
        };
        labels[i] != 0 && reach(row, depth).all(alike)
    };
    (0..SIDE * SIDE).map(|i| f64::from(is_core(i))).collect()
}

/// Cuts an image into tiles, row by row.
fn tiles(pixels: &[f64]) -> Vec<Vec<f64>> {
    let across = SIDE / TILE;
    let line = |tile: usize, row: usize| {
        let start = SIDE * (TILE * (tile / across) + row) + TILE * (tile % across);
        &pixels[start..start + TILE]
    };
    let tile = |tile: usize| (0..TILE).flat_map(|row| line(tile, row)).copied().collect();
    (0..across * across).map(tile).collect()
}

/// A tile in one of its eight orientations: rotated by quarter turns, and mirrored for the last four. 0 leaves it unchanged.
fn rotate(tile: &[f64], position: usize) -> Vec<f64> {
    let last = TILE - 1;
    let from = |i: usize| {
        let (mut row, mut column) = (i / TILE, i % TILE);
        if position >= 4 {
            column = last - column;
        }
        for _ in 0..position % 4 {
            (row, column) = (column, last - row);
        }
        tile[TILE * row + column]
    };
    (0..TILE * TILE).map(from).collect()
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::super::crc32;
    use super::*;

    #[test]
    fn the_files_are_those_of_the_readme() {
        assert_eq!((crc32(IMAGE), crc32(LABELS)), (0x75FE_D414, 0xE082_2917));
        let labels = gunzip(SET, LABELS).unwrap();
        let mut numbers = labels.clone();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 126, "125 nuclei, and what is none");
        assert_eq!(labels.iter().filter(|&&l| l > 0).count(), 52_226);
    }

    #[test]
    fn sizes_share_and_scale() {
        let split = load().unwrap();
        assert_eq!((split.train.len(), split.held_out.len()), (96, 4));
        let count = |samples: &Samples| samples.targets().iter().filter(|&&t| t == 1.0).count();
        assert_eq!(count(&split.held_out), 137 + 235 + 219 + 168);
        assert_eq!(count(&split.train) / 8 + count(&split.held_out), 3230);
        let pixels: Vec<f64> = split.train.inputs().iter().map(|&p| p.into()).collect();
        let (mean, deviation) = moments(&pixels);
        assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean}, {deviation}");
    }

    #[test]
    fn a_core_by_hand() {
        let mut labels = vec![0; SIDE * SIDE];
        // A diamond of radius 4 around (10, 20): at depth 3, the plus in its middle is the core.
        for (row, column) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
            if row.abs_diff(10) + column.abs_diff(20) <= 4 {
                labels[SIDE * row + column] = 7;
            }
        }
        let plus = [(9, 20), (10, 19), (10, 20), (10, 21), (11, 20)].map(|(row, column)| SIDE * row + column);
        let found = |labels: &[u8]| -> Vec<usize> {
            cores(labels, DEPTH).iter().enumerate().filter(|(_, c)| **c == 1.0).map(|(i, _)| i).collect()
        };
        assert_eq!(found(&labels), plus);
        labels[SIDE * 10 + 22] = 8; // another nucleus inside it
        assert!(found(&labels).is_empty());
    }

    #[test]
    fn eight_positions_of_a_tile() {
        let tile: Vec<f64> = (0..TILE * TILE).map(|i| i as f64).collect();
        let all: Vec<Vec<f64>> = (0..8).map(|position| rotate(&tile, position)).collect();
        assert_eq!(all[0], tile);
        assert_eq!(all[1][0], (TILE - 1) as f64, "a quarter to the left: the top right corner comes first");
        assert_eq!(all[4][0], (TILE - 1) as f64, "mirrored");
        assert!((0..8).all(|a| (0..a).all(|b| all[a] != all[b])));
        assert_eq!(rotate(&all[1], 3), tile);
    }
}
