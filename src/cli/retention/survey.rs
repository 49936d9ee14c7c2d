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
use crate::log::survey::Survey;
use crate::node;

#[cfg(feature = "archive")]
use super::archive;
use super::lines::{Line, Part};

/// The log, and the archive if there is one.
pub(super) fn survey(data: &Path, sources: Sources) -> Result<Vec<Part>, CliError> {
    let reader = log_folder::open(data)?;
    // What has just vanished from a file is still in force.
    let sources = Sources { remembered: remembered::read(&sources), ..sources };
    let config = Config::load_settings(&sources)?.config;
    let projects = ages(data, &config)?;
    let survey = of_log(&reader, &config, projects.clone())?;
    #[cfg(feature = "archive")]
    let archive = archive::part(data, &config, projects, &survey)?;
    #[cfg(not(feature = "archive"))]
    let archive = None;
    Ok(std::iter::once(log_part(&reader, &survey)).chain(archive).collect())
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
    let rules = node::log_rules(config, reader.log_uuid(), projects);
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
