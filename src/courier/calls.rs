//! Calls to a destination outside of a running courier: each waits for its end.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use super::cause::{Cause, Trouble};
use super::destination::{Destination, ShipError};

/// A destination, and a runtime to wait for it.
pub(super) struct Calls<D> {
    destination: D,
    /// How long a call may take.
    limit: Duration,
    /// What the destination held when its connection was lost, until it is known whether it still does.
    unverified: Option<String>,
    /// Dropped after the destination.
    runtime: Runtime,
}

impl<D: Destination> Calls<D> {
    /// Starts the runtime.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) fn new(destination: D, limit: Duration) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { destination, limit, unverified: None, runtime })
    }

    /// Ships items. Returns false if nothing was shipped, because the destination turned out to have lost what it had confirmed.
    ///
    /// # Errors
    /// Not all of them were delivered.
    pub(super) fn ship(&mut self, items: &[D::Item]) -> Result<bool, ShipError> {
        let (destination, unverified) = (&mut self.destination, &mut self.unverified);
        let call = async {
            if has_lost(destination, unverified).await.map_err(ShipError::destination)? {
                return Ok(false);
            }
            destination.ship(items).await.map(|()| true)
        };
        // The timer needs the runtime.
        let shipped = self.runtime.block_on(async { timeout(self.limit, call).await });
        shipped.unwrap_or_else(|_| {
            self.destination.disconnect();
            let text = format!("nothing came back within {} s", self.limit.as_secs());
            Err(ShipError::destination(Cause::new(Trouble::TimedOut, "", text)))
        })
    }

    /// Waits.
    pub(super) fn pause(&self, time: Duration) {
        self.runtime.block_on(async { sleep(time).await });
    }
}

/// Connects, unless there is a connection. Returns whether the destination has lost what it had confirmed.
async fn has_lost<D: Destination>(destination: &mut D, unverified: &mut Option<String>) -> Result<bool, Cause> {
    // A connection that breaks before the question is answered must not change the question.
    if unverified.is_none() {
        *unverified = destination.mark();
    }
    if destination.connect().await?
        && let Some(mark) = unverified.as_ref()
    {
        match destination.still_has(mark).await {
            Ok(true) => {}
            Ok(false) => {
                *unverified = None;
                return Ok(true);
            }
            Err(cause) => {
                // It is asked again once there is another connection.
                destination.disconnect();
                return Err(cause);
            }
        }
    }
    *unverified = None;
    Ok(false)
}
