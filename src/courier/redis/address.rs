//! Where Redis is: `REDIS_STRING`, as OpenReplay takes it, or several addresses of a Sentinel group or a cluster.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo};

/// One server, or several that stand for one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RedisMode {
    /// One server. Of several addresses, the first is taken.
    #[default]
    Single,
    /// The addresses are Sentinels, which know the master of this name.
    Sentinel(String),
    /// The addresses are some nodes of a cluster.
    Cluster,
}

/// The address, with its credentials. Shown without them.
#[derive(Clone)]
pub struct RedisAddress {
    nodes: Vec<ConnectionInfo>,
    mode: RedisMode,
}

/// Why a text is no address. Says nothing of the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "address {number} of {count} is not a Redis URL such as redis://user:password@host:6379/0 (rediss:// for TLS); \
     special characters in a password must be written as %XX"
)]
pub struct BadRedisAddress {
    number: usize,
    count: usize,
}

impl RedisAddress {
    /// Parses one or several addresses, separated by commas. Without a scheme, `redis://` is meant.
    ///
    /// # Errors
    /// One of them is not a URL.
    pub fn parse(text: &str, mode: RedisMode) -> Result<Self, BadRedisAddress> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let count = parts.len().max(1);
        let mut nodes = Vec::with_capacity(count);
        for (at, part) in parts.iter().enumerate() {
            let full = if part.contains("://") { (*part).to_owned() } else { format!("redis://{part}") };
            let node = full.as_str().into_connection_info();
            nodes.push(node.map_err(|_| BadRedisAddress { number: at + 1, count })?);
        }
        match nodes.is_empty() {
            true => Err(BadRedisAddress { number: 1, count }),
            false => Ok(Self { nodes, mode }),
        }
    }

    /// The servers' addresses, at least one.
    pub(super) fn nodes(&self) -> &[ConnectionInfo] {
        &self.nodes
    }

    /// What they stand for.
    pub(super) fn mode(&self) -> &RedisMode {
        &self.mode
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.addr().to_string()).collect();
        let nodes = nodes.join(",");
        match &self.mode {
            RedisMode::Single => write!(f, "Redis {}", self.nodes[0].addr()),
            RedisMode::Sentinel(master) => write!(f, "Redis {master} of Sentinel {nodes}"),
            RedisMode::Cluster => write!(f, "Redis cluster {nodes}"),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_openreplay_takes_and_is_shown_without_its_password() {
        for (text, shown) in [
            ("redis://:secret@10.0.0.1:6380/3", "Redis 10.0.0.1:6380"),
            ("rediss://user:secret@redis.example:6379", "Redis redis.example:6379"),
            ("redis.db.svc.cluster.local:6379", "Redis redis.db.svc.cluster.local:6379"),
            ("redis", "Redis redis:6379"),
        ] {
            let address = RedisAddress::parse(text, RedisMode::Single).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
        }
        let nodes = "redis://a:1, redis://b:2";
        assert_eq!(RedisAddress::parse(nodes, RedisMode::Cluster).unwrap().to_string(), "Redis cluster a:1,b:2");
        let sentinel = RedisMode::Sentinel("mymaster".to_owned());
        assert_eq!(RedisAddress::parse(nodes, sentinel).unwrap().to_string(), "Redis mymaster of Sentinel a:1,b:2");
        for bad in ["", " , ", "http://redis:6379", "redis://a:1,redis://:pass word@ b"] {
            let error = RedisAddress::parse(bad, RedisMode::Single).unwrap_err().to_string();
            assert!(!error.contains("pass word"), "{error}");
        }
    }
}
