//! All sources as one: by time of reception, then by the records' names. A record that several sources have is given out once.

use crate::cli::error::CliError;
use crate::cli::replay::order::{Held, Mark};

use super::damage::Findings;
use super::feed::Feed;
use super::means::Means;
use super::place::Origin;
use super::wanted::Wanted;

/// The records of all sources, in order.
#[derive(Debug)]
pub struct Merged {
    feeds: Vec<(Feed, Option<Held>)>,
    last: Option<Mark>,
    doubles: u64,
    is_begun: bool,
}

impl Merged {
    /// Begins to read all of them.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn start(origins: &[Origin], wanted: &Wanted, means: &Means) -> Result<Self, CliError> {
        let feeds = origins
            .iter()
            .map(|origin| Ok((Feed::start(origin.clone(), wanted.clone(), means.clone())?, None)))
            .collect::<Result<_, CliError>>()?;
        Ok(Self { feeds, last: None, doubles: 0, is_begun: false })
    }

    /// The next record.
    ///
    /// # Errors
    /// A source can't be read any further.
    pub fn next(&mut self) -> Result<Option<Held>, CliError> {
        if let [(feed, _)] = &mut self.feeds[..] {
            return feed.next();
        }
        if !std::mem::replace(&mut self.is_begun, true) {
            for (feed, head) in &mut self.feeds {
                *head = feed.next()?;
            }
        }
        loop {
            let heads = self.feeds.iter().enumerate();
            let marks = heads.filter_map(|(at, (_, head))| Some((Mark::of(&head.as_ref()?.head), at)));
            let Some((mark, at)) = marks.min() else { return Ok(None) };
            let (feed, head) = &mut self.feeds[at];
            let following = feed.next()?;
            let held = std::mem::replace(head, following);
            if self.last.replace(mark) == Some(mark) {
                self.doubles += 1;
                continue;
            }
            return Ok(held);
        }
    }

    /// How many records were left out because another source has them, too.
    pub fn doubles(&self) -> u64 {
        self.doubles
    }

    /// Ends reading, and tells what was found in all sources.
    ///
    /// # Errors
    /// A source could not be read.
    pub fn finish(self) -> Result<Vec<Findings>, CliError> {
        self.feeds.into_iter().map(|(feed, _)| feed.finish()).collect()
    }
}
