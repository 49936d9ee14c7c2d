use super::*;

#[test]
fn a_second_server_does_not_take_half_of_the_port() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = listen(any, 2).expect("a free port");
    let addr = first[0].local_addr().expect("is bound");
    assert_eq!(first[1].local_addr().expect("is bound"), addr);
    assert!(matches!(listen(addr, 1), Err(ListenError::InUse { .. })));
}
