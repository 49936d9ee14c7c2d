//! One attempt: one address, with or without TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio_postgres::config::{ChannelBinding, SslMode as LibraryMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::PgFault;
use super::parameters::Keepalive;
use super::ssl::Binding;
use super::url::PostgresUrl;

/// A connection that was just made.
pub struct Raw {
    pub client: Client,
    /// The task that moves its bytes.
    pub driver: AbortHandle,
    /// Why that task ended.
    pub ended: Ended,
}

/// Why a connection ended, once it has.
pub type Ended = Arc<Mutex<Option<PgFault>>>;

/// Whether this attempt uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// No.
    Plain,
    /// If the server has it.
    IfOffered,
    /// Yes.
    Tls,
}

/// Connects to an address.
pub async fn tcp(
    url: &PostgresUrl,
    name: &str,
    address: SocketAddr,
    tls: Option<(MakeRustlsConnect, Use)>,
) -> Result<Raw, PgFault> {
    let broken = |error: io::Error| PgFault::of_io(&error, &format!("cannot connect to {address}"));
    let stream = TcpStream::connect(address).await.map_err(broken)?;
    prepare(&stream, &url.keepalive).map_err(broken)?;
    let mut config = config(url);
    match tls {
        None => {
            config.ssl_mode(LibraryMode::Disable);
            start(config, stream, NoTls).await
        }
        Some((mut make, use_of_tls)) => {
            config.ssl_mode(if use_of_tls == Use::Tls { LibraryMode::Require } else { LibraryMode::Prefer });
            // A name that can't be in a certificate is of use only where none is checked.
            let named = rustls::pki_types::ServerName::try_from(name).is_ok();
            let name = if named { name.to_owned() } else { address.ip().to_string() };
            let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, &name);
            // Of a server without TLS, the library says so in words alone.
            start(config, stream, tls).await.map_err(PgFault::of_handshake)
        }
    }
}

/// Connects to the socket in a folder. TLS is never used there.
pub async fn unix(url: &PostgresUrl, folder: &Path, port: u16) -> Result<Raw, PgFault> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    let broken = |error: io::Error| PgFault::of_io(&error, &format!("cannot connect to {}", path.display()));
    let stream = UnixStream::connect(&path).await.map_err(broken)?;
    let mut config = config(url);
    config.ssl_mode(LibraryMode::Disable);
    start(config, stream, NoTls).await
}

/// The addresses of a name.
pub async fn addresses(name: &str, fixed: Option<IpAddr>, port: u16) -> Result<Vec<SocketAddr>, PgFault> {
    if let Some(address) = fixed {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown = |error: io::Error| {
        PgFault::new(super::codes::PgCause::Unreachable, format!("cannot look up the host {name}: {error}"))
    };
    Ok(tokio::net::lookup_host((name, port)).await.map_err(unknown)?.collect())
}

fn prepare(stream: &TcpStream, keepalive: &Keepalive) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(keepalive.user_timeout))?;
    if keepalive.on {
        let times = TcpKeepalive::new().with_time(keepalive.idle).with_interval(keepalive.interval);
        socket.set_tcp_keepalive(&times.with_retries(keepalive.count))?;
    }
    Ok(())
}

fn config(url: &PostgresUrl) -> Config {
    let mut config = Config::new();
    config.user(&url.user).dbname(&url.database).application_name(&url.application_name);
    if let Some(password) = &url.password {
        config.password(password);
    }
    if !url.options.is_empty() {
        config.options(&url.options);
    }
    config.channel_binding(match url.ssl.binding {
        Binding::Disable => ChannelBinding::Disable,
        Binding::Prefer => ChannelBinding::Prefer,
        Binding::Require => ChannelBinding::Require,
    });
    if url.ssl.direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    config
}

async fn start<S, T>(config: Config, stream: S, tls: T) -> Result<Raw, PgFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await.map_err(|error| PgFault::of(&error))?;
    let ended = Ended::default();
    let told = Arc::clone(&ended);
    let driver = tokio::spawn(async move {
        let mut connection = pin!(connection);
        let end = connection.as_mut().await;
        // The connection is dropped, and whoever waits for it wakes up, after its end is known here.
        if let Err(error) = end {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(PgFault::of(&error));
        }
    });
    Ok(Raw { client, driver: driver.abort_handle(), ended })
}
