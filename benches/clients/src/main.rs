//! Clients for what wrk can't measure: connections that stay idle, each from an address of its own, and when the slow answers of a closed
//! loop came. One thread with epoll.
//!
//! It takes one command a line from its input and prints one JSON object for each:
//!
//! | command | does |
//! |---|---|
//! | `open N` | opens connections until there are N |
//! | `ask FROM TO AT_ONCE FILE...` | sends one request on each of these connections, at most AT_ONCE of them at a time |
//! | `load FROM TO SECONDS SLOW_MS FILE...` | sends on each of them again as soon as it is answered; every answer above SLOW_MS is listed |
//!
//! A FILE holds the bytes of one request; several are sent in turn.

mod connection;
mod run;

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::exit;
use std::time::Duration;
use std::{fs, io};

use run::{Clients, Limit, Outcome};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let server = match words.as_slice() {
        [flag, value] if flag == "--connect" => value.parse().ok(),
        _ => None,
    };
    let Some(server) = server else {
        eprintln!("usage: clients --connect ADDR:PORT, with commands on the input");
        exit(2);
    };
    if let Err(error) = serve(server) {
        eprintln!("clients: {error}");
        exit(1);
    }
}

fn serve(server: SocketAddr) -> io::Result<()> {
    let mut clients = Clients::new(server)?;
    for line in io::stdin().lock().lines() {
        let answer = obey(&mut clients, &line?)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn obey(clients: &mut Clients, line: &str) -> io::Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["open", count] => {
            clients.open(number(count)?)?;
            Ok(format!("{{\"open\":{}}}", clients.count()))
        }
        ["ask", from, to, at_once, files @ ..] => {
            let limit = Limit::Each { at_once: number(at_once)? };
            clients.run(number(from)?..number(to)?, &read(files)?, limit, Duration::MAX).map(text)
        }
        ["load", from, to, seconds, slow_ms, files @ ..] => {
            let limit = Limit::Time(Duration::from_secs(number(seconds)? as u64));
            let slow = Duration::from_millis(number(slow_ms)? as u64);
            clients.run(number(from)?..number(to)?, &read(files)?, limit, slow).map(text)
        }
        _ => Err(io::Error::other(format!("unknown command: {line}"))),
    }
}

fn number(word: &str) -> io::Result<usize> {
    word.parse().map_err(|error| io::Error::other(format!("{word}: {error}")))
}

fn read(files: &[&str]) -> io::Result<Vec<Vec<u8>>> {
    files.iter().map(fs::read).collect()
}

fn text(outcome: Outcome) -> String {
    let Outcome { times, bad_status, broken, elapsed, slow, own_longest } = outcome;
    let slow: Vec<String> =
        slow.iter().map(|one| format!("[{},{}]", one.at.as_micros(), one.took.as_micros())).collect();
    format!(
        "{{\"requests\":{},\"us\":{},\"bad_status\":{bad_status},\"broken\":{broken},\"p50_us\":{},\"p99_us\":{},\
         \"p999_us\":{},\"longest_us\":{},\"own_longest_us\":{},\"slow\":[{}]}}",
        times.len(),
        elapsed.as_micros(),
        times.value_at_quantile(0.5),
        times.value_at_quantile(0.99),
        times.value_at_quantile(0.999),
        times.max(),
        own_longest.as_micros(),
        slow.join(",")
    )
}
