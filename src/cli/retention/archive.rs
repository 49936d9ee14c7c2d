//! Finds out what retention would do with the archive.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::archive::manifest::Manifest;
use crate::archive::place::Place;
use crate::archive::retention::plan::why_stays;
use crate::archive::retention::step::Found;
use crate::archive::retention::{HourFacts, Removal, plan};
use crate::archive::source::Source;
use crate::cli::error::CliError;
use crate::cli::output::warn;
use crate::config::Config;
use crate::log::survey::Survey;
use crate::node;

use super::lines::{Line, Part};

/// How often the archive is read again when it has changed meanwhile.
const TRIES: usize = 20;

/// The archive, if there is one.
pub(super) fn part(
    data: &Path,
    config: &Config,
    projects: BTreeMap<u32, Option<Duration>>,
    survey: &Survey,
) -> Result<Option<Part>, CliError> {
    let (place, times) = (Place::in_data(data), survey.times);
    let retain = node::archive_retain(config, projects);
    let mut tries = 0;
    let found = loop {
        let Some(manifest) = Manifest::read(&Source::folder(&place))? else { return Ok(None) };
        match Found::all(&place, &manifest, &retain, times.latest_us) {
            Ok(found) => break found,
            Err(error) if error.is_of_a_file() && tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    };
    for error in &found.unreadable {
        warn(&format!("{error}; its rows stay as long as those of any project"));
    }
    let look = found.look(&retain, times.earliest_us);
    let removals = plan(&look);
    let mut lines: Vec<Line> = removals.iter().map(Line::leaves).collect();
    for hour in &found.hours {
        if let Some(why) = why_stays(&look, hour, &removals, times.latest_us) {
            let (bytes, rows) = rest(hour, &removals);
            lines.push(Line::remains(hour.hour, bytes, rows, &why));
        }
    }
    let folder = place.dir().display().to_string();
    Ok(Some(Part { name: "archive", folder, bytes: found.total_bytes, lines }))
}

/// Bytes and rows of an hour that stay.
fn rest(hour: &HourFacts, removals: &[Removal]) -> (u64, u64) {
    let all: (u64, u64) = hour.files.iter().fold((0, 0), |(bytes, rows), file| (bytes + file.bytes, rows + file.rows));
    let gone = removals.iter().filter(|removal| removal.hour == hour.hour);
    gone.fold(all, |(bytes, rows), removal| (bytes.saturating_sub(removal.bytes), rows.saturating_sub(removal.rows)))
}
