//! The part of the log that is replayed.

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, RepeatWindow};
use crate::log::read::reader::LogReader;

use super::args::ReplayArgs;

/// The records from `--from` on and before `--until`, in the log's order.
pub struct Stretch {
    merge: Merge,
    from_us: u64,
    until_us: u64,
}

impl Stretch {
    /// Begins where the arguments say.
    pub fn new(args: &ReplayArgs, reader: LogReader) -> Result<Stretch, CliError> {
        let merge = match args.from {
            None => Merge::new(reader),
            // The first sending of a repeat may lie before.
            Some(from_us) => {
                let window_us = u64::try_from(RepeatWindow::default().time.as_micros()).unwrap_or(u64::MAX);
                Merge::since(reader, from_us.saturating_sub(window_us))?
            }
        };
        Ok(Stretch {
            merge: log_folder::choose_repeats(merge, args.with_repeats),
            from_us: args.from.unwrap_or(0),
            until_us: args.until.unwrap_or(u64::MAX),
        })
    }

    /// Calls `each` with every record, until it returns false.
    pub fn each(&mut self, mut each: impl FnMut(&Record<'_>) -> Result<bool, CliError>) -> Result<(), CliError> {
        while let Some(record) = self.merge.next_settled()? {
            // Order time never steps back.
            if record.order_us >= self.until_us {
                break;
            }
            if record.order_us >= self.from_us && !each(&record)? {
                break;
            }
        }
        Ok(())
    }

    /// How many repeats were left out.
    pub fn repeats(&self) -> u64 {
        self.merge.repeats()
    }

    /// Reports on stderr what was left out: repeats, and damage that was skipped.
    pub fn remark(&self) {
        log_folder::remark(&self.merge);
    }
}
