//! The catalogue: every message's name and fields, generated from `messages.json` at build time.

/// The generation of the catalogue with which a batch was written.
///
/// It decides the name of id 3, the fields of id 48 if no size tells them apart, and whether ids 80 and 82 have a size. Every other id means
/// the same in both, so a reader knows the ids of both generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Era {
    /// Trackers up to 15, the catalogue of March 2024.
    Seed,
    /// Trackers from 16 on, the catalogue of July 2026. Also the default if nothing is known.
    #[default]
    Main,
}

impl Era {
    /// The first major version of the web tracker that is read as [`Era::Main`].
    const MAIN_SINCE_MAJOR: u32 = 16;

    /// The first major version of the web tracker that is supported. Lower versions are those of mobile trackers, which are numbered
    /// separately and whose layouts have never changed.
    const WEB_SINCE_MAJOR: u32 = 6;

    /// The era of a tracker version such as `12.0.4`. A version without a leading number counts as new.
    pub fn of_tracker(version: &str) -> Self {
        let major = version.split(['.', '-', '+']).next().unwrap_or_default();
        match major.parse::<u32>() {
            Ok(Self::WEB_SINCE_MAJOR..Self::MAIN_SINCE_MAJOR) => Self::Seed,
            _ => Self::Main,
        }
    }
}

/// How a field is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// Unsigned LEB128.
    Uint,
    /// Zigzag, then unsigned LEB128.
    Int,
    /// Length-prefixed bytes, normally UTF-8.
    Str,
    /// One byte.
    Bool,
}

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec {
    /// The catalogue's name, for example `NavigationStart`.
    pub name: &'static str,
    /// Its encoding.
    pub kind: FieldKind,
}

/// Which of the client's four batch builders sends a message if the server supports protocol 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pipeline {
    /// Messages that the player shows.
    Player,
    /// Messages that refer to assets, whose addresses are rewritten.
    Assets,
    /// Messages that the developer tools show.
    Devtools,
    /// Messages that are only stored in the database.
    Analytics,
}

/// Which of the files of OpenReplay's own player has a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayerFile {
    /// What the page looked like.
    Dom,
    /// What its developer tools show.
    Devtools,
}

/// One entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSpec {
    /// The id on the wire.
    pub id: u8,
    name: &'static str,
    seed_name: Option<&'static str>,
    /// True for messages of the mobile trackers.
    pub mobile: bool,
    /// The web tracker's pipeline; mobile messages have none.
    pub pipeline: Option<Pipeline>,
    /// The file of OpenReplay's player that has it; `None` for those that the player does not show.
    pub player_file: Option<PlayerFile>,
    in_seed: bool,
    in_main: bool,
    fields: &'static [FieldSpec],
    seed_fields: Option<&'static [FieldSpec]>,
}

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The name shown for an id that is not in the catalogue.
pub const UNKNOWN: &str = "Unknown";

/// The one id that was reassigned: from `SessionEndDeprecated` to `CleanSession`. Other messages were only renamed, and are shown under their
/// newest name so that output stays comparable over the years.
const REUSED_ID: u8 = 3;

/// The newest name and fields of an id in the catalogue, for compile-time checks.
pub(super) const fn newest(id: usize) -> (&'static str, &'static [FieldSpec]) {
    match &CATALOGUE[id] {
        Some(spec) => (spec.name, spec.fields),
        None => panic!("the catalogue lacks this id"),
    }
}

/// Looks an id up.
pub fn message_spec(id: u64) -> Option<&'static MessageSpec> {
    CATALOGUE.get(usize::try_from(id).ok()?)?.as_ref()
}

impl MessageSpec {
    /// The message's name: the newest one, except for the id that was reassigned.
    pub fn name(&self, era: Era) -> &'static str {
        match (era, self.seed_name) {
            (Era::Seed, Some(name)) if self.id == REUSED_ID => name,
            _ => self.name,
        }
    }

    /// The fields in wire order.
    pub fn fields(&self, era: Era) -> &'static [FieldSpec] {
        match (era, self.seed_fields) {
            (Era::Seed, Some(fields)) => fields,
            _ => self.fields,
        }
    }

    /// Whether a service of that era knows the id.
    pub fn is_known_to(&self, era: Era) -> bool {
        match era {
            Era::Seed => self.in_seed,
            Era::Main => self.in_main,
        }
    }

    /// The other era's fields, if they differ.
    pub(super) fn other_fields(&self, era: Era) -> Option<&'static [FieldSpec]> {
        let seed = self.seed_fields?;
        Some(match era {
            Era::Seed => self.fields,
            Era::Main => seed,
        })
    }
}

#[cfg(test)]
mod tests;
