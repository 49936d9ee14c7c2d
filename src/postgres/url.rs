//! The settings of a connection: checked, complete, and shown without the password.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::error::UrlError;
use super::parameters::{Given, Keepalive, SessionAttrs, apply};
use super::ssl::{Ssl, SslMode};
use super::text;

/// How long one attempt to connect may take, if the text does not say.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// No attempt may take longer, whatever the text says.
const CONNECT_LIMIT_MAX: Duration = Duration::from_secs(120);
const PORT: u16 = 5432;
/// Used when neither the text nor `SERVICE_NAME` nor `PGAPPNAME` has one.
const APPLICATION_NAME: &str = "takeup";

/// The kind of place a server listens at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A name or an address, as given.
    Tcp(String),
    /// The folder of a Unix socket.
    Unix(PathBuf),
}

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub host: Host,
    /// `hostaddr`: connect to this, and use the name for certificates only.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// Where and how to connect, read from `POSTGRES_STRING` once. `Display` and `Debug` leave the password out.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(super) places: Vec<Place>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) application_name: String,
    pub(super) options: String,
    pub(super) ssl: Ssl,
    pub(super) session: SessionAttrs,
    pub(super) shuffle: bool,
    pub(super) connect_limit: Duration,
    pub(super) keepalive: Keepalive,
    ignored: Vec<String>,
}

impl PostgresUrl {
    /// Reads a URL or a list of `keyword=value`, as libpq and pgx take it. What it lacks comes from libpq's environment variables
    /// (`PGHOST`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, …). `service_name` is the application's name unless the text has one.
    ///
    /// # Errors
    /// The text is malformed, a value is out of range, or a parameter is not supported.
    pub fn parse(text: &str, service_name: Option<&str>) -> Result<Self, UrlError> {
        Self::parse_with(text, service_name, &|name| std::env::var(name).ok())
    }

    /// The same with another environment.
    pub(super) fn parse_with(
        text: &str,
        service_name: Option<&str>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, UrlError> {
        let mut given = Given::default();
        for (name, keyword) in ENVIRONMENT {
            if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
                apply(&mut given, keyword, &value)?;
            }
        }
        let service_name = service_name.filter(|name| !name.is_empty());
        if let Some(name) = service_name {
            given.application_name = Some(name.to_owned());
        }
        for (keyword, value) in text::pairs(text)? {
            apply(&mut given, &keyword, &value)?;
        }
        given.finish(environment)
    }

    /// The mode of TLS.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl.mode
    }

    /// Keywords that the text has and that have no meaning here: those of connection pools and statement caches.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The application's name, as the server shows it in `pg_stat_activity`.
    pub fn application_name(&self) -> &str {
        &self.application_name
    }
}

/// libpq's environment variables, each with its keyword.
const ENVIRONMENT: [(&str, &str); 17] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

impl Given {
    fn finish(self, environment: &dyn Fn(&str) -> Option<String>) -> Result<PostgresUrl, UrlError> {
        let places = self.places()?;
        let value = |keyword: &str, expected| UrlError::Value { keyword: keyword.to_owned(), expected };
        let user = self.user.or_else(|| environment("USER").filter(|name| !name.is_empty()));
        let user = user.ok_or_else(|| value("user", "given: postgres://user:password@host/database"))?;
        let ssl = self.ssl.finish()?;
        Ok(PostgresUrl {
            places,
            database: self.database.unwrap_or_else(|| user.clone()),
            user,
            password: self.password,
            application_name: self
                .application_name
                .or(self.fallback_name)
                .unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            options: self.options.join(" "),
            ssl,
            session: self.session,
            shuffle: self.shuffle,
            connect_limit: self.connect_limit.unwrap_or(CONNECT_LIMIT).min(CONNECT_LIMIT_MAX),
            keepalive: self.keepalive,
            ignored: self.ignored,
        })
    }

    fn places(&self) -> Result<Vec<Place>, UrlError> {
        let value = |keyword: &str, expected| UrlError::Value { keyword: keyword.to_owned(), expected };
        let count = self.hosts.len().max(self.addresses.len());
        if count == 0 {
            return Err(value("host", "given: postgres://user:password@host/database"));
        }
        if !self.hosts.is_empty() && !self.addresses.is_empty() && self.hosts.len() != self.addresses.len() {
            return Err(value("hostaddr", "as many addresses as there are hosts"));
        }
        if self.ports.len() > 1 && self.ports.len() != count {
            return Err(value("port", "one port, or as many as there are hosts"));
        }
        let place = |at: usize| {
            let address = self.addresses.get(at).copied().flatten();
            let host = match (self.hosts.get(at).filter(|host| !host.is_empty()), address) {
                (Some(path), _) if path.starts_with('/') => Host::Unix(PathBuf::from(path)),
                (Some(name), _) => Host::Tcp(name.clone()),
                (None, Some(address)) => Host::Tcp(address.to_string()),
                (None, None) => return Err(value("host", "given at each place of its list")),
            };
            let port = self.ports.get(at).or(self.ports.first()).copied().flatten().unwrap_or(PORT);
            Ok(Place { host, address, port })
        };
        (0..count).map(place).collect()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "postgres://{}@", self.user)?;
        for (at, place) in self.places.iter().enumerate() {
            out.write_str(if at == 0 { "" } else { "," })?;
            match &place.host {
                Host::Tcp(name) if name.contains(':') => write!(out, "[{name}]:{}", place.port)?,
                Host::Tcp(name) => write!(out, "{name}:{}", place.port)?,
                Host::Unix(folder) => write!(out, "{}:{}", folder.display(), place.port)?,
            }
        }
        write!(out, "/{}?sslmode={}", self.database, self.ssl.mode)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests;
