//! Bodies whose `Content-Encoding` does not match their content: counted, and logged once for each project.
//!
//! They are stored by their content and nothing is lost; but something between the clients and the server changes either bodies or heads
//! without the other, and the operator should know.

use crate::api::route::TEMPLATES;
use crate::codec::inflate::{Coding, Label, Reading};
use crate::http::Field;
use crate::server::core::state::Core;
use crate::telemetry::Level;

use super::facts::RequestFacts;
use super::head::RequestHead;

/// Notes how a body was read.
#[inline]
pub fn note(core: &Core, facts: &RequestFacts, reading: Reading, head: RequestHead<'_>) {
    if reading.is_mislabelled() {
        report(core, facts, reading, head.field(Field::ContentEncoding));
    }
}

#[cold]
fn report(core: &Core, facts: &RequestFacts, reading: Reading, header: Option<&[u8]>) {
    match reading.label {
        Label::Missing => core.metrics.labels_missing.inc(),
        _ => core.metrics.labels_wrong.inc(),
    }
    let project = facts.project.unwrap_or(0);
    if !core.label_cache.is_first(project, &core.common.labels_logged) {
        return;
    }
    let name = |coding: Option<Coding>| coding.map_or("identity", Coding::as_str);
    let named = if header.is_some() { name(Coding::of_header(header)) } else { "" };
    let project = project.to_string();
    let fields = [
        ("project", &*project),
        ("url", TEMPLATES[facts.route.index()]),
        ("named", named),
        ("is", name(reading.coding)),
    ];
    let message = "a body is not in the coding that its label names: a proxy changes one of them and not the other";
    core.logger.event(Level::Warn, crate::caller!(), message, &fields);
}
