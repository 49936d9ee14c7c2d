//! Every route: how it is asked, and which statuses it may answer with.

use crate::common::{BROWSER, Request, Response};

use takeup::api::route::Route;

/// The web project that all ask for.
pub const KEY: &str = "webFullRate000000001";
/// The one for phones.
pub const IOS_KEY: &str = "iosFullRate000000003";

/// What opens the route for other takeups.
pub const FORWARD_SECRET: (&str, &str) = ("forward_secret", "of-another-takeup");

/// Projects with something to tell on every route.
pub const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "webFullRate000000001"

[[projects]]
project_id = 3
project_key = "iosFullRate000000003"
platform = "ios"

[[tags]]
tag_id = 1
project_id = 1
selector = "div > a[href=\"/x?a=1&b=2\"]"

[[conditions]]
project_id = 1
name = "checkout"
filters = [{ type = "visitedUrl", operator = "contains", value = ["/checkout"] }]

[[feature_flags]]
feature_flag_id = 1
project_id = 1
flag_key = "single-all"
is_persist = true
conditions = [{ name = "all", filters = [{ type = "metadata", source = "plan", operator = "isNot", value = ["free"] }] }]

[[ut_tests]]
test_id = 1
project_id = 1
title = "Buy a thing"
status = "in-progress"
tasks = [{ title = "find", description = "find it", allow_typing = true }]
"#;

/// What a route's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// None: the route is asked with `GET`, or looks at nothing.
    None,
    /// A JSON object.
    Json,
    /// Bytes.
    Bytes,
    /// A form with files.
    Form,
}

/// How a route is asked.
#[derive(Debug)]
pub struct Door {
    /// The route.
    pub route: Route,
    /// The method that it takes.
    pub method: &'static str,
    /// A path that reaches it.
    pub path: &'static str,
    /// Whether it wants a token.
    pub token: bool,
    /// Its body.
    pub body: Body,
    /// All statuses that it may answer with, whatever is sent, as long as the server is well.
    pub statuses: &'static [u16],
}

/// Every route that has a handler.
pub const DOORS: &[Door] = &[
    door(Route::Root, "GET", "/", false, Body::None, &[200]),
    door(Route::WebStart, "POST", "/v1/web/start", false, Body::Json, &[200, 400, 403, 404, 413, 426]),
    door(Route::WebBatch, "POST", "/v1/web/i?batch=1_1", true, Body::Bytes, &[200, 400, 401, 413]),
    door(Route::WebNotStarted, "POST", "/v1/web/not-started", false, Body::Json, &[200, 400, 403, 404, 413]),
    door(Route::WebFeatureFlags, "POST", "/v1/web/feature-flags", true, Body::Json, &[200, 400, 413]),
    door(Route::WebImages, "POST", "/v1/web/images", true, Body::Form, &[200, 400, 401, 413, 415]),
    door(Route::WebTags, "GET", "/v1/web/tags", true, Body::None, &[200, 401]),
    door(Route::WebConditions, "GET", "/v1/web/conditions/1", true, Body::None, &[200, 400, 401, 403]),
    // OpenReplay answers 500 for a test that is not there, and so does takeup.
    door(Route::UxtTest, "GET", "/v1/web/uxt/test/1", true, Body::None, &[200, 401, 403, 500]),
    door(Route::UxtTestSignal, "POST", "/v1/web/uxt/signals/test", true, Body::Json, &[200, 400, 401, 403, 413]),
    door(Route::UxtTaskSignal, "POST", "/v1/web/uxt/signals/task", true, Body::Json, &[200, 400, 401, 403, 413]),
    door(Route::UxtUploadUrl, "GET", "/v1/web/uxt/upload-url", true, Body::None, &[200, 401, 403]),
    door(Route::UxtRecording, "PUT", "/v1/web/uxt/recording/x", false, Body::Bytes, &[200, 400, 401, 403, 404, 413]),
    door(Route::MobileStart, "POST", "/v1/mobile/start", false, Body::Json, &[200, 400, 403, 404, 413, 426]),
    door(Route::MobileBatch, "POST", "/v1/mobile/i", true, Body::Bytes, &[200, 400, 401, 413]),
    door(Route::MobileLate, "POST", "/v1/mobile/late", true, Body::Bytes, &[200, 400, 401, 413]),
    door(Route::MobileImages, "POST", "/v1/mobile/images", true, Body::Form, &[200, 400, 401, 413, 415]),
    door(Route::MobileConditions, "GET", "/v1/mobile/conditions/3", true, Body::None, &[200, 400, 401, 403]),
    door(Route::SdkStart, "POST", "/v1/sdk/start", false, Body::Json, &[200, 400, 403, 404, 413]),
    door(Route::SdkBatch, "POST", "/v1/sdk/i", true, Body::Bytes, &[200, 400, 401, 413]),
    // Open, as FORWARD_SECRET is set, and nothing here is signed with it.
    door(Route::Records, "POST", "/v1/takeup/records", false, Body::Bytes, &[400, 403, 411, 413]),
];

const fn door(
    route: Route,
    method: &'static str,
    path: &'static str,
    token: bool,
    body: Body,
    statuses: &'static [u16],
) -> Door {
    Door { route, method, path, token, body, statuses }
}

/// Those whose body is of this kind.
pub fn doors(body: Body) -> impl Iterator<Item = &'static Door> {
    DOORS.iter().filter(move |door| door.body == body)
}

impl Door {
    /// Whether it is for phones.
    pub fn is_mobile(&self) -> bool {
        self.path.starts_with("/v1/mobile")
    }

    /// A request with these headers, each a whole line, and with the token if the route asks for one.
    pub fn request(&self, token: &str, headers: &[&str], body: &[u8]) -> Request {
        let request = Request::new(self.method, self.path).header("User-Agent", BROWSER);
        let request = request.maybe_token(self.token.then_some(token));
        request.headers(headers.iter().copied()).body(body)
    }

    /// The head of a form whose body the test sends by itself.
    pub fn form_head(&self, token: &str) -> Request {
        self.request(token, &[FORM], b"")
    }

    /// What is wrong with an answer, in the light of what the route may say; nothing is well.
    pub fn fault(&self, answer: &Response) -> Option<String> {
        if !self.statuses.contains(&answer.status) {
            return Some(format!("{} {} may not answer {}", self.method, self.path, answer.text()));
        }
        if answer.status == 200 {
            return None;
        }
        let json: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
        let told = json.as_ref().and_then(|json| json["error"].as_str()).is_some_and(|text| !text.is_empty());
        let typed = answer.header("content-type") == Some("application/json");
        (!told || !typed).then(|| format!("{} {}: no JSON error: {}", self.method, self.path, answer.text()))
    }

    /// Demands that an answer is one that the route may give.
    #[track_caller]
    pub fn check(&self, answer: &Response, what: &str) {
        if let Some(fault) = self.fault(answer) {
            panic!("{what}: {fault}");
        }
    }
}

/// The header of a form whose boundary is `x`.
pub const FORM: &str = "Content-Type: multipart/form-data; boundary=x";

#[test]
fn no_route_is_left_out() {
    let missing: Vec<&Route> = Route::ALL
        .iter()
        .filter(|route| **route != Route::Unknown && !DOORS.iter().any(|door| door.route == **route))
        .collect();
    assert!(missing.is_empty(), "a route without bad clients: {missing:?}");
}
