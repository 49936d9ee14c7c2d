//! The couriers of a server: which are configured, and how they are started and stopped.
//!
//! Only what is configured runs. Rows go first: the couriers for queues stay behind them.

use std::io;
use std::sync::Arc;

use crate::admin::health::Check;
use crate::config::Config;
use crate::consume;
use crate::courier::{Courier, CourierOptions, DestinationState, ShipmentBounds, SideRuntime};
use crate::log::LogError;
use crate::telemetry::Logger;

use super::NodeError;

/// Starts one courier.
type Start = Box<dyn FnOnce(CourierOptions, &SideRuntime, &Logger) -> io::Result<Courier>>;

/// A configured courier that has not been started.
struct Planned {
    options: CourierOptions,
    /// Whether it stays behind the courier for rows.
    behind_rows: bool,
    start: Start,
}

/// The couriers to start, rows first.
#[derive(Default)]
pub struct Plan {
    planned: Vec<Planned>,
}

/// The running couriers.
#[derive(Debug, Clone, Default)]
pub struct Couriers {
    all: Vec<Arc<Courier>>,
    /// Dropped after the couriers.
    _runtime: Option<Arc<SideRuntime>>,
}

impl Plan {
    /// What the settings ask for.
    ///
    /// # Errors
    /// A setting can't be used; the error names it.
    pub fn of(config: &Config) -> Result<Self, NodeError> {
        let plan = Self::default();
        let _ = config;
        Ok(plan)
    }

    /// Registers their cursors, so that nothing they have not read is deleted.
    ///
    /// # Errors
    /// A cursor can't be read or written.
    pub fn register(&self) -> Result<(), LogError> {
        self.planned.iter().try_for_each(|planned| consume::register(&planned.options.consumer()))
    }

    /// Starts them.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(self, logger: &Logger) -> io::Result<Couriers> {
        if self.planned.is_empty() {
            return Ok(Couriers::default());
        }
        let runtime = SideRuntime::start()?;
        let mut all: Vec<Arc<Courier>> = Vec::new();
        let mut rows = None;
        for Planned { mut options, behind_rows, start } in self.planned {
            options.behind = rows.clone().filter(|_| behind_rows);
            let courier = start(options, &runtime, logger)?;
            if courier.name().as_str() == ROWS {
                rows = Some(courier.handle().clone());
            }
            all.push(Arc::new(courier));
        }
        Ok(Couriers { all, _runtime: Some(Arc::new(runtime)) })
    }

    /// Adds a courier with this name, which ships to `target` (for people, without credentials).
    #[expect(dead_code, reason = "no kind of courier is there")]
    fn add(
        &mut self,
        config: &Config,
        name: &str,
        target: String,
        start: impl FnOnce(CourierOptions, &SideRuntime, &Logger) -> io::Result<Courier> + 'static,
    ) -> Result<(), NodeError> {
        let options = CourierOptions {
            name: name.parse().map_err(NodeError::Other)?,
            target,
            data: config.data.clone(),
            behind: None,
            bounds: ShipmentBounds { bytes: config.shipment_bytes, records: config.shipment_records },
        };
        self.planned.push(Planned { options, behind_rows: name != ROWS, start: Box::new(start) });
        Ok(())
    }
}

/// The courier that writes rows, which the others follow.
const ROWS: &str = "courier-postgres";

impl Couriers {
    /// Their states, for health: none is vital, because records wait in the log.
    pub fn checks(&self) -> Vec<Check> {
        self.all.iter().map(|courier| Check::of_part("courier", courier.name().to_string(), fault(courier))).collect()
    }

    /// Stops them: those for queues first, so that they do not wait for the rows.
    pub fn stop(&self) {
        for courier in self.all.iter().rev() {
            courier.stop();
        }
    }
}

/// What keeps a courier from delivering.
fn fault(courier: &Courier) -> Option<String> {
    match courier.status().state() {
        DestinationState::Waiting(waiting) => {
            let seconds = waiting.began.elapsed().as_secs();
            Some(format!("{} {} for {seconds} s; records wait in the log", courier.target(), waiting.cause))
        }
        DestinationState::Starting | DestinationState::Ready => None,
    }
}
