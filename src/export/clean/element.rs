//! Elements.

use std::borrow::Cow;

use super::{NAME_BYTES_MAX, REMOVED_TAG};

/// Names with capitals, as SVG has them.
const OF_DRAWINGS: [&str; 37] = [
    "altGlyph",
    "altGlyphDef",
    "altGlyphItem",
    "animateColor",
    "animateMotion",
    "animateTransform",
    "clipPath",
    "feBlend",
    "feColorMatrix",
    "feComponentTransfer",
    "feComposite",
    "feConvolveMatrix",
    "feDiffuseLighting",
    "feDisplacementMap",
    "feDistantLight",
    "feDropShadow",
    "feFlood",
    "feFuncA",
    "feFuncB",
    "feFuncG",
    "feFuncR",
    "feGaussianBlur",
    "feImage",
    "feMerge",
    "feMergeNode",
    "feMorphology",
    "feOffset",
    "fePointLight",
    "feSpecularLighting",
    "feSpotLight",
    "feTile",
    "feTurbulence",
    "foreignObject",
    "glyphRef",
    "linearGradient",
    "radialGradient",
    "textPath",
];

/// The name by which browsers know an element that was recorded with this tag. All else here goes by it.
///
/// In a drawing they take the part behind the colon for the name: `x:script` is a script. And the Replayer writes names in small letters when it seeks,
/// so capitals stay only where drawings have them.
pub fn element_name(tag: &str, is_of_drawing: bool) -> String {
    if !is_of_drawing {
        return tag.to_ascii_lowercase();
    }
    let name = tag.rsplit(':').next().unwrap_or_default();
    if OF_DRAWINGS.contains(&name) { name.to_owned() } else { name.to_ascii_lowercase() }
}

/// The tag under which an element of this name is shown.
pub fn tag(name: &str) -> Cow<'_, str> {
    if !may_be_made(name) {
        return Cow::Borrowed(REMOVED_TAG);
    }
    match &*name.to_ascii_lowercase() {
        "script" | "base" | "object" | "embed" | "applet" | "portal" | "fencedframe" | "frameset" | "frame"
        | "noscript" | "template" => Cow::Borrowed(REMOVED_TAG),
        _ => Cow::Borrowed(name),
    }
}

/// Whether all browsers make an element of this name. At one that they do not make, the Replayer fails.
fn may_be_made(name: &str) -> bool {
    let other = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':' | '-' | '.');
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(other)
        && name != "xmlns"
}
