//! For an erasure that is called as a function, where no server runs.

use takeup::erase::EraseError;
use takeup::erase::server::{LogUser, SealedCore, Server};

/// Nothing is asked of it.
pub struct NoServer;

impl Server for NoServer {
    fn seal(&mut self) -> Result<Vec<SealedCore>, EraseError> {
        unreachable!("no server runs")
    }

    fn reread(&mut self) -> Result<Vec<LogUser>, EraseError> {
        unreachable!("no server runs")
    }
}
