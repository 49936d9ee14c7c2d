//! The cryptography of TLS, for libraries that ask the process which one to use.

/// Makes ring the process's cryptography. Any number of calls; the first decides.
pub fn use_ring() {
    // An error means that it has been decided before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
