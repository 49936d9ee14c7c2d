//! What the settings have for the object store of segments.

use crate::base::store_url::StoreUrl;
use crate::config::{Config, Secret};
use crate::courier::stores::StoreAccess;

/// The store at this address, with the settings' keys.
pub fn store_access(config: &Config, url: StoreUrl) -> StoreAccess {
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    StoreAccess {
        url,
        region: config.aws_region.clone(),
        endpoint: config.aws_endpoint.clone(),
        key_id: config.aws_access_key_id.clone(),
        secret_key: secret(&config.aws_secret_access_key),
        azure_account: config.azure_account_name.clone(),
        azure_key: secret(&config.azure_account_key),
    }
}
