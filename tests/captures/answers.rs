//! What answers to trackers have to be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::exchange::Exchange;
use crate::common::Response;

/// Keys of the answer to a start that are new in each run, or that the older of OpenReplay's
/// services did not send.
const OWN_KEYS: [&str; 7] =
    ["delay", "framesSupport", "protocolVersion", "sessionID", "startTimestamp", "token", "userUUID"];

/// Why a browser would not send the request after this preflight.
pub fn preflight_fault(exchange: &Exchange, response: &Response) -> Option<String> {
    let list = |text: &str| -> BTreeSet<String> {
        text.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
    };
    let given = |name: &str| list(response.header(name).unwrap_or_default());
    let asked = |name: &str| list(exchange.header(name));
    let is_age = |age: &str| age.parse::<u32>().is_ok_and(|age| age > 0);
    if Some(response.status) != exchange.status {
        return Some(format!("{}, and not {:?}", response.status, exchange.status));
    }
    if !asked("access-control-request-headers").is_subset(&given("access-control-allow-headers")) {
        return Some(format!("headers that are not allowed: {}", response.head));
    }
    if !asked("access-control-request-method").is_subset(&given("access-control-allow-methods")) {
        return Some(format!("a method that is not allowed: {}", response.head));
    }
    if !response.header("access-control-max-age").is_some_and(is_age) {
        return Some(format!("a preflight that is asked again each time: {}", response.head));
    }
    None
}

/// What differs from the recorded answer to a start.
pub fn start_fault(exchange: &Exchange, response: &Response) -> Option<String> {
    let text = String::from_utf8_lossy(&response.body);
    if response.status != 200 {
        return Some(format!("{} {text:?}", response.status));
    }
    let Ok(Value::Object(mut given)) = serde_json::from_slice(&response.body) else {
        return Some(format!("no JSON object: {text:?}"));
    };
    // The tracker gives up on an answer without these.
    let has_all = ["token", "userUUID", "sessionID"].iter().all(|key| given.get(*key).is_some_and(Value::is_string));
    if !has_all || !["delay", "startTimestamp"].iter().all(|key| given.get(*key).is_some_and(Value::is_number)) {
        return Some(format!("not what a tracker needs: {text:?}"));
    }
    let request: Value = serde_json::from_slice(&exchange.body).expect("a start is JSON");
    if request["userUUID"].is_string() && given["userUUID"] != request["userUUID"] {
        return Some(format!("visitor {} instead of {}", given["userUUID"], request["userUUID"]));
    }
    // A start that the recorder refused on purpose has no values to compare with.
    if exchange.status != Some(200) {
        return None;
    }
    let Ok(Value::Object(mut recorded)) = serde_json::from_slice(&exchange.answer) else { return None };
    for key in OWN_KEYS {
        given.remove(key);
        recorded.remove(key);
    }
    (given != recorded).then(|| format!("{given:?} instead of {recorded:?}"))
}

/// What differs from the recorded tags. The recorder did not send `location`, as the older service.
pub fn tags_fault(exchange: &Exchange, response: &Response) -> Option<String> {
    let read = |body: &[u8]| -> Value {
        let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
        for tag in answer["tags"].as_array_mut().into_iter().flatten() {
            tag.as_object_mut().and_then(|tag| tag.remove("location"));
        }
        answer
    };
    let (recorded, given) = (read(&exchange.answer), read(&response.body));
    let is_same = Some(response.status) == exchange.status && recorded == given;
    (!is_same).then(|| format!("{} {given}, and not {:?} {recorded}", response.status, exchange.status))
}

/// What differs from a recorded JSON answer. What is null may be missing, and a payload have
/// other spaces: trackers see no difference.
pub fn json_fault(exchange: &Exchange, response: &Response) -> Option<String> {
    let read = |body: &[u8]| -> Value {
        let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
        drop_nulls(&mut answer);
        answer
    };
    let (recorded, given) = (read(&exchange.answer), read(&response.body));
    let is_same = Some(response.status) == exchange.status && recorded == given;
    (!is_same).then(|| format!("{} {given}, and not {:?} {recorded}", response.status, exchange.status))
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
            // JSON in a text: the database that stores it changes its spaces.
            if let Some(Value::String(payload)) = fields.get_mut("payload") {
                payload.retain(|c| c != ' ');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// What differs from the recorded conditions. The older service has another name for the rate, and no numbers.
pub fn conditions_fault(exchange: &Exchange, response: &Response) -> Option<String> {
    let mut recorded: Value = serde_json::from_slice(&exchange.answer).unwrap_or_default();
    for (i, condition) in recorded["conditions"].as_array_mut().into_iter().flatten().enumerate() {
        condition["conditionId"] = (i + 1).into();
        condition["captureRate"] = condition["capture_rate"].clone();
    }
    let exchange = Exchange { answer: recorded.to_string().into_bytes(), ..exchange.clone() };
    json_fault(&exchange, response)
}

/// What is wrong with an answer that should be an empty 200, or a 401 for an expired token.
pub fn empty_fault(response: &Response, is_expired: bool) -> Option<String> {
    let is_right = match is_expired {
        false => response.status == 200 && response.body.is_empty(),
        true => response.status == 401,
    };
    (!is_right).then(|| format!("{} {:?}", response.status, String::from_utf8_lossy(&response.body)))
}
