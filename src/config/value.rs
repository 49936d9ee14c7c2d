//! Parsers for values: switches, counts, sizes, durations, addresses.

use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::base::store_url::StoreUrl;

use super::kafka_options::KafkaOptions;
use super::limit::{Limit, Period};
use super::networks::Networks;
use super::secret::Secret;

/// Whether a default is written unquoted in a TOML file: a number or a switch.
pub const fn is_bare(text: &str) -> bool {
    let bytes = text.as_bytes();
    if matches!(bytes, b"true" | b"false") {
        return true;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !bytes[i].is_ascii_digit() {
            return false;
        }
        i += 1;
    }
    !bytes.is_empty()
}

/// A switch, in Go's words (`strconv.ParseBool`) and a few more that are in common use.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "yes" | "on" => Ok(true),
        "0" | "f" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A whole number; `_` may separate its digits.
pub fn count<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: Display,
{
    text.replace('_', "").parse().map_err(|error| format!("expected a whole number ({error})"))
}

/// A whole number, or `auto`.
pub fn auto_count<T: FromStr>(text: &str) -> Result<Option<T>, String>
where
    T::Err: Display,
{
    if text.eq_ignore_ascii_case("auto") || text.is_empty() {
        return Ok(None);
    }
    count(text).map(Some).map_err(|error| format!("{error}, or \"auto\""))
}

/// A number of bytes: `4096`, `64KiB`, `8MiB`, `1GiB`, `10MB`, `1.5GiB`; case and a space before the unit do not matter.
pub fn size<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let problem = || "expected a size such as 65536, 64KiB or 8MiB".to_owned();
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_')).unwrap_or(text.len());
    let (number, unit) = (text[..digits_end].replace('_', ""), text[digits_end..].trim_start().to_ascii_lowercase());
    let unit: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(problem()),
    };
    let bytes = decimal_times(&number, unit).ok_or_else(problem)?;
    T::try_from(bytes).map_err(|_| "more bytes than this machine can address".to_owned())
}

/// A duration in Go's syntax: `60s`, `200ms`, `1h2m`, `1.5s`. A bare `0` is valid too.
pub fn duration(text: &str) -> Result<Duration, String> {
    let problem = || "expected a duration such as 60s, 200ms or 1h2m".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total_ns: u64 = 0;
    if rest.is_empty() {
        return Err(problem());
    }
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(problem)?;
        let (number, after) = rest.split_at(digits_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit_ns: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(problem()),
        };
        let part_ns = decimal_times(number, unit_ns).ok_or_else(problem)?;
        total_ns = total_ns.checked_add(part_ns).ok_or_else(problem)?;
        rest = after;
    }
    Ok(Duration::from_nanos(total_ns))
}

/// `12.5` times a unit, exactly, rounded down. `None`: not a number, or too large.
fn decimal_times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Further digits make no difference in any unit here.
    let fraction = &fraction[..fraction.len().min(15)];
    let mut part: u128 = 0;
    if !fraction.is_empty() {
        part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(unit) / 10u128.pow(fraction.len() as u32);
    }
    whole.checked_mul(unit)?.checked_add(u64::try_from(part).ok()?)
}

/// `ADDRESS:PORT`. Names are resolved; `:8080` and `8080` mean every IPv4 address.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    const PROBLEM: &str = "expected ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080";
    let full = match text.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => format!("0.0.0.0:{text}"),
        None => text.to_owned(),
    };
    if let Ok(address) = full.parse() {
        return Ok(address);
    }
    // Only text of the form NAME:PORT goes to the resolver, whose errors for anything else help nobody.
    let Some((name, port)) = full.rsplit_once(':') else { return Err(PROBLEM.to_owned()) };
    if name.is_empty() || name.contains([':', '/', '[']) || port.parse::<u16>().is_err() {
        return Err(PROBLEM.to_owned());
    }
    let mut addresses = full.to_socket_addrs().map_err(|error| format!("{name} has no address: {error}"))?;
    addresses.next().ok_or_else(|| format!("{name} has no address"))
}

/// One of a mode's words.
pub fn mode<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

/// A path prefix: empty, or `/one/or/more` without a trailing slash.
pub fn prefix(text: &str) -> Result<String, String> {
    let trimmed = text.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let clean = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    if trimmed.len() > 256 || !trimmed.split('/').all(clean) {
        return Err("expected a path of letters, digits, - _ . ~ such as /media/v2".to_owned());
    }
    Ok(format!("/{trimmed}"))
}

/// One plain word.
pub fn word(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err("expected one word".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of a queue: any name that Kafka accepts for a topic.
pub fn topic(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if matches!(text, "" | "." | "..") || text.len() > 249 || !text.bytes().all(plain) {
        return Err("expected the name of a queue: up to 249 letters, digits, - _ .".to_owned());
    }
    Ok(text.to_owned())
}

/// A text; empty means none.
pub fn optional_text(text: &str) -> Result<Option<String>, String> {
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A path; empty means none.
pub fn optional_path(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

/// A rate with its burst; `off` and `0` mean none.
pub fn limit(text: &str) -> Result<Option<Limit>, String> {
    let problem = || "expected a rate and a burst, such as \"20/s burst 600\", \"1MiB/m burst 64MiB\", or \"off\"";
    if matches!(text, "off" | "0") {
        return Ok(None);
    }
    let (rate, burst) = text.split_once(" burst ").ok_or_else(problem)?;
    let (units, per) = rate.trim().rsplit_once('/').ok_or_else(problem)?;
    let per = match per.trim() {
        "s" => Period::Second,
        "m" | "min" => Period::Minute,
        "h" => Period::Hour,
        _ => return Err(problem().to_owned()),
    };
    let (units, burst) = (size::<u64>(units.trim())?, size::<u64>(burst.trim())?);
    if units == 0 || burst == 0 {
        return Err("rate and burst must be at least 1; \"off\" stands for no limit".to_owned());
    }
    Ok(Some(Limit { units, per, burst }))
}

/// Networks, or words that stand for some.
pub fn networks(text: &str) -> Result<Networks, String> {
    text.parse()
}

/// The start of a URL; empty means none. A trailing slash is dropped.
pub fn optional_url(text: &str) -> Result<Option<String>, String> {
    let trimmed = text.trim_end_matches('/');
    let rest = ["http://", "https://"].iter().find_map(|scheme| trimmed.strip_prefix(scheme));
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\' | b'<' | b'>');
    match rest {
        None if text.is_empty() => Ok(None),
        Some(rest) if !rest.is_empty() && rest.bytes().all(plain) => Ok(Some(trimmed.to_owned())),
        _ => Err("expected a URL such as https://example.com/path".to_owned()),
    }
}

/// The address of an object store; empty means none.
pub fn optional_store(text: &str) -> Result<Option<StoreUrl>, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// A secret text; empty means none.
pub fn optional_secret(text: &str) -> Result<Option<Secret>, String> {
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

/// Kafka's brokers, `HOST:PORT`, separated by commas; empty means none.
pub fn optional_brokers(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut brokers = Vec::new();
    for broker in text.split(',').map(str::trim) {
        let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
        if host.is_empty() || !host.bytes().all(plain) || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(
                "expected brokers as HOST:PORT, separated by commas, such as kafka-1:9092,kafka-2:9092".to_owned()
            );
        }
        brokers.push(broker);
    }
    Ok(Some(brokers.join(",")))
}

/// Options of librdkafka's.
pub fn kafka_options(text: &str) -> Result<KafkaOptions, String> {
    text.parse()
}
