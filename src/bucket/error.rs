//! Why a bucket can't be used.

/// Why there is no bucket, though one is named.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// No key to sign with.
    #[error("aws_access_key_id and aws_secret_access_key are needed to sign URLs of bucket {0}")]
    NoKey(String),
    /// A kind of store whose URLs are not signed here.
    #[error("cloud = \"{0}\": only \"aws\" has URLs that a tracker can put a recording to")]
    Cloud(String),
    /// This build cannot sign.
    #[error("this build has no feature object-store")]
    NotBuilt,
    /// The settings are not those of a bucket, or nothing could be signed with them.
    #[error("the bucket can't be used: {0}")]
    Store(String),
}
