//! `takeup verify --archive`.

use std::path::Path;

use crate::base::archive_address::ArchiveAddress;
use crate::cli::error::CliError;
use crate::cli::output::Out;

use super::args::VerifyArgs;
use super::condition::Condition;

#[cfg(not(feature = "archive"))]
pub(super) fn check(_: Option<&ArchiveAddress>, _: &VerifyArgs, _: &Path, _: &mut Out) -> Result<Condition, CliError> {
    let text = "this takeup was built without the archive: build it with the feature `archive`, which is on by default";
    Err(CliError::Other(text.to_owned()))
}

#[cfg(feature = "archive")]
pub(super) use with_archive::check;

#[cfg(feature = "archive")]
mod with_archive {
    use serde::Serialize;

    use super::*;
    use crate::archive::check::{Checked, Finding};
    use crate::archive::place::Place;
    use crate::cli::archive_source;
    use crate::cli::output::{bytes, counted};
    use crate::cli::serve::ServeArgs;

    /// A file, as `--json` prints it.
    #[derive(Serialize)]
    struct FileLine<'a> {
        path: &'a str,
        ok: bool,
        rows: u64,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }

    /// The archive, as `--json` prints it at the end.
    #[derive(Serialize)]
    struct ArchiveLine<'a> {
        archive: &'a str,
        ok: bool,
        days: u64,
        files: u64,
        rows: u64,
        bytes: u64,
        faults: u64,
    }

    /// Checks an archive and reports the result.
    pub(in crate::cli::verify) fn check(
        address: Option<&ArchiveAddress>,
        args: &VerifyArgs,
        data: &Path,
        out: &mut Out,
    ) -> Result<Condition, CliError> {
        let settings = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
        let source = archive_source::open(address, &settings, data)?;
        let own = || Place::in_data(data).dir().display().to_string();
        let name = address.map_or_else(own, ToString::to_string);
        // The check's callback can't fail, so an output error is kept until the check is done.
        let mut printed = Ok(());
        let checked = crate::archive::check::check(&source, &mut |finding| {
            if printed.is_ok() {
                printed = show(finding, args, out);
            }
        })?;
        let Some(checked) = checked else {
            return Err(CliError::Other(format!("{name}: there is no archive; `takeup compact` makes one")));
        };
        match printed.and_then(|()| conclude(&name, &checked, args, out)) {
            // The reader of the output may go away; the exit code still gives the state of the archive.
            Err(error) if !error.is_closed_pipe() => Err(error),
            _ if checked.faults > 0 => Ok(Condition::Damaged),
            _ => Ok(Condition::Whole),
        }
    }

    fn show(finding: &Finding<'_>, args: &VerifyArgs, out: &mut Out) -> Result<(), CliError> {
        let (path, rows, size, error) = match finding {
            Finding::Whole(_) if args.quiet => return Ok(()),
            Finding::Whole(file) => (&file.path, file.rows, file.bytes, None),
            Finding::Fault(file, error) => (&file.path, file.rows, file.bytes, Some(error)),
            Finding::List(day, error) => (&day.path, day.rows, day.list_bytes, Some(error)),
        };
        let error = error.map(ToString::to_string);
        if args.json {
            return out.json(&FileLine { path, ok: error.is_none(), rows, bytes: size, error });
        }
        match error {
            Some(error) => out.line(&out.red(&error)),
            None => out.line(&format!("{path}  {}, {}: whole", counted(rows, "row"), bytes(size))),
        }
    }

    fn conclude(name: &str, checked: &Checked, args: &VerifyArgs, out: &mut Out) -> Result<(), CliError> {
        let Checked { days, files, rows, bytes: size, faults } = *checked;
        if args.json {
            return out.json(&ArchiveLine { archive: name, ok: faults == 0, days, files, rows, bytes: size, faults });
        }
        let whole = format!(
            "{} of {} ({}, {})",
            counted(files, "file"),
            counted(days, "day"),
            counted(rows, "row"),
            bytes(size)
        );
        match faults {
            0 if args.quiet => Ok(()),
            0 => out.line(&format!("{name}: {whole}, all whole")),
            _ => {
                let text = format!("{name}: {} missing or damaged; {whole} whole", counted(faults, "file"));
                out.line(&out.red(&text))
            }
        }
    }
}
