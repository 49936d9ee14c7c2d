//! TLS as the settings ask for it. Files are read for each connection, so that renewed certificates are used.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::codes::PgCause;
use super::fault::PgFault;
use super::ssl::{Roots, Ssl, SslMode};
use super::verify::{Check, Trusted, Verifier};

/// The part that a connection uses.
pub fn connector(ssl: &Ssl) -> Result<MakeRustlsConnect, PgFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match (ssl.only_tls12, ssl.only_tls13) {
        (true, _) => &[&rustls::version::TLS12],
        (_, true) => &[&rustls::version::TLS13],
        _ => rustls::DEFAULT_VERSIONS,
    };
    let check = match ssl.mode {
        SslMode::VerifyFull => Check::AuthorityAndName(trusted(&ssl.roots)?),
        SslMode::VerifyCa => Check::Authority(trusted(&ssl.roots)?),
        _ => Check::Nothing,
    };
    let tls = |error: rustls::Error| PgFault::new(PgCause::Tls, error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { check, provider }));
    let mut config = match (&ssl.certificate, &ssl.key) {
        (Some(certificate), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| file("sslkey", key, &error.to_string()))?;
            let certificates = certificates("sslcert", certificate)?;
            let both = builder.with_client_auth_cert(certificates, private);
            both.map_err(|error| file("sslcert", certificate, &error.to_string()))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.enable_sni = !ssl.no_sni;
    if ssl.direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(roots: &Roots) -> Result<Trusted, PgFault> {
    let certificates = match roots {
        Roots::File(path) => certificates("sslrootcert", path)?,
        Roots::System | Roots::SystemNamed => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        let text = "no trusted certificate authority: install the system's (ca-certificates), or set sslrootcert";
        return Err(PgFault::new(PgCause::Files, text));
    }
    Ok(Trusted { roots, certificates })
}

fn certificates(keyword: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, PgFault> {
    let fault = |error: rustls::pki_types::pem::Error| file(keyword, path, &error.to_string());
    let list: Vec<_> = CertificateDer::pem_file_iter(path).map_err(fault)?.collect::<Result<_, _>>().map_err(fault)?;
    match list.is_empty() {
        true => Err(file(keyword, path, "there is no certificate in it")),
        false => Ok(list),
    }
}

fn file(keyword: &str, path: &Path, what: &str) -> PgFault {
    PgFault::new(PgCause::Files, format!("{keyword}={}: {what}", path.display()))
}
