//! Why a bucket can't be used.

/// Why there is no bucket although one is configured.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There is no key to sign with.
    #[error("aws_access_key_id and aws_secret_access_key are needed to sign URLs of bucket {0}")]
    NoKey(String),
    /// A kind of store whose URLs can't be signed here.
    #[error("cloud = \"{0}\": only \"aws\" has URLs that a tracker can put a recording to")]
    Cloud(String),
    /// This build has no signer.
    #[error("this build has no feature object-store")]
    NotBuilt,
    /// The settings do not describe a bucket, or signing with them failed.
    #[error("the bucket can't be used: {0}")]
    Store(String),
}
