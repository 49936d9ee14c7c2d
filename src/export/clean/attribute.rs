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

/// The addresses of a `srcset` that may be fetched.
fn candidates(value: &str, base: Option<&Url>, assets: &Assets) -> Option<String> {
    let (mut kept, mut room) = (Vec::new(), room_for_addresses(value));
    for candidate in value.split([',', '\n']).map(str::trim).filter(|candidate| !candidate.is_empty()) {
        let (address, size) = candidate.split_once(char::is_whitespace).unwrap_or((candidate, ""));
        if let Some(address) = fetched(address, base, assets) {
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
