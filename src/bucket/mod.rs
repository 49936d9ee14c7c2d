//! The object-store bucket to which browsers upload recordings of usability tests. takeup only signs the URL of each upload, and never
//! contacts the store itself.
//!
//! Only S3 and compatible stores: a signed Azure URL accepts an upload only with a header that no tracker sends.

mod error;
#[cfg(feature = "object-store")]
mod s3;
mod url_life;

pub use error::BucketError;
pub use url_life::URL_LIFE;

/// The name of every recording, within the folder of its session.
pub const OBJECT_NAME: &str = "ux_webcam_record.webm";

/// The settings of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSettings<'a> {
    /// The kind of object store: `aws`.
    pub cloud: &'a str,
    /// The bucket's name; `None` if there is no bucket.
    pub name: Option<&'a str>,
    /// Its region; `None` means `us-east-1`.
    pub region: Option<&'a str>,
    /// The store's URL; `None` means Amazon's own.
    pub endpoint: Option<&'a str>,
    /// The access key's id.
    pub key_id: Option<&'a str>,
    /// The secret key.
    pub secret_key: Option<&'a str>,
}

/// A bucket that URLs can be signed for.
#[derive(Debug)]
pub struct Bucket {
    #[cfg(feature = "object-store")]
    signer: s3::Signer,
    #[cfg(not(feature = "object-store"))]
    signer: std::convert::Infallible,
}

impl Bucket {
    /// The bucket that these settings describe; `None` if none is named. An error is a fault of the settings: the store is never contacted.
    pub fn open(settings: &BucketSettings<'_>) -> Result<Option<Self>, BucketError> {
        let Some(name) = settings.name else { return Ok(None) };
        if settings.cloud != "aws" {
            return Err(BucketError::Cloud(settings.cloud.to_owned()));
        }
        let (Some(key_id), Some(secret_key)) = (settings.key_id, settings.secret_key) else {
            return Err(BucketError::NoKey(name.to_owned()));
        };
        Self::with_key(name, settings, key_id, secret_key).map(Some)
    }

    #[cfg(feature = "object-store")]
    fn with_key(
        name: &str,
        settings: &BucketSettings<'_>,
        key_id: &str,
        secret_key: &str,
    ) -> Result<Self, BucketError> {
        let signer = s3::Signer::new(name, settings.region, settings.endpoint, key_id, secret_key)?;
        let bucket = Self { signer };
        // A configuration that can't sign is detected now, not at the first browser's request.
        bucket.upload_url(0)?;
        Ok(bucket)
    }

    #[cfg(not(feature = "object-store"))]
    fn with_key(_: &str, _: &BucketSettings<'_>, _: &str, _: &str) -> Result<Self, BucketError> {
        Err(BucketError::NotBuilt)
    }

    /// A URL to which this session's recording can be PUT, valid for [`URL_LIFE`]. No I/O, and no waiting.
    pub fn upload_url(&self, session: u64) -> Result<String, BucketError> {
        #[cfg(feature = "object-store")]
        return self.signer.put_url(&format!("{session}/{OBJECT_NAME}"));
        #[cfg(not(feature = "object-store"))]
        match (self.signer, session) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BucketSettings<'_> = BucketSettings {
        cloud: "aws",
        name: Some("uxtesting-records"),
        region: Some("eu-central-1"),
        endpoint: Some("http://127.0.0.1:9"),
        key_id: Some("k"),
        secret_key: Some("s3cret"),
    };

    #[test]
    fn a_bucket_needs_a_name_and_a_key() {
        assert!(Bucket::open(&BucketSettings { name: None, ..SETTINGS }).unwrap().is_none());
        for (settings, text) in [
            (BucketSettings { key_id: None, ..SETTINGS }, "aws_access_key_id"),
            (BucketSettings { secret_key: None, ..SETTINGS }, "aws_secret_access_key"),
            (BucketSettings { cloud: "azure", ..SETTINGS }, "azure"),
        ] {
            let error = Bucket::open(&settings).unwrap_err().to_string();
            assert!(error.contains(text) && !error.contains("s3cret"), "{error}");
        }
    }

    #[cfg(feature = "object-store")]
    #[test]
    fn no_secret_is_shown() {
        let bucket = Bucket::open(&SETTINGS).unwrap().unwrap();
        assert!(!format!("{bucket:?}").contains("s3cret"));
    }
}
