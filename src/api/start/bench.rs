//! A stand-in for a server with one core, for tests of starts.

use std::cell::Cell;

use crate::client::geo::Geo;
use crate::client::user_agent::{UserAgents, embedded_for_tests};
use crate::codec::json::write_string;
use crate::directory::Directory;
use crate::session::flake::FlakeIds;
use crate::session::token::Secrets;

use super::*;

pub const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/122.0.0.0 Safari/537.36";
pub const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
pub const NOW_MS: i64 = 1_795_570_916_808;
const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "web"
[[projects]]
project_id = 2
project_key = "rate-0"
sample_rate = 0
[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"
[[projects]]
project_id = 4
project_key = "android"
platform = "android"
[[projects]]
project_id = 5
project_key = "inactive"
active = false
[[projects]]
project_id = 6
project_key = "beacon"
beacon_size = 2000
max_session_duration = 2000
[[projects]]
project_id = 7
project_key = "ios-rate-0"
platform = "ios"
sample_rate = 0
[[conditions]]
project_id = 1
name = "checkout"
capture_rate = 0
[[conditions]]
project_id = 2
name = "always"
capture_rate = 100
[[conditions]]
project_id = 7
name = "always"
capture_rate = 100
"#;

/// A server's parts, which a test changes before it sends a start.
pub struct Bench {
    pub kind: StartKind,
    pub directory: Directory,
    pub secrets: Secrets,
    pub flakes: FlakeIds,
    pub agents: UserAgents,
    pub geo: Geo,
    pub settings: StartSettings,
    pub known: Cell<Option<u32>>,
    pub now_ms: i64,
    pub dice: u8,
    pub user_agent: &'static str,
    pub scratch: StartScratch,
}

impl Bench {
    /// A server for clients of this kind.
    pub fn of(kind: StartKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("projects.toml");
        std::fs::write(&path, PROJECTS).unwrap();
        Self {
            kind,
            directory: Directory::load(&path).unwrap(),
            secrets: Secrets::new(vec![b"secret_token_string".to_vec()]).unwrap(),
            flakes: FlakeIds::new(1_645),
            agents: embedded_for_tests(),
            geo: Geo::none(),
            settings: StartSettings {
                json_size_limit: 131_072,
                json_inflated_limit: 1 << 20,
                beacon_size_limit: 1_000_000,
                batch_bytes_max: 8_000_000,
                compression_threshold: 20_000,
                record_canvas: true,
                canvas_quality: "low".to_owned(),
                canvas_fps: 1,
                protocol_version: 2,
                mobile_quality: "low".to_owned(),
                mobile_fps: 1,
            },
            known: Cell::new(None),
            now_ms: NOW_MS,
            dice: 99,
            user_agent: CHROME,
            scratch: StartScratch::new(8),
        }
    }

    pub fn start(&mut self, body: impl AsRef<[u8]>) -> StartOutcome {
        let input = StartInput {
            body: body.as_ref(),
            user_agent: Some(self.user_agent.as_bytes()),
            x_real_ip: None,
            x_forwarded_for: None,
            peer: "127.0.0.1".parse().unwrap(),
        };
        let deps = StartDeps {
            directory: &self.directory,
            secrets: &self.secrets,
            flakes: &self.flakes,
            agents: &self.agents,
            geo: &self.geo,
            settings: &self.settings,
            project_of: &|_| self.known.get(),
            now_ms: self.now_ms,
            dice: self.dice,
        };
        start(self.kind, &input, &deps, &mut self.scratch)
    }

    #[track_caller]
    pub fn started(&mut self, body: impl AsRef<[u8]>) -> Started {
        match self.start(body) {
            StartOutcome::Started(started) => started,
            other => panic!("{other:?}: {}", self.scratch.error),
        }
    }

    #[track_caller]
    pub fn refused(&mut self, body: impl AsRef<[u8]>) -> (u16, String) {
        match self.start(body) {
            StartOutcome::Refused(refused) => {
                let mut json = b"{\"error\":".to_vec();
                write_string(&mut json, &self.scratch.error);
                json.push(b'}');
                assert_eq!(self.scratch.response, json);
                assert!(self.scratch.message.is_empty() && self.scratch.row.is_empty());
                (refused.status, self.scratch.error.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn response(&self) -> serde_json::Value {
        serde_json::from_slice(&self.scratch.response).unwrap()
    }

    pub fn row(&self) -> serde_json::Value {
        serde_json::from_slice(&self.scratch.row).unwrap()
    }

    pub fn token(&self) -> String {
        self.response()["token"].as_str().unwrap().to_owned()
    }
}
