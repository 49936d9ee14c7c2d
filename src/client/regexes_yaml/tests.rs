use super::*;

#[test]
fn every_kind_of_scalar_is_read() {
    let text = concat!(
        "---\nuser_agent_parsers:\n",
        "  # a comment: 'x'\n\n",
        "  - regex: 'it''s (\\d+)' # behind\n",
        "    family_replacement: \"a \\\"b\\\" \\\\d\"\n",
        "    v1_replacement: 7 # plain\n",
        "    v2_replacement: null\n",
        "os_parsers:\n- regex: 'x'\n",
        "device_parsers:\n  - regex: 'y'\n    regex_flag: 'i'\n    model_replacement: null\n",
    );
    let regexes = parse(text).unwrap();
    let agent = &regexes.user_agent_parsers[0];
    assert_eq!(agent.regex, r"it's (\d+)");
    assert_eq!(agent.family_replacement.as_deref(), Some(r#"a "b" \d"#));
    assert_eq!(agent.v1_replacement.as_deref(), Some("7"));
    assert_eq!(agent.v2_replacement, None);
    assert_eq!(regexes.os_parsers.len(), 1);
    assert!(regexes.device_parsers[0].regex_flag.is_some());
}

#[test]
fn what_is_not_understood_is_refused_by_its_line() {
    for (text, line) in [
        ("os_parsers\n", 1),
        ("os_parsers:\n    regex: 'x'\n", 2),
        ("os_parsers:\n  - os_replacement: 'x'\n", 2),
        ("os_parsers:\n  - regex: 'x\n", 2),
        ("os_parsers:\n  - regex: 'x' y\n", 2),
        ("os_parsers:\n  - regex: \"\\q\"\n", 2),
        ("os_parsers:\n  - regex: [x]\n", 2),
        ("os_parsers:\n  - regex:\n", 2),
        ("os_parsers:\n  - regex\n", 2),
        ("others:\n  - regex: 'x'\nos_parsers:\n", 2),
        ("device_parsers:\n  - regex: 'x'\n    regex_flag: 'g'\n", 2),
    ] {
        assert_eq!(parse(text).map(|_| ()).unwrap_err().line, line, "{text}");
    }
}
