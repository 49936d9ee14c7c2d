use super::*;

fn request(body: &str) -> Result<SdkStartRequest, String> {
    let mut request = SdkStartRequest { os: "left".to_owned(), width: 7, ..SdkStartRequest::default() };
    request.read(body.as_bytes(), &mut JsonScratch::default()).map_err(|error| error.to_string())?;
    Ok(request)
}

#[test]
fn both_forms_say_the_same() {
    let flat = request(r#"{"projectKey":"k","os":"Linux","screen_width":20,"utm_source":"s"}"#).unwrap();
    assert_eq!((flat.project_key.as_str(), flat.os.as_str(), flat.width), ("k", "Linux", 20));
    for nested in [
        r#"{"projectKey":"k","defaultFields":{"os":"Linux","screen_width":20,"utm_source":"s"}}"#,
        // Not plain, so that the full reader is tested too.
        r#"{"projectKey":"k","DEFAULTFIELDS" : {"os":"Linux","screen_width":20.0,"utm_source":"s"}}"#,
        r#"{"defaultFields":{"defaultFields":{"os":"no"},"x":{},"os":"Linux","screen_width":20,"utm_source":"s"},
                "projectKey":"k"}"#,
        r#"{"defaultFields":{"defaultFields":{"os":"no"},"x":[],"os":"Linux","screen_width":2e1,"utm_source":"s"},
                "projectKey":"k"}"#,
    ] {
        assert_eq!(request(nested).unwrap(), flat, "{nested}");
    }
}

#[test]
fn default_fields_of_another_type_are_none() {
    for none in ["null", "[]", "5", r#""x""#, "{}"] {
        let read = request(&format!(r#"{{"projectKey":"k","defaultFields":{none}}}"#)).expect(none);
        assert_eq!((read.project_key.as_str(), read.os.as_str(), read.width), ("k", "", 0));
    }
    assert!(request(r#"{"defaultFields":{"os":5}}"#).is_err());
    assert!(request(r#"{"defaultFields":{"os":"Linux"}"#).is_err());
    assert!(request(r#"{"defaultFields":{"os":"Linux"}} x"#).is_err());
}

#[test]
fn a_size_that_is_no_number_is_refused_as_recorded() {
    let text = "json: cannot unmarshal string into Go struct field StartSDKSessionRequest.screen_width of type int";
    assert_eq!(request(r#"{"screen_width":"20"}"#).unwrap_err(), text);
    assert_eq!(request("").unwrap_err(), "unexpected end of JSON input");
    let array = "json: cannot unmarshal array into Go value of type api.StartSDKSessionRequest";
    assert_eq!(request("[1]").unwrap_err(), array);
}

#[test]
fn a_user_id_is_cut_as_that_of_a_page_is() {
    let long = request(&format!(r#"{{"user_id":"\u0000{}"}}"#, "ü".repeat(300))).unwrap();
    assert_eq!(long.user_id, "ü".repeat(127));
}
