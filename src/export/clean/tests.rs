use super::*;

fn attribute(tag: &str, name: &str, value: &str, base: Option<&str>, assets: &Assets) -> Option<(String, String)> {
    super::attribute(tag, name, value, base.and_then(super::base).as_ref(), assets)
}

fn css(text: &str, base: Option<&str>, assets: &Assets) -> String {
    super::css(text, base.and_then(super::base).as_ref(), assets)
}

const BASE: Option<&str> = Some("https://shop.example/catalogue/");

fn withheld(tag: &str, name: &str, value: &str) -> Option<(String, String)> {
    attribute(tag, name, value, BASE, &Assets::WITHHELD)
}

fn pair(name: &str, value: &str) -> Option<(String, String)> {
    Some((name.to_owned(), value.to_owned()))
}

#[test]
fn nothing_that_runs_sends_or_leads_elsewhere_passes() {
    for (tag, name, value) in [
        ("a", "onclick", "alert(1)"),
        ("a", "oNcLiCk", "alert(1)"),
        ("svg", "onload", "alert(1)"),
        ("iframe", "srcdoc", "<script>alert(1)</script>"),
        ("meta", "http-equiv", "refresh"),
        ("form", "action", "https://evil.example/"),
        ("button", "formaction", "javascript:alert(1)"),
        ("a", "ping", "https://evil.example/"),
        ("animate", "attributeName", "href"),
        ("animate", "to", " java\nscript:alert(1)"),
        ("div", "x", "JAVASCRIPT:alert(1)"),
        ("img", "rr_dataURL", "x"),
        ("style", "_cssText", "x"),
        ("div", "data-takeup-src", "x"),
        ("div", "a b", "x"),
        ("div", "\"><script>", "x"),
        ("div", "", "x"),
    ] {
        for assets in [&Assets::WITHHELD, &Assets::FETCHED] {
            assert_eq!(attribute(tag, name, value, BASE, assets), None, "{tag} {name}={value}");
        }
    }
    for tag_name in
        ["script", "SCRIPT", "base", "object", "embed", "applet", "frame", "a b", "", "1", "<b", "a@b", "xmlns"]
    {
        assert_eq!(tag(tag_name), REMOVED_TAG);
    }
    assert_eq!(tag("my-element"), "my-element");
    assert_eq!(tag("linearGradient"), "linearGradient");
}

#[test]
fn no_address_is_fetched_before_the_viewer_says_so() {
    for (tag, name, value) in [
        ("img", "src", "/a.png"),
        ("img", "src", "//evil.example/a.png"),
        ("img", "srcset", "/a.png 1x, /b.png 2x"),
        ("video", "poster", "a.png"),
        ("link", "href", "/a.css"),
        ("image", "xlink:href", "/a.png"),
        ("use", "href", "/a.svg#x"),
        ("a", "href", "https://shop.example/"),
        ("iframe", "src", "https://shop.example/"),
        ("td", "background", "/a.png"),
    ] {
        let (kept, _) = withheld(tag, name, value).unwrap();
        assert!(kept.starts_with("data-takeup-"), "{tag} {name}={value} is {kept}");
    }
    assert_eq!(withheld("use", "href", "#icon"), pair("href", "#icon"));
    assert_eq!(withheld("img", "src", "data:image/png;base64,AA=="), pair("src", "data:image/png;base64,AA=="));
    assert_eq!(withheld("img", "src", "data:text/html,x").unwrap().0, "data-takeup-src");
}

#[test]
fn assets_are_fetched_from_where_the_page_had_them_by_http_alone() {
    let fetched = |tag, name, value| attribute(tag, name, value, BASE, &Assets::FETCHED);
    assert_eq!(fetched("img", "src", "../a.png"), pair("src", "https://shop.example/a.png"));
    assert_eq!(
        fetched("img", "srcset", "a.png 1x,\n b.png 2x"),
        pair("srcset", "https://shop.example/catalogue/a.png 1x, https://shop.example/catalogue/b.png 2x")
    );
    assert_eq!(
        fetched("img", "srcset", "data:image/gif;base64,AAA/BBB 1x,/b.png,2x, c.png"),
        pair(
            "srcset",
            "data:image/gif;base64,AAA/BBB 1x, https://shop.example/b.png,2x, https://shop.example/catalogue/c.png"
        )
    );
    assert_eq!(
        withheld("img", "srcset", "data:image/gif,a 1x, /b.png 2x, data:image/gif,c (, /d.png 1x, data:image/gif,e"),
        pair("srcset", "data:image/gif,a 1x, data:image/gif,e")
    );
    assert_eq!(fetched("link", "href", "/a.css"), pair("href", "https://shop.example/a.css"));
    for address in ["javascript:alert(1)", "file:///etc/passwd", "blob:https://shop.example/1", "data:text/html,x"] {
        assert_eq!(fetched("img", "src", address).unwrap().0, "data-takeup-src", "{address}");
    }
    // A link is never followed, nor a frame loaded.
    assert_eq!(fetched("a", "href", "/x").unwrap().0, "data-takeup-href");
    assert_eq!(fetched("iframe", "src", "/x").unwrap().0, "data-takeup-src");
}

#[test]
fn css_asks_for_nothing_whatever_it_is_written_like() {
    for text in [
        "a{background:url(http://evil.example/1)}",
        "a{background:url( 'http://evil.example/1' )}",
        "a{background:\\75\\72\\6c(http://evil.example/1)}",
        "a{background:u\\rl('http://evil.example/1')}",
        "a{background:url/**/(http://evil.example/1)}",
        "@import 'http://evil.example/1'; a{color:red}",
        "@\\69mport url(http://evil.example/1); a{color:red}",
        "a{background:image-set('http://evil.example/1' 1x)}",
        "a{--x:'http://evil.example/1';background:src(var(--x))}",
        "@font-face{font-family:x;src:url(http://evil.example/1) format('woff2')}",
        "@media screen{a{b{background:url(http://evil.example/1)}}}",
        "a{background:url(http://evil.example/1",
    ] {
        let clean = css(text, BASE, &Assets::WITHHELD);
        let asked = clean.contains("evil.example") && !clean.contains("--x:\"http") && !clean.contains("url (");
        assert!(!asked, "{text} became {clean}");
    }
}

#[test]
fn css_looks_as_before() {
    let text = "@media (min-width: 10px) { a.b > c:not([d=\"e\"])::before { content: \"\\201C\"; margin: -1.5em calc(1px + 2%) } }";
    let clean = css(text, BASE, &Assets::WITHHELD);
    assert_eq!(clean, css(&clean, BASE, &Assets::WITHHELD));
    assert!(clean.contains("@media (min-width: 10px) { a.b > c:not([d=\"e\"])::before { content: \"\u{201C}\"; margin: -1.5em calc(1px + 2%) } }"), "{clean}");
    assert_eq!(css("a{fill:url(#g)}", BASE, &Assets::WITHHELD), "a{fill:url(\"#g\")}");
    assert_eq!(
        css("a{background:url(/b.png)}", BASE, &Assets::FETCHED),
        "a{background:url(\"https://shop.example/b.png\")}"
    );
    // As deep as no style sheet goes: its inner part is dropped, nothing overflows.
    let deep = format!("a{{{}", "(".repeat(1_000_000));
    assert!(css(&deep, BASE, &Assets::WITHHELD).len() < 100);
}

#[test]
fn the_site_learns_no_more_than_that_somebody_watches() {
    let fetched = |tag, name, value| attribute(tag, name, value, BASE, &Assets::FETCHED);
    for (tag, name) in
        [("img", "referrerpolicy"), ("link", "ReferrerPolicy"), ("a", "referrerpolicy"), ("img", "browsingtopics")]
    {
        assert_eq!(fetched(tag, name, "unsafe-url"), None, "{tag} {name}");
    }
    for (tag, name, value) in [
        ("meta", "name", " Referrer "),
        ("META", "name", "referrer"),
        ("link", "rel", "prefetch"),
        ("link", "rel", "prerender preconnect dns-prefetch"),
        ("link", "rel", "modulepreload"),
        ("link", "rel", "icon"),
        ("link", "rel", ""),
    ] {
        assert_eq!(fetched(tag, name, value), pair(&format!("data-takeup-{name}"), value), "{tag} {name}={value}");
        assert_eq!(apart(tag, name), Some(format!("data-takeup-{name}")), "a change back is told");
    }
    assert_eq!(fetched("link", "rel", "preload\tStylesheet prefetch"), pair("rel", "Stylesheet"));
    assert_eq!(fetched("link", "rel", "alternate stylesheet"), pair("rel", "alternate stylesheet"));
    assert_eq!(fetched("meta", "name", "viewport"), pair("name", "viewport"));
    assert_eq!(fetched("a", "rel", "prefetch"), pair("rel", "prefetch"));
}

#[test]
fn no_element_takes_the_place_of_what_its_document_has() {
    for (tag, name) in
        [("img", "name"), ("form", "name"), ("iframe", "name"), ("img", "id"), ("canvas", "name"), ("canvas", "id")]
    {
        for value in ["createElement", "querySelectorAll", "body", "defaultView", "__proto__"] {
            assert_eq!(withheld(tag, name, value), pair(&format!("data-takeup-{name}"), value), "{tag} {name}={value}");
        }
        assert_eq!(withheld(tag, name, "checkout"), pair(name, "checkout"));
        assert_eq!(apart(tag, name), Some(format!("data-takeup-{name}")));
    }
    assert_eq!(withheld("input", "name", "title"), pair("name", "title"));
    assert_eq!(withheld("div", "id", "body"), pair("id", "body"));
}

/// A site of which some is kept.
struct KeptFolder;

impl KeptAssets for KeptFolder {
    fn place_of(&self, url: &url::Url) -> Option<String> {
        let kept = url.host_str() == Some("shop.example") && url.path().starts_with("/kept/");
        kept.then(|| "../assets/7/ab".to_owned())
    }
}

fn kept() -> Assets {
    Assets::WITHHELD.with_kept(std::sync::Arc::new(KeptFolder))
}

#[test]
fn what_is_kept_comes_from_there_and_all_else_from_nowhere() {
    let shown = |tag, name, value| attribute(tag, name, value, BASE, &kept());
    assert_eq!(shown("img", "src", "/kept/a.png"), pair("src", "../assets/7/ab"));
    assert_eq!(shown("link", "href", "https://shop.example/kept/a.css"), pair("href", "../assets/7/ab"));
    assert_eq!(shown("image", "xlink:href", "/kept/a.svg#part"), pair("xlink:href", "../assets/7/ab#part"));
    assert_eq!(shown("img", "srcset", "/kept/a.png 1x, /b.png 2x"), pair("srcset", "../assets/7/ab 1x"));
    assert_eq!(
        shown("div", "style", "background:url(/kept/a.png)"),
        pair("style", "background:url(\"../assets/7/ab\")")
    );
    for (tag, name, value) in [
        ("img", "src", "/a.png"),
        ("img", "src", "https://evil.example/kept/a.png"),
        ("img", "src", "../assets/7/ab"),
        ("img", "src", "javascript:/kept/"),
        ("a", "href", "/kept/a.png"),
        ("iframe", "src", "/kept/a.svg"),
        ("use", "href", "/kept/a.svg#x"),
    ] {
        let (name, _) = shown(tag, name, value).unwrap();
        assert!(name.starts_with("data-takeup-"), "{tag} {name}={value}");
    }
    // A fragment that could mean something is left out.
    assert_eq!(shown("img", "src", "/kept/a.svg#\" onload=x"), pair("src", "../assets/7/ab#%22%20onload=x"));
    assert_eq!(shown("img", "srcset", "/kept/a.svg#) 1x"), pair("srcset", "../assets/7/ab 1x"));
    let both = Assets::FETCHED.with_kept(std::sync::Arc::new(KeptFolder));
    assert_eq!(attribute("img", "src", "/kept/a.png", BASE, &both), pair("src", "../assets/7/ab"));
    assert_eq!(attribute("img", "src", "/a.png", BASE, &both), pair("src", "https://shop.example/a.png"));
}

#[test]
fn css_leads_to_what_is_kept_and_nowhere_else_whatever_it_is_written_like() {
    let shown = |text: &str| css(text, BASE, &kept());
    for (text, expected) in [
        ("@import '/kept/a.css' layer(x) screen;a{}", "@import url(\"../assets/7/ab\") layer(x) screen;a{}"),
        ("@\\69mport url( '/kept/a.css' );", "@import url(\"../assets/7/ab\");"),
        ("@import url(/kept/a.css)", "@import url(\"../assets/7/ab\");"),
        ("@import '/a.css';a{}", "a{}"),
        ("@import url(//evil.example/kept/a.css);a{}", "a{}"),
        ("@import var(--x);a{}", "a{}"),
        (
            "a{background:image-set('/kept/a.png' 1x, url(/b.png) 2x)}",
            "a{background:image-set(\"../assets/7/ab\" 1x, url(\"about:invalid\") 2x)}",
        ),
        ("a{--x:'/b.png';background:image-set(var(--x) 1x)}", "a{--x:\"/b.png\";background:none}"),
        ("a{background:src('/kept/a.png')}", "a{background:none}"),
        ("a{background:image-set(/**/image-set('/kept/a.png' 1x) 1x)}", "a{background:none}"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    for text in [
        "@import '/kept/a.css' url(http://evil.example/1) 'http://evil.example/2';",
        "@import '/kept/a.css' supports(background:url(http://evil.example/1));",
        "@import '/kept/a.css'}@import 'http://evil.example/1';",
        "@import \"/kept/a.css\n'http://evil.example/1';",
        "a{background:image-set(u\\rl(http://evil.example/1) 1x)}",
        "a{background:cross-fade(url('http://evil.example/1'), url(/kept/a.png))}",
        "a{background:image-set('http://evil.example/1' type('image/png') 1x",
    ] {
        let clean = shown(text).replace("\"http://evil.example/2\"", "");
        assert!(!clean.contains("evil.example"), "{text} became {clean}");
    }
    let deep = "image-set(".repeat(100_000);
    assert!(shown(&format!("a{{background:{deep}")).len() < 100);
    let long = shown(&"@import '/kept/a.css' ".repeat(100_000));
    assert!(long.len() < 2000, "{}", long.len());
}

#[test]
fn addresses_that_the_pages_own_makes_longer_have_a_limit() {
    let long = format!("https://shop.example/{}/", "x".repeat(1_500));
    let text = "a{src:url(a)}".repeat(2_000);
    let shown = css(&text, Some(&long), &Assets::FETCHED);
    assert!(shown.contains(&long) && shown.len() < 20 * text.len() + (64 << 10), "{} of {}", shown.len(), text.len());
    assert_eq!(shown.matches("url(").count(), 2_000);
    let (_, shown) = attribute("img", "srcset", &"a,".repeat(2_000), Some(&long), &Assets::FETCHED).unwrap();
    assert!(shown.contains(&long) && shown.len() < 100 << 10, "{}", shown.len());
}

#[test]
fn an_element_goes_by_the_name_that_browsers_give_it() {
    for (sent, name) in [
        ("x:script", "script"),
        ("a:b:SCRIPT", "script"),
        ("Style", "style"),
        ("x:STYLE", "style"),
        ("x:linearGradient", "linearGradient"),
        ("LINEARGRADIENT", "lineargradient"),
        ("x:", ""),
    ] {
        assert_eq!(element_name(sent, true), name, "{sent}");
    }
    assert_eq!(element_name("x:Script", false), "x:script", "in HTML a colon is part of the name");
}

#[test]
fn no_field_takes_the_place_of_what_its_form_has() {
    for tag in ["input", "button", "fieldset", "output", "select", "textarea", "img", "canvas"] {
        for (name, value) in
            [("name", "appendChild"), ("id", "setAttribute"), ("NAME", "removeChild"), ("id", "tagName")]
        {
            let apart = format!("data-takeup-{}", name.to_ascii_lowercase());
            assert_eq!(withheld(tag, name, value), pair(&apart, value), "{tag}");
            assert_eq!(super::apart(tag, name), Some(apart));
        }
        assert_eq!(withheld(tag, "name", "firstName"), pair("name", "firstName"));
    }
    // What sites call their fields.
    for value in ["title", "action", "children", "id", "style", "first_name"] {
        assert_eq!(withheld("input", "name", value), pair("name", value));
        assert_eq!(withheld("input", "id", value), pair("id", value));
    }
}

#[test]
fn no_picture_is_asked_for_with_the_origin_of_the_player() {
    assert_eq!(attribute("img", "crossorigin", "use-credentials", BASE, &Assets::FETCHED), None);
}
