//! Checks of the server's certificate, by `sslmode`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// How much of a certificate is checked.
#[derive(Debug)]
pub enum Check {
    /// Nothing: the connection is encrypted, to whoever it is.
    Nothing,
    /// That a trusted authority signed it.
    Authority(Trusted),
    /// That, and that it names the host.
    AuthorityAndName(Trusted),
}

/// Whom to trust.
#[derive(Debug)]
pub struct Trusted {
    /// The authorities.
    pub roots: RootCertStore,
    /// The same, as given: a server may use a self-signed certificate that is its own authority, which the check of chains refuses.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl Trusted {
    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<(), Error> {
        let algorithms = provider.signature_verification_algorithms.all;
        let checked = verify_server_cert_signed_by_trust_anchor(parsed, &self.roots, intermediates, now, algorithms);
        match checked {
            Err(error) if !is_outdated(&error) && self.certificates.iter().any(|trusted| trusted == leaf) => Ok(()),
            checked => checked,
        }
    }
}

fn is_outdated(error: &Error) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let Error::InvalidCertificate(fault) = error else { return false };
    matches!(fault, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}

/// The check as rustls asks for it.
#[derive(Debug)]
pub struct Verifier {
    /// What to check.
    pub check: Check,
    /// The cryptography.
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (trusted, named) = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            Check::Authority(trusted) => (trusted, false),
            Check::AuthorityAndName(trusted) => (trusted, true),
        };
        let parsed = ParsedCertificate::try_from(leaf)?;
        trusted.check(leaf, &parsed, intermediates, now, &self.provider)?;
        if named {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
