//! Recorded text on its way into HTML.

/// A text as HTML that shows it.
pub fn html_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No character of HTML.
            '\0' => escaped.push('\u{fffd}'),
            char => escaped.push(char),
        }
    }
    escaped
}

/// Appends JSON as it may stand in a `script` element: the same JSON, without the characters that could end the element, begin a comment in it, or end
/// a line of JavaScript. In JSON they stand in strings alone, where each may be written by its number.
pub fn json_in_html(json: &str, out: &mut Vec<u8>) {
    for char in json.chars() {
        match char {
            '<' => out.extend(b"\\u003c"),
            '>' => out.extend(b"\\u003e"),
            '\u{2028}' => out.extend(b"\\u2028"),
            '\u{2029}' => out.extend(b"\\u2029"),
            char => out.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_shows_as_it_is_and_is_no_markup() {
        let escaped = html_text("</noscript><img src=x onerror='a(\"b\")'>&amp;\0");
        assert_eq!(escaped, "&lt;/noscript&gt;&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;amp;\u{fffd}");
    }

    proptest! {
        #[test]
        fn json_in_html_says_the_same_and_never_ends_its_element(text in "(</script>|<!--|-->|\u{2028}|\u{2029}|\\PC){0,40}") {
            let json = serde_json::json!({ "text": text, &text: 1 });
            let mut out = Vec::new();
            json_in_html(&json.to_string(), &mut out);
            let out = String::from_utf8(out).unwrap();
            prop_assert!(!out.contains(['<', '>', '\u{2028}', '\u{2029}']), "{out}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap(), json);
        }
    }
}
