//! What a converter knows while it follows a session quietly: another one goes on from there.

use std::sync::Arc;

use crate::export::page::changes::Page;
use crate::export::page::room::{Room, Taken};

use super::super::ledger::Ledger;

// Circle: it is what a converter knows.
use super::{Converter, LeftOut, Options, Tab};

/// The pages of a session, as they are at one moment, and how they are followed. It has nothing of what a player was told.
#[derive(Debug)]
pub struct Resting {
    tabs: Vec<(Arc<str>, Tab)>,
    active: Option<Arc<str>>,
    shown: Option<(Arc<str>, u64)>,
    at_ms: i64,
    mouse: (u64, u64),
    left_out: LeftOut,
    ledger: Ledger,
    /// The room for what is no part of a page's own budget.
    _taken: Taken,
}

impl Tab {
    /// What it takes besides its page's budget.
    fn bytes(&self) -> usize {
        let Page { location, base, title, .. } = &self.known;
        let texts = [Some(&**location), base.as_ref().map(url::Url::as_str), title.as_deref()];
        size_of::<Tab>()
            + texts.into_iter().flatten().map(str::len).sum::<usize>()
            + self.named.0.len()
            + self.named.1.len()
    }

    fn copy(&self, room: &Room) -> Option<Tab> {
        Some(Tab {
            page: self.page,
            known: self.known.copy(room.clone())?,
            // A clone of a map has room for as many as that ever had.
            pictures: self.pictures.iter().map(|(node, picture)| (*node, picture.clone())).collect(),
            canvases: self.canvases.iter().map(|(name, node)| (name.clone(), *node)).collect(),
            heard_ms: self.heard_ms,
            named: self.named.clone(),
        })
    }
}

impl Converter {
    /// Whether what happens is followed, and not written.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// How the pages are by now. `None`: it is not quiet, or `room` has no room for it.
    pub fn rest(&self, room: &Room) -> Option<Resting> {
        if !self.quiet {
            return None;
        }
        let mut taken = Taken::new(room.clone());
        if !taken.take(self.tabs.values().map(Tab::bytes).sum()) {
            return None;
        }
        let tabs = self.tabs.iter().map(|(name, tab)| Some((Arc::clone(name), tab.copy(room)?)));
        Some(Resting {
            _taken: taken,
            tabs: tabs.collect::<Option<_>>()?,
            active: self.active.clone(),
            shown: self.shown.clone(),
            at_ms: self.at_ms,
            mouse: self.mouse,
            left_out: self.left_out,
            ledger: self.ledger.clone(),
        })
    }

    /// Goes on, quietly, from how the pages were. `None`: the room in `options` has no room for them.
    pub fn go_on(resting: &Resting, options: Options) -> Option<Converter> {
        let tabs = resting.tabs.iter().map(|(name, tab)| Some((Arc::clone(name), tab.copy(&options.room)?)));
        let tabs = tabs.collect::<Option<_>>()?;
        let mut converter = Converter {
            tabs,
            active: resting.active.clone(),
            shown: resting.shown.clone(),
            at_ms: resting.at_ms,
            mouse: resting.mouse,
            left_out: resting.left_out,
            ledger: resting.ledger.clone(),
            ..Converter::new(options)
        };
        converter.set_quiet(true);
        Some(converter)
    }
}

#[cfg(test)]
mod tests;
