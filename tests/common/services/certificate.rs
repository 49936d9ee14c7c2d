//! Certificates of a test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::{self, Folder};
use super::install;

/// A certificate for 127.0.0.1 and localhost, and the authority that issued it. The same for all tests: making one takes a second.
#[derive(Debug, Clone)]
pub struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// The one that servers here use.
    pub fn server() -> Certificate {
        Certificate { folder: folder::template("certificates-1", make) }
    }

    /// The authority's certificate, PEM: what a client must trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The certificate of an authority that issued nothing here, PEM.
    pub fn other_authority(&self) -> PathBuf {
        self.folder.join("other.pem")
    }

    /// The server's certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// Its key, PEM (PKCS #8), readable by its owner.
    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// A copy of certificate and key in one PEM file, as Kafka wants them.
    pub fn both(&self) -> PathBuf {
        self.folder.join("server.both.pem")
    }
}

fn make(folder: &Folder) {
    let made = folder.path().join("made");
    fs::create_dir(&made).expect("the folder takes folders");
    let lasting = ["-days", "3650", "-nodes", "-newkey", "rsa:2048"];
    for name in ["authority", "other"] {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let subject = format!("/CN=takeup tests {name}");
        let own = ["-x509", "-subj", &subject, "-keyout", &key, "-out", &certificate];
        openssl(&made, &[&["req"], &own[..], &lasting[..]].concat());
    }
    openssl(
        &made,
        &[&["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"], &lasting[2..]].concat(),
    );
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n";
    fs::write(made.join("names"), names).expect("the folder takes files");
    let issue = ["x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key"];
    let rest = ["-CAcreateserial", "-days", "3650", "-extfile", "names", "-out", "server.pem"];
    openssl(&made, &[&issue[..], &rest[..]].concat());
    let read = |name: &str| fs::read_to_string(made.join(name)).expect("openssl wrote it");
    fs::write(made.join("server.both.pem"), read("server.key") + &read("server.pem")).expect("the folder takes files");
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new(install::program("openssl")).args(arguments).current_dir(folder).output();
    let output = output.expect("openssl runs");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
