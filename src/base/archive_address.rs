//! Where an archive is, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::store_url::StoreUrl;

/// An archive's folder, or its address in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveAddress {
    /// A folder with a `manifest.json` in it, such as `takeup-data/archive`.
    Folder(PathBuf),
    /// A bucket and a prefix.
    Store(StoreUrl),
}

impl FromStr for ArchiveAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::Folder(text.into()));
        }
        Ok(match text.parse()? {
            // A store that is a folder has the same files as an archive's folder.
            StoreUrl::Folder(path) => Self::Folder(path),
            url => Self::Store(url),
        })
    }
}

impl fmt::Display for ArchiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Store(url) => write!(f, "{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_url_says_where_an_archive_is() {
        let parse = |text: &str| text.parse::<ArchiveAddress>();
        assert_eq!(parse("takeup-data/archive"), Ok(ArchiveAddress::Folder("takeup-data/archive".into())));
        assert_eq!(parse("file:///a/b"), Ok(ArchiveAddress::Folder("/a/b".into())));
        let store = parse("s3://bucket/a/b").unwrap();
        assert!(matches!(store, ArchiveAddress::Store(_)) && store.to_string() == "s3://bucket/a/b");
        assert!(parse("ftp://bucket/a").is_err());
    }
}
