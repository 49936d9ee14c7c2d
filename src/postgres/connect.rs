//! Which servers are tried, in which order, and how.

use std::future::Future;
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::attempt::{self, Raw, Use};
use super::codes::PgCause;
use super::fault::PgFault;
use super::parameters::SessionAttrs;
use super::ssl::SslMode;
use super::tls;
use super::url::{Host, Place, PostgresUrl};

/// Connects to the first server that fits. Each attempt has the settings' limit.
pub async fn connect(url: &PostgresUrl) -> Result<Raw, PgFault> {
    match url.session {
        SessionAttrs::PreferStandby => match first(url, SessionAttrs::Standby).await {
            Ok(raw) => Ok(raw),
            Err(_) => first(url, SessionAttrs::Any).await,
        },
        wanted => first(url, wanted).await,
    }
}

async fn first(url: &PostgresUrl, wanted: SessionAttrs) -> Result<Raw, PgFault> {
    let mut places: Vec<&Place> = url.places.iter().collect();
    if url.shuffle {
        shuffle(&mut places);
    }
    let mut fault = PgFault::new(PgCause::Unreachable, "no server to connect to");
    for place in places {
        match at_place(url, place, wanted).await {
            Ok(raw) => return Ok(raw),
            Err(newer) => fault = newer,
        }
    }
    Err(fault)
}

async fn at_place(url: &PostgresUrl, place: &Place, wanted: SessionAttrs) -> Result<Raw, PgFault> {
    let limit = url.connect_limit;
    let name = match &place.host {
        Host::Unix(folder) => {
            return within(limit, async { fitting(attempt::unix(url, folder, place.port).await?, wanted).await }).await;
        }
        Host::Tcp(name) => name,
    };
    let addresses = within(limit, attempt::addresses(name, place.address, place.port)).await?;
    let mut fault = PgFault::new(PgCause::Unreachable, format!("the host {name} has no address"));
    for address in addresses {
        for (at, &use_of_tls) in attempts(url.ssl.mode).iter().enumerate() {
            if at > 0 && !may_differ(&fault) {
                break;
            }
            let tls = match use_of_tls {
                Use::Plain => None,
                Use::IfOffered | Use::Tls => Some((tls::connector(&url.ssl)?, use_of_tls)),
            };
            let connected = async { fitting(attempt::tcp(url, name, address, tls).await?, wanted).await };
            match within(limit, connected).await {
                Ok(raw) => return Ok(raw),
                Err(newer) => fault = newer,
            }
        }
    }
    Err(fault)
}

/// The ways of one mode. A second way is tried if the server does not take the first.
fn attempts(mode: SslMode) -> &'static [Use] {
    match mode {
        SslMode::Disable => &[Use::Plain],
        SslMode::Allow => &[Use::Plain, Use::Tls],
        SslMode::Prefer => &[Use::IfOffered, Use::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Use::Tls],
    }
}

/// Whether the same server may take the other way: `pg_hba.conf` demands or forbids TLS, or TLS itself has failed.
fn may_differ(fault: &PgFault) -> bool {
    fault.cause() == PgCause::Tls || fault.sqlstate() == Some("28000")
}

async fn within<T>(limit: Duration, connecting: impl Future<Output = Result<T, PgFault>>) -> Result<T, PgFault> {
    let late = |_| PgFault::new(PgCause::TimedOut, format!("cannot connect within {} s", limit.as_secs_f32()));
    tokio::time::timeout(limit, connecting).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// The connection, if its server is what is wanted.
async fn fitting(raw: Raw, wanted: SessionAttrs) -> Result<Raw, PgFault> {
    if wanted == SessionAttrs::Any {
        return Ok(raw);
    }
    let asked = raw
        .client
        .simple_query("SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')");
    let answer = asked.await.map_err(|error| PgFault::of(&error))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = row.unwrap_or_default();
    let (fits, what) = match wanted {
        SessionAttrs::Any | SessionAttrs::PreferStandby => (true, ""),
        SessionAttrs::ReadWrite => (!read_only, "the server takes no writes"),
        SessionAttrs::ReadOnly => (read_only, "the server takes writes"),
        SessionAttrs::Primary => (!standby, "the server is a standby"),
        SessionAttrs::Standby => (standby, "the server is not a standby"),
    };
    match fits {
        true => Ok(raw),
        false => Err(PgFault::new(PgCause::ReadOnly, format!("{what}, and target_session_attrs asks for another"))),
    }
}

fn shuffle(places: &mut [&Place]) {
    for last in (1..places.len()).rev() {
        let mut bytes = [0; 8];
        // Without randomness the order is that of the text.
        if getrandom::fill(&mut bytes).is_ok() {
            let random = u64::from_le_bytes(bytes);
            places.swap(last, usize::try_from(random % (last as u64 + 1)).unwrap_or(0));
        }
    }
}
