//! Attributes.

use url::Url;

use super::{Assets, NAME_BYTES_MAX, css, fetched, room_for_addresses, strip_prefix_of_any_case};

/// An attribute as it may be shown: its name, and its value. `None`: it may not be.
pub fn attribute(tag: &str, name: &str, value: &str, base: Option<&Url>, assets: &Assets) -> Option<(String, String)> {
    if !is_name(name) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let kept = |value: String| Some((name.to_owned(), value));
    let apart = || Some((name_apart(&lower), value.to_owned()));
    match judge(tag, &lower) {
        Verdict::Drop => None,
        Verdict::Apart => apart(),
        Verdict::Css => kept(css(value, base, assets)),
        Verdict::Fetch => fetched(value, base, assets).map_or_else(apart, kept),
        Verdict::FetchAll => candidates(value, base, assets).map_or_else(apart, kept),
        Verdict::Within if value.trim_start().starts_with('#') => kept(value.to_owned()),
        Verdict::Within => apart(),
        Verdict::Keep if is_script(value) => None,
        Verdict::Keep => kept(value.to_owned()),
    }
}

/// The name under which an attribute of this name may be kept apart.
pub fn apart(tag: &str, name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let may_be = matches!(judge(tag, &lower), Verdict::Apart | Verdict::Fetch | Verdict::FetchAll | Verdict::Within);
    may_be.then(|| name_apart(&lower))
}

/// Under this name an address can be read and is never followed.
fn name_apart(lower: &str) -> String {
    format!("data-takeup-{}", lower.replace(':', "-"))
}

enum Verdict {
    Keep,
    /// It runs something, sends something, leads elsewhere, or means something to the player.
    Drop,
    /// It is an address that nobody should follow.
    Apart,
    Css,
    /// It is an address that the browser fetches by itself.
    Fetch,
    /// Several of them.
    FetchAll,
    /// It may name a part of the page itself.
    Within,
}

fn judge(tag: &str, name: &str) -> Verdict {
    // The player gives these a meaning of its own.
    if name.starts_with("rr_") || name.starts_with("data-takeup") || name.starts_with("on") {
        return Verdict::Drop;
    }
    match name {
        "srcdoc" | "http-equiv" | "formaction" | "action" | "ping" | "nonce" | "integrity" | "autoplay"
        | "autofocus" | "manifest" | "target" | "download" | "is" | "popovertarget" | "commandfor" | "allow"
        | "sandbox" | "csp" | "xml:base" | "_csstext" | "attributionsrc" | "usemap" => Verdict::Drop,
        "style" => Verdict::Css,
        // `animate` and `set` can change any attribute of what they are in.
        "attributename" => Verdict::Drop,
        "src" if matches!(tag, "img" | "input" | "audio" | "video" | "source" | "image") => Verdict::Fetch,
        "poster" | "background" => Verdict::Fetch,
        "href" if tag == "link" => Verdict::Fetch,
        "href" | "xlink:href" if tag.eq_ignore_ascii_case("image") || tag.eq_ignore_ascii_case("feimage") => {
            Verdict::Fetch
        }
        "href" | "xlink:href" if tag != "a" && tag != "area" => Verdict::Within,
        "srcset" | "imagesrcset" => Verdict::FetchAll,
        "href" | "xlink:href" | "src" | "data" | "cite" | "longdesc" | "codebase" | "classid" | "archive"
        | "profile" | "lowsrc" | "dynsrc" => Verdict::Apart,
        // In drawings these take `url(…)`.
        "fill" | "stroke" | "filter" | "clip-path" | "mask" | "marker-start" | "marker-mid" | "marker-end"
        | "cursor" => Verdict::Css,
        _ => Verdict::Keep,
    }
}

/// The addresses of a `srcset` that may be fetched, taken apart as browsers do: an address ends with white space, or with a comma before it. So what is
/// left of one that has commas in it (`data:`) is not taken for the next.
fn candidates(value: &str, base: Option<&Url>, assets: &Assets) -> Option<String> {
    let (mut kept, mut room) = (Vec::new(), room_for_addresses(value));
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches(|char: char| char.is_ascii_whitespace() || char == ',');
        if rest.is_empty() {
            break;
        }
        let (word, after) = rest.split_at(rest.find(|char: char| char.is_ascii_whitespace()).unwrap_or(rest.len()));
        let address = word.trim_end_matches(',');
        let (size, after) = match address.len() == word.len() {
            true => after.split_once(',').unwrap_or((after, "")),
            false => ("", after),
        };
        rest = after;
        let size = size.trim_ascii();
        let is_size = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '+' | '-' | ' ');
        // A comma behind a bracket would be none.
        if let Some(address) = fetched(address, base, assets).filter(|_| size.chars().all(is_size)) {
            let Some(left) = room.checked_sub(address.len()) else { break };
            room = left;
            kept.push(format!("{address} {size}").trim().to_owned());
        }
    }
    (!kept.is_empty()).then(|| kept.join(", "))
}

fn is_script(value: &str) -> bool {
    let value: String = value.chars().filter(|char| *char > ' ').take(16).collect();
    ["javascript:", "vbscript:", "data:text"].iter().any(|scheme| strip_prefix_of_any_case(&value, scheme).is_some())
}

/// Whether a name can be that of an attribute or an element.
pub fn is_name(name: &str) -> bool {
    let first = |char: char| char.is_ascii_alphabetic() || matches!(char, '_' | ':' | '@');
    let other = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':' | '@' | '-' | '.');
    name.len() <= NAME_BYTES_MAX && name.starts_with(first) && name.chars().all(other)
}
