//! Asks a running server, through its admin port.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::Response;

use crate::base::net::reachable;
use crate::config::{Config, Sources};

use super::error::CliError;
use super::output::plain;

/// A server may wait a few seconds, for a disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes read of an answer: it has a few hundred bytes for each core or courier.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// An answer, whatever its status.
pub(super) struct Answer {
    addr: SocketAddr,
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// The body as a text. An answer with another status than 200 is an error, and is shown.
    pub(super) fn text(&self) -> Result<String, CliError> {
        let text = String::from_utf8_lossy(&self.body);
        match self.status {
            200 => Ok(text.into_owned()),
            status => {
                let text = plain(text.trim(), 200);
                Err(CliError::Other(format!("{} answers with status {status}: {text}", self.addr)))
            }
        }
    }

    /// The body as a value. An answer that is no such value, such as an error, is shown as it is.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let (addr, status, text) = (self.addr, self.status, String::from_utf8_lossy(&self.body));
            CliError::Other(format!("{addr} answers with status {status}: {}", plain(text.trim(), 200)))
        })
    }
}

/// The address of the server's admin port. An address on the command line is used as is: the data folder may be on a broken disk.
pub(super) fn address(admin: Option<SocketAddr>, config: Option<&Path>, data: &Path) -> Result<SocketAddr, CliError> {
    if let Some(addr) = admin {
        return Ok(reachable(addr));
    }
    let sources = Sources { file: config.map(Path::to_owned), ..Sources::of_process(data) };
    Ok(reachable(Config::load_settings(&sources)?.config.admin))
}

/// Asks for a page.
pub(super) fn get(addr: SocketAddr, path: &str) -> Result<Answer, CliError> {
    answer(addr, agent().get(format!("http://{addr}{path}")).call())
}

/// Sends a request that changes something, with the header that it needs.
pub(super) fn post(addr: SocketAddr, path: &str, header: &str) -> Result<Answer, CliError> {
    answer(addr, agent().post(format!("http://{addr}{path}")).header(header, "1").send_empty())
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("takeup/", env!("CARGO_PKG_VERSION"), " admin"))
        .proxy(None)
        .build();
    Agent::from(config)
}

fn answer(addr: SocketAddr, asked: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, CliError> {
    let mut answer = asked.map_err(|error| {
        CliError::Other(format!(
            "no server answers on its admin port {addr}: {error}; name the port with --admin ADDR:PORT"
        ))
    })?;
    let read = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let body = read.map_err(|error| CliError::Other(format!("the answer of {addr} could not be read: {error}")))?;
    Ok(Answer { addr, status: answer.status().as_u16(), body })
}
