//! The shard: the 16 bits of a session id that tell one server from another.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde::Deserialize;

/// How long the container's metadata may take, for each of connecting, sending and receiving.
pub const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// The most that is read of an answer.
const METADATA_BYTES_MAX: u64 = 64 * 1024;

/// The shard of a host name: the sum over its characters of (byte offset + 1) × code point,
/// modulo 65,536. Names made of the same letters may collide; a configured shard does not.
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
    /// Not an address that can be asked.
    #[error("{0:?} is not an http:// address")]
    Address(String),
    /// Nobody answered in time.
    #[error("{address} did not answer: {source}")]
    Io {
        /// Who was asked.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else was answered.
    #[error("{address} answered no list of exactly one network with exactly one IPv4 address")]
    Answer {
        /// Who was asked.
        address: String,
    },
}

/// The shard of a container on Amazon ECS: the last two numbers of its only IPv4 address, asked
/// for at the address in `ECS_CONTAINER_METADATA_URI`. Blocks for a few seconds at most.
pub fn from_ecs_metadata(uri: &str) -> Result<u16, MetadataError> {
    let (host, path) = split_uri(uri).ok_or_else(|| MetadataError::Address(uri.to_owned()))?;
    let answer = get(&host, path).map_err(|source| MetadataError::Io { address: uri.to_owned(), source })?;
    shard_of_answer(&answer).ok_or_else(|| MetadataError::Answer { address: uri.to_owned() })
}

/// `host:port` and path of an `http://` address.
fn split_uri(uri: &str) -> Option<(String, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let clean = |text: &str| !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
    if host.is_empty() || !clean(uri) {
        return None;
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    Some((host, path))
}

fn get(host: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let address = host.to_socket_addrs()?.next().ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, METADATA_TIMEOUT)?;
    stream.set_read_timeout(Some(METADATA_TIMEOUT))?;
    stream.set_write_timeout(Some(METADATA_TIMEOUT))?;
    // HTTP/1.0, so that the answer ends with the connection and is never chunked. In one write:
    // small servers take the first packet for the whole request.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(METADATA_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
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
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let metadata: Metadata = serde_json::from_slice(&answer[head_end + 4..]).ok()?;
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
