//! The courier as it is configured and started.

use std::io;

use crate::courier::running::{Courier, CourierOptions};
use crate::courier::runtime::SideRuntime;
use crate::courier::stores::{Store, StoreAccess};
use crate::telemetry::Logger;

use super::follower::SegmentFollower;

/// The courier's name.
pub const COURIER: &str = "courier-segments";

/// A courier that has not been started.
#[derive(Debug)]
pub struct SegmentsCourier {
    store: Store,
}

impl SegmentsCourier {
    /// Prepares it. Nothing is sent.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn new(access: &StoreAccess) -> Result<Self, String> {
        Store::open(access).map(|store| Self { store })
    }

    /// Starts it. Nothing is required of the store: it may be missing for now.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(self, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        let run = move |seat| SegmentFollower::new(seat, self.store).run();
        Courier::spawn_follower(options, runtime, logger, run)
    }
}
