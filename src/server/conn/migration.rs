//! Moving connections from a core whose log takes no more records to one whose log does.
//!
//! A connection moves together with a request: before the request is examined, or when its record finds the log poisoned. Its socket, the
//! bytes that were read but not answered, and the rest of its patience go to the other core, which serves the request as if it had read it
//! itself. So nothing is lost and nothing is answered twice: a record that was lost with a segment was cut off before the core was
//! poisoned. The listener stays, because it receives its share of the port's connections whatever happens to its log; an idle connection
//! stays too, and costs nothing.
//!
//! A place at the other core is reserved first, together with a second handle to the socket: from then on nothing can fail. If there is no
//! place, the request is held where it is.

use std::rc::Rc;
use std::sync::Arc;

use monoio::net::TcpStream;

use crate::server::core::inbox::Migration;
use crate::server::core::runtime::Driver;
use crate::server::core::state::Core;

use super::accept::start_connection;

/// Starts to serve connections that other cores pass on, for as long as the core lives.
pub async fn run(core: Rc<Core>) {
    let inbox = Arc::clone(&core.common.migrations[usize::from(core.number)]);
    let nonblocking = core.common.driver == Driver::Legacy;
    loop {
        let Migration { socket, peer, request } = inbox.next().await;
        match socket.set_nonblocking(nonblocking).and_then(|()| TcpStream::from_std(socket)) {
            Ok(stream) => start_connection(&core, stream, peer, Some(request)).await,
            Err(_) => core.metrics.accept_errors.inc(),
        }
    }
}
