//! The start-up message for the person who starts the server.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::net::reachable;
use crate::config::{FirstRun, snippet};
use crate::server::core::common::Common;

/// Prints where the server is and what to paste into a page. It goes to stderr, because stdout carries log lines only.
pub fn announce(listen: SocketAddr, admin: SocketAddr, first_run: &FirstRun, common: &Common, took: Duration) {
    let live = common.live.current();
    let config = &live.config;
    let address = format!("http://{}", reachable(listen));
    let mut text = format!(
        "takeup {} listens on http://{listen} ({} cores, {}, ack = {}), ready after {} ms\n\
         metrics and health on http://{admin}, data in {}\n\
         watch sessions at http://{}/\n",
        env!("CARGO_PKG_VERSION"),
        common.inboxes.len(),
        common.driver,
        config.ack,
        took.as_millis(),
        config.data.display(),
        reachable(admin),
    );
    let directory = common.directory.current();
    if let Some(key) = first_run.project_key.as_deref().or_else(|| directory.first_web_key()) {
        text.push_str(&format!(
            "\nproject key: {key}\npaste this into a page to record it:\n\n{}\n",
            snippet(&address, key)
        ));
    }
    // The server runs even if nobody can read this.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
