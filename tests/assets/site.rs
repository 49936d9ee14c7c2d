//! A site on loopback, and sessions whose pages name its files.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use takeup::tracker::{write_int, write_string, write_uint};

use crate::common::{Home, Request, Server};

/// What a site answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes, and the connection's end.
    Whole(Vec<u8>),
    /// These bytes, and then zeros without end.
    Endless(Vec<u8>),
    /// These bytes, and then nothing, for as long as the other side waits.
    Stalled(Vec<u8>),
}

/// An answer with a file.
pub fn file(kind: &str, body: &[u8]) -> Reply {
    reply("200 OK", &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()), body)
}

/// An answer that leads elsewhere.
pub fn moved(to: &str) -> Reply {
    reply("302 Found", &format!("Location: {to}\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n"), b"")
}

/// Any answer.
pub fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    Reply::Whole([head.as_bytes(), body].concat())
}

/// A site that answers with the first of the replies of a path, and with the last from then on.
pub struct Site {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// With these files.
    pub fn new(files: Vec<(&'static str, Vec<Reply>)>) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (files, heads) = (Arc::new(Mutex::new(files)), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, heads) = (Arc::clone(&files), Arc::clone(&heads));
                thread::spawn(move || answer(stream, &files, &heads));
            }
        });
        Site { addr, asked }
    }

    /// The URL of a path, by the name that a page has for the site.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The same by a name that has to be resolved.
    pub fn url_by_name(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.addr.port())
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// The paths of all requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|head| head.split(' ').nth(1).expect("a target").to_owned()).collect()
    }
}

fn answer(mut stream: TcpStream, files: &Mutex<Vec<(&'static str, Vec<Reply>)>>, heads: &Mutex<Vec<String>>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text");
    let target = head.split(' ').nth(1).expect("a target").to_owned();
    heads.lock().expect("no panic").push(head);
    let reply = {
        let mut files = files.lock().expect("no panic");
        let replies = files.iter_mut().find(|(path, _)| *path == target).map(|(_, replies)| replies);
        match replies {
            Some(replies) if replies.len() > 1 => replies.remove(0),
            Some(replies) => replies[0].clone(),
            None => reply("404 Not Found", "Content-Length: 0\r\n", b""),
        }
    };
    match reply {
        Reply::Whole(bytes) => drop(stream.write_all(&bytes)),
        Reply::Endless(bytes) => {
            let mut left = stream.write_all(&bytes);
            while left.is_ok() {
                left = stream.write_all(&[0; 4096]);
            }
        }
        Reply::Stalled(bytes) => {
            let _ = stream.write_all(&bytes);
            stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
            let _ = stream.read(&mut byte);
        }
    }
}

/// Records a session with a page at `location` that has these style sheets and pictures.
pub fn record(home: &Home, server: &Server, location: &str, sheets: &[&str], pictures: &[&str]) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let mut batch = Vec::new();
    write_uint(&mut batch, 81);
    for value in [1, 1, 0] {
        write_uint(&mut batch, value);
    }
    write_int(&mut batch, at as i64);
    write_string(&mut batch, b"");
    message(&mut batch, 0, &[Field::Number(at)]);
    message(&mut batch, 122, &[Field::Text(location), Field::Text(""), Field::Number(0), Field::Text("Shop")]);
    message(&mut batch, 5, &[Field::Number(800), Field::Number(600)]);
    message(&mut batch, 7, &[]);
    let element = |batch: &mut Vec<u8>, id, parent, at, tag, attributes: &[(&str, &str)]| {
        let fields = [Field::Number(id), Field::Number(parent), Field::Number(at), Field::Text(tag), Field::Number(0)];
        message(batch, 8, &fields);
        for (name, value) in attributes {
            message(batch, 12, &[Field::Number(id), Field::Text(name), Field::Text(value)]);
        }
    };
    element(&mut batch, 2, 0, 0, "head", &[]);
    element(&mut batch, 3, 0, 1, "body", &[]);
    let mut id = 4;
    for (at, url) in (0..).zip(sheets) {
        element(&mut batch, id, 2, at, "link", &[("rel", "stylesheet"), ("href", url)]);
        id += 1;
    }
    for (at, url) in (0..).zip(pictures) {
        element(&mut batch, id, 3, at, "img", &[("src", url)]);
        id += 1;
    }
    let token = server.start_session(&home.project_key());
    let answer = server.connect().exchange(Request::batch(&token, batch));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

enum Field<'a> {
    Number(u64),
    Text(&'a str),
}

fn message(batch: &mut Vec<u8>, id: u64, fields: &[Field<'_>]) {
    let mut body = Vec::new();
    for field in fields {
        match field {
            Field::Number(number) => write_uint(&mut body, *number),
            Field::Text(text) => write_string(&mut body, text.as_bytes()),
        }
    }
    write_uint(batch, id);
    batch.extend_from_slice(&(body.len() as u32).to_le_bytes()[..3]);
    batch.extend(body);
}
