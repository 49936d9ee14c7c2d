//! `takeup assets fetch`.

use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use crate::assets::fetch::wanted::NotAllowed;
use crate::assets::fetch::{Allow, FetchError, Fetched, LeftOut, Networks, Order, Step, Wanted, fetch as run};
use crate::assets::{Address, Limits, Store};
use crate::base::time::wall_us;
use crate::cli::error::CliError;
use crate::cli::output::{Out, bytes, counted, plain, warn};
use crate::cli::{export, sessions};

use super::args::FetchArgs;
use super::limits::limits;
use super::progress::Progress;
use super::project::number;

/// How many sessions are collected at once, each in a file of its own.
const SESSIONS_AT_ONCE: usize = 32;

/// The largest batch that is inflated.
const INFLATED_MAX: usize = 64 << 20;

/// How many addresses are named for each reason why they are not kept.
const NAMED_MAX: u64 = 10;

/// What was done, as `--json` shows it.
#[derive(Serialize)]
struct Report<'a> {
    sessions: u64,
    fetched: u64,
    new: u64,
    unchanged: u64,
    kept_before: u64,
    not_allowed: u64,
    led_out: u64,
    refused_address: u64,
    too_large: u64,
    other_types: u64,
    missing: u64,
    failed: u64,
    not_asked: u64,
    evicted: u64,
    origins_not_allowed: Vec<Origin<'a>>,
}

/// Addresses of one origin.
#[derive(Serialize)]
struct Origin<'a> {
    origin: &'a str,
    addresses: u64,
}

pub(super) fn fetch(args: &FetchArgs, json: bool, data: &Path, out: &mut Out) -> Result<ExitCode, CliError> {
    let project = number(&args.project, data)?;
    let limits = limits(args.config.as_ref(), &args.set, data)?;
    let order = Order {
        project,
        networks: Networks::with(args.allow_network.clone()),
        with_tls: args.allow.iter().any(Allow::is_tls),
        gap: args.rate,
        timeout: args.timeout,
        most: args.most,
        again: args.again,
        limits,
        now_ms: || wall_us() / 1000,
    };
    let progress = Progress::new();
    let (wanted, sessions) = look_through(args, project, data, &progress)?;
    let mut named = Named::default();
    let fetched = run(&Store::in_data(data), &order, &wanted, &mut |step| match step {
        Step::Asks(address, waiting) => progress.asks(address.as_str(), waiting),
        Step::LeftOut(address, why) => progress.remark(|| named.tell(address, why)),
    });
    progress.finish();
    let fetched = fetched.map_err(|error| match error {
        FetchError::Assets(error) => CliError::Assets(error),
        error @ FetchError::Client(_) => CliError::Other(error.to_string()),
    })?;
    let not_allowed = wanted.not_allowed();
    if json {
        out.json(&report(sessions, &fetched, &not_allowed))?;
    } else {
        print(project, sessions, &fetched, &not_allowed, limits, out)?;
    }
    Ok(if fetched.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the pages of the sessions name, and how many sessions these are.
fn look_through(
    args: &FetchArgs,
    project: u32,
    data: &Path,
    progress: &Progress,
) -> Result<(Arc<Wanted>, u64), CliError> {
    let mut ids = args.sessions.clone();
    if ids.is_empty() {
        ids = sessions::newest(project, usize::from(args.last), data)?;
    }
    let mut known = HashSet::new();
    ids.retain(|id| known.insert(*id));
    let wanted = Wanted::new(args.allow.clone());
    for some in ids.chunks(SESSIONS_AT_ONCE) {
        let collected = export::of_log(some, INFLATED_MAX, data)?;
        for (session, collected) in some.iter().zip(collected) {
            progress.reads(*session);
            if collected.project != project {
                return Err(CliError::Other(format!("session {session} is not of project {}", args.project)));
            }
            export::look_for_assets(collected, wanted.next_session())?;
        }
    }
    Ok((wanted, ids.len() as u64))
}

/// Names the first addresses that are not kept, for each reason.
#[derive(Default)]
struct Named(HashMap<Discriminant<LeftOut>, u64>);

impl Named {
    fn tell(&mut self, address: &Address, why: &LeftOut) {
        let count = self.0.entry(discriminant(why)).or_default();
        *count += 1;
        if *count <= NAMED_MAX {
            warn(&format!("{}: {}", plain(address.as_str(), 200), plain(&why.to_string(), 300)));
        }
    }
}

fn report<'a>(sessions: u64, fetched: &Fetched, others: &'a NotAllowed) -> Report<'a> {
    let origin = |(origin, addresses): &'a (String, u64)| Origin { origin, addresses: *addresses };
    Report {
        sessions,
        fetched: fetched.fetched,
        new: fetched.new,
        unchanged: fetched.unchanged,
        kept_before: fetched.kept_before,
        not_allowed: others.addresses,
        led_out: fetched.led_out,
        refused_address: fetched.refused_address,
        too_large: fetched.too_large,
        other_types: fetched.other_types,
        missing: fetched.missing,
        failed: fetched.failed,
        not_asked: fetched.not_asked,
        evicted: fetched.evicted,
        origins_not_allowed: others.origins.iter().map(origin).collect(),
    }
}

fn print(
    project: u32,
    sessions: u64,
    fetched: &Fetched,
    others: &NotAllowed,
    limits: Limits,
    out: &mut Out,
) -> Result<(), CliError> {
    let Fetched { fetched: count, new, kept_before, .. } = *fetched;
    let sessions = counted(sessions, "session");
    out.line(&format!(
        "{} fetched for project {project}, {new} of them new; {sessions} looked through",
        counted(count, "asset")
    ))?;
    for (count, what) in [
        (kept_before, "kept before"),
        (fetched.led_out, "left out: a redirect leads to what is not allowed"),
        (fetched.refused_address, "left out: the host is in a network that is not asked"),
        (fetched.too_large, "left out: larger than a limit"),
        (fetched.other_types, "of other types left out"),
        (fetched.missing, "that the site does not have"),
        (fetched.failed, "failed"),
        (fetched.not_asked, "not asked for: --most, or a host that was left alone"),
    ] {
        if count > 0 {
            out.line(&format!("{} {what}", counted(count, "URL")))?;
        }
    }
    if fetched.evicted > 0 {
        let (evicted, room) = (counted(fetched.evicted, "asset"), bytes(limits.store_bytes));
        out.line(&format!("{evicted} that were added first had to leave: assets_bytes is {room}"))?;
    }
    for (origin, count) in &others.origins {
        out.line(&format!("not allowed: {}, {}", plain(origin, 200), counted(*count, "URL")))?;
    }
    if others.more { out.line("not allowed: more origins") } else { Ok(()) }
}
