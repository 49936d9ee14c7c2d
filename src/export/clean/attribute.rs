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
        Verdict::Rel => links(value).map_or_else(apart, kept),
        Verdict::Name if is_of_documents(value) || is_of_forms(value) => apart(),
        Verdict::NameOfField if is_of_forms(value) => apart(),
        Verdict::Name | Verdict::NameOfField => kept(value.to_owned()),
        Verdict::MetaName if value.trim_ascii().eq_ignore_ascii_case("referrer") => apart(),
        Verdict::MetaName => kept(value.to_owned()),
        Verdict::Within if value.trim_start().starts_with('#') => kept(value.to_owned()),
        Verdict::Within => apart(),
        Verdict::Keep if is_script(value) => None,
        Verdict::Keep => kept(value.to_owned()),
    }
}

/// The name under which an attribute of this name may be kept apart.
pub fn apart(tag: &str, name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let is_kept = matches!(judge(tag, &lower), Verdict::Keep | Verdict::Drop | Verdict::Css);
    (!is_kept).then(|| name_apart(&lower))
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
    /// What a link is for.
    Rel,
    /// A name by which its document has the element, and its form.
    Name,
    /// A name by which its form has the element.
    NameOfField,
    /// What a `meta` element says.
    MetaName,
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
        // The site would learn more of who watches than that somebody does.
        "crossorigin" | "referrerpolicy" | "browsingtopics" | "sharedstoragewritable" | "adauctionheaders" => {
            Verdict::Drop
        }
        "name" if tag.eq_ignore_ascii_case("meta") => Verdict::MetaName,
        "rel" if tag.eq_ignore_ascii_case("link") => Verdict::Rel,
        // A canvas is shown as a picture.
        "name" if matches!(tag, "img" | "canvas" | "form" | "iframe") => Verdict::Name,
        "id" if matches!(tag, "img" | "canvas") => Verdict::Name,
        "name" | "id" if matches!(tag, "button" | "fieldset" | "input" | "output" | "select" | "textarea") => {
            Verdict::NameOfField
        }
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

/// Those purposes of a link that show something. For others a browser would prepare what nobody sees.
fn links(value: &str) -> Option<String> {
    let shows = |word: &&str| ["stylesheet", "alternate"].iter().any(|known| word.eq_ignore_ascii_case(known));
    let kept: Vec<&str> = value.split_ascii_whitespace().filter(shows).collect();
    (!kept.is_empty()).then(|| kept.join(" "))
}

/// Whether a document has something of this name, which an element of this name would take the place of. The Replayer needs what it has.
fn is_of_documents(name: &str) -> bool {
    OF_DOCUMENTS.split_ascii_whitespace().any(|known| known == name)
}

/// Whether a form has something of this name, which a field of this name would take the place of. What sites call fields (`title`, `action`) has no
/// capitals, and the Replayer asks a form for nothing that has none.
fn is_of_forms(name: &str) -> bool {
    let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
    has_capitals && (is_of_documents(name) || OF_FORMS.split_ascii_whitespace().any(|known| known == name))
}

/// What forms have that documents do not, as Chromium 156 tells it, with capitals; without what begins with `aria`, `on` or `webkit`.
const OF_FORMS: &str = "\
    acceptCharset accessKey assignedSlot attachInternals attachShadow attributeStyleMap checkValidity checkVisibility classList \
    className clientHeight clientLeft clientTop clientWidth computedStyleMap contentEditable currentCSSZoom editContext \
    elementTiming enterKeyHint focusGroup focusGroupStart getAttribute getAttributeNS getAttributeNames getAttributeNode \
    getAttributeNodeNS getBoundingClientRect getClientRects getHTML hasAttribute hasAttributeNS hasAttributes hasPointerCapture \
    hidePopover innerHTML innerText inputMode insertAdjacentElement insertAdjacentHTML insertAdjacentText isContentEditable \
    localName namespaceURI nextElementSibling noValidate offsetHeight offsetLeft offsetParent offsetTop offsetWidth outerHTML \
    outerText previousElementSibling relList releasePointerCapture removeAttribute removeAttributeNS removeAttributeNode \
    replaceWith reportValidity requestFullscreen requestPointerLock requestSubmit scrollBy scrollHeight scrollIntoView \
    scrollIntoViewIfNeeded scrollLeft scrollTo scrollTop scrollWidth setAttribute setAttributeNS setAttributeNode \
    setAttributeNodeNS setHTML setHTMLUnsafe setPointerCapture shadowRoot showPopover tabIndex tagName toggleAttribute \
    togglePopover virtualKeyboardPolicy writingSuggestions";

/// What documents have, as Chromium 156 tells it; without what begins with `on` or `webkit`.
const OF_DOCUMENTS: &str = "\
    __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ activeElement activeViewTransition \
    addEventListener adoptNode adoptedStyleSheets alinkColor all anchors append appendChild applets ariaNotify baseURI \
    bgColor body captureEvents caretPositionFromPoint caretRangeFromPoint characterSet charset childElementCount childNodes \
    children clear cloneNode close compareDocumentPosition compatMode constructor contains contentType cookie \
    createAttribute createAttributeNS createCDATASection createComment createDocumentFragment createElement createElementNS \
    createEvent createExpression createNSResolver createNodeIterator createProcessingInstruction createRange createTextNode \
    createTreeWalker currentScript customElementRegistry defaultView designMode dir dispatchEvent doctype documentElement \
    documentURI domain elementFromPoint elementsFromPoint embeds evaluate execCommand exitFullscreen exitPictureInPicture \
    exitPointerLock featurePolicy fgColor firstChild firstElementChild fonts forms fragmentDirective fullscreen \
    fullscreenElement fullscreenEnabled getAnimations getElementById getElementsByClassName getElementsByName \
    getElementsByTagName getElementsByTagNameNS getRootNode getSelection hasChildNodes hasFocus hasOwnProperty \
    hasStorageAccess hasUnpartitionedCookieAccess head hidden images implementation importNode inputEncoding insertBefore \
    isConnected isDefaultNamespace isEqualNode isPrototypeOf isSameNode lastChild lastElementChild lastModified linkColor \
    links location lookupNamespaceURI lookupPrefix moveBefore nextSibling nodeName nodeType nodeValue normalize open \
    ownerDocument parentElement parentNode pictureInPictureElement pictureInPictureEnabled plugins pointerLockElement \
    prepend prerendering previousSibling propertyIsEnumerable queryCommandEnabled queryCommandIndeterm queryCommandState \
    queryCommandSupported queryCommandValue querySelector querySelectorAll readyState referrer releaseEvents removeChild \
    removeEventListener replaceChild replaceChildren requestStorageAccess rootElement scripts scrollingElement \
    startViewTransition styleSheets textContent timeline title toLocaleString toString valueOf visibilityState vlinkColor \
    wasDiscarded when write writeln xmlEncoding xmlStandalone xmlVersion";

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
