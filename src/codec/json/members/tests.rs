use super::*;

fn listed(input: &str) -> Result<Vec<String>, JsonError> {
    let mut list = Vec::new();
    members(input.as_bytes(), &mut JsonScratch::default(), |key, value, raw| {
        list.push(format!("{key}={value:?}={}", String::from_utf8_lossy(raw)));
        Ok::<(), JsonError>(())
    })?;
    Ok(list)
}

#[test]
fn members_come_in_order_with_their_keys_as_written() {
    let input = r#" { "A" : "x\n", "a":{"b":[1]} , "a": null,"\u00e9":1.50 } "#;
    let expected = [r#"A=String("x\n")="x\n""#, r#"a=Object={"b":[1]}"#, "a=Null=null", r#"é=Number("1.50")=1.50"#];
    assert_eq!(listed(input).unwrap(), expected);
    assert_eq!(listed("{}").unwrap(), [""; 0]);
    for none in ["null", "[{\"a\":1}]", "5"] {
        assert_eq!(listed(none).unwrap(), [""; 0], "{none}");
    }
}

#[test]
fn faults_of_grammar_are_told() {
    for bad in ["{", "{\"a\"", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1 2}", "{a:1}"] {
        assert!(listed(bad).is_err(), "{bad}");
    }
    assert!(is_key("PersistFlags", "persistflags") && !is_key("persist", "persistflags"));
}

fn elements_of(input: &str) -> Result<Vec<String>, JsonError> {
    let mut list = Vec::new();
    elements(input.as_bytes(), &mut JsonScratch::default(), |value, raw| {
        list.push(format!("{value:?}={}", String::from_utf8_lossy(raw)));
        Ok::<(), JsonError>(())
    })?;
    Ok(list)
}

#[test]
fn elements_come_in_order() {
    let input = r#" [ {"a":[1]} ,[2], "x\n",null , 1.50 ] x"#;
    let expected =
        [r#"Object={"a":[1]}"#, "Array=[2]", r#"String("x\n")="x\n""#, "Null=null", r#"Number("1.50")=1.50"#];
    assert_eq!(elements_of(input).unwrap(), expected);
    for none in ["[]", " [ ] ", "null", "{\"a\":[1]}", "5", ""] {
        assert_eq!(elements_of(none).unwrap(), [""; 0], "{none}");
    }
    for bad in ["[", "[1", "[1,", "[1,]", "[1 2]", "[1}"] {
        assert!(elements_of(bad).is_err(), "{bad}");
    }
}
