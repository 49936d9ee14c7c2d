//! Forms that are none, names that want to be paths or commands, parts without number and without end.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Connection, chunk};

use super::probe::Siege;
use super::routes::{Body, Door, FORM, doors};

fn part(field: &str, name: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), body, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat(), b"--x--\r\n".as_slice()].concat()
}

fn frames(pictures: usize) -> Vec<u8> {
    let frame = |number: usize| {
        let picture = [b'p'; 100];
        [&(1_710_417_074_000 + number as u64).to_le_bytes()[..], &100_u32.to_le_bytes(), &picture].concat()
    };
    (0..pictures).flat_map(frame).collect()
}

fn ask(siege: &Siege, client: &mut Connection, door: &Door, headers: &[&str], body: &[u8], what: &str) -> u16 {
    let token = siege.token.clone();
    let _ = client.try_send(door.request(&token, headers, body));
    let answer = client.read();
    door.check(&answer, what);
    if answer.closes() {
        *client = siege.server().connect();
    }
    answer.status
}

/// Names that a careless server would follow.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\boot.ini",
        "a;rm -rf /",
        "$(touch pwned)",
        "`touch pwned`",
        "a|b",
        "1_2_3.jpeg/../../x",
        "1_2_../../3.jpeg",
        "1_2_3.jpeg\0.png",
        "",
        ".",
        "..",
        " ",
        "-rf",
        "1_2_3",
        "1_2_3.exe",
        "_._",
        "1_2_3_4.jpeg",
        "a_b_c.jpeg",
        "-1_2_3.jpeg",
        "1_2_-3.jpeg",
        "1_2_99999999999999999999.jpeg",
        "é_ü_ß.webp",
        "1_2_3.jpeg\r\nX: y",
        "%2e%2e%2fx_1_2.jpeg",
        "C:\\1_2_3.jpeg",
        "1_2.webp.frames.frames",
        "../1_2.webp.frames",
        "1_2.sh.frames",
        "con_1_2.jpeg",
        "1_a;rm -rf_3.jpeg",
        "1_$(id)_3.webp",
        "1_`id`_3.png",
        "1_2 _3.jpeg",
        "1_.._3.jpeg",
        "1_é_3.jpeg",
        "1_a;b.webp.frames",
        "1_$(id).webp.frames",
        "1_a|b.webp.frames",
        "1_-rf\0.webp.frames",
        "1_2_3.JPEG",
        "99999999999999999999_1_1.jpeg",
        "\u{202e}gepj.3_2_1",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(format!("{}_2_3.jpeg", "1".repeat(5_000)));
    names.push("x".repeat(100_000));
    names
}

#[test]
fn names_reach_no_path_and_no_shell() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let before = tree(siege.home.data().parent().expect("a folder"));
    for door in doors(Body::Form) {
        let mut client = siege.server().connect();
        let good =
            if door.is_mobile() { part("batch", "7-1.tar.gz", b"") } else { part("snapshot", "1_2_3.jpeg", b"p") };
        ask(&siege, &mut client, door, &[FORM], &form(&[good]), "a good name");
        for name in names() {
            for field in ["snapshot", "frames", "batch", "../x", ""] {
                let body = form(&[part(field, &name, &frames(2))]);
                ask(&siege, &mut client, door, &[FORM], &body, &format!("{name:.60}"));
                let kind = b"--x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n".to_vec();
                let body = form(&[kind, part(field, &name, &frames(2))]);
                ask(&siege, &mut client, door, &[FORM], &body, &format!("frames as {name:.60}"));
            }
        }
    }
    let strange: Vec<String> = tree(siege.home.data().parent().expect("a folder"))
        .into_iter()
        // The checker makes its folder when it begins, which may be after the first look.
        .filter(|path| !before.contains(path) && !path.contains("/log/") && !format!("{path}/").contains("/cursors/"))
        .collect();
    assert!(strange.is_empty(), "a client made files: {strange:?}");
    let home = siege.end();
    let names = stored_names(home.data());
    assert!(names.iter().any(|name| name.starts_with("1_2")), "{names:?}");
    for name in names {
        let sound = name.split(['_', '.', '-']).all(|piece| piece.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(sound && name.len() < 100, "the log holds a file name of {name:.100}");
    }
}

/// Every path below a folder.
fn tree(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            let below = if path.is_dir() { tree(&path) } else { Vec::new() };
            [vec![path.display().to_string()], below].concat()
        })
        .collect()
}

/// File names of all records, by a reader of its own.
fn stored_names(data: &Path) -> Vec<String> {
    use base64::Engine as _;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/read-log");
    let output = Command::new(script).arg(data.join("log")).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("NDJSON");
    let name = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).expect("NDJSON");
        let name = base64::engine::general_purpose::STANDARD.decode(record["ext"]["1"].as_str()?).expect("base64");
        Some(String::from_utf8_lossy(&name).into_owned())
    };
    text.lines().filter_map(name).collect()
}

#[test]
fn what_is_no_form_is_refused() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let whole = form(&[part("frames", "1_2.webp.frames", &frames(3))]);
    let long = format!("Content-Type: multipart/form-data; boundary={}", "x".repeat(4_000));
    let types = [
        "Content-Type: application/json",
        "Content-Type: multipart/form-data",
        "Content-Type:",
        "X-None: 1",
        &long,
        "Content-Type: multipart/form-data; boundary=",
        "Content-Type: multipart/form-data; boundary=\"",
        "Content-Type: multipart/form-data; boundary=y",
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Type: multipart/form-data; boundary=\"x\\\"\"",
        "Content-Type: multipart/form-data;;;boundary==x",
        "Content-Type: \u{ff}\u{fe}",
    ];
    for door in doors(Body::Form) {
        let mut client = siege.server().connect();
        for kind in types {
            let status = ask(&siege, &mut client, door, &[kind], &whole, kind);
            assert!(status >= 400, "{} took {kind:.80}", door.path);
        }
        for end in 0..whole.len() {
            ask(&siege, &mut client, door, &[FORM], &whole[..end], &format!("cut at {end}"));
        }
        for at in 0..whole.len().min(160) {
            for byte in [0, b'\r', b'\n', b'"', 0xff] {
                let mut body = whole.clone();
                body[at] = byte;
                ask(&siege, &mut client, door, &[FORM], &body, &format!("{byte} at {at}"));
            }
        }
    }
    siege.end();
}

#[test]
fn frame_streams_that_lie_about_their_length_are_no_harm() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let whole = frames(3);
    let kind = b"--x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n".to_vec();
    for door in doors(Body::Form) {
        let mut client = siege.server().connect();
        for length in [0_u32, 1, 99, 101, 1 << 24, u32::MAX] {
            let mut stream = whole.clone();
            stream[8..12].copy_from_slice(&length.to_le_bytes());
            for (field, name) in [("frames", "1_2.webp.frames"), ("batch", "7-1.gz")] {
                let body = form(&[kind.clone(), part(field, name, &stream)]);
                ask(&siege, &mut client, door, &[FORM], &body, &format!("a frame of {length}"));
            }
        }
    }
    siege.end();
}

#[test]
fn ten_thousand_parts_are_no_harm() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let fields: Vec<Vec<u8>> = (0..10_000)
        .map(|number| format!("--x\r\nContent-Disposition: form-data; name=\"f{number}\"\r\n\r\nv\r\n").into_bytes())
        .collect();
    let files: Vec<Vec<u8>> = (0..10_000).map(|number| part("snapshot", &format!("1_2_{number}.jpeg"), b"p")).collect();
    let canvases: Vec<Vec<u8>> =
        (0..10_000).map(|number| part("snapshot", &format!("1_{number}_3.jpeg"), b"p")).collect();
    let empty = vec![b"--x\r\n\r\n\r\n".to_vec(); 10_000];
    let headers = [b"--x\r\n".to_vec(), b"X: y\r\n".repeat(10_000), b"\r\nbody\r\n".to_vec()].concat();
    let header = [b"--x\r\nX: ".to_vec(), vec![b'y'; 1_000_000], b"\r\n\r\nbody\r\n".to_vec()].concat();
    for door in doors(Body::Form) {
        for parts in [&fields, &files, &canvases, &empty, &vec![headers.clone()], &vec![header.clone()]] {
            ask(&siege, &mut siege.server().connect(), door, &[FORM], &form(parts), &format!("{} parts", parts.len()));
        }
    }
    siege.end();
}

#[test]
fn a_part_without_end_is_refused_at_the_limit() {
    let siege = Siege::begin(&[("ack", "memory")]);
    for door in doors(Body::Form) {
        for start in [
            b"--x\r\nContent-Disposition: form-data; name=\"frames\"; filename=\"1_2.webp.frames\"\r\n\r\n".as_slice(),
            b"--x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n",
            b"--x\r\nContent-Disposition: form-data; name=\"",
            b"",
        ] {
            let token = siege.token.clone();
            let mut client = siege.server().connect();
            let before = siege.anonymous_kb();
            client.send(door.form_head(&token).chunked());
            client.send(chunk(if start.is_empty() { b"y" } else { start }));
            let chunk = chunk(&[b'x'; 0x10000]);
            let sent = (0..2_000).take_while(|_| client.try_send(&chunk).is_ok()).count();
            assert!(sent < 2_000, "{}: 125 MB were taken", door.path);
            let after = siege.anonymous_kb();
            assert!(after < before + 64 * 1024, "{}: {before} kB became {after} kB", door.path);
        }
    }
    siege.end();
}
