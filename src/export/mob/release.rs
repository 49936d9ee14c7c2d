//! The releases, and which messages the player of each takes.

use crate::tracker::{Body, Era, Message, PlayerFile, message_spec, write_uint};

/// A release of OpenReplay, by its player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 2024-03.
    March2024,
    /// 2026-07.
    July2026,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is part of this file.
    In(PlayerFile),
    /// No player shows it.
    Nowhere,
    /// A player would show it, but not the one of this release: the id or the fields mean nothing there, or something else.
    Foreign,
}

impl Release {
    const fn era(self) -> Era {
        match self {
            Self::March2024 => Era::Seed,
            Self::July2026 => Era::Main,
        }
    }

    /// Which file takes the message.
    pub fn takes(self, message: &Message<'_>) -> Taken {
        let Some(spec) = message_spec(message.id) else { return Taken::Nowhere };
        let Some(file) = spec.player_file else { return Taken::Nowhere };
        let is_whole = matches!(message.body, Body::Whole | Body::Longer { .. });
        if is_whole && spec.is_known_to(self.era()) && message.layout() == spec.fields(self.era()) {
            Taken::In(file)
        } else {
            Taken::Foreign
        }
    }
}

/// Whether the file of the developer tools has the message besides the other one: what tells time and tab is in both.
pub(super) fn is_in_both(message: &Message<'_>) -> bool {
    matches!(message.name, "Timestamp" | "TabData")
}

/// Appends type and fields, without what newer trackers add behind them: nothing but the fields tells where the next message begins.
pub(super) fn put_bare(message: &Message<'_>, out: &mut Vec<u8>) {
    write_uint(out, message.id);
    let extra = match message.body {
        Body::Longer { extra } => extra,
        _ => 0,
    };
    out.extend_from_slice(&message.bytes[..message.bytes.len() - extra]);
}
