//! Connections to S3, Google and Azure.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::base::store_url::BucketKind;

use super::access::StoreAccess;
use super::refusal::Connector;
use super::s3_versions::S3Versions;

/// How long a request may take, with a part of [`super::store::PART_BYTES`] in it: at least 70 KB/s.
const REQUEST_MAX: Duration = Duration::from_secs(120);
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// What is needed of a store in a cloud.
pub trait Cloud: ObjectStore + MultipartStore + PaginatedListStore {}

impl<S: ObjectStore + MultipartStore + PaginatedListStore> Cloud for S {}

/// A bucket that is ready to be asked.
pub struct Opened {
    pub cloud: Arc<dyn Cloud>,
    /// What lists and removes versions: of S3.
    pub versions: Option<Arc<S3Versions>>,
}

/// Prepares a connection. Nothing is sent.
///
/// # Errors
/// A setting can't be used, or one is missing.
pub fn open(kind: &BucketKind, bucket: &str, access: &StoreAccess) -> Result<Opened, String> {
    crate::courier::tls::use_ring();
    match kind {
        BucketKind::S3 => s3(bucket, access),
        BucketKind::Google => google(bucket).map(|cloud| Opened { cloud, versions: None }),
        BucketKind::Azure { account } => {
            azure(bucket, account.as_deref(), access).map(|cloud| Opened { cloud, versions: None })
        }
    }
}

fn s3(bucket: &str, access: &StoreAccess) -> Result<Opened, String> {
    // The environment has what containers and machines with a role are given.
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_region(access.region.as_deref().unwrap_or("us-east-1"))
        .with_client_options(client(access.endpoint.as_deref()))
        .with_retry(once())
        .with_http_connector(Connector);
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder = match (&access.key_id, &access.secret_key) {
        (Some(id), Some(key)) => builder.with_access_key_id(id).with_secret_access_key(key),
        (None, None) => builder,
        _ => return Err("aws_access_key_id and aws_secret_access_key belong together: set both or none".to_owned()),
    };
    let s3 = Arc::new(builder.build().map_err(|error| error.to_string())?);
    let versions = S3Versions::new(Arc::clone(&s3), client(access.endpoint.as_deref()));
    Ok(Opened { cloud: s3, versions: Some(Arc::new(versions)) })
}

fn google(bucket: &str) -> Result<Arc<dyn Cloud>, String> {
    let builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(None))
        .with_retry(once())
        .with_http_connector(Connector);
    Ok(Arc::new(builder.build().map_err(|error| error.to_string())?))
}

fn azure(container: &str, account: Option<&str>, access: &StoreAccess) -> Result<Arc<dyn Cloud>, String> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_client_options(client(None))
        .with_retry(once())
        .with_http_connector(Connector);
    if let Some(account) = account.or(access.azure_account.as_deref()) {
        builder = builder.with_account(account);
    }
    if let Some(key) = &access.azure_key {
        builder = builder.with_access_key(key);
    }
    Ok(Arc::new(builder.build().map_err(|error| error.to_string())?))
}

fn client(endpoint: Option<&str>) -> ClientOptions {
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    ClientOptions::new().with_allow_http(plain).with_timeout(REQUEST_MAX).with_connect_timeout(CONNECT_MAX)
}

/// The courier tries again by itself, and shows it.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}
