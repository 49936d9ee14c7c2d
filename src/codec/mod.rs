//! Codings of bodies: JSON as the clients are used to it, and content codings.

pub mod inflate;
pub mod json;
