//! The parameters of a connection string, one by one.

use std::net::IpAddr;
use std::time::Duration;

use super::error::UrlError;
use super::ssl::Ssl;

/// What the server must be. Servers of a list that are not are passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Anything.
    #[default]
    Any,
    /// It takes writes.
    ReadWrite,
    /// It takes no writes.
    ReadOnly,
    /// It is not in hot standby.
    Primary,
    /// It is in hot standby.
    Standby,
    /// A standby if there is one, or else anything.
    PreferStandby,
}

/// How a dead peer is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keepalive {
    pub on: bool,
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
    /// For how long sent data may stay unacknowledged.
    pub user_timeout: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            on: true,
            idle: Duration::from_secs(30),
            interval: Duration::from_secs(10),
            count: 3,
            user_timeout: Duration::from_secs(30),
        }
    }
}

/// What the text and the environment have given so far.
#[derive(Default)]
pub(super) struct Given {
    pub hosts: Vec<String>,
    pub addresses: Vec<Option<IpAddr>>,
    pub ports: Vec<Option<u16>>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: Option<String>,
    pub application_name: Option<String>,
    pub fallback_name: Option<String>,
    pub options: Vec<String>,
    pub ssl: Ssl,
    pub session: SessionAttrs,
    pub shuffle: bool,
    pub connect_limit: Option<Duration>,
    pub keepalive: Keepalive,
    pub ignored: Vec<String>,
}

/// Takes one parameter. An empty value is as none.
pub(super) fn apply(given: &mut Given, keyword: &str, value: &str) -> Result<(), UrlError> {
    let fault = |expected| UrlError::Value { keyword: keyword.to_owned(), expected };
    let unsupported = |instead| Err(UrlError::Unsupported { keyword: keyword.to_owned(), instead });
    let text = || Some(value.to_owned());
    let seconds = || value.parse::<i64>().map_err(|_| fault("a number of seconds"));
    if value.is_empty() {
        return Ok(());
    }
    match keyword {
        "host" => given.hosts = value.split(',').map(|host| host.trim().to_owned()).collect(),
        "hostaddr" => {
            let address = |text: &str| match text.trim() {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(|_| fault("an IP address, or a list of them")),
            };
            given.addresses = value.split(',').map(address).collect::<Result<_, _>>()?;
        }
        "port" => {
            let port = |text: &str| match text.trim() {
                "" => Ok(None),
                text => match text.parse() {
                    Ok(port) if port != 0 => Ok(Some(port)),
                    _ => Err(fault("a port from 1 to 65535, or a list of them")),
                },
            };
            given.ports = value.split(',').map(port).collect::<Result<_, _>>()?;
        }
        "user" => given.user = text(),
        "password" => given.password = text(),
        "dbname" | "database" => given.database = text(),
        "application_name" => given.application_name = text(),
        "fallback_application_name" => given.fallback_name = text(),
        "options" => given.options.push(value.to_owned()),
        "connect_timeout" => {
            let limit = u64::try_from(seconds()?).ok().filter(|&seconds| seconds > 0);
            given.connect_limit = limit.map(Duration::from_secs);
        }
        "keepalives" => given.keepalive.on = seconds()? != 0,
        "keepalives_idle" => positive(seconds()?, &mut given.keepalive.idle),
        "keepalives_interval" => positive(seconds()?, &mut given.keepalive.interval),
        "keepalives_count" | "keepalives_retries" => {
            let count: u32 = value.parse().map_err(|_| fault("a number"))?;
            given.keepalive.count = count.clamp(1, 127);
        }
        "tcp_user_timeout" => {
            let milliseconds: u64 = value.parse().map_err(|_| fault("a number of milliseconds"))?;
            if milliseconds > 0 {
                given.keepalive.user_timeout = Duration::from_millis(milliseconds);
            }
        }
        "target_session_attrs" => {
            given.session = match value {
                "any" => SessionAttrs::Any,
                "read-write" => SessionAttrs::ReadWrite,
                "read-only" => SessionAttrs::ReadOnly,
                "primary" => SessionAttrs::Primary,
                "standby" => SessionAttrs::Standby,
                "prefer-standby" => SessionAttrs::PreferStandby,
                _ => return Err(fault("any, read-write, read-only, primary, standby or prefer-standby")),
            }
        }
        "load_balance_hosts" => {
            given.shuffle = match value {
                "disable" => false,
                "random" => true,
                _ => return Err(fault("disable or random")),
            }
        }
        "client_encoding" if ["utf8", "utf-8", "unicode", "auto"].contains(&&*value.to_ascii_lowercase()) => {}
        "client_encoding" => return unsupported("takeup always uses UTF8; remove it"),
        "gssencmode" if value != "require" => {}
        "gssencmode" => return unsupported("use TLS (sslmode) instead"),
        "passfile" | "service" | "servicefile" => {
            return unsupported("write host, user and database here, and the password here or in PGPASSWORD");
        }
        "sslcrl" | "sslcrldir" => return unsupported("revocation lists are not read; remove it"),
        "sslpassword" => return unsupported("give an sslkey that is not encrypted"),
        "sslinline" => return unsupported("give sslcert, sslkey and sslrootcert as names of files"),
        "require_auth" => return unsupported("restrict the method of login in the server's pg_hba.conf"),
        "requirepeer" | "requiressl" => return unsupported("use sslmode"),
        "replication" => return unsupported("takeup reads tables, not the replication stream; remove it"),
        _ if keyword.starts_with("ssl") || keyword == "channel_binding" => return given.ssl.apply(keyword, value),
        _ if is_ignored(keyword) => given.ignored.push(keyword.to_owned()),
        // As with pgx, everything else is a setting of the server for this connection.
        _ if keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.') => {
            given.options.push(format!("-c {keyword}={}", escaped(value)));
        }
        _ => return unsupported("there is no such parameter"),
    }
    Ok(())
}

/// Zero and less stand for the default.
fn positive(seconds: i64, of: &mut Duration) {
    if let Ok(seconds @ 1..) = u64::try_from(seconds) {
        *of = Duration::from_secs(seconds);
    }
}

/// Parameters of pgx's pools and caches, of Kerberos, and of the client's display.
fn is_ignored(keyword: &str) -> bool {
    const IGNORED: [&str; 11] = [
        "default_query_exec_mode",
        "statement_cache_capacity",
        "statement_cache_mode",
        "description_cache_capacity",
        "prefer_simple_protocol",
        "min_read_buffer_size",
        "krbsrvname",
        "krbspn",
        "gsslib",
        "gssdelegation",
        "pgbouncer",
    ];
    keyword.starts_with("pool_") || IGNORED.contains(&keyword)
}

/// In `options`, a backslash takes the next character as it is.
fn escaped(value: &str) -> String {
    let escape = |character: char| match character {
        '\\' | ' ' => vec!['\\', character],
        other => vec![other],
    };
    value.chars().flat_map(escape).collect()
}
