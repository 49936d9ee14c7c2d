use crate::session::token::Token;

use super::*;

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::new(texts.iter().map(|text| text.as_bytes().to_vec()).collect()).unwrap()
}

#[test]
fn an_uploads_token_says_what_was_signed() {
    let (old, both) = (secrets(&["a"]), secrets(&["b", "a"]));
    let token = UploadToken::new(SessionId(u64::MAX), 1_795_571_000_000);
    assert_eq!(token.expires_ms, 1_795_571_900_000);
    let text = token.sign(&old);
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "fits into a path: {text}");
    assert_eq!(UploadToken::verify(text.as_bytes(), &old), Ok(token));
    assert_eq!(UploadToken::verify(text.as_bytes(), &both), Ok(token), "every secret verifies");
    assert_eq!(UploadToken::verify(text.as_bytes(), &secrets(&["b"])), Err(TokenError::Signature));
}

#[test]
fn a_token_of_one_kind_is_never_good_for_the_other() {
    let secrets = secrets(&["a"]);
    let session = Token { session: SessionId(7), delay_ms: 0, expires_ms: 4_102_444_800_000 };
    let session = secrets.sign(&session);
    assert_eq!(UploadToken::verify(session.as_bytes(), &secrets), Err(TokenError::Format));
    let upload = UploadToken::new(SessionId(7), 0).sign(&secrets);
    assert_eq!(secrets.verify(upload.as_bytes()), Err(TokenError::Format));
    // The MAC of one is not valid for the parts of the other either.
    let (head, mac) = session.rsplit_once('.').unwrap();
    let (id, rest) = head.split_once('.').unwrap();
    let (_, expires) = rest.split_once('.').unwrap();
    let forged = format!("{id}.{expires}.{mac}");
    assert_eq!(UploadToken::verify(forged.as_bytes(), &secrets), Err(TokenError::Signature));
    let (head, mac) = upload.rsplit_once('.').unwrap();
    assert!(secrets.signed_text(PURPOSE, head.as_bytes(), mac.as_bytes()));
    assert!(!secrets.signed_text(b"", head.as_bytes(), mac.as_bytes()), "signed for its purpose alone");
    let (id, expires) = head.split_once('.').unwrap();
    let forged = format!("{id}.0.{expires}.{mac}");
    assert_eq!(secrets.verify(forged.as_bytes()), Err(TokenError::Signature));
}

#[test]
fn a_changed_text_is_refused() {
    let secrets = secrets(&["a"]);
    let text = UploadToken::new(SessionId(7), 0).sign(&secrets);
    for bad in ["", "7", "7.7", "...", &text.replacen('7', "8", 1), &text[..text.len() - 1], &format!("{text}1")] {
        assert!(UploadToken::verify(bad.as_bytes(), &secrets).is_err(), "{bad}");
    }
}
