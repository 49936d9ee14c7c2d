//! The versions that an S3 bucket keeps of its objects.
//!
//! `object_store` reads a version, and neither lists nor removes one. It does sign any request to the bucket, so these two are made here, signed by it
//! and sent by its client. Formats: S3's "ListObjectVersions" and "DeleteObject".

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::AmazonS3;
use object_store::client::{ClientOptions, HttpClient, HttpConnector, HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};

use super::refusal::{Connector, element};

/// For how long a signature holds: as long as a request may take.
const SIGNED_FOR: Duration = Duration::from_secs(120);

/// What the answer to a request for versions is. A store that knows no versions may answer with a list of objects.
const ROOT: &str = "<ListVersionsResult";

/// Asks a bucket for versions.
pub struct S3Versions {
    s3: Arc<AmazonS3>,
    options: ClientOptions,
    client: OnceLock<HttpClient>,
}

/// A version in a bucket's list, or a mark that says that the object was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The object's key.
    pub key: String,
    /// The version's id; `null` for what was written while the bucket kept no versions.
    pub id: String,
    /// Whether it is what the key stands for.
    pub is_latest: bool,
    /// Whether it is the mark of a removal, which has no content.
    pub is_marker: bool,
    /// Its length.
    pub bytes: u64,
}

/// Where a list goes on: a key and the id of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMarker {
    key: String,
    id: String,
}

/// A part of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ListedPage {
    /// The versions; for each key the newest first.
    pub versions: Vec<ListedVersion>,
    /// How to ask for what comes next; `None` at the end.
    pub next: Option<ListMarker>,
}

impl fmt::Debug for S3Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Versions").finish_non_exhaustive()
    }
}

impl S3Versions {
    pub fn new(s3: Arc<AmazonS3>, options: ClientOptions) -> Self {
        Self { s3, options, client: OnceLock::new() }
    }

    /// A part of the list of all versions of keys that begin so. `None` if the store does not list versions.
    pub async fn list(&self, begin: &str, after: Option<&ListMarker>) -> object_store::Result<Option<ListedPage>> {
        let mut query = vec![("versions", ""), ("prefix", begin)];
        if let Some(after) = after {
            query.extend([("key-marker", &*after.key), ("version-id-marker", &*after.id)]);
        }
        let text = self.ask(Method::GET, &Path::default(), &query).await?;
        if !text.contains(ROOT) {
            return Ok(None);
        }
        parse(&text).map(Some).map_err(|what| failed(format!("the list of versions {what}")))
    }

    /// Removes a version.
    pub async fn delete(&self, key: &Path, id: &str) -> object_store::Result<()> {
        self.ask(Method::DELETE, key, &[("versionId", id)]).await.map(drop)
    }

    async fn ask(&self, method: Method, key: &Path, query: &[(&str, &str)]) -> object_store::Result<String> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let url = self.s3.signed_url_opts(method.clone(), key, SIGNED_FOR, &options).await?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method;
        // The address has the signature, which must not get into a message.
        *request.uri_mut() = url.as_str().parse().map_err(|_| failed("the request has no valid address"))?;
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let client = Connector.connect(&self.options)?;
                self.client.get_or_init(|| client)
            }
        };
        let answer = client.execute(request).await.map_err(failed)?;
        let body = answer.into_body().bytes().await.map_err(failed)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: error.into() }
}

/// Reads a list. Keys with characters that XML escapes are not of takeup, and left out.
fn parse(xml: &str) -> Result<ListedPage, &'static str> {
    const CUT_OFF: &str = "is cut off";
    let mut page = ListedPage::default();
    let mut rest = xml;
    while let Some((is_marker, inner, after)) = next_entry(rest).ok_or(CUT_OFF)? {
        rest = after;
        let key = element(inner, "Key").ok_or("has an entry without a key")?;
        let id = element(inner, "VersionId").ok_or("has an entry without an id")?;
        if key.contains('&') {
            continue;
        }
        page.versions.push(ListedVersion {
            key: key.to_owned(),
            id: unescaped(id)?,
            is_latest: element(inner, "IsLatest") == Some("true"),
            is_marker,
            bytes: element(inner, "Size").and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
        });
    }
    if !xml.contains("</ListVersionsResult>") {
        return Err(CUT_OFF);
    }
    if element(xml, "IsTruncated") == Some("true") {
        let key = element(xml, "NextKeyMarker").ok_or("does not say where it goes on")?;
        let id = element(xml, "NextVersionIdMarker").unwrap_or_default();
        page.next = Some(ListMarker { key: unescaped(key)?, id: unescaped(id)? });
    }
    Ok(page)
}

type Entry<'a> = (bool, &'a str, &'a str);

/// The next entry: whether it is a mark, what is in it, and what follows. The outer `None`: it is cut off.
fn next_entry(xml: &str) -> Option<Option<Entry<'_>>> {
    let of = |name: &str| xml.find(&format!("<{name}>"));
    let (at, name, is_marker) = match (of("Version"), of("DeleteMarker")) {
        (None, None) => return Some(None),
        (Some(at), None) => (at, "Version", false),
        (None, Some(at)) => (at, "DeleteMarker", true),
        (Some(version), Some(marker)) if version < marker => (version, "Version", false),
        (Some(_), Some(marker)) => (marker, "DeleteMarker", true),
    };
    let (inner, after) = xml[at + name.len() + 2..].split_once(&*format!("</{name}>"))?;
    Some(Some((is_marker, inner, after)))
}

/// A text without XML's escapes.
fn unescaped(text: &str) -> Result<String, &'static str> {
    const UNKNOWN: &str = "has an escape that XML does not have";
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, after) = from.split_once(';').ok_or(UNKNOWN)?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#').ok_or(UNKNOWN)?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).ok_or(UNKNOWN)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

#[cfg(test)]
mod tests;
