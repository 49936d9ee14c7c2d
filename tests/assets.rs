//! Kept style sheets, pictures and fonts: the command, beside a server and without one, and the admin port that shows them.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "assets/fetch.rs"]
#[allow(missing_docs)]
mod fetch;
#[path = "assets/site.rs"]
#[allow(missing_docs)]
mod site;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use common::{Home, PATIENCE};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const CSS: &str =
    "@import 'more.css'; a { background: url('../a.png?v=2') } b { background: url(https://evil.example/b.png) }";
const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

/// A folder with files of a site.
fn site(folder: &Path) {
    fs::create_dir_all(folder.join("css")).expect("a folder");
    let files: [(&str, &[u8]); 7] = [
        ("css/a.css", CSS.as_bytes()),
        ("css/more.css", b"c {}"),
        ("a.png", PNG),
        ("logo.svg", SVG.as_bytes()),
        ("index.html", b"<!doctype html><script>alert(1)</script>"),
        ("main.js", b"alert(1)"),
        ("page.css", b"<html><script>alert(1)</script>"),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", folder.join("passwd.css")).expect("a link");
}

/// The head of an answer, in lower case, and its body.
fn ask(admin: SocketAddr, target: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(admin).expect("the admin port listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(format!("GET {target} HTTP/1.0\r\n{headers}\r\n").as_bytes()).expect("it takes requests");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end..].to_vec())
}

/// Where an asset is.
fn place(admin: SocketAddr, project: u64, url: &str) -> String {
    let (head, _) = ask(admin, &format!("/assets/{project}?url={url}"), "Host: localhost\r\n");
    assert!(head.starts_with("http/1.0 302"), "{url}: {head}");
    let place = head.lines().find_map(|line| line.strip_prefix("location: ")).expect("a place");
    format!("/assets/{place}")
}

fn push(home: &Home, folder: &Path, more: &[&str]) -> common::Finished {
    let key = home.project_key();
    let folder = folder.to_str().expect("a path that is text");
    let command = ["assets", "push", folder, "--project", &key, "--base", "https://shop.example/v7"];
    home.takeup(&[&command[..], more].concat())
}

#[test]
fn assets_are_pushed_listed_and_removed_beside_a_server_and_without_one() {
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a folder");
    site(folder.path());
    let server = home.serve(&[]);
    for served in [true, false] {
        let pushed = push(&home, folder.path(), &["--json"]);
        assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
        let pushed = &pushed.lines()[0];
        assert_eq!((&pushed["kept"], &pushed["other_types"], &pushed["left_out"]), (&4.into(), &3.into(), &1.into()));
        assert_eq!(pushed["new"], if served { 4 } else { 0 });
        let listed = home.takeup(&["assets", "list", "--json"]).lines();
        let urls: Vec<_> = listed.iter().map(|line| line["url"].as_str().expect("a URL")).collect();
        let base = "https://shop.example/v7";
        let expected = ["a.png", "css/a.css", "css/more.css", "logo.svg"].map(|name| format!("{base}/{name}"));
        assert_eq!(urls, expected);
        if served {
            let ran = home.takeup(&[
                "assets",
                "remove",
                "--project",
                &home.project_key(),
                "--prefix",
                "https://shop.example/other",
            ]);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "0 assets removed, 0 B freed\n"));
        }
    }
    let ran = home.takeup(&[
        "assets",
        "remove",
        "--project",
        &home.project_key(),
        "--prefix",
        "HTTPS://Shop.example/v7/css/",
    ]);
    assert!(ran.stdout.starts_with("2 assets removed"), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(home.takeup(&["assets", "list", "--json"]).lines().len(), 2);
    server.stop();
    let ran = home.takeup(&["assets", "remove", "--project", &home.project_key()]);
    assert!(ran.stdout.starts_with("2 assets removed"), "{} {}", ran.stdout, ran.stderr);
    assert!(home.takeup(&["assets", "list"]).stdout.starts_with("no assets are kept"));
}

#[test]
fn what_is_too_large_is_left_out_and_named_and_the_oldest_leave() {
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a folder");
    site(folder.path());
    home.serve(&[]).stop();
    let ran = push(&home, folder.path(), &["--json", "--set", "asset_bytes_max=100"]);
    assert_eq!((&ran.lines()[0]["kept"], &ran.lines()[0]["too_large"]), (&3.into(), &1.into()), "{}", ran.stderr);
    assert!(ran.stderr.contains("a.css: larger than asset_bytes_max"), "{}", ran.stderr);
    let ran = push(&home, folder.path(), &["--json", "--set", "assets_bytes=130"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.lines()[0]["evicted"].as_u64() > Some(0), "{}", ran.stdout);
    for wrong in [&["--base", "dist"][..], &["--base", "file:///srv"], &["--project", "nobody"]] {
        let command = ["assets", "push", ".", "--project", "1", "--base", "https://shop.example/"];
        let position = command.iter().position(|word| *word == wrong[0]).expect("an option");
        let mut command = command.to_vec();
        command[position + 1] = wrong[1];
        assert_eq!(home.takeup(&command).code, Some(1), "{wrong:?}");
    }
}

#[test]
fn kept_assets_are_shown_as_what_they_are_and_never_as_a_page_or_a_script() {
    let home = Home::new();
    let folder = tempfile::tempdir().expect("a folder");
    site(folder.path());
    let server = home.serve(&[]);
    assert_eq!(push(&home, folder.path(), &[]).code, Some(0));
    let project = home.takeup(&["assets", "list", "--json"]).lines()[0]["project"].as_u64().expect("a number");
    let ours = "Host: localhost\r\n";
    let mut places = Vec::new();
    for (name, kind) in
        [("css/a.css?v=9", "text/css; charset=utf-8"), ("a.png", "image/png"), ("logo.svg", "image/svg+xml")]
    {
        let place = place(server.admin, project, &format!("https://shop.example/v7/{name}"));
        let (head, body) = ask(server.admin, &place, ours);
        assert!(head.starts_with("http/1.0 200"), "{name}: {head}");
        for header in [
            &format!("content-type: {kind}\r\n"),
            "x-content-type-options: nosniff",
            "content-security-policy: sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{name}: no {header} in {head}");
        }
        places.push((place, body));
    }
    let sheet = String::from_utf8(places[0].1.clone()).expect("text");
    let id = |place: &str| place.rsplit('/').next().expect("an id").to_owned();
    assert!(sheet.contains(&format!("background: url(\"{}\")", id(&places[1].0))), "{sheet}");
    assert!(sheet.starts_with("@import url(\"") && !sheet.contains("evil.example"), "{sheet}");
    assert_eq!(places[1].1, PNG);
    // Who has it is told so.
    let (head, _) = ask(server.admin, &places[1].0, ours);
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
    let (head, body) = ask(server.admin, &places[1].0, &format!("{ours}If-None-Match: {tag}\r\n"));
    assert!(head.starts_with("http/1.0 304") && body.is_empty(), "{head}");

    for target in [
        "/assets/1?url=https://shop.example/v7/index.html",
        "/assets/1?url=file:///etc/passwd",
        "/assets/1",
        "/assets/x/00000000000000000000000000000000",
        "/assets/1/00000000000000000000000000000000",
        "/assets/1/..%2f..%2f..%2ftakeup.toml",
        "/assets/4294967296/00000000000000000000000000000000",
    ] {
        let (head, _) = ask(server.admin, target, ours);
        assert!(head.starts_with("http/1.0 404"), "{target}: {head}");
    }
    for target in [places[1].0.as_str(), "/assets/1?url=https://shop.example/v7/a.png", "/assets/1"] {
        for headers in [
            "Host: evil.example\r\n".to_owned(),
            String::new(),
            format!("{ours}Sec-Fetch-Site: cross-site\r\n"),
            format!("{ours}Sec-Fetch-Site: same-site\r\n"),
            format!("{ours}Origin: http://evil.example\r\n"),
            format!("{ours}X-Forwarded-For: 192.0.2.1\r\n"),
        ] {
            let (head, body) = ask(server.admin, target, &headers);
            assert!(head.starts_with("http/1.0 403"), "{target} {headers}: {head}");
            assert!(!head.contains("access-control") && !head.contains("location") && body.len() < 200, "{head}");
        }
    }
    server.stop();
}
