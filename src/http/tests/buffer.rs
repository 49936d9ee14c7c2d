use crate::http::{Body, BodyStatus, Buffer, Framing, Head, HeadStatus, Limits, decode_head};

/// A full buffer of this capacity.
fn full(bytes: &[u8], capacity: usize) -> Buffer {
    Buffer::full(&bytes[..capacity])
}

#[test]
fn what_was_used_up_is_passed_over_and_room_is_made_when_it_is_needed() {
    let mut buf = full(b"one two three four", 18);
    buf.remove(0..4);
    assert_eq!((&buf[..], buf.moved_bytes()), (&b"two three four"[..], 0));
    buf.make_room(0);
    assert_eq!(buf.moved_bytes(), 0);
    buf.make_room(3);
    assert_eq!((buf.moved_bytes(), buf.capacity()), (14, 18));
    buf.extend_from_slice(b"!!");
    assert_eq!((&buf[..], buf.moved_bytes()), (&b"two three four!!"[..], 14));
    buf.remove(0..4);
    buf.truncate(5);
    assert_eq!(&buf[..], b"three");
    let old = buf.move_into(vec![0; 100]);
    assert_eq!((&buf[..], old.capacity(), buf.capacity()), (&b"three"[..], 18, 100));
    buf.remove(0..5);
    assert!(buf.is_empty());
}

#[test]
fn of_what_stands_around_the_bytes_taken_out_the_less_is_moved() {
    let mut buf = full(b"head body next request", 22);
    buf.remove(5..10);
    assert_eq!((&buf[..], buf.moved_bytes()), (&b"head next request"[..], 5));
    buf.remove(5..15);
    assert_eq!((&buf[..], buf.moved_bytes()), (&b"head st"[..], 7));
    buf.remove(5..7);
    assert_eq!((&buf[..], buf.moved_bytes()), (&b"head "[..], 7));
}

#[test]
fn what_is_received_is_behind_what_was_there() {
    let shown = |buf: &mut Buffer| (buf.to_vec(), buf.room().len());
    let mut buf = Buffer::over(b"something old".to_vec());
    assert_eq!(shown(&mut buf), (b"".to_vec(), 13));
    buf.extend_from_slice(b"one two");
    buf.remove(0..4);
    buf.room()[..4].copy_from_slice(b"! no");
    buf.received(1);
    assert_eq!(shown(&mut buf), (b"two!".to_vec(), 5));
    buf.make_room(9);
    assert_eq!(shown(&mut buf), (b"two!".to_vec(), 9));
    buf.clear();
    assert_eq!(shown(&mut buf), (b"".to_vec(), 13));
    assert_eq!(buf.into_memory().len(), 13);
}

#[test]
fn requests_one_behind_the_other_are_not_moved_for_each_answer() {
    const CAPACITY: usize = 1 << 20;
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n".to_vec();
    let request = [request, vec![b'x'; 200]].concat();
    let stream = request.repeat(20_000);
    let (limits, mut head) = (Limits::default(), Head::new());
    let mut buf = full(&[0; CAPACITY], CAPACITY);
    buf.clear();
    let (mut sent, mut answered) = (0, 0);
    while answered < 20_000 {
        // As much as there is room for, as the kernel gives it.
        buf.make_room(8 * 1024);
        let room = buf.room().len().min(stream.len() - sent);
        buf.room()[..room].copy_from_slice(&stream[sent..sent + room]);
        buf.received(room);
        sent += room;
        while decode_head(&buf, &limits, &mut head) == Ok(HeadStatus::Complete) {
            let mut body = Body::new(head.framing(), head.len(), 1000, &limits).expect("within the limit");
            if body.advance(&mut buf) != Ok(BodyStatus::Done) {
                break;
            }
            buf.remove(0..body.consumed());
            answered += 1;
        }
    }
    // One request that was cut for each time that the buffer was filled.
    assert!(buf.moved_bytes() <= (stream.len() / CAPACITY + 1) * request.len(), "{}", buf.moved_bytes());
    assert!(buf.is_empty() && buf.capacity() == CAPACITY);
}

#[test]
fn a_body_that_is_taken_in_pieces_moves_no_more_than_its_head_for_each() {
    const PIECE: usize = 64 * 1024;
    let mut buf = full(&[b'x'; 1 << 20], 1 << 20);
    let mut body = Body::new(Framing::Length((1 << 20) - 300), 100, 1 << 20, &Limits::default()).expect("in the limit");
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done));
    while !body.range().is_empty() {
        body.take(PIECE, &mut buf);
    }
    assert!(buf.moved_bytes() <= 17 * 100, "{}", buf.moved_bytes());
    assert_eq!((buf.len(), body.consumed()), (300, 100));
}
