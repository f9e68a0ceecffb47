//! PNG files: of pixels, and of pictures, whose text is set in a font that comes with this crate.

use crate::canvas::{Anchor, Canvas, Shape, Tenths, Text, of_tenths};
use crate::color::Color;
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;
use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, OutlineBuilder};

/// How thick the line around a bold letter is, as a part of the size of the font. Bold letters stand so much farther apart.
const BOLD: f32 = 0.045;

/// Open Sans, under the SIL Open Font License: see `font/OFL.txt`.
const FONT: &[u8] = include_bytes!("../font/OpenSans-Regular.ttf");

/// The picture as a PNG file of this width and height in pixels.
pub(crate) fn write(canvas: &Canvas, (width, height): (u32, u32)) -> Vec<u8> {
    let mut pixmap = Pixmap::new(width.max(1), height.max(1)).expect("a size of at least one pixel");
    pixmap.fill(tiny_skia::Color::WHITE);
    let scale = Transform::from_scale(width as f32 / canvas.width as f32, height as f32 / canvas.height as f32);
    let face = Face::parse(FONT, 0).expect("the font of this crate");
    for shape in &canvas.shapes {
        match shape {
            Shape::Line { points, color, width, dash } => {
                let dash = StrokeDash::new(dash.iter().map(|length| *length as f32).collect(), 0.0);
                let stroke =
                    Stroke { width: *width as f32, line_join: tiny_skia::LineJoin::Round, dash, ..Stroke::default() };
                if let Some(path) = path(std::slice::from_ref(points), false) {
                    pixmap.stroke_path(&path, &paint(*color), &stroke, scale, None);
                }
            }
            Shape::Area { rings, color, outline } => {
                let Some(path) = path(rings, true) else { continue };
                pixmap.fill_path(&path, &paint(*color), FillRule::EvenOdd, scale, None);
                if let Some(outline) = outline {
                    let stroke = Stroke { width: 0.6, ..Stroke::default() };
                    pixmap.stroke_path(&path, &paint(*outline), &stroke, scale, None);
                }
            }
            Shape::Text(text) => {
                let Some((path, place)) = outlines(&face, text) else { continue };
                let (paint, scale) = (paint(text.color), place.post_concat(scale));
                pixmap.fill_path(&path, &paint, FillRule::Winding, scale, None);
                if text.bold {
                    let stroke = Stroke { width: BOLD * f32::from(face.units_per_em()), ..Stroke::default() };
                    pixmap.stroke_path(&path, &paint, &stroke, scale, None);
                }
            }
        }
    }
    // Nothing is transparent: the background is white.
    let pixels: Vec<_> = pixmap.pixels().iter().map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    encode(pixmap.width() as usize, &pixels)
}

fn paint([red, green, blue]: Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

fn path(lines: &[Vec<(Tenths, Tenths)>], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        for (i, &(x, y)) in line.iter().enumerate() {
            let (x, y) = (of_tenths(x) as f32, of_tenths(y) as f32);
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if closed {
            path.close();
        }
    }
    path.finish()
}

/// The outlines of a text in the units of the font, and the transform that moves them to their position.
fn outlines(face: &Face, text: &Text) -> Option<(Path, Transform)> {
    let mut outline = Outline { path: PathBuilder::new(), x: 0.0 };
    let gap = if text.bold { BOLD * f32::from(face.units_per_em()) } else { 0.0 };
    for character in text.text.chars() {
        let glyph = face.glyph_index(character).unwrap_or_default();
        face.outline_glyph(glyph, &mut outline);
        outline.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) + gap;
    }
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -outline.x / 2.0,
        Anchor::End => -outline.x,
    };
    let scale = text.size as f32 / f32::from(face.units_per_em());
    let place = Transform::from_translate(shift, 0.0)
        .post_scale(scale, -scale)
        .post_rotate(if text.upwards { -90.0 } else { 0.0 })
        .post_translate(of_tenths(text.at.0) as f32, of_tenths(text.at.1) as f32);
    Some((outline.path.finish()?, place))
}

/// The outlines of glyphs, one after the other.
struct Outline {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }
    fn close(&mut self) {
        self.path.close();
    }
}

/// Encodes pixels as a PNG file, row by row from the top: a header, the compressed pixels, and an end.
///
/// # Panics
/// If the width is 0.
pub fn encode(width: usize, pixels: &[Color]) -> Vec<u8> {
    let rows = pixels.chunks(width);
    let mut header: Vec<u8> = [width, rows.len()].iter().flat_map(|&n| (n as u32).to_be_bytes()).collect();
    header.extend([8, 2, 0, 0, 0]); // 8 bits per channel, RGB, and the only methods that exist
    let mut body = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in rows {
        body.write_all(&[0]).and_then(|()| body.write_all(row.as_flattened())).expect("memory takes everything"); // unfiltered
    }
    let body = body.finish().expect("memory takes everything");
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", body), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(&data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(name);
        file.extend(&data);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_begins_and_ends_as_it_should() {
        let mut canvas = Canvas { width: 20.0, height: 10.0, shapes: Vec::new() };
        canvas.rectangle((0.0, 0.0), (20.0, 10.0), [1, 2, 3]);
        let file = write(&canvas, (40, 20));
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x28\0\0\0\x14\x08\x02"));
        // The checksum of an empty IEND is the same in every file.
        assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }

    #[test]
    fn every_character_of_our_texts_has_a_glyph() {
        let face = Face::parse(FONT, 0).unwrap();
        for character in "abcxyzABCXYZ0123456789.,:;()[]/|=+-<>_'\u{2212}\u{b0}\u{d7}".chars() {
            assert!(face.glyph_index(character).is_some(), "{character}");
        }
    }
}
