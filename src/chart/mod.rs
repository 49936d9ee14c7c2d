//! Pictures of numbers: an SVG that is readable on light and on dark pages, without scripts or fonts of its own.
//!
//! | file | |
//! |---|---|
//! | [`page`] | the picture as a whole: its style, its texts |
//! | [`lines`] | a chart of lines |
//! | [`bars`] | a chart of bars |
//! | [`scale`] | axes, and their labels |
//! | [`percentiles`] | the axis of percentiles |
//! | `escape` | texts in XML |

pub mod bars;
mod escape;
pub mod lines;
pub mod page;
pub mod percentiles;
pub mod scale;

pub use bars::{Bar, Bars};
pub use lines::{Chart, Series};
pub use page::Page;
pub use scale::Scale;

#[cfg(test)]
mod tests;
