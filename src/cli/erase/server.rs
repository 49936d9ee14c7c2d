//! Asks a running server to take part, through its admin port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::admin::HEADER;
use crate::admin::erasing::{REREAD_PATH, RereadReport, SEAL_PATH, SealReport};
use crate::cli::admin_port;
use crate::erase::server::{LogUser, SealedCore};
use crate::erase::{EraseError, Server};

/// The admin port of the server of a data folder.
pub(super) struct AdminPort {
    admin: Option<SocketAddr>,
    config: Option<PathBuf>,
    data: PathBuf,
}

impl AdminPort {
    pub(super) fn new(admin: Option<SocketAddr>, config: Option<&Path>, data: &Path) -> Self {
        Self { admin, config: config.map(Path::to_owned), data: data.to_owned() }
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, EraseError> {
        let asked = admin_port::address(self.admin, self.config.as_deref(), &self.data)
            .and_then(|address| admin_port::post(address, path, HEADER))
            .and_then(|answer| answer.json());
        asked.map_err(|error| {
            EraseError::Server(format!("a server runs on this data folder and has to take part, but {error}"))
        })
    }
}

impl Server for AdminPort {
    fn seal(&mut self) -> Result<Vec<SealedCore>, EraseError> {
        let report: SealReport = self.ask(SEAL_PATH)?;
        let told = |core: crate::admin::erasing::SealedSegments| SealedCore {
            core: core.core,
            sealed: core.sealed,
            left: core.left,
            reason: core.reason,
        };
        Ok(report.cores.into_iter().map(told).collect())
    }

    fn reread(&mut self) -> Result<Vec<LogUser>, EraseError> {
        let report: RereadReport = self.ask(REREAD_PATH)?;
        let told = |reader: crate::admin::erasing::LogUser| LogUser {
            name: reader.name,
            reread: reader.reread,
            passed: reader.passed,
        };
        Ok(report.readers.into_iter().map(told).collect())
    }
}
