//! Asking for a session: what a client sends, read leniently and cleaned before anything uses it.
//!
//! | module | holds |
//! |---|---|
//! | `web`, `mobile`, `sdk` | the bodies of `POST /v1/{web,mobile,sdk}/start` |
//! | `bounds` | how much of each text is kept |
//! | [`tracker_version`] | which versions of trackers are served |
//! | [`user_uuid`] | what is accepted as the UUID of a user |

mod bounds;
mod mobile;
mod sdk;
pub mod tracker_version;
pub mod user_uuid;
mod web;

pub use bounds::TRACKER_CHARS_MAX;
pub use mobile::MobileStartRequest;
pub use sdk::SdkStartRequest;
pub use web::WebStartRequest;
