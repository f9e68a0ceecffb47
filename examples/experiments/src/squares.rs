//! Squares side by side, four in a row, with an explanation of their colors at the right.

use std::path::Path;

use plotters::prelude::*;

use crate::Error;
use crate::plot::{Area, Drawn};

const SIDE: u32 = 480;
const COLUMNS: usize = 4;

/// Draws one square for every item.
pub(crate) fn draw<T>(
    path: &Path,
    items: &[T],
    square: impl Fn(&Area, &T) -> Drawn,
    (width, legend): (u32, impl Fn(&Area) -> Drawn),
) -> Result<(), Error> {
    let drawn = || -> Result<String, Box<dyn std::error::Error>> {
        let mut svg = String::new();
        {
            let (columns, rows) = (items.len().clamp(1, COLUMNS), items.len().div_ceil(COLUMNS));
            let squares = SIDE * columns as u32;
            let root = SVGBackend::with_string(&mut svg, (squares + width, SIDE * rows as u32)).into_drawing_area();
            root.fill(&WHITE)?;
            let (left, right) = root.split_horizontally(squares);
            for (area, item) in left.split_evenly((rows, columns)).iter().zip(items) {
                square(area, item)?;
            }
            legend(&right)?;
            root.present()?;
        }
        Ok(svg)
    };
    crate::write(path, drawn().map_err(|error| Error::file(path, error))?)
}
