use super::{embedded_for_tests as agents, *};

fn told(agents: &UserAgents, user_agent: &str) -> Option<[String; 6]> {
    agents.parse(user_agent.as_bytes()).map(|agent| {
        [
            agent.os,
            agent.os_version,
            agent.browser,
            agent.browser_version,
            agent.device,
            agent.device_type.as_str().to_owned(),
        ]
    })
}

#[test]
fn user_agents_are_told_as_recorded() {
    const APPLE: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
    let agents = agents();
    assert!(agents.ready() && agents.fault().is_none());
    for (user_agent, expected) in [
        (
            format!("Mozilla/5.0 (X11; Linux x86_64) {APPLE} Chrome/122.0.0.0 Safari/537.36"),
            ["Linux", "", "Chrome", "122.0.0", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned(),
            ["Mac OS X", "10.15", "Firefox", "128.0", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
             Gecko) Version/17.4 Safari/605.1.15"
                .to_owned(),
            ["Mac OS X", "10.15.7", "Safari", "17.4", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
             Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
                .to_owned(),
            ["iOS", "16.6", "Mobile Safari", "16.6", "iPad", "mobile"],
        ),
        (
            format!(
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) {APPLE} Chrome/126.0.6478.122 Mobile \
                 Safari/537.36"
            ),
            ["Android", "14", "Chrome Mobile", "126.0.6478", "Pixel 8", "mobile"],
        ),
        (
            format!(
                "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) {APPLE} SamsungBrowser/23.0 \
                 Chrome/115.0.0.0 Mobile Safari/537.36"
            ),
            ["Android", "13", "Samsung Internet", "23.0", "Samsung SM-S918B", "mobile"],
        ),
        (
            format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {APPLE} Chrome/124.0.0.0 \
                 Safari/537.36 Edg/124.0.2478.51"
            ),
            ["Windows", "10", "Edge", "124.0.2478", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko".to_owned(),
            ["Windows", "7", "IE", "11.0", "", "desktop"],
        ),
        (
            format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {APPLE} Chrome/122.0.0.0 Safari/537.36"),
            ["Chrome OS", "14541.0.0", "Chrome", "122.0.0", "", "desktop"],
        ),
        (
            format!(
                "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) {APPLE} \
                 Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15254"
            ),
            ["Windows Phone", "10.0", "Edge Mobile", "15.15254", "Lumia 950", "mobile"],
        ),
        (
            format!(
                "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {APPLE} 76.0.3809.146/6.0 TV \
                 Safari/537.36"
            ),
            ["Tizen", "6.0", "Safari", "", "Samsung SMART-TV", "other"],
        ),
        (
            "ORTracker/1.0 CFNetwork/1490.0.4 Darwin/23.2.0".to_owned(),
            ["iOS", "", "ORTracker", "1.0", "iOS-Device", "mobile"],
        ),
        ("curl/8.5.0".to_owned(), ["Other", "", "curl", "8.5.0", "", "other"]),
        ("x".to_owned(), ["Other", "", "Other", "", "", "other"]),
        ("Mozilla/5.0".to_owned(), ["Other", "", "Other", "", "", "other"]),
    ] {
        let agent = told(&agents, &user_agent).unwrap();
        assert_eq!(agent.each_ref().map(String::as_str), expected, "{user_agent}");
    }
}

#[test]
fn robots_and_blanks_are_no_browsers() {
    let agents = agents();
    for user_agent in [
        "",
        " \t ",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like \
         Gecko) Chrome/W.X.Y.Z Mobile Safari/537.36 (compatible; Googlebot/2.1; \
         +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    ] {
        assert_eq!(told(&agents, user_agent), None, "{user_agent}");
    }
}

#[test]
fn names_are_bounded_and_bytes_that_are_no_text_do_no_harm() {
    let agents = agents();
    let long = format!("{}/8.5.0 CFNetwork/1490.0.4 Darwin/23.2.0", "ü".repeat(9_000));
    let agent = agents.parse(long.as_bytes()).unwrap();
    assert!(agent.browser.chars().count() <= NAME_CHARS_MAX);
    assert!(agents.parse(b"curl/8.5.0 \xff\xfe").is_some());
}

#[test]
fn a_file_of_ones_own_replaces_the_embedded_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("regexes.yaml");
    let own = "user_agent_parsers:\n  - regex: '(mine)/(\\d+)'\nos_parsers:\n  - regex: '(mine)'\n\
               device_parsers:\n  - regex: '(MINE)'\n    regex_flag: 'i'\n";
    std::fs::write(&path, own).unwrap();
    let agents = UserAgents::spawn(Some(&path)).unwrap();
    agents.wait();
    let agent = told(&agents, "mine/7").unwrap();
    assert_eq!(agent.each_ref().map(String::as_str), ["mine", "", "mine", "7", "mine", "other"]);

    std::fs::write(&path, "user_agent_parsers:\n  - regex: '('\n").unwrap();
    let agents = UserAgents::spawn(Some(&path)).unwrap();
    agents.wait();
    assert!(agents.fault().is_some(), "the embedded expressions stand in");
    assert!(told(&agents, "curl/8.5.0").is_some());

    std::fs::write(&path, "nonsense\n").unwrap();
    let refused = UserAgents::spawn(Some(&path)).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("line 1"));
    let missing = UserAgents::spawn(Some(Path::new("/nowhere/regexes.yaml")));
    assert!(matches!(missing, Err(UserAgentsError::Io { .. })));
}

#[test]
fn the_expressions_are_shown_a_bounded_part_of_a_user_agent() {
    let chrome =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36";
    for hostile in [
        "bot ".repeat(4_000).into_bytes(),
        [chrome.as_bytes(), &b" bot".repeat(4_000)].concat(),
        "\u{20ac}".repeat(5_000).into_bytes(),
        vec![0xff; 16_000],
        [&[b'x'][..], &"\u{1f600}".repeat(4_000).into_bytes()].concat(),
        vec![0x80; 16_000],
    ] {
        let text = shown(&hostile);
        assert!(text.len() <= SHOWN_BYTES_MAX && text.len() > SHOWN_BYTES_MAX - 4, "{}", text.len());
        assert!(String::from_utf8_lossy(&hostile).starts_with(&*text));
        // The cache's key is the part that was matched.
        assert_eq!(shown(beginning(&hostile)), text);
    }
    for whole in [chrome.as_bytes(), b"", &[b'a'; SHOWN_BYTES_MAX], "\u{20ac}".repeat(170).as_bytes()] {
        assert_eq!((shown(whole).as_bytes(), beginning(whole)), (whole, whole));
    }
    // Nothing after it is matched.
    let agents = embedded_for_tests();
    let pad = |bytes: usize| format!("{}{chrome}", "x".repeat(bytes));
    assert_eq!(agents.parse(pad(SHOWN_BYTES_MAX - chrome.len()).as_bytes()).unwrap().browser, "Chrome");
    assert_eq!(agents.parse(pad(SHOWN_BYTES_MAX).as_bytes()).unwrap().browser, "Other");
}
