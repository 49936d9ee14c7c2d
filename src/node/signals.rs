//! SIGTERM, SIGINT and SIGHUP.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::telemetry::{Level, Logger};

use super::NodeError;

/// Starts collecting signals, to be handled once the server runs.
///
/// # Errors
/// The system's errors.
pub fn collect() -> Result<Signals, NodeError> {
    Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(NodeError::other)
}

/// Starts the thread that handles signals: SIGHUP reloads the settings; the first other signal makes the server finish requests in progress
/// and exit, and a second one ends it at once.
///
/// # Errors
/// The thread could not be started.
pub fn handle(
    mut signals: Signals,
    stop: impl Fn() + Send + 'static,
    reload: impl Fn() + Send + 'static,
    logger: Logger,
) -> Result<(), NodeError> {
    let wait = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload();
                continue;
            }
            if stopping {
                std::process::exit(128 + signal);
            }
            stopping = true;
            logger.event(Level::Info, crate::caller!(), "stopping, a second signal ends at once", &[]);
            stop();
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(NodeError::other)?;
    Ok(())
}
