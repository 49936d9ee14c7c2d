//! The runtime of a core: io_uring if the kernel offers it, epoll if the operator allows it.

use std::fmt;
use std::future::Future;
use std::io;

use monoio::time::TimeDriver;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::config::Runtime as Choice;

/// Entries of the submission queue. A full queue is fatal to the runtime, so there are plenty.
const ENTRIES: u32 = 8192;

/// Which driver the cores run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// io_uring with these flags.
    Uring(Flags),
    /// epoll.
    Legacy,
}

/// How the ring runs the work of a completion. Either flag saves an interrupt per completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// SINGLE_ISSUER with DEFER_TASKRUN, Linux 6.1.
    Defer,
    /// COOP_TASKRUN, Linux 5.19.
    Coop,
    /// Without flags.
    Plain,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring(Flags::Defer) => "io_uring with DEFER_TASKRUN",
            Self::Uring(Flags::Coop) => "io_uring with COOP_TASKRUN",
            Self::Uring(Flags::Plain) => "io_uring",
            Self::Legacy => "epoll",
        })
    }
}

/// The kernel does not offer io_uring.
#[derive(Debug, thiserror::Error)]
#[error(
    "io_uring is not available: {source}. A Linux from 5.6 on has it; it may be forbidden by the sysctl \
     kernel.io_uring_disabled (set it to 0) or by a container's seccomp profile (allow io_uring_setup, io_uring_enter \
     and io_uring_register, with Docker: --security-opt seccomp=PROFILE), or the limit on locked memory may be too low \
     (ulimit -l). To run on epoll instead, set runtime = \"legacy\", or \"auto\" to take what there is"
)]
pub struct NoUring {
    source: io::Error,
}

impl Driver {
    /// Finds what works on this machine, by trying.
    pub fn choose(choice: Choice) -> Result<(Self, Option<io::Error>), NoUring> {
        if choice == Choice::Legacy {
            return Ok((Self::Legacy, None));
        }
        let mut last = None;
        for flags in [Flags::Defer, Flags::Coop, Flags::Plain] {
            match builder(flags).build(ENTRIES) {
                Ok(_) => return Ok((Self::Uring(flags), None)),
                Err(error) => last = Some(error),
            }
        }
        let source = last.unwrap_or_else(|| io::Error::from(io::ErrorKind::Unsupported));
        match choice {
            Choice::Auto => Ok((Self::Legacy, Some(source))),
            _ => Err(NoUring { source }),
        }
    }

    /// Runs a core's main task to completion, on a runtime made on the calling thread.
    pub fn block_on<F: Future>(self, future: F) -> io::Result<F::Output> {
        match self {
            Self::Uring(flags) => {
                let mut runtime = RuntimeBuilder::<TimeDriver<IoUringDriver>>::new()
                    .with_entries(ENTRIES)
                    .uring_builder(builder(flags))
                    .build()?;
                Ok(runtime.block_on(future))
            }
            Self::Legacy => {
                let mut runtime = RuntimeBuilder::<TimeDriver<LegacyDriver>>::new().with_entries(ENTRIES).build()?;
                Ok(runtime.block_on(future))
            }
        }
    }
}

fn builder(flags: Flags) -> io_uring::Builder {
    let mut builder = io_uring::IoUring::builder();
    match flags {
        Flags::Defer => {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        Flags::Coop => {
            builder.setup_coop_taskrun();
        }
        Flags::Plain => {}
    }
    builder
}
