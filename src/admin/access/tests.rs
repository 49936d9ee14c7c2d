use super::*;

const TOKEN: &str = "a token of sixteen or more";

fn access(bound: &str, token: Option<&str>, hosts: &[&str]) -> Access {
    let options =
        AccessOptions { token: token.map(str::to_owned), hosts: hosts.iter().map(|host| (*host).to_owned()).collect() };
    Access::new(bound.parse().unwrap(), options)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn ask(access: &Access, pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
    access.admit(&headers(pairs))
}

#[test]
fn a_name_that_somebody_pointed_at_this_port_sees_nothing() {
    let access = access("127.0.0.1:8888", None, &[]);
    for host in ["127.0.0.1:8888", "localhost:8888", "LocalHost", "[::1]:8888", "127.0.0.1"] {
        assert_eq!(ask(&access, &[("host", host)]), Ok(()), "{host}");
    }
    for host in ["evil.example:8888", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:1", "10.0.0.1"]
    {
        assert_eq!(ask(&access, &[("host", host)]), Err(Refusal::Host), "{host}");
        assert_eq!(access.admit_page(&headers(&[("host", host)])), Err(Refusal::Host), "{host}");
    }
    assert_eq!(ask(&access, &[]), Err(Refusal::Host));
}

#[test]
fn a_page_of_another_site_sees_nothing() {
    let access = access("127.0.0.1:8888", None, &[]);
    let host = ("host", "127.0.0.1:8888");
    for site in ["same-origin", "none"] {
        assert_eq!(ask(&access, &[host, ("sec-fetch-site", site)]), Ok(()), "{site}");
    }
    for site in ["cross-site", "same-site", ""] {
        assert_eq!(ask(&access, &[host, ("sec-fetch-site", site)]), Err(Refusal::OtherSite), "{site}");
    }
    assert_eq!(ask(&access, &[host, ("origin", "http://127.0.0.1:8888")]), Ok(()));
    for origin in ["http://evil.example", "null", "http://127.0.0.1:9999", ""] {
        assert_eq!(ask(&access, &[host, ("origin", origin)]), Err(Refusal::OtherSite), "{origin}");
    }
}

#[test]
fn beyond_loopback_nothing_is_shown_without_the_token() {
    let (host, bearer) = (("host", "10.0.0.1:8888"), format!("Bearer {TOKEN}"));
    let off = access("10.0.0.1:8888", None, &[]);
    assert_eq!(ask(&off, &[host]), Err(Refusal::NoToken));
    assert_eq!(ask(&off, &[("host", "localhost:8888")]), Err(Refusal::NoToken), "whatever it calls itself");
    assert_eq!(ask(&off, &[host, ("authorization", "Bearer ")]), Err(Refusal::NoToken));

    let on = access("10.0.0.1:8888", Some(TOKEN), &[]);
    assert_eq!(ask(&on, &[host]), Err(Refusal::Token));
    assert_eq!(ask(&on, &[host, ("authorization", "Bearer another token altogether")]), Err(Refusal::Token));
    assert_eq!(ask(&on, &[host, ("authorization", &bearer)]), Ok(()));

    let cookie = on.log_in(&headers(&[host, ("authorization", &bearer)])).unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    let pair = format!("a=b; {}", cookie.split(';').next().unwrap());
    assert_eq!(ask(&on, &[host, ("cookie", &pair)]), Ok(()));
    assert_eq!(ask(&on, &[host, ("cookie", "takeup_admin=x")]), Err(Refusal::Token));
}

#[test]
fn where_a_token_is_set_this_machine_needs_it_too() {
    let access = access("127.0.0.1:8888", Some(TOKEN), &[]);
    let host = ("host", "127.0.0.1:8888");
    assert_eq!(ask(&access, &[host]), Err(Refusal::Token));
    assert_eq!(ask(&access, &[host, ("authorization", &format!("Bearer {TOKEN}"))]), Ok(()));
}

#[test]
fn what_comes_through_a_proxy_needs_the_token_on_loopback_too() {
    let access = access("127.0.0.1:8888", None, &["admin.example"]);
    assert_eq!(ask(&access, &[("host", "admin.example")]), Err(Refusal::NoToken));
    assert_eq!(ask(&access, &[("host", "127.0.0.1:8888"), ("x-forwarded-for", "192.0.2.1")]), Err(Refusal::NoToken));
}

#[test]
fn a_change_needs_the_token_and_a_header_that_no_other_page_can_send() {
    let access = access("127.0.0.1:8888", Some(TOKEN), &[]);
    let (host, bearer) = (("host", "127.0.0.1:8888"), format!("Bearer {TOKEN}"));
    let all = [host, ("authorization", &*bearer), ("x-takeup-admin", "1"), ("origin", "http://127.0.0.1:8888")];
    assert_eq!(access.admit_change(&headers(&all)), Ok(()));
    assert_eq!(access.admit_change(&headers(&[host, ("x-takeup-admin", "1")])), Err(Refusal::Token));
    assert_eq!(access.admit_change(&headers(&all[..2])), Err(Refusal::Header));
    let other = [host, all[1], all[2], ("origin", "http://evil.example")];
    assert_eq!(access.admit_change(&headers(&other)), Err(Refusal::OtherSite));
    let without = self::access("127.0.0.1:8888", None, &[]);
    assert_eq!(without.admit_change(&headers(&all)), Err(Refusal::NoTokenToChange));
}

#[test]
fn a_cookie_ends_after_twelve_hours_and_with_its_token_whoever_keeps_it() {
    let now_s = 1_800_000_000;
    let cookie = cookie_until(now_s + COOKIE_AGE_S, TOKEN);
    assert!(is_cookie(&cookie, TOKEN, now_s) && is_cookie(&cookie, TOKEN, now_s + COOKIE_AGE_S));
    assert!(!is_cookie(&cookie, TOKEN, now_s + COOKIE_AGE_S + 1), "it has ended");
    assert!(!is_cookie(&cookie, "another token of sixteen", now_s));
    assert!(
        !is_cookie(&cookie_until(now_s + COOKIE_AGE_S + 1, TOKEN), TOKEN, now_s),
        "none that is given now ends so late"
    );
    let later = cookie.replace(&(now_s + COOKIE_AGE_S).to_string(), &(now_s + COOKIE_AGE_S + 60).to_string());
    for wrong in [&*later, "", ".", "x.y", &cookie[..cookie.len() - 1], &format!("+{cookie}"), &format!("0{cookie}")] {
        assert!(!is_cookie(wrong, TOKEN, now_s + 60), "{wrong}");
    }
}

#[test]
fn what_scripts_read_is_no_picture_and_no_style_of_a_recorded_page() {
    let access = access("127.0.0.1:8888", None, &[]);
    let from =
        |dest| headers(&[("host", "127.0.0.1:8888"), ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", dest)]);
    for dest in ["empty", "document"] {
        assert_eq!(access.admit_reader(&from(dest)), Ok(()), "{dest}");
    }
    for dest in ["image", "style", "font", "iframe", "video", ""] {
        assert_eq!(access.admit_reader(&from(dest)), Err(Refusal::Part), "{dest}");
        assert_eq!(access.admit(&from(dest)), Ok(()), "assets are such");
    }
}
