//! Start requests: what a client sends to ask for a session, read leniently and cleaned before anything uses it.
//!
//! | module | holds |
//! |---|---|
//! | `web`, `mobile`, `sdk` | the bodies of `POST /v1/{web,mobile,sdk}/start` |
//! | `bounds` | how much of each text is kept |
//! | [`tracker_version`] | which tracker versions are supported |
//! | [`user_uuid`] | what is accepted as a user's UUID |

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
