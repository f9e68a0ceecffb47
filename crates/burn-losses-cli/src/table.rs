//! Tables without lines.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};

const WIDTH: u16 = 100;

/// A table of these rows. The last column has what the `widths` of the others leave.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    widths: &[u16],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let rest = WIDTH - widths.iter().sum::<u16>();
    let constraint = |width: &u16| ColumnConstraint::Absolute(Width::Fixed(*width));
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header)
        .add_rows(rows)
        .set_constraints(widths.iter().chain([&rest]).map(constraint));
    table.trim_fmt()
}
