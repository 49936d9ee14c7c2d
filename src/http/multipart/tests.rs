use super::*;

/// The parts of a form: field, file name, bytes.
type Parts = Vec<(String, Option<String>, Vec<u8>)>;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("tests have plain names")
}

/// A form, and what has arrived of its body and is not dropped.
struct Arriving<'a> {
    form: Multipart,
    body: Vec<u8>,
    pieces: std::slice::Chunks<'a, u8>,
}

impl Arriving<'_> {
    fn more(&mut self) {
        self.body.drain(..self.form.used_up());
        match self.pieces.next() {
            Some(piece) => self.body.extend_from_slice(piece),
            None => self.form.end(),
        }
    }
}

/// Reads a form that comes in pieces of `step` bytes.
fn read(boundary: &str, body: &[u8], step: usize) -> Result<Parts, FormFault> {
    let form = Multipart::new(boundary.as_bytes(), 200);
    let mut it = Arriving { form, body: Vec::new(), pieces: body.chunks(step) };
    let mut parts = Parts::new();
    loop {
        match it.form.next_part(&it.body)? {
            Step::NeedsMore => it.more(),
            Step::Ready(None) => return Ok(parts),
            Step::Ready(Some(head)) => {
                let mut bytes = Vec::new();
                loop {
                    match it.form.next_bytes(&it.body)? {
                        Step::NeedsMore => it.more(),
                        Step::Ready(Some(range)) => bytes.extend_from_slice(&it.body[range]),
                        Step::Ready(None) => break,
                    }
                }
                parts.push((text(head.name), head.file_name.map(text), bytes));
            }
        }
    }
}

/// The same, whatever the size of the pieces.
fn parts(boundary: &str, body: &str) -> Result<Parts, FormFault> {
    let whole = read(boundary, body.as_bytes(), usize::MAX);
    for step in 1..body.len() {
        assert_eq!(read(boundary, body.as_bytes(), step), whole, "{step}: {body}");
    }
    whole
}

fn part(name: &str, file_name: Option<&str>, bytes: &str) -> (String, Option<String>, Vec<u8>) {
    (name.to_owned(), file_name.map(str::to_owned), bytes.as_bytes().to_vec())
}

#[test]
fn parts_are_read_however_their_bytes_come() {
    let body = "\r\n \r\n--b \t\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n--b\r\n\
                CONTENT-DISPOSITION: FORM-DATA; NAME=x; FILENAME=y\r\nContent-Type: image/webp\r\n\r\n\r\n\r\n\r\n\
                --b\r\nContent-Disposition: form-data; name=e; filename*=UTF-8''%66\r\n\r\n\r\n--b\r\n\
                Content-Disposition: form-data; name=n; filename=g\r\n\r\n--b--\r\nan epilogue\r\n--b\r\n";
    let expected = vec![
        part("type", None, "frames"),
        part("x", Some("y"), "\r\n\r\n"),
        part("e", Some("f"), ""),
        part("n", Some("g"), ""),
    ];
    assert_eq!(parts("b", body), Ok(expected));
    assert_eq!(parts("b", "--b--"), Ok(Parts::new()));
}

#[test]
fn a_line_that_begins_as_a_boundary_and_goes_on_otherwise_is_data() {
    for data in [
        "x\r\n--bc\r\ny",
        "x\r\n--b c\r\ny",
        "\r\n--b-\r\n",
        "\r\n--b-",
        "\r\n--b--c\r\n",
        "--bc",
        "\r\n--b\n",
        "\r\n--b\r",
        "\r\r\n-\r\n--",
        &format!("\r\n--b{}", " ".repeat(PADDING_BYTES_MAX + 1)),
    ] {
        let body = format!("--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n{data}\r\n--b--\r\n");
        assert_eq!(parts("b", &body), Ok(vec![part("a", Some("f"), data)]), "{data:?}");
    }
}

#[test]
fn a_form_that_breaks_off_is_an_error_wherever_it_does() {
    let body = "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\nbytes\r\n--b--";
    assert_eq!(parts("b", body), Ok(vec![part("a", Some("f"), "bytes")]));
    for cut in 0..body.len() {
        let fault = read("b", &body.as_bytes()[..cut], usize::MAX).expect_err("is cut");
        assert_eq!(fault, if cut < 5 { FormFault::NoPart } else { FormFault::CutOff }, "{cut}");
    }
    assert_eq!(parts("other", body), Err(FormFault::NoPart));
    assert_eq!(parts("b", &format!("a part without a boundary\r\n{body}")), Err(FormFault::NoPart));
}

#[test]
fn a_part_that_is_not_understood_is_an_error() {
    for head in [
        "",
        "Content-Type: image/webp\r\n",
        "Content-Disposition: attachment; filename=f\r\n",
        "Content-Disposition: form-data; name=\"a; filename=f\r\n",
        "Content-Disposition: form-data; name=a; filename=f; filename=g\r\n",
        "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n",
        "Content-Disposition: form-data; name=a; filename=f\r\nContent-Transfer-Encoding: base64\r\n",
        "no header\r\n",
    ] {
        let body = format!("--b\r\n{head}\r\nbytes\r\n--b--\r\n");
        assert_eq!(parts("b", &body), Err(FormFault::Head), "{head}");
    }
    let unreadable = "--b\r\nContent-Disposition: form-data; name=a; filename*=utf-7''x\r\n\r\nz\r\n--b--";
    assert_eq!(parts("b", unreadable), Ok(vec![part("a", Some(""), "z")]), "a file, of a name that nobody knows");
}

#[test]
fn what_is_held_is_bounded() {
    let long = format!("--b\r\nContent-Disposition: form-data; name={}\r\n\r\nz\r\n--b--", "a".repeat(300));
    assert_eq!(parts("b", &long), Err(FormFault::HeadTooLarge));
    assert_eq!(parts("b", &"x".repeat(300)), Err(FormFault::HeadTooLarge));
    let lines = vec![b'\r'; 100_000];
    let mut it = Arriving { form: Multipart::new(b"b", 200), body: Vec::new(), pieces: lines.chunks(1000) };
    it.body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n");
    assert!(matches!(it.form.next_part(&it.body), Ok(Step::Ready(Some(_)))));
    for _ in 0..100 {
        it.more();
        while matches!(it.form.next_bytes(&it.body), Ok(Step::Ready(Some(_)))) {}
        assert!(it.body.len() - it.form.start < 10);
    }
}
