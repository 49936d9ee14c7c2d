//! How bodies are coded: JSON as the clients are used to it ([`json`]), and content codings ([`inflate`]).

pub mod inflate;
pub mod json;
