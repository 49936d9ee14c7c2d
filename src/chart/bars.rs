//! A chart of horizontal bars, each with its name and its value.

use std::fmt::Write as _;

use super::escape::escaped;
use super::page::{MARGIN, Page, WIDTH};

/// Where the bars begin: names come first.
const LEFT: f64 = 244.0;

/// The longest bar; its value stands behind it.
const BAR_MAX: f64 = 480.0;

const ROW: f64 = 24.0;
const HEAD: f64 = 28.0;

/// Names are cut to this many letters; a wide one counts as two.
const LETTERS_MAX: usize = 26;

/// A bar.
#[derive(Debug)]
pub struct Bar {
    /// What it stands for. May be anything that a client sent.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// Its value in words.
    pub shown: String,
}

/// A chart.
#[derive(Debug)]
pub struct Bars {
    /// Above it.
    pub title: String,
    /// Where it begins.
    pub top: f64,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
    /// What is said if there is none.
    pub empty: &'static str,
}

impl Bars {
    /// What a chart of so many bars takes.
    pub fn height(bars: usize) -> f64 {
        HEAD + ROW * bars.max(1) as f64 + 12.0
    }

    /// Appends it to a picture.
    pub fn draw(&self, page: &mut Page) {
        let out = &mut page.out;
        let title = self.top + 10.0;
        let _ = write!(out, "<text x=\"{MARGIN}\" y=\"{title}\" font-weight=\"600\">{}</text>", escaped(&self.title));
        if self.bars.is_empty() {
            let (x, y) = (WIDTH / 2.0, self.top + HEAD + 16.0);
            let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" class=\"dim\">{}</text>", self.empty);
        }
        let most = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for (row, bar) in self.bars.iter().enumerate() {
            let top = self.top + HEAD + ROW * row as f64;
            // A value above zero is seen, however small it is beside the largest.
            let length = if bar.value > 0.0 { (bar.value / most * BAR_MAX).max(1.0) } else { 0.0 };
            // A picture within the picture cuts a name off at its edge, whatever its letters are like.
            let _ = write!(
                out,
                "<svg x=\"{MARGIN}\" y=\"{top}\" width=\"{}\" height=\"{ROW}\"><text x=\"{}\" y=\"16\" \
                 text-anchor=\"end\">{}</text></svg>\
                 <rect class=\"bar\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"16\"/>\
                 <text class=\"dim\" x=\"{:.1}\" y=\"{}\">{}</text>",
                LEFT - MARGIN - 10.0,
                LEFT - MARGIN - 10.0,
                escaped(&cut(&bar.name)),
                top + 3.0,
                LEFT + length + 8.0,
                top + 16.0,
                escaped(&bar.shown)
            );
        }
    }
}

/// A name that fits before its bar.
fn cut(name: &str) -> String {
    let mut letters = 0;
    let mut shown = String::new();
    for character in name.chars() {
        // From Hangul on, most letters are twice as wide.
        letters += if character < '\u{1100}' { 1 } else { 2 };
        if letters > LETTERS_MAX {
            shown.push('…');
            break;
        }
        shown.push(character);
    }
    shown
}
