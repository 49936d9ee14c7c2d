use crate::api::prefix::Prefix;

use super::*;

#[test]
fn the_url_leads_back_to_where_the_client_came_from() {
    for (proto, host, path, base) in [
        (None, "a.example:8080", "/v1/web/uxt/upload-url", "http://a.example:8080"),
        (Some("https"), "a.example", "/ingest/v1/web/uxt/upload-url", "https://a.example/ingest"),
        (Some("HTTPS , http"), "a.example", "/media/v2/v1/web/uxt/upload-url", "https://a.example/media/v2"),
        (Some("gopher"), "[::1]", "/v1/web/uxt/upload-url", "http://[::1]"),
    ] {
        assert_eq!(base_of(proto.map(str::as_bytes), Some(host.as_bytes()), path.as_bytes()), base);
        let prefix = Prefix::new("/media/v2");
        let found = crate::api::route::Route::of(path.as_bytes(), &prefix).route;
        assert_eq!(found, crate::api::route::Route::UxtUploadUrl, "{path}");
    }
}
