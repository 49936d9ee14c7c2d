//! Where a session's records come from: the log, or an archive.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::base::archive_address::ArchiveAddress;
use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::serve::key_value;
use crate::log::format::record::Record;

/// The options that say where the session is.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArgs {
    /// Read an archive instead of the log: that of the data folder, or of another folder, or one in an object store (s3://BUCKET/PREFIX).
    #[arg(long, value_name = "FOLDER|URL", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "clap's form of an option with an optional value")]
    pub archive: Option<Option<ArchiveAddress>>,
    /// The file of settings, for the keys of an object store [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", requires = "archive")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, requires = "archive")]
    pub set: Vec<(String, String)>,
}

/// Whoever takes records.
pub type Each<'a> = &'a mut dyn FnMut(&Record<'_>) -> Result<(), CliError>;

/// Hands the session's records to `each`, in the order of their arrival. Whether there were any.
///
/// # Errors
/// The log or the archive can't be read, or `each` has failed.
pub fn records(session: u64, args: &SourceArgs, data: &Path, each: Each<'_>) -> Result<(), CliError> {
    let mut found = false;
    let mut note = |record: &Record<'_>| {
        found = true;
        each(record)
    };
    match &args.archive {
        None => of_log(session, data, &mut note)?,
        Some(address) => of_archive(session, address.as_ref(), args, data, &mut note)?,
    }
    if found {
        return Ok(());
    }
    Err(CliError::Other(match &args.archive {
        Some(Some(address)) => format!("session {session} is not in the archive {address}"),
        Some(None) => format!("session {session} is not in the archive of {}", data.display()),
        None if data.join("archive").join("manifest.json").exists() => format!(
            "session {session} is not in this log; it may be in the archive: add --archive. `takeup sessions` lists those that are in the log"
        ),
        None => return Err(not_in_log(session)),
    }))
}

/// There is no such session.
pub fn not_in_log(session: u64) -> CliError {
    CliError::Other(format!("session {session} is not in this log; `takeup sessions` lists those that are"))
}

fn of_log(session: u64, data: &Path, each: Each<'_>) -> Result<(), CliError> {
    let mut merge = log_folder::merge(data, false)?;
    while let Some(record) = merge.next_settled()? {
        if record.session == session {
            each(&record)?;
        }
    }
    log_folder::remark(&merge);
    Ok(())
}

#[cfg(feature = "archive")]
fn of_archive(
    session: u64,
    address: Option<&ArchiveAddress>,
    args: &SourceArgs,
    data: &Path,
    each: Each<'_>,
) -> Result<(), CliError> {
    use crate::cli::serve::ServeArgs;
    use crate::cli::{archive_source, replay};

    let settings = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
    replay::session_of_archive(session, archive_source::open(address, &settings, data)?, each)
}

#[cfg(not(feature = "archive"))]
fn of_archive(_: u64, _: Option<&ArchiveAddress>, _: &SourceArgs, _: &Path, _: Each<'_>) -> Result<(), CliError> {
    let text = "--archive: this takeup was built without archives: build it with the feature `archive`, which is on by default, or leave \
                --archive out, which reads the log";
    Err(CliError::Other(text.to_owned()))
}
