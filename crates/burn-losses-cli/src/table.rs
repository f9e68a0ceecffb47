//! Tables without borders.

use crate::style::text_width;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};

/// The least width at which the last column is readable.
const LEAST: usize = 30;

/// A table of these rows. The last column gets the width of the terminal that the `widths` of the others leave.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    widths: &[u16],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let others: u16 = widths.iter().sum();
    let width = u16::try_from(text_width().max(usize::from(others) + LEAST)).unwrap_or(u16::MAX);
    let constraint = |width: &u16| ColumnConstraint::Absolute(Width::Fixed(*width));
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(header)
        .add_rows(rows)
        .set_constraints(widths.iter().chain([&(width - others)]).map(constraint));
    table.trim_fmt()
}
