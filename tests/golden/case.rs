//! A recorded case: its fields, its placeholders and its generated bodies.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::fixtures;
use crate::common::token;

/// SEED's default of a limit that MAIN raised. The bodies of SEED's cases are made for it.
const SEED_JSON_SIZE_LIMIT: &str = "1000";

/// The release of OpenReplay that a case was recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Of July 2026.
    Main,
    /// Of March 2024.
    Seed,
}

/// The fixed part of the recordings: projects, secret, environment.
pub struct World {
    fixtures: Value,
}

impl World {
    /// Reads `fixtures.json`.
    pub fn read() -> Self {
        let text = fs::read_to_string(fixtures("golden/fixtures.json")).expect("fixtures.json is there");
        Self { fixtures: serde_json::from_str(&text).expect("fixtures.json is JSON") }
    }

    /// The secret that signs tokens unless a case's configuration has another.
    pub fn base_secret(&self) -> &str {
        self.fixtures["token_secret"].as_str().expect("the fixtures name a secret")
    }

    /// The secret that signs tokens under `config`.
    pub fn secret<'a>(&'a self, config: &'a BTreeMap<String, String>) -> &'a str {
        config.get("TOKEN_SECRET").map_or(self.base_secret(), String::as_str)
    }

    /// The key of the project with that name.
    pub fn key(&self, project: &str) -> &str {
        let projects = self.fixtures["projects"].as_array().expect("the fixtures list projects");
        let found = projects.iter().find(|p| p["name"] == project);
        found.and_then(|p| p["project_key"].as_str()).unwrap_or_else(|| panic!("no project {project:?}"))
    }

    /// The directory of projects as takeup reads it.
    pub fn projects_toml(&self) -> String {
        let tables = ["projects", "tags", "conditions", "feature_flags", "ut_tests"];
        let mut document = toml::Table::new();
        for table in tables {
            let rows = self.fixtures[table].as_array().expect("the fixtures have this table");
            document.insert(table.to_owned(), toml::Value::Array(rows.iter().map(to_toml).collect()));
        }
        toml::to_string(&document).expect("tables of plain values can be written")
    }

    /// The environment that a server of `release` had under `config`.
    pub fn environment(&self, release: Release, config: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let base = self.fixtures["base_env"].as_object().expect("the fixtures have base_env");
        let base = base.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let mut environment: BTreeMap<String, String> = base.collect();
        if release == Release::Seed {
            environment.insert("JSON_SIZE_LIMIT".into(), SEED_JSON_SIZE_LIMIT.into());
        }
        environment.extend(config.clone());
        let geo = fixtures("golden/geo.mmdb");
        environment.insert("MAXMINDDB_FILE".into(), geo.to_str().expect("a UTF-8 path").into());
        // OpenReplay has one deadline for all of a connection; takeup has one for each thing that
        // a client may be slow at. They get the same time here.
        if let Some(timeout) = config.get("HTTP_TIMEOUT") {
            for name in ["TAKEUP_HEAD_TIMEOUT", "TAKEUP_IDLE_TIMEOUT", "TAKEUP_BODY_GRACE"] {
                environment.insert(name.into(), timeout.clone());
            }
        }
        environment.into_iter().collect()
    }
}

/// A row of the fixtures as TOML, in which what is null is left out.
fn to_toml(row: &Value) -> toml::Value {
    match row {
        Value::Bool(b) => toml::Value::Boolean(*b),
        Value::Number(n) => toml::Value::Integer(n.as_i64().expect("the fixtures have small whole numbers")),
        Value::String(s) => toml::Value::String(s.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().map(to_toml).collect()),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            toml::Value::Table(kept.map(|(name, value)| (name.clone(), to_toml(value))).collect())
        }
        Value::Null => unreachable!("null fields were left out, and lists have none"),
    }
}

/// One recorded case.
pub struct Case {
    /// `source:group/what`, unique.
    pub name: String,
    /// Where it was recorded.
    pub release: Release,
    /// Environment on top of the base.
    pub config: BTreeMap<String, String>,
    /// The whole line.
    pub line: Value,
}

impl Case {
    /// All cases of both releases.
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (file, release) in [("golden/main.jsonl", Release::Main), ("golden/seed.jsonl", Release::Seed)] {
            let text = fs::read_to_string(fixtures(file)).expect("the recordings are there");
            cases.extend(text.lines().map(|line| Self::read(line, release)));
        }
        cases
    }

    fn read(line: &str, release: Release) -> Self {
        let line: Value = serde_json::from_str(line).expect("each case is one JSON value");
        let text = |key: &str| line[key].as_str().expect("a case has a name and a source").to_owned();
        let config = line["config"].as_object().expect("a case has a config");
        let config = config.iter().map(|(name, value)| {
            let value = value.as_str().expect("environment values are texts");
            (name.clone(), value.to_owned())
        });
        Self { name: format!("{}:{}", text("source"), text("name")), release, config: config.collect(), line }
    }

    /// The case without its source: `group/what`.
    pub fn what(&self) -> &str {
        self.name.split_once(':').map_or(&self.name, |(_, what)| what)
    }

    /// The case in which MAIN was asked the same, for a case of SEED.
    pub fn successor<'a>(&self, all: &'a [Case]) -> Option<&'a Case> {
        let asked = ["request", "tokens", "config", "outage"];
        let is_same = |other: &&Case| {
            other.release == Release::Main
                && other.what() == self.what()
                && asked.iter().all(|k| other.line[k] == self.line[k])
        };
        (self.release == Release::Seed).then(|| all.iter().find(is_same)).flatten()
    }

    /// Whether this path of the case differed between two runs of OpenReplay.
    pub fn is_volatile(&self, path: &str) -> bool {
        self.line["volatile"].as_array().is_some_and(|paths| paths.iter().any(|p| p == path))
    }

    /// Whether the case asks for a session: an old token makes a start go on with its session, and
    /// the server then knows that session's project.
    pub fn starts(&self) -> bool {
        self.line["request"]["path"].as_str().is_some_and(|path| path.ends_with("/v1/web/start"))
    }

    /// Whether the records of the case belong to no session.
    pub fn has_no_session(&self) -> bool {
        self.line["request"]["path"].as_str().is_some_and(|path| path.ends_with("/v1/web/not-started"))
    }

    /// Whether two cases may use the same session, so that their records can't be told apart by
    /// it: the recordings mint tokens with fixed ids, and who does not start has no session.
    pub fn shares_a_session(&self) -> bool {
        if self.has_no_session() {
            return true;
        }
        let tokens = self.line["tokens"].as_object();
        tokens.is_some_and(|tokens| {
            tokens.values().any(|token| token["kind"] == "mint" || token["kind"] == "signed_text")
        })
    }
}

/// Texts that stand for placeholders: tokens by name, keys of projects, and the clock.
pub struct Filling<'a> {
    /// The world of the recordings.
    pub world: &'a World,
    /// The tokens made so far.
    pub tokens: &'a BTreeMap<String, String>,
}

impl Filling<'_> {
    /// Fills every `{{…}}`.
    pub fn fill(&self, template: &[u8]) -> Vec<u8> {
        let mut filled = Vec::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, name, after)) = split_placeholder(rest) {
            filled.extend_from_slice(before);
            filled.extend_from_slice(self.text_for(name).as_bytes());
            rest = after;
        }
        filled.extend_from_slice(rest);
        filled
    }

    fn text_for(&self, name: &str) -> String {
        if let Some(project) = name.strip_prefix("KEY:") {
            return self.world.key(project).to_owned();
        }
        if let Some(offset) = name.strip_prefix("NOW") {
            let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().expect("NOW takes a number") };
            return (token::now_ms() + offset).to_string();
        }
        self.tokens.get(name).cloned().unwrap_or_else(|| panic!("no token {name:?}"))
    }

    /// The body of a request, None where it has none.
    pub fn body(&self, request: &Value) -> Option<Vec<u8>> {
        if let Some(text) = request["body_text"].as_str() {
            return Some(self.fill(text.as_bytes()));
        }
        if let Some(packed) = request["body_b64"].as_str() {
            return Some(self.fill(&STANDARD.decode(packed).expect("body_b64 is base64")));
        }
        (!request["body_gen"].is_null()).then(|| generate(&request["body_gen"]))
    }
}

/// The placeholders that a text names.
pub fn placeholders(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((_, name, after)) = split_placeholder(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// The text before the first placeholder, its name, and the text after it.
fn split_placeholder(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    (0..text.len()).find_map(|start| {
        let inside = text[start..].strip_prefix(b"{{")?;
        let length = inside.windows(2).position(|two| two == b"}}")?;
        let name = std::str::from_utf8(&inside[..length]).ok()?;
        // Two braces in a row may be plain JSON as well.
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-+".contains(&b));
        is_name.then(|| (&text[..start], name, &inside[length + 2..]))
    })
}

/// Makes a generated body.
pub fn generate(gen_: &Value) -> Vec<u8> {
    let number = |key: &str| gen_[key].as_u64().unwrap_or_else(|| panic!("{key} in {gen_}"));
    let length = |key: &str| usize::try_from(number(key)).expect("sizes fit in memory");
    let text = |key: &str| gen_[key].as_str().unwrap_or_default();
    let plain = match text("kind") {
        "count" => (0..length("len")).map(|i| ((31 * (i % 256) + 7) % 256) as u8).collect(),
        "fill" => vec![u8::try_from(number("byte")).expect("a byte"); length("len")],
        "text" => {
            let middle = text("unit").repeat(length("times"));
            format!("{}{middle}{}", text("prefix"), text("suffix")).into_bytes()
        }
        "noise" => {
            let blocks = (0_u64..).flat_map(|i| Sha256::digest(format!("{}-{i}", text("seed"))));
            blocks.take(length("len")).collect()
        }
        other => panic!("no generator {other:?}"),
    };
    if gen_["gzip"] != true {
        return plain;
    }
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::new(9));
    writer.write_all(&plain).expect("memory takes bytes");
    writer.finish().expect("memory takes bytes")
}
