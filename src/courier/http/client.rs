//! The HTTP client: one connection that is kept, limits on every wait, TLS with the system's certificates.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use crate::courier::cause::{Cause, Trouble};

const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a request may take, answer included. The other side waits for its log for some seconds.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// A connection that is idle for longer may have been dropped by something in between.
const IDLE_MAX: Duration = Duration::from_secs(20);

const KEEPALIVE: Duration = Duration::from_secs(15);

/// Makes a client.
pub(super) fn make(is_tls: bool) -> Result<Client, Cause> {
    let mut builder = Client::builder()
        .connect_timeout(CONNECT_MAX)
        .timeout(REQUEST_MAX)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(1)
        .tcp_keepalive(KEEPALIVE)
        .tcp_nodelay(true)
        .http1_only()
        .redirect(Policy::none())
        // The operator named the address: a proxy from the environment must not interfere.
        .no_proxy()
        .user_agent(concat!("takeup/", env!("CARGO_PKG_VERSION"), " courier"));
    // Without a configuration of ours, the client looks for a cryptography provider of the process, also if it never speaks TLS.
    builder = builder.tls_backend_preconfigured(tls(is_tls)?);
    builder.build().map_err(|error| Cause::new(Trouble::Local, "", format!("make an HTTP client: {error}")))
}

fn tls(with_roots: bool) -> Result<ClientConfig, Cause> {
    let mut roots = RootCertStore::empty();
    if with_roots {
        let found = rustls_native_certs::load_native_certs();
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let text = format!("this machine has no certificates of authorities: {}", errors.join("; "));
            return Err(Cause::new(Trouble::Local, "", text));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Cause::new(Trouble::Local, "", error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
