//! What is known of a session, and which sessions are asked for.

use std::mem::size_of;

use serde::Serialize;

use crate::log::format::record::{Kind, Record};
use crate::records::Start;

use super::details::Details;
use super::started_ms;

/// A session that was heard of this recently is live.
pub const LIVE_MS: u64 = 60_000;

/// The longest text that is kept of what a start says.
const TEXT_BYTES_MAX: usize = 200;
/// The longest address that is kept.
const PAGE_BYTES_MAX: usize = 500;
/// How many addresses are kept of one session: its first ones.
const PAGES_MAX: usize = 16;
/// What an entry takes beside its texts: in the map, and in the order of eviction.
const ENTRY_BYTES: usize = size_of::<Summary>() + 96;

/// What is known of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    project: u32,
    /// When it began, in Unix ms.
    pub(super) started_ms: u64,
    /// The order time of its first record here, in microseconds.
    pub(super) first_us: u64,
    /// The order time of its last record, in microseconds.
    pub(super) last_us: u64,
    batches: u64,
    bytes: u64,
    errors: u64,
    /// Some of its batches were not looked into.
    sampled: bool,
    user: Option<Box<str>>,
    browser: Option<Box<str>>,
    os: Option<Box<str>>,
    device: Option<Box<str>>,
    country: Option<Box<str>>,
    platform: Option<Box<str>>,
    tracker: Option<Box<str>>,
    pages: Vec<Box<str>>,
}

/// A session as the admin port shows it. What is not known is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    /// Its number, as text: JavaScript numbers can't hold it.
    pub session: String,
    project: Option<u32>,
    user: Option<Box<str>>,
    browser: Option<Box<str>>,
    device: Option<Box<str>>,
    os: Option<Box<str>>,
    country: Option<Box<str>>,
    /// `web`, `ios` or `android`.
    platform: Option<Box<str>>,
    /// When it began, in Unix ms.
    pub started_ms: u64,
    /// When its last record arrived, in Unix ms.
    last_ms: u64,
    live: bool,
    /// The version of its tracker.
    tracker: Option<Box<str>>,
    batches: u64,
    /// As received.
    bytes: u64,
    /// Errors of its pages, as far as its batches were looked into.
    errors: u64,
    /// Addresses, in the order in which they were seen first.
    pages: Vec<Box<str>>,
    /// Some of its batches were not looked into, because there was too much to do: addresses, errors and the user may be missing.
    sampled: bool,
}

/// Which sessions are asked for. Texts match in any case; `browser`, `user` and `page` match a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named as in the address")]
pub struct Query {
    pub user: Option<String>,
    pub project: Option<u32>,
    pub page: Option<String>,
    pub browser: Option<String>,
    pub country: Option<String>,
    /// Heard of at or after this time, Unix ms.
    pub from_ms: Option<u64>,
    /// Began at or before this time, Unix ms.
    pub to_ms: Option<u64>,
    pub errors: bool,
    pub live: bool,
    /// At most so many.
    pub limit: usize,
    /// Only those that come behind this one in the list: when it began, and its number.
    pub before: Option<(u64, u64)>,
}

impl Summary {
    /// Of a session whose first record this is.
    pub(super) fn new(record: &Record<'_>) -> Summary {
        let started_ms = started_ms(record.session, record.order_us / 1000);
        Summary { started_ms, first_us: record.order_us, ..Summary::default() }
    }

    /// Adds a record, with what was found in it; `None` if it was not looked into.
    pub(super) fn add(&mut self, record: &Record<'_>, details: Option<&Details>) {
        self.last_us = self.last_us.max(record.order_us);
        if record.project != 0 {
            self.project = record.project;
        }
        match record.kind {
            Kind::Start => self.take_start(record),
            Kind::Batch | Kind::Sdk | Kind::Image => {
                self.batches += 1;
                self.bytes += record.payload.len() as u64;
            }
            _ => {}
        }
        let Some(details) = details else {
            self.sampled |= record.kind == Kind::Batch;
            return;
        };
        self.errors += details.errors;
        if let Some(user) = &details.user {
            self.user = kept(user, TEXT_BYTES_MAX);
        }
        for page in &details.pages {
            let Some(page) = kept(page, PAGE_BYTES_MAX) else { continue };
            if self.pages.len() < PAGES_MAX && !self.pages.contains(&page) {
                self.pages.push(page);
            }
        }
    }

    fn take_start(&mut self, record: &Record<'_>) {
        let Some(row) = Start::read(record).and_then(|start| start.row()) else { return };
        let text = |text: &str| kept(text, TEXT_BYTES_MAX);
        let versioned = |name: &str, version: &str| text(format!("{name} {version}").trim());
        self.user = text(&row.user_id).or(self.user.take());
        self.browser = versioned(&row.browser, &row.browser_version);
        self.os = versioned(&row.os, &row.os_version);
        self.device = text(&row.device);
        // How a row says that it is not known.
        self.country = text(&row.country).filter(|country| **country != *"UN");
        self.platform = text(&row.platform);
        self.tracker = text(&row.tracker_version);
    }

    /// What it takes of the budget.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.user, &self.browser, &self.os, &self.device, &self.country, &self.platform, &self.tracker];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        let pages: usize = self.pages.iter().map(|page| page.len()).sum();
        ENTRY_BYTES + texts + pages + self.pages.capacity() * size_of::<Box<str>>()
    }

    /// Whether it was heard of a moment ago.
    pub(super) fn is_live(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.last_us) <= LIVE_MS * 1000
    }

    /// Whether a query asks for it.
    pub(super) fn matches(&self, session: u64, query: &Query, now_us: u64) -> bool {
        let has = |text: &Option<Box<str>>, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| text.as_deref().is_some_and(|text| holds(text, wanted)))
        };
        let is_of_country = query
            .country
            .as_deref()
            .is_none_or(|wanted| self.country.as_deref().is_some_and(|country| country.eq_ignore_ascii_case(wanted)));
        let has_page = query.page.as_deref().is_none_or(|wanted| self.pages.iter().any(|page| holds(page, wanted)));
        has(&self.user, &query.user)
            && has(&self.browser, &query.browser)
            && is_of_country
            && has_page
            && query.project.is_none_or(|project| project == self.project)
            && query.from_ms.is_none_or(|from| self.last_us / 1000 >= from)
            && query.to_ms.is_none_or(|to| self.started_ms <= to)
            && (!query.errors || self.errors > 0)
            && (!query.live || self.is_live(now_us))
            && query.before.is_none_or(|before| (self.started_ms, session) < before)
    }

    /// As the admin port shows it.
    pub(super) fn report(&self, session: u64, now_us: u64) -> SessionReport {
        SessionReport {
            session: session.to_string(),
            project: (self.project != 0).then_some(self.project),
            user: self.user.clone(),
            browser: self.browser.clone(),
            device: self.device.clone(),
            os: self.os.clone(),
            country: self.country.clone(),
            platform: self.platform.clone(),
            started_ms: self.started_ms,
            last_ms: self.last_us / 1000,
            live: self.is_live(now_us),
            tracker: self.tracker.clone(),
            batches: self.batches,
            bytes: self.bytes,
            errors: self.errors,
            pages: self.pages.clone(),
            sampled: self.sampled,
        }
    }
}

/// Whether a text has another one in it, in any case.
fn holds(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(&wanted.to_lowercase())
}

/// A text, cut to its limit; `None` if it is empty.
fn kept(text: &str, bytes_max: usize) -> Option<Box<str>> {
    let end = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    (end > 0).then(|| text[..end].into())
}
