//! Fits sections into a room: items flow into lines, and what finds no room is counted.

use super::sections::{Item, Section, Tone};

/// The column of titles.
const TITLE: usize = 10;

/// Between two items.
const GAP: usize = 3;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its characters.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
}

/// One line.
pub type Line = Vec<Piece>;

/// The lines of sections, at most `height` of them, each at most `width` characters wide. Sections get fewer lines, down to one, where there are too
/// many; then the least important ones are left out.
pub fn lines(sections: &[Section], width: usize, height: usize) -> Vec<Line> {
    let mut blocks: Vec<(u8, Vec<Line>)> =
        sections.iter().map(|section| (section.rank, block(section, width))).collect();
    let total = |blocks: &[(u8, Vec<Line>)]| blocks.iter().map(|(_, lines)| lines.len()).sum::<usize>();
    while total(&blocks) > height {
        let longest = blocks.iter_mut().max_by_key(|(rank, lines)| (lines.len(), *rank));
        match longest {
            Some((_, lines)) if lines.len() > 1 => shorten(lines, width),
            _ => {
                // The last of the least important.
                let rank = blocks.iter().map(|(rank, _)| *rank).max();
                let at = blocks.iter().rposition(|(of, _)| Some(*of) == rank);
                let Some(at) = at else { break };
                blocks.remove(at);
            }
        }
    }
    blocks.into_iter().flat_map(|(_, lines)| lines).collect()
}

/// Takes the last line away, and marks the one before it.
fn shorten(lines: &mut Vec<Line>, width: usize) {
    lines.pop();
    let Some(last) = lines.last_mut() else { return };
    if last.last().is_some_and(|piece| piece.text.ends_with('…')) {
        return;
    }
    let used: usize = last.iter().map(|piece| piece.text.chars().count()).sum();
    if used + 2 > width {
        if let Some(piece) = last.last_mut() {
            piece.text = cut(&format!("{}……", piece.text), piece.text.chars().count());
        }
    } else {
        last.push(Piece { text: " …".to_owned(), tone: Tone::Plain });
    }
}

/// A section's lines.
fn block(section: &Section, width: usize) -> Vec<Line> {
    let title = Piece { text: format!("{:<TITLE$}", section.title), tone: Tone::Strong };
    let room = width.saturating_sub(TITLE);
    let flowed = flow(&section.items, room);
    let flowed = if flowed.is_empty() { vec![Vec::new()] } else { flowed };
    let indent = Piece { text: " ".repeat(TITLE), tone: Tone::Plain };
    let firsts = std::iter::once(title).chain(std::iter::repeat(indent));
    firsts.zip(flowed).map(|(first, rest)| [vec![first], rest].concat()).collect()
}

/// Items in lines of this width.
pub fn flow(items: &[Item], width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut used = 0;
    for item in items {
        let text = cut(&item.text, width);
        let length = text.chars().count();
        let fits = !lines.is_empty() && !item.begins_line && used + GAP + length <= width;
        if !fits {
            lines.push(Vec::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { break };
        if used > 0 {
            line.push(Piece { text: " ".repeat(GAP), tone: Tone::Plain });
            used += GAP;
        }
        used += length;
        line.push(Piece { text, tone: item.tone });
    }
    lines
}

/// At most so many characters; what is cut ends in an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.extend((width > 0).then_some('…'));
    short
}
