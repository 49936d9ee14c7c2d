//! The picture as a whole.

use std::fmt::Write as _;

use super::escape::escaped;

/// The width of every picture.
pub const WIDTH: f64 = 960.0;

/// Where texts begin.
pub(super) const MARGIN: f64 = 24.0;

const STYLE: &str = "\
    .chart{font:13px system-ui,sans-serif;--ink:#1b1f24;--dim:#59636e;--grid:#d8dee4;--page:#fff;--a:#0a5fc2;--b:#8a4b00;--c:#b3261e;--d:#5b6b7a}\
    @media (prefers-color-scheme:dark){.chart{--ink:#e6edf3;--dim:#9aa5b1;--grid:#30363d;--page:#0d1117;--a:#6cb2ff;--b:#f0b060;--c:#ff7b72;--d:#a9b7c6}}\
    .page{fill:var(--page)}text{fill:var(--ink)}.dim{fill:var(--dim)}.title{font-size:17px;font-weight:600}.alarm{fill:var(--c);font-weight:600}\
    .grid{stroke:var(--grid);stroke-width:1}.frame{fill:none;stroke:var(--grid);stroke-width:1}.line{fill:none;stroke-width:2;stroke-linejoin:round}\
    .bar{fill:var(--a)}.column.a{fill:var(--a)}.column.b{fill:var(--b)}\
    .line.a{stroke:var(--a)}.line.b{stroke:var(--b)}.line.c{stroke:var(--c)}.line.d{stroke:var(--d)}\
    .dot.a{fill:var(--a)}.dot.b{fill:var(--b)}.dot.c{fill:var(--c)}.dot.d{fill:var(--d)}\
    .line.b{stroke-dasharray:7 4}.line.c{stroke-dasharray:2 3}.line.d{stroke-dasharray:9 3 2 3}";

/// A picture that is being drawn.
#[derive(Debug)]
pub struct Page {
    pub(super) out: String,
}

impl Page {
    /// An empty picture of this height, with a description for those who can't see it.
    pub fn new(described: &str, height: f64) -> Page {
        let mut out = String::with_capacity(32 * 1024);
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\"><title>{}</title><style>{STYLE}</style>\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>",
            escaped(described)
        );
        Page { out }
    }

    /// Writes a text: `title`, `dim` (beside the point) or `alarm`.
    pub fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let _ = write!(self.out, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text));
    }

    /// The SVG.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}
