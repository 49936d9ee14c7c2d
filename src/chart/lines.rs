//! One chart: axes, lines or columns, and a legend.

use std::fmt::Write as _;

use super::escape::escaped;
use super::page::{MARGIN, Page};
use super::scale::Scale;

const LEFT: f64 = 84.0;
const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 180.0;

/// Where the plot begins below a chart's top: the title and the legend come first.
const HEAD: f64 = 24.0;

/// A line of a chart.
#[derive(Debug)]
pub struct Series {
    /// What it shows.
    pub name: &'static str,
    /// Its colour and dashes.
    pub class: &'static str,
    /// Its points, in order.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Debug)]
pub struct Chart {
    /// Above it.
    pub title: String,
    /// Where it begins.
    pub top: f64,
    /// To the right.
    pub x: Scale,
    /// The labels below.
    pub x_ticks: Vec<(f64, String)>,
    /// Upwards.
    pub y: Scale,
    /// The labels at the left.
    pub y_label: fn(f64) -> String,
    /// The lines.
    pub series: Vec<Series>,
    /// Draws columns, each as wide as this from its point to the right, and no lines: for counts, which have no values in between.
    pub column: Option<f64>,
    /// What is said if there is nothing to draw.
    pub empty: &'static str,
}

impl Chart {
    /// What a chart takes, with some room below.
    pub const TALL: f64 = 262.0;

    /// Appends it to a picture.
    pub fn draw(&self, page: &mut Page) {
        let out = &mut page.out;
        let title = self.top + 10.0;
        let _ = write!(out, "<text x=\"{MARGIN}\" y=\"{title}\" font-weight=\"600\">{}</text>", escaped(&self.title));
        if self.series.iter().all(|series| series.points.is_empty()) {
            return self.say_empty(out);
        }
        // Columns of one colour have their name in the title.
        if self.column.is_none() {
            self.legend(out);
        }
        self.axes(out);
        for series in &self.series {
            match self.column {
                Some(width) => self.columns(out, series, width),
                None => self.line(out, series),
            }
        }
    }

    /// A frame without axes: their values would mean nothing.
    fn say_empty(&self, out: &mut String) {
        let (x, y) = (LEFT + WIDTH / 2.0, self.bottom() - HEIGHT / 2.0);
        let _ = write!(
            out,
            "<rect class=\"frame\" x=\"{LEFT}\" y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
             <text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" class=\"dim\">{}</text>",
            self.bottom() - HEIGHT,
            escaped(self.empty)
        );
    }

    fn bottom(&self) -> f64 {
        self.top + HEAD + HEIGHT
    }

    fn legend(&self, out: &mut String) {
        // From the right; eight units a letter are enough for any of them.
        let mut right = LEFT + WIDTH;
        for series in self.series.iter().rev() {
            let left = right - 7.0 * series.name.len() as f64;
            let y = self.top + 10.0;
            let _ = write!(
                out,
                "<line class=\"line {class}\" x1=\"{}\" x2=\"{}\" y1=\"{line}\" y2=\"{line}\"/>\
                 <text x=\"{left}\" y=\"{y}\">{}</text>",
                left - 34.0,
                left - 8.0,
                escaped(series.name),
                class = series.class,
                line = y - 4.0,
            );
            right = left - 54.0;
        }
    }

    fn axes(&self, out: &mut String) {
        for value in self.y.ticks() {
            let y = self.at_y(value);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"dim\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT + WIDTH,
                LEFT - 8.0,
                y + 4.0,
                escaped(&(self.y_label)(value))
            );
        }
        for (value, label) in &self.x_ticks {
            let x = self.at_x(*value);
            // Centred, but not beyond the edge; half a letter is less than four units wide.
            let middle = x.min(super::page::WIDTH - 6.0 - 4.0 * label.chars().count() as f64);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\"/>\
                 <text class=\"dim\" x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                self.bottom(),
                self.bottom() + 5.0,
                self.bottom() + 20.0,
                escaped(label)
            );
        }
    }

    fn line(&self, out: &mut String, series: &Series) {
        if let [(x, y)] = series.points[..] {
            let (x, y) = (self.at_x(x), self.at_y(y));
            let _ = write!(out, "<circle class=\"dot {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>", series.class);
            return;
        }
        let mut points = String::new();
        for (x, y) in &series.points {
            let _ = write!(points, "{:.1},{:.1} ", self.at_x(*x), self.at_y(*y));
        }
        if !points.is_empty() {
            let _ = write!(out, "<polyline class=\"line {}\" points=\"{}\"/>", series.class, points.trim_end());
        }
    }

    fn columns(&self, out: &mut String, series: &Series, width: f64) {
        let mut path = String::new();
        for &(x, y) in series.points.iter().filter(|(_, y)| *y > 0.0) {
            let (left, right) = (self.at_x(x), self.at_x(x + width));
            // A gap between neighbours where there is room for one.
            let right = if right - left > 3.0 { right - 1.0 } else { right };
            let _ = write!(path, "M{left:.1},{:.1}V{:.1}H{right:.1}V{0:.1}Z", self.bottom(), self.at_y(y));
        }
        let _ = write!(out, "<path class=\"column {}\" d=\"{path}\"/>", series.class);
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * WIDTH
    }

    fn at_y(&self, value: f64) -> f64 {
        self.bottom() - self.y.place(value) * HEIGHT
    }
}
