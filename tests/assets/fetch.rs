//! What recorded pages name is fetched from a site, and nothing else is.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Finished, Home, PATIENCE, wait_for};
use crate::site::{Reply, Site, file, moved, record, reply};
use crate::{PNG, ask, place};

const FONT: &[u8] = b"wOF2 and so on";

/// Fetches what may be fetched of this machine, fast.
fn fetch(home: &Home, allow: &[&str], more: &[&str]) -> Finished {
    let key = home.project_key();
    let mut command = vec!["assets", "fetch", "--project", &key, "--json"];
    if !more.contains(&"--rate") {
        command.extend(["--rate", "100"]);
    }
    command.extend(allow.iter().flat_map(|allow| ["--allow", allow]));
    command.extend(more);
    home.takeup(&command)
}

const OWN: [&str; 2] = ["--allow-network", "127.0.0.0/8"];

/// What it did, but for what it did not.
fn done(ran: &Finished) -> Value {
    let mut report = ran.lines().pop().unwrap_or_else(|| panic!("{}", ran.stderr));
    let report = report.as_object_mut().expect("an object");
    report.retain(|name, count| *count != 0 && name != "sessions" && name != "origins_not_allowed");
    Value::Object(report.clone())
}

#[test]
fn what_pages_and_their_style_sheets_name_is_fetched_once_and_shown_when_the_site_is_gone() {
    let sheet = "@import 'more.css?v=1'; @import 'https://evil.example/x.css'; a { background: url('../a.png') }";
    let more = "@font-face { font-family: x; src: url('/f/a.woff2#x') } b { background: url(/css/shop.css) }";
    let site = Site::new(vec![
        ("/css/shop.css?v=7", vec![file("text/css", sheet.as_bytes())]),
        ("/css/more.css?v=1", vec![file("text/plain", more.as_bytes())]),
        ("/css/shop.css", vec![file("text/css", b"c {}"), file("text/css", b"c { color: red }")]),
        ("/css2?family=x", vec![file("text/css; charset=utf-8", b"@font-face { src: url(f/b.woff2) }")]),
        ("/lib.css", vec![moved("/lib@1/dist/lib.css")]),
        ("/lib@1/dist/lib.css", vec![file("text/css", b"d { background: url(d.png) }")]),
        ("/lib@1/dist/d.png", vec![file("image/png", PNG)]),
        ("/a.png", vec![file("image/png", PNG)]),
        ("/f/a.woff2", vec![file("font/woff2", FONT)]),
        ("/f/b.woff2", vec![file("font/woff2", FONT)]),
        ("/film.mp4", vec![Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n\0\0\0\x20ftypisom".to_vec())]),
    ]);
    let home = Home::new();
    let server = home.serve(&[]);
    let sheets = ["/css/shop.css?v=7", "/css2?family=x", "lib.css"];
    record(&home, &server, &site.url("/shop"), &sheets, &["a.png#x", "https://cdn.example/b.png", "/film.mp4"]);
    let ran = fetch(&home, &[&site.url("/")], &OWN);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = serde_json::json!({ "fetched": 9, "new": 9, "not_allowed": 2, "other_types": 1 });
    assert_eq!(done(&ran), expected, "{}", ran.stderr);
    let origins: Vec<_> = ran.lines()[0]["origins_not_allowed"].as_array().expect("a list").clone();
    assert_eq!(origins[0], serde_json::json!({ "origin": "https://cdn.example", "addresses": 1 }));
    assert_eq!(origins[1]["origin"], "https://evil.example");
    for head in site.asked() {
        let head = head.to_lowercase();
        assert!(head.contains(&format!("user-agent: takeup/{} (assets fetch)", env!("CARGO_PKG_VERSION"))), "{head}");
        assert!(head.contains("accept-encoding: identity"), "{head}");
        assert!(!head.contains("cookie") && !head.contains("referer") && !head.contains("authorization"), "{head}");
    }

    let asked = site.asked().len();
    let ran = fetch(&home, &[&site.url("/")], &OWN);
    let expected = serde_json::json!({ "kept_before": 9, "not_allowed": 2, "other_types": 1 });
    assert_eq!(done(&ran), expected, "{}", ran.stderr);
    assert_eq!(site.asked().len(), asked + 1, "{:?}", site.paths());
    let ran = fetch(&home, &[&site.url("/")], &[&OWN[..], &["--again"]].concat());
    assert_eq!((&done(&ran)["new"], &done(&ran)["unchanged"]), (&1.into(), &8.into()), "{}", ran.stderr);

    let project = home.takeup(&["assets", "list", "--json"]).lines()[0]["project"].as_u64().expect("a number");
    let shown = |path: &str| {
        let (head, body) = ask(server.admin, &place(server.admin, project, &site.url(path)), "Host: localhost\r\n");
        assert!(head.starts_with("http/1.0 200"), "{path}: {head}");
        body
    };
    let id = |path: &str| place(server.admin, project, &site.url(path)).rsplit('/').next().expect("an id").to_owned();
    let sheet = String::from_utf8(shown("/css/shop.css?v=7")).expect("text");
    assert!(sheet.contains(&id("/a.png")) && sheet.contains(&id("/css/more.css?v=1")), "{sheet}");
    assert!(!sheet.contains("evil.example"), "{sheet}");
    assert!(String::from_utf8(shown("/css/more.css?v=1")).expect("text").contains(&id("/f/a.woff2")));
    assert!(String::from_utf8(shown("/css2?family=x")).expect("text").contains(&id("/f/b.woff2")));
    // Of a sheet that a redirect has led to, as if it had always been where the page names it.
    assert!(String::from_utf8(shown("/lib.css")).expect("text").contains(&id("/lib@1/dist/d.png")));
    assert_eq!((shown("/a.png"), shown("/f/a.woff2")), (PNG.to_vec(), FONT.to_vec()));
    server.stop();
}

#[test]
fn nobody_is_asked_who_is_not_allowed_or_is_in_a_private_network_whoever_leads_there() {
    let site = Site::new(vec![
        ("/v7/a.png", vec![file("image/png", PNG)]),
        ("/a.png", vec![file("image/png", PNG)]),
        ("/v7/out.png", vec![moved("/a.png")]),
        ("/v7/climbs.png", vec![moved("/v7/%2e%2e/a.png")]),
        ("/v7/cloud.png", vec![moved("http://169.254.169.254/latest/meta-data/")]),
        ("/v7/mapped.png", vec![moved("http://[::ffff:10.255.255.1]/a.png")]),
        ("/v7/login.png", vec![moved("http://ada:secret@127.0.0.1/v7/a.png")]),
        ("/v7/file.png", vec![moved("file:///etc/passwd")]),
        ("/v7/round.png", vec![moved("/v7/round.png")]),
        ("/v7/once.png", vec![moved("a.png")]),
    ]);
    let home = Home::new();
    let server = home.serve(&[]);
    let names = ["out", "climbs", "cloud", "mapped", "login", "file", "round", "once"];
    let pictures = names.map(|name| format!("/v7/{name}.png"));
    let mut pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let by_name = site.url_by_name("/v7/a.png");
    pictures.extend(["/v7x/a.png", "/v7/../a.png", "http://10.255.255.2/a.png", &by_name]);
    record(&home, &server, &site.url("/"), &[], &pictures);
    let allow = [&*site.url("/v7"), "http://10.255.255.2/", "http://[::ffff:10.255.255.1]/", &site.url_by_name("/")];
    let begin = Instant::now();
    let ran = fetch(&home, &allow, &["--allow-network", "127.0.0.1"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = done(&ran);
    assert_eq!((&report["led_out"], &report["refused_address"]), (&5.into(), &2.into()), "{}", ran.stderr);
    for (name, why) in [
        ("out.png", "which is not allowed"),
        ("climbs.png", "which is not allowed"),
        ("cloud.png", "which is not allowed"),
        ("mapped.png", "is not asked: a private network"),
        ("login.png", "no address of a file, or has a login"),
        ("file.png", "no address of a file, or has a login"),
        ("round.png", "more than 5 redirects"),
        ("10.255.255.2/a.png", "is not asked: a private network"),
    ] {
        let named = ran.stderr.lines().any(|line| line.contains(name) && line.contains(why));
        assert!(named, "{name}: {}", ran.stderr);
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert!(!site.paths().iter().any(|path| path == "/a.png" || path.contains("v7x")), "{:?}", site.paths());
    let round = site.paths().iter().filter(|path| *path == "/v7/round.png").count();
    assert_eq!(round, 6);
    // Without a network of its own, nothing of this machine is asked, by whichever name.
    let asked = site.asked().len();
    let ran = fetch(&home, &allow, &["--again"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(site.asked().len(), asked, "{}", ran.stderr);
    assert!(ran.stderr.contains("which is not asked: this machine"), "{}", ran.stderr);
    server.stop();
}

#[test]
fn what_is_no_whole_file_of_a_kept_type_is_refused_and_named() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n";
    let site = Site::new(vec![
        ("/endless.png", vec![Reply::Endless([head.as_bytes(), b"\r\n", PNG].concat())]),
        ("/large.png", vec![Reply::Stalled(format!("{head}Content-Length: 5000000000\r\n\r\n").into_bytes())]),
        ("/stalled.png", vec![Reply::Stalled([head.as_bytes(), b"Content-Length: 500\r\n\r\n", PNG].concat())]),
        ("/silent.png", vec![Reply::Stalled(Vec::new())]),
        ("/cut.png", vec![Reply::Whole([head.as_bytes(), b"Content-Length: 500\r\n\r\n", PNG].concat())]),
        ("/coded.css", vec![reply("200 OK", "Content-Encoding: gzip\r\n", b"a {}")]),
        ("/page.css", vec![file("text/css", b"<!doctype html><script>alert(1)</script>")]),
        ("/token", vec![file("text/css", b"{\"token\":1}")]),
        ("/gone.png", vec![reply("410 Gone", "", b"")]),
        ("/refused.png", vec![reply("403 Forbidden", "", PNG)]),
        ("/part.png", vec![reply("206 Partial Content", "", PNG)]),
    ]);
    let home = Home::new();
    let server = home.serve(&[]);
    let pictures: Vec<String> = ["endless", "large", "stalled", "missing", "silent", "gone", "cut", "refused", "part"]
        .map(|name| format!("/{name}.png"))
        .to_vec();
    let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    record(&home, &server, &site.url("/"), &["/page.css", "/token", "/coded.css"], &pictures);
    let more = ["--timeout", "1s", "--set", "asset_bytes_max=100000"];
    let ran = fetch(&home, &[&site.url("/")], &[&OWN[..], &more].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let expected = serde_json::json!({ "too_large": 2, "other_types": 2, "missing": 2, "failed": 6 });
    assert_eq!(done(&ran), expected, "{}", ran.stderr);
    for (name, why) in [
        ("/endless.png", "larger than asset_bytes_max"),
        ("/large.png", "larger than asset_bytes_max"),
        ("/stalled.png", "no whole answer within 1s"),
        ("/silent.png", "no whole answer within 1s"),
        ("/cut.png", "body"),
        ("/coded.css", "encoded as \"gzip\""),
        ("/page.css", "no style sheet, picture or font"),
        ("/token", "no style sheet, picture or font"),
        ("/missing.png", "status 404"),
        ("/gone.png", "status 410"),
        ("/refused.png", "status 403"),
        ("/part.png", "status 206"),
    ] {
        let named = ran.stderr.lines().any(|line| line.contains(name) && line.contains(why));
        assert!(named, "{name}: {}", ran.stderr);
    }
    assert!(home.takeup(&["assets", "list", "--json"]).lines().is_empty());
    server.stop();
}

#[test]
fn a_site_is_asked_at_the_pace_that_is_given_and_waited_for_when_it_asks_for_that() {
    let busy = |seconds: &str| reply("429 Too Many Requests", &format!("Retry-After: {seconds}\r\n"), b"");
    let png = || file("image/png", PNG);
    let site = Site::new(vec![("/1.png", vec![busy("1"), png()]), ("/2.png", vec![png()]), ("/3.png", vec![png()])]);
    let tired = Site::new(vec![("/1.png", vec![busy("3600")])]);
    let names = ["/0.png", "/1.png", "/2.png", "/3.png", "/4.png", "/5.png", "/6.png", "/7.png"];
    let broken = Site::new(names.map(|name| (name, vec![reply("500 Oh", "", b"")])).to_vec());
    let home = Home::new();
    let server = home.serve(&[]);
    let of_tired = [tired.url("/1.png"), tired.url("/2.png"), tired.url("/3.png")];
    let mut pictures: Vec<&str> = of_tired.iter().map(String::as_str).collect();
    pictures.extend(["/1.png", "/2.png", "/3.png"]);
    record(&home, &server, &site.url("/"), &[], &pictures);
    let begin = Instant::now();
    let ran = fetch(&home, &[&site.url("/"), &tired.url("/")], &[&OWN[..], &["--rate", "4"]].concat());
    // One before the four others of the site, and the second that it asked for.
    assert!(begin.elapsed() >= Duration::from_millis(1700), "{:?}", begin.elapsed());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(
        done(&ran),
        serde_json::json!({ "fetched": 3, "new": 3, "failed": 1, "not_asked": 2 }),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("status 429, to be asked again in 3600 s"), "{}", ran.stderr);
    assert_eq!((site.paths().len(), tired.paths().len()), (4, 1));

    record(&home, &server, &broken.url("/"), &[], &names);
    let ran = fetch(&home, &[&broken.url("/")], &OWN);
    assert_eq!((&done(&ran)["failed"], &done(&ran)["not_asked"]), (&5.into(), &3.into()), "{}", ran.stderr);
    assert_eq!(broken.paths().len(), 5);
    let ran = fetch(&home, &[&site.url("/")], &[&OWN[..], &["--again", "--most", "2"]].concat());
    assert_eq!((&done(&ran)["fetched"], &done(&ran)["not_asked"]), (&2.into(), &1.into()), "{}", ran.stderr);
    server.stop();
}

#[test]
fn others_change_the_store_while_a_site_is_waited_for() {
    let site = Site::new(vec![("/1.png", vec![file("image/png", PNG)]), ("/2.png", vec![Reply::Stalled(Vec::new())])]);
    let home = Home::new();
    let server = home.serve(&[]);
    record(&home, &server, &site.url("/"), &[], &["/1.png", "/2.png"]);
    let (key, allow) = (home.project_key(), site.url("/"));
    let mut command = vec!["assets", "fetch", "--project", &key, "--allow", &allow, "--rate", "100"];
    command.extend(OWN);
    let mut fetching = home.follow(&command);
    wait_for("the second request", PATIENCE, || (site.paths().len() == 2).then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.css"), "a {}").expect("a file");
    let folder = folder.path().to_str().expect("text");
    let begin = Instant::now();
    let pushed = home.takeup(&["assets", "push", folder, "--project", &key, "--base", "https://shop.example/"]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert!(fetching.try_wait().expect("a child").is_none());
    fetching.kill().and_then(|()| fetching.wait()).expect("a child can be killed");
    // What was kept is whole, and the next run goes on.
    let ran = fetch(&home, &[&allow], &[&OWN[..], &["--timeout", "1s"]].concat());
    assert_eq!(done(&ran), serde_json::json!({ "fetched": 1, "new": 1, "failed": 1 }), "{}", ran.stderr);
    server.stop();
}

#[test]
fn what_may_be_asked_is_named_and_a_wrong_name_is_told() {
    let home = Home::new();
    home.serve(&[]).stop();
    for (more, why) in [
        (&[][..], "--allow"),
        (&["--allow", "shop.example"], "not a URL: expected https://HOST/PATH"),
        (&["--allow", "https://*/"], "a star stands for sub-domains"),
        (&["--allow", "https://shop.example/?x"], "leave out what follows"),
        (&["--allow", "https://shop.example/", "--allow-network", "0.0.0.0/0"], "name your own"),
        (&["--allow", "https://shop.example/", "--rate", "0"], "expected requests a second"),
        (&["--allow", "https://shop.example/", "--last", "3", "7"], "cannot be used with"),
    ] {
        let ran = home.takeup(&[&["assets", "fetch", "--project", "1"], more].concat());
        assert_eq!(ran.code, Some(2), "{more:?}");
        assert!(ran.stderr.contains(why), "{more:?}: {}", ran.stderr);
    }
    let ran = fetch(&home, &["https://shop.example/"], &["7"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("session 7 is not in this log"), "{}", ran.stderr);
}
