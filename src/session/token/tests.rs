use super::*;

const CASES: [(&str, u64, i64, i64, &str); 8] = [
    ("secret", 1, 0, 4_102_444_800_000, "1.0.1gcmxpmo0.Gs6eBKZDBEDEXp1CCJkK8vuWvFsK4AsS8h3Q64RZK1P1"),
    (
        "secret",
        2_671_518_259_937_673_216,
        1_234,
        4_102_444_800_000,
        "kaou6pu9gxs0.ya.1gcmxpmo0.Ci2xbX5gy8Qb9xfE1hcTDrT1CggSYPd6FPE3wWF3jRBA",
    ),
    (
        "secret",
        2_671_518_259_937_673_216,
        -1_234,
        4_102_444_800_000,
        "kaou6pu9gxs0.-ya.1gcmxpmo0.45AXoKyRrLHq6rAAdtXsiMPPN8ovDrgDc7H54e4JaxEH",
    ),
    (
        "secret_token_string",
        u64::MAX,
        i64::MAX,
        i64::MAX,
        "3w5e11264sgsf.1y2p0ij32e8e7.1y2p0ij32e8e7.ABCc5o7wbNySSsrcBLTmKn6DGNZYLFneSRUPruS54BjY",
    ),
    ("secret_token_string", 0, 0, 0, "0.0.0.CRyXEPSUVg5cePgj6NsMzyNyX1reotxZRAQAKHZdss5a"),
    (
        "secret_token_string",
        3_771_482_915_143_680_000,
        i64::MIN,
        1,
        "snjj44gpcbuo.-1y2p0ij32e8e8.1.BuknAqGUGqz9DyStdAmLuKoQt34TNLru3DwHTGZVzgrS",
    ),
    (
        "клю\u{301}ч-🔑",
        3_771_482_915_143_712_345,
        7,
        1_774_805_222_000,
        "snjj44gpd0t5.7.mnc17drk.CHdiags33EN5vBCf8cokTZyHW8EZuyekEpPCqcFD8N2z",
    ),
    ("secret", 36, 0, 4_102_444_800_000, "10.0.1gcmxpmo0.126csX7kFFKAVqoE8hqgCVZxz8zunuaaLHMLoASEdz5r"),
];

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![secret.as_bytes().to_vec()]).unwrap()
}

#[test]
fn tokens_agree_with_the_recorded_ones() {
    for (secret, id, delay_ms, expires_ms, text) in CASES {
        let token = Token { session: SessionId(id), delay_ms, expires_ms };
        assert_eq!(secrets(secret).sign(&token), text);
        assert_eq!(secrets(secret).verify(text.as_bytes()), Ok(token));
    }
}

#[test]
fn the_empty_secret_signs_as_recorded_but_is_never_accepted() {
    let token = Token { session: SessionId(35), delay_ms: 36, expires_ms: 4_102_444_800_001 };
    let text = "z.10.1gcmxpmo1.57qkrdZMSxjxTUAjLLX5N9fgcoLKtLC3EzfgyuPjR9qu";
    assert_eq!(Secrets::keyed(&[Vec::new()]).sign(&token), text);
    assert_eq!(Secrets::new(vec![b"good".to_vec(), Vec::new()]).unwrap_err(), SecretsError::Empty(2));
    assert_eq!(Secrets::new(Vec::new()).unwrap_err(), SecretsError::Missing);
}

#[test]
fn refusals_carry_the_texts_clients_know() {
    let secrets = secrets("secret");
    for text in ["", "a.b.c", "1.0.1gcmxpmo0.x.y"] {
        let error = secrets.verify(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "wrong token format");
    }
    let long = format!("1.0.1.{}", "1".repeat(10_000));
    for text in ["1.0.x.", "1.0.1.0OIl", "1.0.1.2", "1.0.1.é", &long] {
        let error = secrets.verify(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "wrong token sign");
    }
}

fn signed(head: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(head.as_bytes());
    let mac = mac.finalize().into_bytes();
    format!("{head}.{}", bs58::encode(&mac[..]).into_string())
}

#[test]
fn numbers_under_a_good_mac_are_read_as_go_reads_them() {
    let secrets = secrets("secret");
    let plus = secrets.verify(signed("KAOU6PU9GXS0.+ya.+1gcmxpmo0").as_bytes());
    assert_eq!(plus.unwrap().delay_ms, 1_234);
    for (head, error) in [
        (".0.0", r#"strconv.ParseUint: parsing "": invalid syntax"#),
        ("+1.0.0", r#"strconv.ParseUint: parsing "+1": invalid syntax"#),
        ("1.-.0", r#"strconv.ParseInt: parsing "-": invalid syntax"#),
        ("3w5e11264sgsg.0.0", r#"strconv.ParseUint: parsing "3w5e11264sgsg": value out of range"#),
        ("1.0.1y2p0ij32e8e8", r#"strconv.ParseInt: parsing "1y2p0ij32e8e8": value out of range"#),
    ] {
        let refused = secrets.verify(signed(head).as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), error);
    }
}

#[test]
fn the_first_secret_signs_and_all_verify() {
    let old = secrets("old");
    let both = Secrets::new(vec![b"new".to_vec(), b"old".to_vec()]).unwrap();
    assert_ne!(old.generation(), both.generation());
    let token = Token { session: SessionId(7), delay_ms: 0, expires_ms: 1 };
    let text = old.sign(&token);
    let (read, signer) = both.verify_signer(text.as_bytes()).unwrap();
    assert_eq!(read, token);
    let mut again = String::new();
    both.sign_onto(&read, signer, &mut again);
    assert_eq!(again, text, "a resumed token must not change");
    assert_eq!(both.sign(&token), secrets("new").sign(&token));
    assert!(old.verify(both.sign(&token).as_bytes()).is_err());
}

#[test]
fn expiry_has_a_grace_of_thirty_seconds() {
    let token = Token { session: SessionId(1), delay_ms: 0, expires_ms: 100_000 };
    assert_eq!(token.expiry(99_999), Expiry::Valid);
    assert_eq!(token.expiry(100_000), Expiry::JustExpired);
    assert_eq!(token.expiry(129_999), Expiry::JustExpired);
    assert_eq!(token.expiry(130_000), Expiry::Expired);
}

#[test]
fn what_is_longer_than_any_token_is_not_even_hashed() {
    let secrets = Secrets::new(vec![b"a".to_vec()]).unwrap();
    for (bytes, good) in [(SIGNED_BYTES_MAX - 1, true), (SIGNED_BYTES_MAX, false), (1 << 20, false)] {
        let (purpose, text, mut mac) = (b":", vec![b'1'; bytes], String::new());
        secrets.sign_text(purpose, &text, &mut mac);
        assert_eq!(secrets.signed_text(purpose, &text, mac.as_bytes()), good, "{bytes}");
    }
}
