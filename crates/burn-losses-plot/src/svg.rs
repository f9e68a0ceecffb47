//! SVG files: small, and without scripts, so that they can be embedded in an HTML page. A style changes the colors for readers
//! who prefer dark pages.

use crate::canvas::{Anchor, Canvas, Shape, Tenths, Text};
use crate::color::{Color, DARK};
use std::fmt::Write;

/// The picture as a file; `size` is the size at which it is shown, in pixels.
pub(crate) fn write(canvas: &Canvas, title: &str, size: (u32, u32)) -> String {
    let mut svg = format!(
        "<svg class=\"burn-losses\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         style=\"max-width:100%;height:auto\" font-family=\"Open Sans,Segoe UI,Helvetica,Arial,sans-serif\">\n<title>{}</title>\n{}\n",
        size.0,
        size.1,
        canvas.width,
        canvas.height,
        escaped(title),
        dark()
    );
    for shape in &canvas.shapes {
        match shape {
            Shape::Line { points, color, width, dash } => {
                let lengths: Vec<_> = dash.iter().map(f64::to_string).collect();
                let dash = match lengths.is_empty() {
                    true => String::new(),
                    false => format!(" stroke-dasharray=\"{}\"", lengths.join(" ")),
                };
                let path = path(points);
                let color = hex(*color);
                let _ = writeln!(
                    svg,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>"
                );
            }
            Shape::Area { rings, color, outline } => {
                let path: String = rings.iter().map(|ring| path(ring) + "z").collect();
                let outline = outline.map(|color| format!(" stroke=\"{}\" stroke-width=\".6\"", hex(color)));
                let (outline, color) = (outline.unwrap_or_default(), hex(*color));
                let _ = writeln!(svg, "<path d=\"{path}\" fill=\"{color}\" fill-rule=\"evenodd\"{outline}/>");
            }
            Shape::Text(text) => write_text(&mut svg, text),
        }
    }
    svg + "</svg>\n"
}

/// The style for dark pages. It holds for pictures of this crate alone, also where one is a part of a page.
fn dark() -> String {
    let rule = |(light, dark): &(Color, Color)| {
        let (light, dark) = (hex(*light), hex(*dark));
        format!(".burn-losses [fill=\"{light}\"]{{fill:{dark}}}.burn-losses [stroke=\"{light}\"]{{stroke:{dark}}}")
    };
    format!("<style>@media(prefers-color-scheme:dark){{{}}}</style>", DARK.iter().map(rule).collect::<String>())
}

fn write_text(svg: &mut String, text: &Text) {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let bold = if text.bold { " font-weight=\"600\"" } else { "" };
    let rotation = if text.upwards { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let (size, color, content) = (text.size, hex(text.color), escaped(&text.text));
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{color}\"{anchor}{bold}{rotation}>{content}</text>"
    );
}

/// The path data of a line: the first point, then the steps from point to point.
fn path(points: &[(Tenths, Tenths)]) -> String {
    let mut path = String::new();
    let mut before = (0, 0);
    for (i, &(x, y)) in points.iter().enumerate() {
        let command = ["M", "l", ""][i.min(2)];
        let (dx, dy) = (number(x - before.0), number(y - before.1));
        let gap = if i > 1 && !dx.starts_with('-') { " " } else { "" };
        let comma = if dy.starts_with('-') { "" } else { "," };
        let _ = write!(path, "{command}{gap}{dx}{comma}{dy}");
        before = (x, y);
    }
    path
}

/// A coordinate as short as possible: `12.3`, `.5`, `-4`.
fn number(tenths: Tenths) -> String {
    let (sign, size) = (if tenths < 0 { "-" } else { "" }, tenths.abs());
    match (size / 10, size % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (0, part) => format!("{sign}.{part}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}

fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_paths_by_hand() {
        assert_eq!([-45, 5, 120, 0].map(number), ["-4.5", ".5", "12", "0"]);
        assert_eq!(path(&[(10, 20), (15, 20), (0, 15), (10, 15)]), "M1,2l.5,0-1.5-.5 1,0");
    }

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas { width: 10.0, height: 10.0, shapes: Vec::new() };
        canvas.text((1.0, 2.0), "a < b & c", 12.0, Anchor::Start, [0; 3]);
        assert!(write(&canvas, "t", (10, 10)).contains(">a &lt; b &amp; c</text>"));
    }
}
