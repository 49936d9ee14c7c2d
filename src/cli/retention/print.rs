//! Prints what retention would do, for people.

use std::collections::BTreeMap;

use crate::cli::error::CliError;
use crate::cli::output::{Align, Out, Table, bytes, counted, plain, thousands, time_us};

use super::lines::{Line, Part};

/// The most lines about what goes; `--json` has all.
const GOES_MAX: usize = 50;

/// Prints what goes, one by one, and what stays, by reason.
pub(super) fn print(parts: &[Part], out: &mut Out) -> Result<(), CliError> {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.line("")?;
        }
        let goes: Vec<&Line> = part.lines.iter().filter(|line| line.goes).collect();
        let stays: Vec<&Line> = part.lines.iter().filter(|line| !line.goes).collect();
        let freed = bytes(goes.iter().map(|line| line.bytes).sum());
        let summary = match &*goes {
            [] => "nothing goes now".to_owned(),
            [only] => format!("{} ({freed}) goes now", what(only)),
            several => format!("{} {} ({freed}) go now", thousands(several.len() as u64), units(part)),
        };
        let title = format!("{} {} ({}): {summary}", part.name, part.folder, bytes(part.bytes));
        let title = out.bold(&title);
        out.line(&title)?;
        print_going(part, &goes, out)?;
        print_staying(part, &stays, out)?;
    }
    Ok(())
}

fn units(part: &Part) -> &'static str {
    if part.name == "log" { "segments" } else { "hours" }
}

fn what(line: &Line) -> String {
    match (&line.segment, &line.hour) {
        (Some(segment), _) => format!("segment {segment} of core {}", line.core.unwrap_or_default()),
        (None, hour) => {
            let hour = hour.as_deref().unwrap_or_default();
            format!("hour {}", hour.trim_end_matches(":00:00Z").replace('T', " "))
        }
    }
}

fn print_going(part: &Part, goes: &[&Line], out: &mut Out) -> Result<(), CliError> {
    if goes.is_empty() {
        return Ok(());
    }
    let mut table =
        Table::new(&[("GOES", Align::Left), ("SIZE", Align::Right), ("RECORDS", Align::Right), ("WHY", Align::Left)]);
    for line in goes.iter().take(GOES_MAX) {
        table.row(vec![what(line), bytes(line.bytes), thousands(line.records), why_goes(line)]);
    }
    table.print(out)?;
    if goes.len() > GOES_MAX {
        let more = thousands((goes.len() - GOES_MAX) as u64);
        out.line(&format!("and {more} more {}; --json lists all", units(part)))?;
    }
    Ok(())
}

/// What stays for one reason.
#[derive(Default)]
struct Group {
    count: u64,
    bytes: u64,
    next_us: Option<u64>,
}

fn print_staying(part: &Part, stays: &[&Line], out: &mut Out) -> Result<(), CliError> {
    if stays.is_empty() {
        return Ok(());
    }
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for line in stays {
        let group = groups.entry(why_stays(line)).or_default();
        group.count += 1;
        group.bytes += line.bytes;
        group.next_us = [group.next_us, line.until_us].into_iter().flatten().min();
    }
    let mut table =
        Table::new(&[("STAYS", Align::Left), ("SIZE", Align::Right), ("WHY", Align::Left), ("NEXT GOES", Align::Left)]);
    for (why, group) in groups {
        let unit = units(part).trim_end_matches('s');
        let next = group.next_us.map_or_else(|| "-".to_owned(), time_us);
        table.row(vec![counted(group.count, unit), bytes(group.bytes), why, next]);
    }
    table.print(out)
}

/// The setting of a part whose log's name this is.
fn setting(line: &Line, name: &str) -> String {
    if line.part == "log" { name.to_owned() } else { format!("archive_{name}") }
}

fn why_goes(line: &Line) -> String {
    match line.reason {
        "age" => format!("older than {}", setting(line, "retain_age")),
        "project_age" => match &line.projects {
            Some(projects) => {
                let named: Vec<String> = projects.iter().take(10).map(ToString::to_string).collect();
                let more = if projects.len() > 10 { ", …" } else { "" };
                match &**projects {
                    [only] => format!("rows of project {only}, whose age has ended"),
                    _ => format!("rows of projects {}{more}, whose ages have ended", named.join(", ")),
                }
            }
            None => "older than the ages of its projects".to_owned(),
        },
        "bytes" => format!("over {}", setting(line, "retain_bytes")),
        "full_disk" => "the disk is nearly full, and all consumers have read it".to_owned(),
        "undelivered" => "the disk is nearly full; a consumer has not read it".to_owned(),
        "archived" => "it is in the archive, and all consumers have read it".to_owned(),
        "begun" => "its deletion was begun".to_owned(),
        other => other.to_owned(),
    }
}

fn why_stays(line: &Line) -> String {
    match line.reason {
        "newest" => "the newest: the next start sets its clock by it".to_owned(),
        "doubt" => "in doubt: its sidecar is missing or does not match".to_owned(),
        "held" => format!("held by {}", plain(&line.consumers.join(", "), 200)),
        "not_archived" if line.consumers.is_empty() => "not in the archive yet".to_owned(),
        "not_archived" => format!("not in the archive yet; held by {}", plain(&line.consumers.join(", "), 200)),
        "archive_fault" => format!("the archive can't tell: {}", plain(line.error.as_deref().unwrap_or_default(), 400)),
        "altered" => "not what was sealed, or damaged: takeup verify says more".to_owned(),
        "clock" => "old by the machine's clock, which is not trusted yet".to_owned(),
        "young" => "not old enough".to_owned(),
        _ => match line.project_id {
            Some(project) => format!("project {project} is kept for ever"),
            None => format!("kept for ever: {} is 0", setting(line, "retain_age")),
        },
    }
}
