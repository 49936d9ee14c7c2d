//! The task that tells connections what has arrived for them.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::server::core::arrivals::{Named, Waited};
use crate::server::core::state::Core;
use crate::telemetry::Level;

/// The pause after the kernel has refused to tell, which it has no reason to do.
const BACK_OFF: Duration = Duration::from_millis(20);

/// Tells the connections of a core what has arrived, for as long as the core lives.
pub async fn run(core: Rc<Core>, waited: Waited) {
    let mut named = Named::default();
    loop {
        if let Err(error) = tell(&core, &waited, &mut named).await {
            let text = error.to_string();
            core.logger.event(Level::Error, crate::caller!(), "epoll failed", &[("error", &text)]);
            monoio::time::sleep(BACK_OFF).await;
        }
    }
}

async fn tell(core: &Core, waited: &Waited, named: &mut Named) -> io::Result<()> {
    waited.arrival().await?;
    core.arrivals.drain(named, |key, ended| {
        // A connection that is gone was not yet when the kernel noted this.
        let _ = core.conns.with(key, |conn| conn.arrives(ended));
    })
}
