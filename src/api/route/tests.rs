use super::*;

#[test]
fn routes_answer_bare_under_ingest_and_under_the_prefix() {
    let prefix = Prefix::new("/media/v2");
    for start in ["/v1/web/start", "/ingest/v1/web/start", "/media/v2/v1/web/start"] {
        assert_eq!(Route::of(start.as_bytes(), &prefix).route, Route::WebStart, "{start}");
    }
    for none in ["/v1/web/start/", "/V1/web/start", "/ingest", "/ingest/", "/media/v2", "/media/v2x/v1/web/i"] {
        assert_eq!(Route::of(none.as_bytes(), &prefix).route, Route::Unknown, "{none}");
    }
    assert_eq!(Route::of(b"/ingestion/v1/web/i", &Prefix::new("/ingestion")).route, Route::WebBatch);
    assert_eq!(Route::of(b"/", &prefix).route, Route::Root);
    assert_eq!(Route::of(b"/v1/web/i", &Prefix::new("")).route, Route::WebBatch);
    assert_eq!(Route::of(b"v1/web/i", &Prefix::new("")).route, Route::Unknown);
}

#[test]
fn every_template_finds_its_route() {
    let prefix = Prefix::new("");
    for (route, template) in Route::ALL.iter().zip(TEMPLATES).filter(|(route, _)| **route != Route::Unknown) {
        let path = template.replace("{project}", "17").replace("{id}", "17").replace("{token}", "17");
        let found = Route::of(path.as_bytes(), &prefix);
        assert_eq!((found.route, found.legacy), (*route, false), "{path}");
        assert_eq!(found.param == b"17", template.contains('{'), "{path}");
    }
    for (index, route) in Route::ALL.iter().enumerate() {
        assert_eq!(route.index(), index);
    }
}

#[test]
fn a_name_in_a_path_is_one_segment_and_not_empty() {
    for path in ["/v1/web/conditions/", "/v1/web/conditions", "/v1/web/conditions/1/2", "/v1/web/uxt/test/"] {
        assert_eq!(Route::of(path.as_bytes(), &Prefix::new("")).route, Route::Unknown, "{path}");
    }
}

#[test]
fn the_names_of_old_reach_the_handlers_of_today() {
    for (path, route) in [
        ("/v1/ios/start", Route::MobileStart),
        ("/v1/ios/i", Route::MobileBatch),
        ("/v1/ios/append", Route::MobileBatch),
        ("/ingest/v1/ios/late", Route::MobileLate),
        ("/v1/ios/images", Route::MobileImages),
    ] {
        let found = Route::of(path.as_bytes(), &Prefix::new(""));
        assert_eq!((found.route, found.legacy), (route, true), "{path}");
    }
}

#[test]
fn a_route_accepts_what_its_allow_header_says() {
    let methods =
        [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Options];
    for allowed in Route::ALL.iter().map(|route| route.allowed()) {
        for method in methods {
            let said = allowed.as_str().split(", ").any(|name| name == method.as_str());
            assert_eq!(allowed.accepts(method), said, "{method:?} where {:?} is allowed", allowed.as_str());
        }
        assert!(!allowed.accepts(Method::Other));
    }
}
