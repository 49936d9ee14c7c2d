//! Finds out what retention would do.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::config::{Config, PROJECTS_FILE, Sources, remembered};
use crate::directory::ages_in_force;
use crate::log::Options;
use crate::log::read::reader::LogReader;
use crate::log::retain::Rules;
use crate::log::survey::Survey;
use crate::node;

use super::lines::{Line, Part};

/// The log, and the archive if there is one.
pub(super) fn survey(data: &Path, sources: Sources) -> Result<Vec<Part>, CliError> {
    let reader = log_folder::open(data)?;
    // What has just vanished from a file is still in force.
    let sources = Sources { remembered: remembered::read(&sources), ..sources };
    let config = Config::load_settings(&sources)?.config;
    let projects = ages(data, &config)?;
    let survey = of_log(&reader, &config, projects.clone())?;
    let mut parts = vec![log_part(&reader, &survey)];
    #[cfg(feature = "archive")]
    parts.extend(of_archive::part(data, &config, projects, &survey)?);
    Ok(parts)
}

fn ages(data: &Path, config: &Config) -> Result<BTreeMap<u32, Option<Duration>>, CliError> {
    let file = data.join(PROJECTS_FILE);
    let file = config.postgres_string.is_none().then_some(&*file);
    let days = ages_in_force(data, file, config.removal_grace).map_err(|error| CliError::Other(error.to_string()))?;
    Ok(node::project_ages(days))
}

fn of_log(reader: &LogReader, config: &Config, projects: BTreeMap<u32, Option<Duration>>) -> Result<Survey, CliError> {
    let Config { segment_bytes, reserve_bytes, .. } = *config;
    let options = Options { segment_bytes, reserve_bytes, ..Options::default() };
    let rules = Rules::new(node::log_retention(config), projects);
    Ok(crate::log::survey::survey(reader, &rules, options.low_water_bytes())?)
}

fn log_part(reader: &LogReader, survey: &Survey) -> Part {
    let begun = survey.begun.iter().map(|&(core, id, bytes)| Line::begun(core, id, bytes));
    let goes = survey.goes.iter().map(Line::goes);
    let stays = survey.stays.iter().map(Line::stays);
    Part {
        name: "log",
        folder: reader.dir().display().to_string(),
        bytes: survey.log_bytes,
        lines: begun.chain(goes).chain(stays).collect(),
    }
}

#[cfg(feature = "archive")]
mod of_archive {
    use super::*;

    use crate::archive::manifest::Manifest;
    use crate::archive::place::Place;
    use crate::archive::retention::plan::why_stays;
    use crate::archive::retention::step::Found;
    use crate::archive::retention::{HourFacts, Removal, plan};
    use crate::archive::source::Source;
    use crate::cli::output::warn;

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
        let all: (u64, u64) =
            hour.files.iter().fold((0, 0), |(bytes, rows), file| (bytes + file.bytes, rows + file.rows));
        let gone = removals.iter().filter(|removal| removal.hour == hour.hour);
        gone.fold(all, |(bytes, rows), removal| {
            (bytes.saturating_sub(removal.bytes), rows.saturating_sub(removal.rows))
        })
    }
}
