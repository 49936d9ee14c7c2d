use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn a_preflight_allows_what_it_names_and_a_star_names_no_authorization() {
    let list = headers(&[("access-control-allow-headers", "Content-Type, Authorization,Content-Encoding")]);
    assert!(allows(&list, "authorization") && allows(&list, "authorization,content-encoding"));
    assert!(!allows(&list, "authorization,datatype"));
    let star = headers(&[("access-control-allow-headers", "*")]);
    assert!(allows(&star, "content-type") && !allows(&star, "authorization"));
    assert!(!allows(&HeaderMap::new(), "content-type"));
}

#[test]
fn a_preflight_holds_five_seconds_unless_it_says_and_two_hours_at_most() {
    assert_eq!(age(&HeaderMap::new()), Duration::from_secs(5));
    assert_eq!(age(&headers(&[("access-control-max-age", "60")])), Duration::from_secs(60));
    assert_eq!(age(&headers(&[("access-control-max-age", "86400")])), Duration::from_secs(7200));
    assert_eq!(age(&headers(&[("access-control-max-age", "soon")])), Duration::from_secs(5));
}
