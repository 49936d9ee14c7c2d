//! The rounds of `--loop`, and the sessions' ids in them.
//!
//! In the first round sessions have their own ids. In each later one they have others, so that no server takes a batch for one that was sent
//! again: the time within the id stays, and the shard is moved by a step that the seed and the round give. For sessions of one server no two ids
//! are equal, however many rounds there are.

use bytes::Bytes;

use crate::log::format::record::Kind;

use super::order::Held;

/// The most rounds: as many as an id has shards.
pub const ROUNDS_MAX: i64 = 65_535;

const SHARD_SHIFT: u32 = 8;

/// The id of a session in a round.
pub fn session_in(round: u32, seed: u64, session: u64) -> u64 {
    if session == 0 || round == 0 {
        return session;
    }
    // An odd step meets every shard before it meets one again.
    let step = mixed(seed) as u16 | 1;
    let shard = (session >> SHARD_SHIFT) as u16;
    let moved = shard.wrapping_add(step.wrapping_mul(round as u16));
    session & !(0xffff << SHARD_SHIFT) | u64::from(moved) << SHARD_SHIFT
}

/// Gives a record the session that it has in a round, also where its row names it.
pub fn into_round(held: &mut Held, round: u32, seed: u64) {
    let old = held.head.session;
    let new = session_in(round, seed, old);
    if old == new {
        return;
    }
    held.head.session = new;
    match held.head.kind {
        Kind::Start => held.ext = renamed_start(&held.ext, old, new),
        Kind::Row => held.payload = renamed(&held.payload, old, new),
        _ => {}
    }
}

/// SplitMix64's final step.
pub fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The extension of a start, with the session in its row.
fn renamed_start(ext: &Bytes, old: u64, new: u64) -> Bytes {
    use crate::log::format::record::{Ext, ExtWriter, ext_type};
    let mut out = Vec::with_capacity(ext.len() + 20);
    let mut writer = ExtWriter::new(&mut out);
    for (kind, value) in Ext(ext) {
        let row = if kind == ext_type::SESSION_ROW {
            renamed(&Bytes::copy_from_slice(value), old, new)
        } else {
            Bytes::copy_from_slice(value)
        };
        if writer.push(kind, &row).is_err() {
            return ext.clone();
        }
    }
    out.into()
}

/// A row with another session. Rows are written by takeup, with the session as their first field.
fn renamed(row: &Bytes, old: u64, new: u64) -> Bytes {
    let begin = format!("{{\"session_id\":{old},");
    match row.strip_prefix(begin.as_bytes()) {
        Some(rest) => [format!("{{\"session_id\":{new},").as_bytes(), rest].concat().into(),
        None => row.clone(),
    }
}

#[cfg(test)]
mod tests;
