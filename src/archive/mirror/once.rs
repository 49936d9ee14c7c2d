//! Brings a store to where the archive is, once: for commands.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::courier::backoff::Backoff;
use crate::courier::stores::{Store, StoreAccess, block_on, may_pass};
use crate::courier::{Cause, Trouble};

use super::pass::{Mirror, Pass, Watch};
use super::plan::Wanted;

/// For how long a store that does not answer is asked.
const PATIENCE: Duration = Duration::from_secs(300);

/// The pause while another process, such as a server, is at the same.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// What a copy tells while it runs.
#[derive(Debug)]
pub enum Told<'a> {
    /// So much is to be uploaded.
    Planned {
        /// Files of tables.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A file is there, of so many bytes.
    Uploaded(u64),
    /// Another process copies the archive, and is waited for.
    Busy,
    /// The store does not answer as it should, and is asked again.
    Waits(&'a Cause),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Files of tables.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were removed.
    pub removed: u64,
    /// Objects that should have been, and that the store does not let takeup remove.
    pub left: Vec<String>,
    /// What is not as it should be, and kept nothing else from being copied.
    pub remark: Option<Cause>,
}

/// Brings the store to where the archive of a data folder is.
///
/// # Errors
/// The store's, after some minutes if it may pass; those of this disk; a stop.
pub fn copy(
    access: &StoreAccess,
    data: &Path,
    is_stopping: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Copied, Cause> {
    let store = Store::open(access).map_err(|error| Cause::new(Trouble::Mismatch, "", error))?;
    let mirror = Mirror::new(store, access.url.to_string(), data);
    let failed = |error: io::Error| Cause::new(Trouble::Local, "", error.to_string());
    block_on(work(&mirror, is_stopping, tell)).map_err(failed)?
}

async fn work(
    mirror: &Mirror,
    is_stopping: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Copied, Cause> {
    let mut watch =
        Patient { is_stopping, tell, copied: Copied::default(), failing: None, backoff: Backoff::default() };
    loop {
        match mirror.drop_unfinished().await {
            Ok(()) => break,
            Err(cause) => watch.wait_out(cause).await?,
        }
    }
    let mut told_busy = false;
    loop {
        watch.check()?;
        match mirror.pass(&mut watch).await {
            Ok(Pass::Done { remark, .. }) => return Ok(Copied { remark, ..watch.copied }),
            Ok(Pass::NoArchive) => return Err(Cause::new(Trouble::Missing, "", "there is no archive to copy")),
            Ok(Pass::Overtaken) => {}
            Ok(Pass::Busy) => {
                if !std::mem::replace(&mut told_busy, true) {
                    (watch.tell)(Told::Busy);
                }
                sleep(BUSY_PAUSE).await;
            }
            Err(cause) => watch.wait_out(cause).await?,
        }
    }
}

struct Patient<'a> {
    is_stopping: &'a dyn Fn() -> bool,
    tell: &'a mut dyn FnMut(Told<'_>),
    copied: Copied,
    /// Since when nothing has gone well.
    failing: Option<Instant>,
    backoff: Backoff,
}

impl Patient<'_> {
    fn check(&self) -> Result<(), Cause> {
        if (self.is_stopping)() { Err(Cause::new(Trouble::Local, "", "stopped")) } else { Ok(()) }
    }

    async fn wait_out(&mut self, cause: Cause) -> Result<(), Cause> {
        self.check()?;
        let began = *self.failing.get_or_insert_with(Instant::now);
        if !may_pass(cause.trouble) || began.elapsed() > PATIENCE {
            return Err(cause);
        }
        (self.tell)(Told::Waits(&cause));
        sleep(self.backoff.failed()).await;
        Ok(())
    }
}

impl Watch for Patient<'_> {
    fn planned(&mut self, files: u64, bytes: u64) {
        (self.tell)(Told::Planned { files, bytes });
    }

    fn uploaded(&mut self, file: &Wanted) {
        self.copied.files += 1;
        self.copied.bytes += file.bytes;
        self.failing = None;
        self.backoff.reset();
        (self.tell)(Told::Uploaded(file.bytes));
    }

    fn removed(&mut self) {
        self.copied.removed += 1;
    }

    fn left(&mut self, name: &str) {
        self.copied.left.push(name.to_owned());
    }

    async fn waits(&mut self, cause: Cause) -> Result<(), Cause> {
        self.wait_out(cause).await
    }
}
