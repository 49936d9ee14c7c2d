//! The options of `takeup stats`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::base::archive_address::ArchiveAddress;
use crate::cli::error::CliError;
use crate::cli::serve::{ServeArgs, key_value};
use crate::cli::time::time_us;
use crate::stats::{By, Range};

/// The options of `takeup stats`.
#[derive(Debug, Clone, Args)]
pub struct StatsArgs {
    /// What is counted: the log, the archive, or both, each record once [default: both; with --archive, the archive].
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub source: Option<Source>,
    /// The archive: a folder, or one in an object store (s3://BUCKET/PREFIX) [default: the data folder's].
    #[arg(long, value_name = "FOLDER|URL")]
    pub archive: Option<ArchiveAddress>,
    /// By what sessions are told apart.
    #[arg(long, value_name = "WHAT", default_value = "project", value_parser = by())]
    pub by: By,
    /// How many groups and sessions are shown, the largest first.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub top: u32,
    /// Only records from this time on: 2026-11-29, 2026-11-29T06:00:00Z, or how long ago, such as 36h.
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub from: Option<u64>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub until: Option<u64>,
    /// Only records of this project.
    #[arg(long, value_name = "ID")]
    pub project: Option<u32>,
    /// Draw the numbers into this file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// The file of settings, for the keys of an object store and body_inflated_limit [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Print the numbers as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The log, as far as it still goes back.
    Log,
    /// The archive, as far as it reaches.
    Archive,
    /// The archive up to its end, and the log from there.
    Both,
}

fn by() -> impl TypedValueParser<Value = By> {
    PossibleValuesParser::new(By::ALL.map(|(word, _)| word))
        .map(|word| By::ALL.iter().find(|(known, _)| *known == word).map_or(By::Nothing, |(_, by)| *by))
}

impl StatsArgs {
    /// What is counted.
    ///
    /// # Errors
    /// An archive is named that is not to be read.
    pub fn source(&self) -> Result<Source, CliError> {
        match (self.source, &self.archive) {
            (Some(Source::Log), Some(_)) => {
                Err(CliError::Other("--archive does not go with --source log: leave one of them out".to_owned()))
            }
            (Some(source), _) => Ok(source),
            (None, Some(_)) => Ok(Source::Archive),
            (None, None) => Ok(Source::Both),
        }
    }

    /// The settings that the options name.
    pub fn settings(&self) -> ServeArgs {
        ServeArgs { config: self.config.clone(), set: self.set.clone(), ..ServeArgs::default() }
    }

    /// Which records count.
    ///
    /// # Errors
    /// No time is left.
    pub fn range(&self) -> Result<Range, CliError> {
        let range =
            Range { from_us: self.from.unwrap_or(0), until_us: self.until.unwrap_or(u64::MAX), project: self.project };
        if range.from_us >= range.until_us {
            return Err(CliError::Other("--until must be after --from, or nothing is left".to_owned()));
        }
        Ok(range)
    }
}
