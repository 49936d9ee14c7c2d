//! The shard: the 16 bits of a session id that identify the server.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use ureq::Agent;
use ureq::http::{Uri, Version};

/// The time limit for connecting to the container's metadata endpoint, and for each read and write.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// The most bytes that are read of its answer.
const METADATA_BYTES_MAX: u64 = 64 * 1024;

/// The shard of a host name: the sum over its characters of (byte offset + 1) × code point, modulo 65,536. Different names may give the same
/// shard; where that matters, configure one.
pub fn from_host_name(name: &str) -> u16 {
    name.char_indices().fold(0, |sum: u16, (offset, character)| {
        // Only the low 16 bits of each factor reach the low 16 bits of the sum.
        let weight = (offset as u16).wrapping_add(1);
        sum.wrapping_add(weight.wrapping_mul(u32::from(character) as u16))
    })
}

/// Why the container's metadata gave no shard.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not an `http://` address.
    #[error("{0:?} is not an http:// address")]
    Address(String),
    /// There was no answer in time.
    #[error("{address} did not answer: {source}")]
    Io {
        /// The address that was asked.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The answer was not of the expected form.
    #[error("the answer from {address} does not list exactly one network with exactly one IPv4 address")]
    Answer {
        /// The address that was asked.
        address: String,
    },
}

/// The shard of a container on Amazon ECS: the last two numbers of its only IPv4 address, which the endpoint in `ECS_CONTAINER_METADATA_URI`
/// reports. Blocks for a few seconds at most.
pub fn from_ecs_metadata(uri: &str) -> Result<u16, MetadataError> {
    if !is_http(uri) {
        return Err(MetadataError::Address(uri.to_owned()));
    }
    let address = || uri.to_owned();
    match get(uri) {
        Ok(answer) => shard_of_answer(&answer).ok_or_else(|| MetadataError::Answer { address: address() }),
        Err(ureq::Error::BodyExceedsLimit(_)) => Err(MetadataError::Answer { address: address() }),
        Err(error) => Err(MetadataError::Io { address: address(), source: error.into_io() }),
    }
}

/// Whether this is an `http://` address with a host.
fn is_http(uri: &str) -> bool {
    uri.parse::<Uri>()
        .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()))
}

/// The body of the answer, whatever its status: only the content counts.
fn get(uri: &str) -> Result<Vec<u8>, ureq::Error> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(METADATA_TIMEOUT))
        .timeout_per_read(Some(METADATA_TIMEOUT))
        .timeout_per_write(Some(METADATA_TIMEOUT))
        .user_agent(concat!("takeup/", env!("CARGO_PKG_VERSION")))
        // The endpoint is local: a proxy from the environment must not be used.
        .proxy(None)
        .build();
    // HTTP/1.0, so that the answer ends with its connection.
    let mut answer = Agent::from(config).get(uri).version(Version::HTTP_10).call()?;
    answer.body_mut().with_config().limit(METADATA_BYTES_MAX).read_to_vec()
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "Networks")]
    networks: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPv4Addresses")]
    addresses: Vec<Ipv4Addr>,
}

fn shard_of_answer(answer: &[u8]) -> Option<u16> {
    let metadata: Metadata = serde_json::from_slice(answer).ok()?;
    let [network] = &metadata.networks[..] else {
        return None;
    };
    let [address] = network.addresses[..] else {
        return None;
    };
    let [_, _, high, low] = address.octets();
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests;
