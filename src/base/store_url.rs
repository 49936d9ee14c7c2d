//! Where an object store is: `s3://bucket/prefix` and the like.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The forms, for error messages.
const FORMS: &str = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, \
                     abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX or file:///FOLDER";

/// The address of a bucket or folder, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A bucket or container, and the part that all names in it begin with.
    Bucket {
        /// The kind of store.
        kind: BucketKind,
        /// The bucket's or container's name.
        bucket: String,
        /// Without slashes at its ends; may be empty.
        prefix: String,
    },
    /// A folder of this machine: an absolute path.
    Folder(PathBuf),
}

/// The kind of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketKind {
    /// Amazon S3, or anything that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage; the account, if the URL names it.
    Azure {
        /// The storage account.
        account: Option<String>,
    },
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("expected {FORMS}");
        let (scheme, rest) = text.split_once("://").ok_or_else(problem)?;
        if scheme == "file" {
            return folder(rest).ok_or_else(|| "expected file:/// and the absolute path of a folder".to_owned());
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (kind, bucket) = match (scheme, bucket.split_once('@')) {
            (_, Some((user, _))) if user.contains(':') => {
                return Err("credentials do not belong into this URL: they have settings of their own".to_owned());
            }
            ("s3", None) => (BucketKind::S3, bucket),
            ("gs", None) => (BucketKind::Google, bucket),
            ("az" | "abfs" | "abfss", None) => (BucketKind::Azure { account: None }, bucket),
            ("abfs" | "abfss", Some((container, host))) => {
                let account = host.split_once('.').map_or(host, |(account, _)| account);
                if !is_name(account) {
                    return Err(problem());
                }
                (BucketKind::Azure { account: Some(account.to_owned()) }, container)
            }
            _ => return Err(problem()),
        };
        let prefix = prefix.trim_matches('/');
        if !is_name(bucket) {
            return Err(format!(
                "the name of the bucket is empty or has other characters than names may have; {}",
                problem()
            ));
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err("the prefix may have letters, digits and - _ . = + in its parts, which / separates".to_owned());
        }
        Ok(Self::Bucket { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

fn folder(rest: &str) -> Option<StoreUrl> {
    let path = Path::new(rest);
    let whole = path.is_absolute() && !rest.contains('\0');
    whole.then(|| StoreUrl::Folder(path.to_path_buf()))
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 222 && text.bytes().all(plain)
}

fn is_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'+');
    !matches!(text, "" | "." | "..") && text.len() <= 255 && text.bytes().all(plain)
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bucket, prefix) = match self {
            Self::Folder(path) => return write!(f, "file://{}", path.display()),
            Self::Bucket { kind, bucket, prefix } => (kind, bucket, prefix),
        };
        match kind {
            BucketKind::S3 => write!(f, "s3://{bucket}")?,
            BucketKind::Google => write!(f, "gs://{bucket}")?,
            BucketKind::Azure { account: None } => write!(f, "az://{bucket}")?,
            BucketKind::Azure { account: Some(account) } => {
                write!(f, "abfss://{bucket}@{account}.dfs.core.windows.net")?;
            }
        }
        if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
    }
}

#[cfg(test)]
mod tests;
