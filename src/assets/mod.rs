//! Style sheets, pictures and fonts of recorded sites, kept so that a replay looks right after the site has changed, or without a network.
//!
//! Nothing comes here unless an operator puts it here (`takeup assets push`, `takeup assets fetch`). Below the data folder:
//!
//! ```text
//! assets/
//!   lock                 held by whoever changes something
//!   ab/ab12…             contents, each named by the BLAKE3 hash of its bytes
//!   projects/7.json      of project 7: which URL has which content, of which type, since when
//!   .new-…               a file that is not whole yet; who changes something next removes it
//! ```
//!
//! **Names.** A path is made of a hash or of a project's number, never of what a client or a site has chosen.
//!
//! **Changes.** One process at a time, under the lock. Contents are written first, each whole: a new file, synced, renamed; then the index is
//! replaced in the same way; then contents that no index names are removed. Whoever is killed in between leaves contents that nobody names, and the
//! next change removes them. An index that can't be read ends the change before anything is removed.
//!
//! **Readers** take no lock. They find the old index or the new one; a content that has gone meanwhile is missing, as if it had never been kept. What is read is
//! compared with its hash.
//!
//! **Bounds.** An asset, the whole store, the number of a project's assets and the length of a URL have limits. What was added first leaves first.
//!
//! **Types.** Only what a browser shows and never runs is taken: style sheets, pictures and fonts, told by their bytes ([`Kind`]).
//!
//! | file | |
//! |---|---|
//! | [`address`] | URLs as they are compared |
//! | [`kind`] | what is taken, and the type that it is served with |
//! | [`index`] | the assets of a project |
//! | [`store`] | the files |
//! | [`change`] | changes of them |
//! | [`pages`] | assets as the admin port serves them |
//! | [`embedded`] | assets as a file has them that plays a session by itself |
//! | [`fetch`] | assets that recorded pages name, fetched from the site |

pub mod address;
pub mod change;
pub mod embedded;
mod error;
pub mod fetch;
pub mod index;
pub mod kind;
pub mod pages;
pub mod store;

pub use address::Address;
pub use change::{Change, Changed, Limits};
pub use embedded::Embedded;
pub use error::AssetsError;
pub use index::{AssetId, Entry, ProjectIndex};
pub use kind::Kind;
pub use pages::{Pages, Served};
pub use store::Store;
