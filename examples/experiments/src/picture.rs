//! Writes the tiles of the segmentation side by side, as a PNG file.

use std::path::Path;

pub(crate) use burn_losses_plot::color::Color;
use burn_losses_plot::png::encode;

use crate::Error;
use crate::data::TILE;

/// The side of a tile's pixel, in pixels of the file.
const SCALE: usize = 2;
/// The gap between tiles.
const GAP: usize = 4;
/// The side of a tile, with the gap behind it.
pub(crate) const CELL: usize = SCALE * TILE + GAP;
/// Colors that most people can tell apart (Okabe and Ito): orange, blue.
const TOO_MUCH: Color = [213, 94, 0];
const TOO_LITTLE: Color = [0, 114, 178];

/// Values in gray, scaled from the smallest to the largest.
pub(crate) fn gray(values: &[f32]) -> Vec<Color> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let unit = |v: f32| if high > low { (v - low) / (high - low) } else { 0.0 };
    values.iter().map(|&v| [(255.0 * unit(v)).round() as u8; 3]).collect()
}

/// The sigmoid of logits in gray: black is 0, white is 1.
pub(crate) fn probabilities(logits: &[f32]) -> Vec<Color> {
    logits.iter().map(|l| [(255.0 / (1.0 + (-l).exp())).round() as u8; 3]).collect()
}

/// White where the mask was found, orange for pixels that are not in the mask, blue for pixels of the mask that were missed.
pub(crate) fn comparison(logits: &[f32], mask: &[f32]) -> Vec<Color> {
    let color = |(logit, mask): (&f32, &f32)| match (*logit > 0.0, *mask > 0.5) {
        (true, true) => [255; 3],
        (true, false) => TOO_MUCH,
        (false, true) => TOO_LITTLE,
        (false, false) => [0; 3],
    };
    logits.iter().zip(mask).map(color).collect()
}

/// Writes columns of tiles side by side; all columns have the same length.
pub(crate) fn save(path: &Path, columns: &[Vec<Color>]) -> Result<(), Error> {
    let tiles = columns.first().map_or(0, Vec::len) / (TILE * TILE);
    let (width, height) = (columns.len() * CELL, tiles * CELL);
    let color = |x: usize, y: usize| {
        let (column, row) = (x % CELL / SCALE, y % CELL / SCALE);
        let pixel = (y / CELL * TILE + row) * TILE + column;
        if column < TILE && row < TILE { columns[x / CELL][pixel] } else { [255; 3] }
    };
    let pixels =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| color(x, y)).collect::<Vec<_>>();
    crate::write(path, encode(width, &pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_by_hand() {
        assert_eq!(gray(&[1.0, 3.0, 2.0]), [[0; 3], [255; 3], [128; 3]]);
        assert_eq!(probabilities(&[0.0, 100.0, -100.0]), [[128; 3], [255; 3], [0; 3]]);
        let logits = [1.0, 1.0, -1.0, -1.0];
        assert_eq!(comparison(&logits, &[1.0, 0.0, 1.0, 0.0]), [[255; 3], TOO_MUCH, TOO_LITTLE, [0; 3]]);
    }

    #[test]
    fn a_file_of_all_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiles.png");
        let tile = vec![[1, 2, 3]; TILE * TILE];
        save(&path, &[tile.clone(), tile]).unwrap();
        let file = std::fs::read(path).unwrap();
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x08\0\0\0\x84\x08\x02"));
    }
}
