//! `GET /assets/PROJECT/ID`: a style sheet, a picture or a font that is kept of a recorded site, for the page that plays a session.
//!
//! A recorded page is a stranger's, and so are the assets of its site. They are sent with the type that their bytes have, which is none of a page or a script, and
//! whoever opens one by itself sees a document that may do nothing.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::assets::{AssetId, AssetsError, Kind, Served};

use super::answer::fault;
use super::shown::Shown;

/// The policy of an asset that is opened by itself.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Where assets are, seen from the page that plays a session.
pub(in crate::admin) fn place_of(project: u32) -> String {
    format!("../assets/{project}/")
}

/// An asset by its short name.
pub(in crate::admin) async fn by_id(
    State(shown): State<Arc<Shown>>,
    Path((project, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shown.access.admit(&headers) {
        return refusal.into_response();
    }
    let (Ok(project), Some(id)) = (project.parse::<u32>(), AssetId::parse(&id)) else { return missing() };
    let assets = Arc::clone(&shown.assets);
    match tokio::task::spawn_blocking(move || assets.get(project, id)).await {
        Ok(Ok(Some(served))) => asset(served, &headers),
        Ok(Ok(None)) => missing(),
        Ok(Err(error)) => unreadable(&error),
        Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
}

/// Leads to what is kept of a URL: `/assets/PROJECT?url=URL`.
pub(in crate::admin) async fn by_url(
    State(shown): State<Arc<Shown>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Err(refusal) = shown.access.admit(&headers) {
        return refusal.into_response();
    }
    let mut parameters = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let url = parameters.find(|(name, _)| name == "url").and_then(|(_, url)| url.parse::<url::Url>().ok());
    let (Ok(project), Some(url)) = (project.parse::<u32>(), url) else { return missing() };
    let assets = Arc::clone(&shown.assets);
    let found = tokio::task::spawn_blocking(move || -> Result<Option<AssetId>, AssetsError> {
        Ok(assets.index(project)?.find(&url).map(|(address, _)| AssetId::of(address)))
    });
    match found.await {
        Ok(Ok(Some(id))) => {
            let place = format!("{project}/{id}");
            (StatusCode::FOUND, [(header::LOCATION, place), (header::CACHE_CONTROL, "no-store".to_owned())])
                .into_response()
        }
        Ok(Ok(None)) => missing(),
        Ok(Err(error)) => unreadable(&error),
        Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
}

fn asset(served: Served, headers: &HeaderMap) -> Response {
    let Served { kind, bytes, tag } = served;
    let mut head = safe(kind);
    // A player asks again for each picture at each seek: the browser may keep it, and asks whether it is still the same.
    let tag = tag.and_then(|tag| HeaderValue::from_str(&format!("\"{tag}\"")).ok());
    let is_known = tag.is_some() && headers.get(header::IF_NONE_MATCH) == tag.as_ref();
    if let Some(tag) = tag {
        head.insert(header::ETAG, tag);
    }
    if is_known { (StatusCode::NOT_MODIFIED, head).into_response() } else { (head, bytes).into_response() }
}

fn safe(kind: Kind) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ])
}

fn missing() -> Response {
    fault(StatusCode::NOT_FOUND, "no such asset is kept")
}

fn unreadable(error: &AssetsError) -> Response {
    fault(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}
