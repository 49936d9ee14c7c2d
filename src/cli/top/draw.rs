//! A frame, on a terminal or as text.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span, Text};

use super::layout::{self, Line};
use super::sections::{Section, Tone, heading, sections};
use super::view::View;

/// From this width on there are two columns.
const TWO_COLUMNS: u16 = 120;

/// Between the columns.
const BETWEEN: u16 = 3;

/// The width of a frame as text.
const TEXT_WIDTH: usize = 100;

/// The longest line of past rates: two minutes, one a second.
const HISTORY_MAX: usize = 120;

/// Draws a frame.
pub fn draw(view: &View, frame: &mut Frame<'_>) {
    let area = frame.area();
    let ends = "q ends";
    let room = usize::from(area.width).saturating_sub(ends.len() + 1);
    let top = layout::flow(&heading(view), room).into_iter().next().unwrap_or_default();
    put(frame, Rect { height: 1.min(area.height), ..area }, &[top]);
    let end_width = (ends.len() as u16).min(area.width);
    let corner = Rect { x: area.right() - end_width, y: area.y, width: end_width, height: 1.min(area.height) };
    frame.render_widget(Span::styled(ends, Style::new().add_modifier(Modifier::DIM)), corner);

    let gap = u16::from(area.height > 16);
    let body = Rect { y: area.y + (1 + gap).min(area.height), height: area.height.saturating_sub(1 + gap), ..area };
    let is_wide = area.width >= TWO_COLUMNS;
    let column = if is_wide { (area.width - BETWEEN) / 2 } else { area.width };
    let history = usize::from(column).saturating_sub(10).min(HISTORY_MAX);
    let sections = sections(view, history);
    if !is_wide {
        return put(frame, body, &layout::lines(&sections, column.into(), body.height.into()));
    }
    let (right, left): (Vec<Section>, Vec<Section>) = sections.into_iter().partition(|section| section.is_right);
    for (sections, x) in [(left, body.x), (right, body.x + column + BETWEEN)] {
        let place = Rect { x, width: column, ..body };
        put(frame, place, &layout::lines(&sections, column.into(), body.height.into()));
    }
}

fn put(frame: &mut Frame<'_>, place: Rect, lines: &[Line]) {
    let rows = lines
        .iter()
        .map(|line| Row::from_iter(line.iter().map(|piece| Span::styled(piece.text.clone(), style(piece.tone)))));
    frame.render_widget(Text::from_iter(rows), place);
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
    }
}

/// A frame as lines of text, with everything in it.
pub fn text(view: &View) -> Vec<String> {
    let heading = layout::flow(&heading(view), TEXT_WIDTH);
    let body = layout::lines(&sections(view, 0), TEXT_WIDTH, usize::MAX);
    let joined = |line: Line| {
        let text: String = line.into_iter().map(|piece| piece.text).collect();
        text.trim_end().to_owned()
    };
    heading.into_iter().chain(body).map(joined).collect()
}
