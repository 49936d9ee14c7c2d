//! Codecs for bodies: JSON by the rules that clients are used to ([`json`]), and content codings ([`inflate`]).

pub mod inflate;
pub mod json;
