use super::*;

#[test]
fn known_names_are_taken_apart() {
    for (name, stream, at_ms) in [
        ("1710417074000_3_1710417074100.jpeg", "1710417074000_3.jpeg", 1_710_417_074_100),
        ("1710417074000_a-B9_18446744073709551615.webp", "1710417074000_a-B9.webp", u64::MAX),
        ("../../1_2_3.png", "1_2.png", 3),
        ("C:\\x\\1_2_3.avif", "1_2.avif", 3),
        ("./1_1_0003.jpg", "1_1.jpg", 3),
    ] {
        let expected = PictureName { stream: stream.to_owned(), at_ms };
        assert_eq!(picture(name.as_bytes()), Some(expected), "{name}");
    }
    assert_eq!(frames(b"1710417074000_3.webp.frames").as_deref(), Some("1710417074000_3.webp.frames"));
    assert_eq!(frames(b"/etc/1_2.jpeg.frames").as_deref(), Some("1_2.jpeg.frames"));
}

#[test]
fn no_other_name_passes() {
    let long = format!("1_{}_3.jpeg", "a".repeat(65));
    for name in [
        "",
        "photo.jpeg",
        "../../etc/passwd",
        "a;rm -rf",
        "1_2_3",
        "1_2.jpeg",
        "1_2_3.tar.jpeg",
        "1_2_3.exe",
        "1_2_3.",
        "1_2_3.JPEG",
        "1__3.jpeg",
        "_2_3.jpeg",
        "1_2_.jpeg",
        "1_2_x.jpeg",
        "x_2_3.jpeg",
        "1_2_3_4.jpeg",
        "1_$(id)_3.jpeg",
        "1_;_3.jpeg",
        "1_2_18446744073709551616.jpeg",
        "1_2_+3.jpeg",
        "1_2 _3.jpeg",
        "1_.._3.jpeg",
        "1_2_3.jpeg\n",
        "1_\u{e9}_3.jpeg",
        "1_2_3.jpeg/",
        "1_2_3.jpeg.frames",
        &long,
    ] {
        assert_eq!(picture(name.as_bytes()), None, "{name}");
    }
    assert_eq!(picture(b"1_\xff_3.jpeg"), None);
    for name in ["1_2.jpeg", "1_2.frames", ".frames", "1_2_3.jpeg.frames", "1_2.tar.jpeg.frames", "1_`id`.jpeg.frames"]
    {
        assert_eq!(frames(name.as_bytes()), None, "{name}");
    }
}
