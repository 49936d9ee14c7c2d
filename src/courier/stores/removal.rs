//! Removing an object together with all versions that its store keeps of it.

use crate::base::store_url::{BucketKind, StoreUrl};
use crate::courier::cause::Cause;

use super::access::StoreAccess;
use super::store::Store;
use super::versions::KeptVersion;

/// What is left of an object that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftVersion {
    /// Its id.
    pub id: String,
    /// Why it is there.
    pub reason: &'static str,
}

const NOT_LISTED: &str = "the store keeps versions, and does not let takeup list and remove them";
const NOT_REMOVED: &str = "the store does not let takeup remove it";

/// Removes an object, and all versions that the store keeps of it. One that is not there is no fault. Returns what is left. May be tried again.
///
/// # Errors
/// The store's.
pub async fn remove_for_good(store: &Store, name: &str) -> Result<Vec<LeftVersion>, Cause> {
    let mut kept = Vec::new();
    let mut next = None;
    let listed = loop {
        let Some(page) = store.versions(name, next.as_ref()).await? else { break false };
        kept.extend(page.versions.into_iter().filter(|version| version.name == name));
        // What follows are other names that begin so.
        match page.next.filter(|after| Some(after) != next.as_ref()) {
            Some(after) => next = Some(after),
            None => break true,
        }
    };
    if listed && kept.iter().any(|version| !version.is_the_object()) {
        return remove_versions(store, &kept).await;
    }
    let known = if listed { None } else { store.version_of(name).await? };
    store.remove(name).await?;
    let Some(id) = known else { return Ok(Vec::new()) };
    // Asked again after a fault, nobody would know the version's id any more.
    let is_there = store.has_version(name, &id).await.unwrap_or(true);
    Ok(if is_there { vec![LeftVersion { id, reason: NOT_LISTED }] } else { Vec::new() })
}

/// Removes versions of one object, which come the newest first, and of its marks of removal only if nothing else is left: the last of these hides what can't be removed. Returns those
/// that are left.
///
/// # Errors
/// The store's.
pub async fn remove_versions(store: &Store, kept: &[KeptVersion]) -> Result<Vec<LeftVersion>, Cause> {
    let mut left = Vec::new();
    // The oldest first: if it ends here, the object's name does not stand for an older version than before.
    for version in kept.iter().rev().filter(|version| !version.is_marker) {
        if !store.delete_version(&version.name, &version.id).await? {
            left.push(LeftVersion { id: version.id.clone(), reason: NOT_REMOVED });
        }
    }
    if left.is_empty() {
        for mark in kept.iter().filter(|version| version.is_marker) {
            store.delete_version(&mark.name, &mark.id).await?;
        }
    } else if let Some(latest) = kept.iter().find(|version| version.is_latest && !version.is_marker) {
        // At least nobody finds it by its name.
        store.remove(&latest.name).await?;
    }
    Ok(left)
}

impl LeftVersion {
    /// Why it is there, and how it is removed by hand.
    pub fn advice(&self, access: &StoreAccess, name: &str) -> String {
        let StoreUrl::Bucket { kind, bucket, prefix } = &access.url else { return self.reason.to_owned() };
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let Self { id, reason } = self;
        let remove = match kind {
            BucketKind::S3 => {
                let endpoint = endpoint_option(access);
                format!(
                    "`aws s3api list-object-versions --bucket {bucket} --prefix {key}{endpoint}` shows all of this object, and \
                     `aws s3api delete-object --bucket {bucket} --key {key} --version-id {id}{endpoint}` removes this one"
                )
            }
            BucketKind::Google => {
                format!("`gcloud storage rm --all-versions gs://{bucket}/{key}` removes all of this object")
            }
            BucketKind::Azure { account } => {
                let account = account.as_deref().or(access.azure_account.as_deref()).unwrap_or("ACCOUNT");
                let which = format!("--account-name {account} --container-name {bucket}");
                format!(
                    "`az storage blob list {which} --prefix {key} --include v` shows all of this object, and \
                     `az storage blob delete {which} --name {key} --version-id {id}` removes this one"
                )
            }
        };
        format!("version {id}: {reason}: {remove}")
    }
}

/// What is to be done by hand about versions of objects whose names begin so, of a store that does not list them.
pub fn advice_for_all(access: &StoreAccess, begin: &str) -> String {
    let StoreUrl::Bucket { kind, bucket, prefix } = &access.url else { return NOT_LISTED.to_owned() };
    let keys = if prefix.is_empty() { begin.to_owned() } else { format!("{prefix}/{begin}") };
    let commands = match kind {
        BucketKind::S3 => {
            let endpoint = endpoint_option(access);
            format!(
                "`aws s3api list-object-versions --bucket {bucket} --prefix {keys}{endpoint}` shows them, and \
                 `aws s3api delete-object --bucket {bucket} --key KEY --version-id ID{endpoint}` removes one"
            )
        }
        BucketKind::Google => format!(
            "`gcloud storage ls --all-versions \"gs://{bucket}/{keys}**\"` shows them, and `gcloud storage rm gs://{bucket}/KEY#GENERATION` removes one"
        ),
        BucketKind::Azure { account } => {
            let account = account.as_deref().or(access.azure_account.as_deref()).unwrap_or("ACCOUNT");
            let which = format!("--account-name {account} --container-name {bucket}");
            format!(
                "`az storage blob list {which} --prefix {keys} --include v` shows them, and \
                 `az storage blob delete {which} --name NAME --version-id ID` removes one"
            )
        }
    };
    format!("older versions may have something: {NOT_LISTED}: {commands}")
}

/// The option by which `aws` finds the store, without what somebody may have put before the host: it goes into a receipt.
fn endpoint_option(access: &StoreAccess) -> String {
    let Some((scheme, rest)) = access.endpoint.as_deref().and_then(|url| url.split_once("://")) else {
        return String::new();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!(" --endpoint-url {scheme}://{host}{path}")
}

#[cfg(test)]
mod tests;
