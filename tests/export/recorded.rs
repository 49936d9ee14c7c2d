//! Data folders with what real trackers sent.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::common::{Home, Request, fixtures};

/// The session of everything that is recorded here.
pub const SESSION: u64 = 2_691_351_900_602_760_960;

/// A data folder with the batches and the pictures of a capture as one session.
pub fn record(capture: &str) -> Home {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(SESSION);
    let text = fs::read_to_string(fixtures(&format!("captures/{capture}.jsonl"))).expect("the captures are there");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        if !matches!(path, Some("/v1/web/i" | "/v1/web/images"))
            || line["method"] != "POST"
            || line["answer"]["status"] != 200
        {
            continue;
        }
        let body = STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64");
        let request = Request::post(line["target"].as_str().expect("a target")).without("Host").body(&body);
        let headers: Vec<(String, String)> = serde_json::from_value(line["headers"].clone()).expect("pairs of texts");
        let request = headers.iter().fold(request.unframed(), |request, (name, value)| request.header(name, value));
        let answer = server.connect().exchange(request.set("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.stop();
    home
}
