//! Geolocation of addresses, with a MaxMind City database.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::Reader;
use serde::Deserialize;

use crate::base::text::clean;
use crate::watched_files::read_at_rest;

/// The country if the real one is unknown.
pub const UNKNOWN_COUNTRY: &str = "UN";
/// Longest name of a state or city that is kept, in characters.
const PLACE_CHARS_MAX: usize = 255;

/// Why an address database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It cannot be read.
    #[error("cannot read the address database {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not a MaxMind database.
    #[error("{} is not a usable MaxMind database: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The reader's error.
        source: maxminddb::MaxMindDbError,
    },
}

/// Where an address is. Its buffers are reused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// ISO code of the country, or `UN`.
    pub country: &'static str,
    /// English name of the state; may be empty.
    pub state: String,
    /// English name of the city; may be empty.
    pub city: String,
}

/// The address database, if there is one.
#[derive(Debug, Default)]
pub struct Geo {
    reader: Option<Reader<Vec<u8>>>,
}

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    subdivisions: Option<Vec<NamedPlace<'a>>>,
    #[serde(borrow)]
    city: Option<NamedPlace<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct NamedPlace<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

impl NamedPlace<'_> {
    fn english(&self) -> &str {
        self.names.as_ref().and_then(|names| names.en).unwrap_or_default()
    }
}

/// Whether a database file is complete: its metadata comes last.
fn has_end(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
    const TAIL: usize = 128 * 1024;
    bytes[bytes.len().saturating_sub(TAIL)..].windows(MARK.len()).any(|window| window == MARK)
}

impl Geo {
    /// No database: the country of every address is `UN`.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the City database in `path` (`MAXMINDDB_FILE`) into memory, if a path is given.
    pub fn open(path: Option<&Path>) -> Result<Self, GeoError> {
        let Some(path) = path else {
            return Ok(Self::none());
        };
        let bytes = read_at_rest(path, has_end).map_err(|source| GeoError::Io { path: path.to_owned(), source })?;
        let reader = Reader::from_source(bytes).map_err(|source| GeoError::Format { path: path.to_owned(), source })?;
        Ok(Self { reader: Some(reader) })
    }

    /// Looks up `address` and writes its location to `place`. A damaged entry counts as missing.
    pub fn find(&self, address: Option<IpAddr>, place: &mut Location) {
        place.country = UNKNOWN_COUNTRY;
        place.state.clear();
        place.city.clear();
        let (Some(reader), Some(address)) = (&self.reader, address) else {
            return;
        };
        let Ok(entry) = reader.lookup(address.to_canonical()) else {
            return;
        };
        let Ok(Some(city)) = entry.decode::<City<'_>>() else {
            return;
        };
        if let Some(code) = city.country.and_then(|country| country.iso_code) {
            place.country = known_country(code);
        }
        if let Some(state) = city.subdivisions.iter().flatten().next() {
            place.state.push_str(state.english());
            clean(&mut place.state, PLACE_CHARS_MAX);
        }
        if let Some(city) = &city.city {
            place.city.push_str(city.english());
            clean(&mut place.city, PLACE_CHARS_MAX);
        }
    }
}

/// The code if it is a known country's, otherwise `UN`.
fn known_country(code: &str) -> &'static str {
    let bytes = code.as_bytes();
    if bytes.len() != 2 {
        return UNKNOWN_COUNTRY;
    }
    COUNTRIES.split(' ').find(|known| known.as_bytes() == bytes).unwrap_or(UNKNOWN_COUNTRY)
}

/// ISO 3166-1 alpha-2, and XK, which address databases use for Kosovo.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS XK YE YT ZA ZM ZW";

#[cfg(test)]
mod tests;
