//! How four numbers describe a box.

use crate::formula::Real;
use burn_losses_derive::Choice;

/// How four numbers describe a box. x grows to the right and y downwards, as in images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum BoxFormat {
    /// The top left and the bottom right corner: (x1, y1, x2, y2).
    #[default]
    Xyxy,
    /// The center, the width and the height.
    Cxcywh,
    /// The top left corner, the width and the height.
    Xywh,
    /// The distances of the left, top, right and bottom edge from one point inside; it is the same point for both boxes (UnitBox,
    /// FCOS).
    Ltrb,
}

impl BoxFormat {
    /// The corners (x1, y1, x2, y2) of a box in this format; for `ltrb` they are relative to the point inside.
    #[inline(always)]
    pub fn corners<R: Real>(self, [a, b, c, d]: [R; 4]) -> [R; 4] {
        match self {
            Self::Xyxy => [a, b, c, d],
            Self::Cxcywh => {
                let (half_width, half_height) = (c * 0.5, d * 0.5);
                [a.clone() - half_width.clone(), b.clone() - half_height.clone(), a + half_width, b + half_height]
            }
            Self::Xywh => [a.clone(), b.clone(), a + c, b + d],
            Self::Ltrb => [-a, -b, c, d],
        }
    }

    /// The box with these corners in this format.
    #[inline(always)]
    pub fn of_corners<R: Real>(self, [x1, y1, x2, y2]: [R; 4]) -> [R; 4] {
        match self {
            Self::Xyxy => [x1, y1, x2, y2],
            Self::Cxcywh => {
                let (width, height) = (x2.clone() - x1.clone(), y2.clone() - y1.clone());
                [x1 * 0.5 + x2 * 0.5, y1 * 0.5 + y2 * 0.5, width, height]
            }
            Self::Xywh => [x1.clone(), y1.clone(), x2 - x1, y2 - y1],
            Self::Ltrb => [-x1, -y1, x2, y2],
        }
    }
}

/// How six numbers describe a box in three dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum BoxFormat3d {
    /// The corner with the least and the corner with the largest coordinates: (x1, y1, z1, x2, y2, z2).
    #[default]
    Xyzxyz,
    /// The center, the width, the height and the depth.
    Cxcyczwhd,
}

impl BoxFormat3d {
    /// The corners (x1, y1, z1, x2, y2, z2) of a box in this format.
    #[inline(always)]
    pub fn corners<R: Real>(self, [a, b, c, d, e, f]: [R; 6]) -> [R; 6] {
        match self {
            Self::Xyzxyz => [a, b, c, d, e, f],
            Self::Cxcyczwhd => {
                let (x, y, z) = (d * 0.5, e * 0.5, f * 0.5);
                [a.clone() - x.clone(), b.clone() - y.clone(), c.clone() - z.clone(), a + x, b + y, c + z]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_there_and_back() {
        let corners = [1.0, 2.0, 4.0, 8.0];
        let formats = [
            (BoxFormat::Xyxy, corners),
            (BoxFormat::Cxcywh, [2.5, 5.0, 3.0, 6.0]),
            (BoxFormat::Xywh, [1.0, 2.0, 3.0, 6.0]),
            (BoxFormat::Ltrb, [-1.0, -2.0, 4.0, 8.0]),
        ];
        for (format, numbers) in formats {
            assert_eq!(format.corners(numbers), corners);
            assert_eq!(format.of_corners(corners), numbers);
        }
    }

    #[test]
    fn a_box_in_three_dimensions_by_its_center() {
        let corners = BoxFormat3d::Cxcyczwhd.corners([1.0, 2.0, 3.0, 2.0, 4.0, 8.0]);
        assert_eq!(corners, [0.0, 0.0, -1.0, 2.0, 4.0, 7.0]);
        assert_eq!(BoxFormat3d::Xyzxyz.corners(corners), corners);
    }
}
