//! A server of S3's protocol: moto.

use std::process::Command;

use rustix::process::Signal;

use super::folder::Folder;
use super::install;
use super::port::Port;
use super::process::{Process, Program};
use super::relay;

/// What its clients log in with. It does not check signatures.
const KEY: &str = "takeup";
const SECRET: &str = "secret-of-tests";
const REGION: &str = "us-east-1";
const BUCKET: &str = "takeup";

/// An S3 server with an empty bucket, `takeup`. It keeps objects in memory alone: for an outage that loses none, use `pause`, or a
/// [`Relay`](super::Relay).
#[derive(Debug)]
pub struct S3 {
    process: Process,
    port: Port,
    folder: Folder,
}

impl S3 {
    /// Starts one.
    #[track_caller]
    pub fn new() -> S3 {
        let (port, folder) = (Port::new(), Folder::new());
        let process = Process::new(Program {
            name: "moto_server",
            path: install::program("moto_server"),
            arguments: ["-H", "127.0.0.1", "-p", &port.number().to_string()].map(str::to_owned).to_vec(),
            environment: Vec::new(),
            user: None,
            folder: folder.path().to_owned(),
        });
        let s3 = S3 { process, port, folder };
        s3.start();
        s3
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its address, as `AWS_ENDPOINT` has it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `BUCKET_NAME`.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("BUCKET_NAME", BUCKET.to_owned()),
        ]
    }

    /// The name of its bucket.
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// Starts it again, with the bucket, which is empty.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| relay::listens(self.port.addr()));
        self.create_bucket();
    }

    /// Asks it to end. Its objects are lost.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::INT);
    }

    /// Kills it. Its objects are lost.
    #[track_caller]
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Kills it and starts it with an empty bucket.
    #[track_caller]
    pub fn restart_empty(&self) {
        self.kill();
        self.start();
    }

    /// Stops the time for it.
    #[track_caller]
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on.
    #[track_caller]
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What it has printed: a line for each request.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// Makes the bucket.
    #[track_caller]
    pub fn create_bucket(&self) {
        assert_eq!(self.curl("PUT", "", &[]).0, 200, "{}", self.said());
    }

    /// Removes the bucket, which must be empty.
    #[track_caller]
    pub fn remove_bucket(&self) {
        assert_eq!(self.curl("DELETE", "", &[]).0, 204, "{}", self.said());
    }

    /// The keys of all objects, in their order. Only keys without characters that XML escapes.
    #[track_caller]
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(|key| format!("&start-after={key}")).unwrap_or_default();
            let (status, body) = self.curl("GET", &format!("?list-type=2{after}"), &[]);
            let body = String::from_utf8(body).expect("XML is UTF-8");
            assert_eq!(status, 200, "{body}");
            let found = body.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
            keys.extend(found.map(|(key, _)| key.to_owned()));
            if !body.contains("<IsTruncated>true") {
                return keys;
            }
        }
    }

    /// The bytes of an object; none if there is none.
    #[track_caller]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self.curl("GET", &format!("/{key}"), &[]) {
            (200, body) => Some(body),
            (404, _) => None,
            (status, body) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
        }
    }

    /// Puts an object there.
    #[track_caller]
    pub fn put(&self, key: &str, text: &str) {
        let arguments = ["-H", "Content-Type: application/octet-stream", "--data-binary", text];
        assert_eq!(self.curl("PUT", &format!("/{key}"), &arguments).0, 200, "{}", self.said());
    }

    /// Removes an object.
    #[track_caller]
    pub fn remove(&self, key: &str) {
        assert_eq!(self.curl("DELETE", &format!("/{key}"), &[]).0, 204, "{}", self.said());
    }

    /// Makes the bucket keep versions from now on.
    #[track_caller]
    pub fn keep_versions(&self) {
        let text = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        assert_eq!(
            self.curl("PUT", "?versioning", &["-H", "Content-Type: application/xml", "--data-binary", text]).0,
            200,
            "{}",
            self.said()
        );
    }

    /// Makes the bucket anew: one that keeps versions, and lets them be held.
    #[track_caller]
    pub fn let_versions_be_held(&self) {
        self.remove_bucket();
        let lock = ["-H", "x-amz-bucket-object-lock-enabled: true"];
        assert_eq!(self.curl("PUT", "", &lock).0, 200, "{}", self.said());
        self.keep_versions();
    }

    /// Keeps everybody from removing a version.
    #[track_caller]
    pub fn hold(&self, key: &str, version: &str) {
        let text = "<LegalHold><Status>ON</Status></LegalHold>";
        let rest = format!("/{key}?legal-hold&versionId={version}");
        assert_eq!(
            self.curl("PUT", &rest, &["-H", "Content-Type: application/xml", "--data-binary", text]).0,
            200,
            "{}",
            self.said()
        );
    }

    /// Forbids everybody an action on objects, such as `s3:DeleteObject`.
    #[track_caller]
    pub fn forbid(&self, action: &str) {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"arn:aws:s3:::{BUCKET}/*"}}]}}"#
        );
        let answer = self.curl("PUT", "?policy", &["-H", "Content-Type: application/json", "--data-binary", &text]);
        assert!(matches!(answer.0, 200 | 204), "{answer:?}");
    }

    /// Forbids nothing any more.
    #[track_caller]
    pub fn forbid_nothing(&self) {
        let answer = self.curl("DELETE", "?policy", &[]);
        assert!(matches!(answer.0, 200 | 204), "{answer:?}");
    }

    /// The keys and ids of all versions, `null` where there is only the object. Only keys without characters that XML escapes.
    #[track_caller]
    pub fn versions(&self) -> Vec<(String, String)> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let (status, body) = self.curl("GET", &format!("?versions{after}"), &[]);
            let body = String::from_utf8(body).expect("XML is UTF-8");
            assert_eq!(status, 200, "{body}");
            let text = |xml: &str, name: &str| {
                let (_, rest) = xml.split_once(&format!("<{name}>"))?;
                Some(rest.split_once('<')?.0.to_owned())
            };
            for one in body.split("<Version>").skip(1) {
                all.push((text(one, "Key").expect("a key"), text(one, "VersionId").expect("an id")));
            }
            if !body.contains("<IsTruncated>true") {
                return all;
            }
            let marker = |name: &str| text(&body, name).unwrap_or_default();
            after =
                format!("&key-marker={}&version-id-marker={}", marker("NextKeyMarker"), marker("NextVersionIdMarker"));
        }
    }

    /// Sends a request to the bucket with curl. Returns the status and the body.
    #[track_caller]
    fn curl(&self, method: &str, rest: &str, arguments: &[&str]) -> (u16, Vec<u8>) {
        let body = tempfile::NamedTempFile::new_in(self.folder.path()).expect("the folder takes files");
        let mut command = Command::new(install::program("curl"));
        command.args(["-sS", "--max-time", "60", "--aws-sigv4", &format!("aws:amz:{REGION}:s3"), "-u"]);
        command.args([&format!("{KEY}:{SECRET}"), "-X", method, "-w", "%{http_code}", "-o"]).arg(body.path());
        let output = command.args(arguments).arg(format!("{}/{BUCKET}{rest}", self.endpoint())).output();
        let output = output.expect("curl runs");
        let status = String::from_utf8_lossy(&output.stdout).parse();
        assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
        (status.expect("a status"), std::fs::read(body.path()).expect("curl wrote it"))
    }
}
