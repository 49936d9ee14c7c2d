//! Commands wait for a store on their own thread.

use std::io;

/// Runs the work of a command, on a runtime of its own.
///
/// # Errors
/// The runtime could not be made.
pub fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
