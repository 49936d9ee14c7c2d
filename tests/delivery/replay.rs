//! `takeup replay` to a queue. That the streams are those that a courier writes, the recorded cases show in `redis/wire.rs`.

#[cfg(feature = "kafka")]
mod kafka;
mod redis;
mod running;
