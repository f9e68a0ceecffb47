//! Pictures of the losses of [`burn_losses`]: value and gradient as curves, the values of two arguments as maps, in SVG and PNG.
//!
//! ```
//! use burn_losses::LossConfig;
//! use burn_losses_plot::Picture;
//!
//! let focal = LossConfig::from_kind("binary", "focal")?;
//! let svg = Picture::new(&[focal])?.svg(None);
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Several configs of a family share one picture, which says how they differ. The family of a loss decides what is drawn, so a
//! new loss in the registry has a picture without further work. A picture of anything else is put together from
//! [`Panel`]s.

mod canvas;
pub mod color;
mod compare;
mod contour;
mod error;
mod families;
mod interactive;
mod layout;
mod panel;
mod picture;
#[cfg(feature = "png")]
pub mod png;
mod probe;
mod svg;
mod sweep;
mod ticks;

pub use error::PlotError;
pub use interactive::interactive;
pub use panel::{Curve, Line, Map, Panel};
pub use picture::Picture;
