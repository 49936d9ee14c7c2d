//! Which store, and with which credentials.

use std::fmt;

use crate::base::store_url::StoreUrl;

/// The address of a store and what is needed to be let in. Where a key is missing, the role of the container or machine is used.
#[derive(Clone)]
pub struct StoreAccess {
    /// The address.
    pub url: StoreUrl,
    /// S3: the region; `None` means `us-east-1`.
    pub region: Option<String>,
    /// S3: the store's URL; `None` means Amazon's own.
    pub endpoint: Option<String>,
    /// S3: the access key's id.
    pub key_id: Option<String>,
    /// S3: the secret key.
    pub secret_key: Option<String>,
    /// Azure: the storage account, if the address does not name it.
    pub azure_account: Option<String>,
    /// Azure: its key.
    pub azure_key: Option<String>,
}

impl StoreAccess {
    /// A store that needs no credentials, or gets them from the environment.
    pub fn to(url: StoreUrl) -> Self {
        Self { url, region: None, endpoint: None, key_id: None, secret_key: None, azure_account: None, azure_key: None }
    }
}

impl fmt::Debug for StoreAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAccess").field("url", &self.url).finish_non_exhaustive()
    }
}
