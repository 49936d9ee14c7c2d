//! Object stores, and folders that take their place: for the couriers that copy files there, and the commands that read them.
//!
//! | file | holds |
//! |---|---|
//! | `access` | which store, and the credentials |
//! | `store` | what is asked of a store; `cloud`, `folder`: its two kinds |
//! | `object` | objects as they are listed |
//! | `refusal`, `fault` | what a store refuses, and what kind of trouble that is; `foreign`: names in lists that are not ours |
//! | `upload`, `unfinished` | the upload of one object, and the one that is under way |
//! | `versions`, `s3_versions`, `removal` | the versions that a store keeps of objects, and how an object is removed with all of them |
//! | `patience`, `blocking` | a store for commands |

mod access;
mod blocking;
mod cloud;
mod fault;
mod folder;
mod foreign;
mod object;
mod patience;
mod refusal;
mod removal;
mod s3_versions;
mod store;
mod unfinished;
mod upload;
mod versions;

pub use access::StoreAccess;
pub use blocking::block_on;
pub use object::{Object, ObjectPage};
pub use patience::{Patient, may_pass};
pub use removal::{LeftVersion, advice_for_all, remove_for_good, remove_versions};
pub use store::{PART_BYTES, PartFault, Store, Upload};
pub use unfinished::{BegunUpload, UnfinishedUpload};
pub use upload::{AttemptFault, ObjectUpload, UploadSource};
pub use versions::KeptVersion;
