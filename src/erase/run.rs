//! An erasure from beginning to end.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use crate::log::cursor::Cursors;
use crate::log::erase::{Found, Hold, hold};
use crate::log::read::reader::LogReader;

use super::assets_part::erase_assets;
#[cfg(feature = "object-store")]
use super::copies_part::{CopiesPart, Unsearched};
use super::error::EraseError;
use super::lists::{erase_broken_lists, erase_dead_letters};
use super::log_part::{Mode, erase_log, miss_unsealed};
use super::pending::Pending;
use super::receipt::{Asked, Findings, NAMED_MAX, NotReached, Receipt, UserReport};
use super::search::{SearchReport, search};
use super::server::{LogUser, Server};
use super::stores::Stores;
use super::targets::Targets;
use super::told::{ErasedPlaces, destinations, settle_copies};

/// A session that sent something within this time before the run may be recording still.
const RECENT_US: u64 = 15 * 60 * 1_000_000;

/// What to erase.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Sessions.
    pub sessions: BTreeSet<u64>,
    /// Users, by the ids that the site gave them.
    pub users: BTreeSet<String>,
    /// Projects.
    pub projects: BTreeSet<u32>,
    /// Whether only to find what would be erased.
    pub dry_run: bool,
    /// Whether the receipt has the users' ids, and not only their hashes.
    pub name_users: bool,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits for the server to seal what is open.
    Sealing,
    /// It looks for the sessions of users and projects.
    Searching,
    /// It has looked for them in so many of so many files of the archive.
    ArchiveSearch(usize, usize),
    /// It has looked at so many of so many segments.
    Log(usize, usize),
    /// It rewrites the archive's files.
    Archive,
    /// It has looked at so many of so many copies of segments in an object store.
    Copies(usize, usize),
    /// It brings the archive's copy in an object store to where the archive is.
    ArchiveCopy,
}

/// Erases what is asked for, and what an earlier run has not finished. `server` is asked only if a server has the log.
///
/// # Errors
/// Something can't be read or replaced. Unless it was a dry run, the targets are noted by then, and the next run goes on.
pub fn erase(
    data: &Path,
    request: &Request,
    stores: &Stores,
    server: &mut dyn Server,
    tell: &mut dyn FnMut(Stage),
) -> Result<Receipt, EraseError> {
    let began = Timestamp::now();
    let pending = Pending::take(data)?;
    let mut receipt = Uuid::new_v4();
    let mut targets = Targets { projects: request.projects.clone(), ..Targets::default() };
    for session in &request.sessions {
        targets.add(*session)?;
    }
    let resumed = pending.read()?;
    if let Some((_, noted)) = &resumed {
        for session in &noted.sessions {
            targets.add(*session)?;
        }
        targets.projects.extend(&noted.projects);
    }
    let resumed = resumed.map(|(resumed, _)| resumed);
    if let Some(resumed) = resumed {
        receipt = resumed;
    }
    let mut search_report = SearchReport { named: targets.sessions.len() as u64, ..SearchReport::default() };
    let mut findings = Findings::default();
    let log_dir = data.join("log");
    let reader = LogReader::open(&log_dir)?;
    let cursors = Cursors::of(&reader);

    // A dry run changes nothing, not even which segments are open.
    let held = if request.dry_run { None } else { Some(hold(&log_dir)?) };
    let served = match &held {
        Some(Hold::Served) => true,
        Some(Hold::Alone(alone)) => {
            miss_unsealed(alone, &mut findings);
            false
        }
        None => crate::log::is_served(&log_dir),
    };
    if served && !request.dry_run {
        tell(Stage::Sealing);
        seal(server, &mut findings)?;
    }
    let mut unsearched = Vec::new();
    #[cfg(feature = "object-store")]
    let mut unsearched_copies = Unsearched::new();
    if !request.users.is_empty() || !targets.projects.is_empty() {
        tell(Stage::Searching);
        search(&reader, &request.users, &mut targets, &mut search_report)?;
        let step = &mut |done, all| tell(Stage::ArchiveSearch(done, all));
        unsearched = search_archive(data, &reader, &request.users, &mut targets, &mut search_report, step)?;
        #[cfg(feature = "object-store")]
        if let Some(access) = &stores.segments {
            let step = &mut |done, all| tell(Stage::Copies(done, all));
            let mut copies = CopiesPart { data, reader: &reader, stores, access, dry_run: request.dry_run, step };
            unsearched_copies = copies.search(&request.users, &mut targets, &mut search_report)?;
        }
    }
    if !request.dry_run && !targets.is_empty() {
        pending.write(receipt, &targets)?;
    }

    // From here on things are changed.
    let mode = Mode {
        receipt,
        unix_seconds: u64::try_from(began.as_second()).unwrap_or_default(),
        dry_run: request.dry_run,
        served,
    };
    let (mut erased, mut newest) = (ErasedPlaces::default(), HashMap::<u64, u64>::new());
    let mut found = |record: &Found| {
        erased.add(record);
        if record.session != 0 {
            let newest_us = newest.entry(record.session).or_default();
            *newest_us = record.order_us.max(*newest_us);
        }
    };
    let mut step = |done, all| tell(Stage::Log(done, all));
    let looked = erase_log(&reader, &cursors, &targets, mode, &mut found, &mut step, &mut findings)?;
    let readers = if served && !request.dry_run { reread(server, &mut findings)? } else { Vec::new() };
    erase_dead_letters(data, &targets, request.dry_run, &mut findings)?;
    erase_broken_lists(data, &targets, request.dry_run, &mut findings)?;
    erase_assets(data, &targets, request.dry_run, &mut findings);
    tell(Stage::Archive);
    erase_archive(data, &targets, unsearched, request.dry_run, &mut findings)?;
    // The stores last: nothing of this disk waits for one that does not answer.
    #[cfg(feature = "object-store")]
    if let Some(access) = &stores.segments {
        let step = &mut |done, all| tell(Stage::Copies(done, all));
        let mut copies = CopiesPart { data, reader: &reader, stores, access, dry_run: request.dry_run, step };
        copies.erase(&looked, &targets, mode, unsearched_copies, &mut found, &mut findings)?;
    }
    #[cfg(not(feature = "object-store"))]
    let _ = looked;
    #[cfg(all(feature = "archive", feature = "object-store"))]
    {
        tell(Stage::ArchiveCopy);
        super::archive_copy_part::erase_archive_copy(data, stores, &targets, request.dry_run, &mut findings)?;
    }
    let mut told = destinations(data, &cursors, &readers, &erased)?;
    settle_copies(&mut told, stores.has_segments(), request.dry_run, &mut findings);
    if !request.dry_run {
        pending.finish()?;
    }

    let sessions = targets.sorted();
    let recent_from = u64::try_from(began.as_microsecond()).unwrap_or_default().saturating_sub(RECENT_US);
    let mut recent: Vec<u64> = newest.into_iter().filter(|(_, us)| *us >= recent_from).map(|(id, _)| id).collect();
    recent.sort_unstable();
    let texts = |ids: &[u64]| ids.iter().take(NAMED_MAX).map(u64::to_string).collect::<Vec<String>>();
    let may_follow = told.iter().any(|one| one.may_follow);
    Ok(Receipt {
        receipt: receipt.to_string(),
        takeup: env!("CARGO_PKG_VERSION").to_owned(),
        dry_run: request.dry_run,
        began: began.to_string(),
        ended: Timestamp::now().to_string(),
        log: Some(reader.log_uuid().to_string()),
        beside_server: served,
        resumed: resumed.map(|resumed| resumed.to_string()),
        asked: asked(request, receipt),
        search: search_report,
        sessions: sessions.len() as u64,
        session_ids: texts(&sessions),
        recent_session_ids: texts(&recent),
        complete: findings.not_reached_count == 0 && !may_follow,
        places: findings.places,
        destinations: told,
        not_reached: findings.not_reached,
        not_reached_count: findings.not_reached_count,
    })
}

fn asked(request: &Request, receipt: Uuid) -> Asked {
    let user = |id: &String| UserReport {
        blake3: blake3::hash(format!("{receipt}:{id}").as_bytes()).to_hex().to_string(),
        user_id: request.name_users.then(|| id.clone()),
    };
    Asked {
        sessions: request.sessions.iter().map(u64::to_string).collect(),
        projects: request.projects.iter().copied().collect(),
        users: request.users.iter().map(user).collect(),
    }
}

fn seal(server: &mut dyn Server, findings: &mut Findings) -> Result<(), EraseError> {
    for core in server.seal()? {
        let reason = core.reason.unwrap_or_else(|| "it could not be sealed in time".to_owned());
        for path in core.left {
            findings.miss(NotReached::whole(super::log_part::LOG, path, format!("{reason}; run the command again")));
        }
    }
    Ok(())
}

fn reread(server: &mut dyn Server, findings: &mut Findings) -> Result<Vec<LogUser>, EraseError> {
    let readers = server.reread()?;
    for reader in readers.iter().filter(|reader| !reader.reread) {
        let reason = "it could not be made to forget what it had read; it may still deliver some of it";
        findings.miss(NotReached::whole("server", &reader.name, reason));
    }
    Ok(readers)
}

#[cfg(feature = "archive")]
use super::archive_part::erase_archive;
#[cfg(feature = "archive")]
use super::archive_search::search as search_archive;

#[cfg(not(feature = "archive"))]
fn search_archive(
    _: &Path,
    _: &LogReader,
    _: &BTreeSet<String>,
    _: &mut Targets,
    _: &mut SearchReport,
    _: &mut dyn FnMut(usize, usize),
) -> Result<Vec<(std::path::PathBuf, String)>, EraseError> {
    Ok(Vec::new())
}

/// A build without the archive must not leave it as it is without a word.
#[cfg(not(feature = "archive"))]
fn erase_archive(
    data: &Path,
    _: &Targets,
    _: Vec<(std::path::PathBuf, String)>,
    _: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    let dir = data.join("archive");
    if dir.exists() {
        let reason = "this build has no feature archive: run the command with one that has it";
        findings.miss(NotReached::whole("archive", dir.display(), reason));
    }
    Ok(())
}
