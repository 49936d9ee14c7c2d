use super::*;

/// The size of the future that a function returns.
fn future_bytes<A, B, C, D, E, F: Future>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn the_task_of_a_connection_that_rests_is_small() {
    let bytes = future_bytes(serve);
    assert!(bytes <= 384, "each connection's task takes {bytes} bytes");
}

#[test]
fn what_serves_requests_does_not_grow_unnoticed() {
    let bytes =
        future_bytes(|io: &'static mut ClientIo, core: &'static Rc<Core>, conn: &'static Rc<Conn>, begun, greets| {
            serve_requests(io, core, conn, begun, greets)
        });
    assert!(bytes <= 6 * 1024, "what serves requests takes {bytes} bytes for each connection that is in use");
}

#[test]
fn what_a_core_knows_of_a_connection_is_small() {
    let bytes = size_of::<Conn>();
    assert!(bytes <= 384, "each connection's entry takes {bytes} bytes");
}
