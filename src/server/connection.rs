//! The life of one connection: head, answer, head, answer, end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use monoio::net::TcpStream;

use crate::api::reply::Refusal;
use crate::http::Reject;
use crate::telemetry::{Level, Refusal as Reason};

use super::answer::Seen;
use super::conn::{Conn, Phase};
use super::core::Core;
use super::exchange::{Next, exchange};
use super::io::{Gone, Io, Received};

/// What a client may still send behind our last answer before the connection is closed for good.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Serves a connection until it ends. A panic ends this connection alone.
pub async fn serve(core: Rc<Core>, stream: TcpStream, conn: Rc<Conn>) {
    let key = core.conns.insert(Rc::clone(&conn));
    let _listed = Listed { core: Rc::clone(&core), key };
    let mut serving = pin!(run(Rc::clone(&core), stream, conn));
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx))).unwrap_or_else(|_| {
            core.metrics.panics.inc();
            core.logger.event(Level::Error, crate::caller!(), "a connection's handler panicked", &[]);
            Poll::Ready(())
        })
    })
    .await;
}

/// Takes the connection off the core's list before its socket is closed, however it ends: the sweep
/// must never touch a descriptor that has been given to somebody else.
struct Listed {
    core: Rc<Core>,
    key: usize,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.core.conns.remove(self.key);
        self.core.metrics.connections.dec();
    }
}

async fn run(core: Rc<Core>, stream: TcpStream, conn: Rc<Conn>) {
    let mut io = Io::new(stream, Rc::clone(&core), Rc::clone(&conn));
    loop {
        let next = match io.receive_head().await {
            Received::Head => exchange(&mut io, &core, &conn).await,
            Received::Reject(reject) => refuse_head(&mut io, &core, reject).await,
            Received::Gone(Gone::TimedOut) => {
                let refusal = Refusal::new(408, Reason::HeadTimeout, "the request's head came too slowly");
                io.work().head.reset();
                Seen::unreadable().refuse(&mut io, &core, &refusal, false).await;
                Next::Linger
            }
            Received::Gone(Gone::NoMemory) => {
                let refusal = Refusal::new(503, Reason::BytesInFlight, "too many bytes in flight, try again");
                io.work().head.reset();
                Seen::unreadable().refuse(&mut io, &core, &refusal, false).await;
                Next::Linger
            }
            Received::Gone(Gone::Closed) => Next::Close,
        };
        match next {
            Next::KeepAlive(consumed) => io.finish_request(consumed),
            Next::Linger => {
                io.linger(LINGER_BYTES_MAX).await;
                break;
            }
            Next::Close => break,
        }
    }
    conn.phase.set(Phase::Lingering);
}

/// Answers something that is no request of ours.
async fn refuse_head(io: &mut Io, core: &Rc<Core>, reject: Reject) -> Next {
    let reason = match reject.status {
        413 => Reason::BodyTooLarge,
        414 => Reason::TargetTooLong,
        417 => Reason::Expectation,
        431 => Reason::HeadTooLarge,
        501 | 505 => Reason::Unsupported,
        _ => Reason::Framing,
    };
    io.work().head.reset();
    let refusal = Refusal::new(reject.status, reason, reject.reason);
    Seen::unreadable().refuse(io, core, &refusal, false).await;
    Next::Linger
}
