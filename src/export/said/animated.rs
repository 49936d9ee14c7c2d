//! What an animation of a script has ended with.

use serde_json::Value as Json;

/// The styles as CSS. Trackers from 18 on tell them as an object, with the names that scripts use; those before, as CSS.
pub(super) fn css_of(styles: String) -> String {
    let Ok(Json::Object(named)) = serde_json::from_str(&styles) else { return styles };
    let declared = named.iter().filter_map(|(name, value)| {
        let value = match value {
            Json::String(value) => value.trim().to_owned(),
            Json::Number(value) => value.to_string(),
            _ => return None,
        };
        Some(format!("{}:{value}", property(name).filter(|_| !value.is_empty())?))
    });
    declared.collect::<Vec<_>>().join(";")
}

/// The property that scripts call so: `backgroundColor` is `background-color`.
fn property(name: &str) -> Option<String> {
    let is_named =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_named || name.starts_with("--") {
        return is_named.then(|| name.to_owned());
    }
    // Two that scripts can't call by their own names.
    if let "cssFloat" | "cssOffset" = name {
        return Some(name[3..].to_ascii_lowercase());
    }
    let is_of_browser = ["webkit", "ms"].iter().any(|browser| {
        name.strip_prefix(browser).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
    });
    let mut property = String::from(if is_of_browser { "-" } else { "" });
    for char in name.chars() {
        if char.is_ascii_uppercase() {
            property.push('-');
        }
        property.push(char.to_ascii_lowercase());
    }
    Some(property)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_animations_are_css_in_whichever_form_a_tracker_tells_them() {
        let told = r#"{"letterSpacing":"2px","color":"rgb(255, 255, 255)","background":"rgb(27, 94, 32) none repeat scroll 0% 0%","opacity":0.5}"#;
        let css = "background:rgb(27, 94, 32) none repeat scroll 0% 0%;color:rgb(255, 255, 255);letter-spacing:2px;opacity:0.5";
        assert_eq!(css_of(told.to_owned()), css);
        for css in ["letter-spacing: 2px; color: red", "", "{", "[1]", "{broken", "7"] {
            assert_eq!(css_of(css.to_owned()), css);
        }
    }

    #[test]
    fn a_property_goes_by_the_name_that_style_sheets_have_for_it() {
        for (name, wanted) in [
            ("color", "color"),
            ("borderTopLeftRadius", "border-top-left-radius"),
            ("border-top-width", "border-top-width"),
            ("webkitTextFillColor", "-webkit-text-fill-color"),
            ("WebkitTextFillColor", "-webkit-text-fill-color"),
            ("MozAppearance", "-moz-appearance"),
            ("msTransform", "-ms-transform"),
            ("--myColour", "--myColour"),
            ("cssFloat", "float"),
            ("cssOffset", "offset"),
        ] {
            assert_eq!(property(name).as_deref(), Some(wanted));
        }
        for name in ["", "a b", "a:b", "a;b", "a{", "é", "url("] {
            assert_eq!(property(name), None, "{name}");
        }
    }

    #[test]
    fn what_has_no_name_or_no_value_is_no_style() {
        let told = r#"{"a:url(x);b":"1px","color":"","width":null,"height":{"a":1},"top":"1px"}"#;
        assert_eq!(css_of(told.to_owned()), "top:1px");
    }
}
