//! The services themselves: each answers a client that is not ours, and each verb does what it says.

mod kafka;
mod postgres;
mod redis;
mod relay;
mod s3;
