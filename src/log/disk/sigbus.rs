//! The last net: a page of a mapping that can't be provided raises SIGBUS, and SIGBUS ends the process.
//!
//! The recipe of [`super`] leaves no way there on a sound disk (every block is allocated and populated ahead). This handler is for
//! the rest: a file cut by somebody else, a read error, a file system that broke its word. Where the address lies in a
//! registered mapping, a zero page is put there and the mapping is marked as hit, so that the copy in progress ends, and the sync that
//! follows is not believed. Any other SIGBUS goes to whoever handled it before us.

use std::io;
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many mappings can be guarded at once: current, next and a few retired segments of each core, and their control pages.
const SLOTS: usize = 2048;

struct Slot {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    hit: AtomicBool,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        hit: AtomicBool::new(false),
    }
}; SLOTS];

/// Slots at and beyond this were never taken: it keeps the handler's search short.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The action that was installed before ours; set once, before ours is.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// One mapping's place in the table; it is given back when this is dropped, which must be before the mapping goes.
#[derive(Debug)]
pub(in crate::log) struct Guard {
    slot: usize,
}

impl Guard {
    /// Guards the addresses `start..start + len`. Fails with ENOMEM when the table is full.
    pub(in crate::log) fn new(start: *const u8, len: usize) -> io::Result<Guard> {
        install()?;
        let free = |slot: &Slot| !slot.taken.swap(true, Ordering::AcqRel);
        let slot = TABLE.iter().position(free).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        USED.fetch_max(slot + 1, Ordering::AcqRel);
        let entry = &TABLE[slot];
        entry.hit.store(false, Ordering::Relaxed);
        // The end before the start: the handler must never see the new start with an old end.
        entry.end.store(start as usize + len, Ordering::SeqCst);
        entry.start.store(start as usize, Ordering::SeqCst);
        Ok(Guard { slot })
    }

    /// Whether a page of the mapping has been replaced by a zero page.
    #[inline]
    pub(in crate::log) fn was_hit(&self) -> bool {
        TABLE[self.slot].hit.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let entry = &TABLE[self.slot];
        entry.start.store(0, Ordering::SeqCst);
        entry.end.store(0, Ordering::SeqCst);
        entry.taken.store(false, Ordering::Release);
    }
}

/// Installs the handler, once for the process.
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            // SAFETY: sysconf has no preconditions. `sigaction` is plain data for which all zero is a valid value. The pointers
            // given to sigaction(2) are to live locals. The handler itself uses atomics and async-signal-safe calls only.
            unsafe {
                let page = libc::sysconf(libc::_SC_PAGESIZE);
                if page > 0 {
                    PAGE.store(page as usize, Ordering::Relaxed);
                }
                let mut before: libc::sigaction = mem::zeroed();
                if libc::sigaction(libc::SIGBUS, ptr::null(), &mut before) != 0 {
                    return Err(*libc::__errno_location());
                }
                BEFORE.get_or_init(|| before);
                let mut ours: libc::sigaction = mem::zeroed();
                ours.sa_sigaction = on_sigbus as *const () as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
                libc::sigemptyset(&mut ours.sa_mask);
                if libc::sigaction(libc::SIGBUS, &ours, ptr::null_mut()) != 0 {
                    return Err(*libc::__errno_location());
                }
            }
            Ok(())
        })
        .map_err(io::Error::from_raw_os_error)
}

extern "C" fn on_sigbus(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to a SA_SIGINFO handler, and for SIGBUS it carries an address. errno is saved and
    // put back, because the interrupted code may be about to read it. mmap with MAP_FIXED replaces exactly one page of a
    // mapping that a `Guard` has declared to be ours and that stays mapped as long as the guard lives; nobody holds a
    // Rust reference into it, so no aliasing rule is broken by its content changing. Both calls are async-signal-safe.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let address = (*info).si_addr() as usize;
        if let Some(slot) = slot_of(address) {
            let page = PAGE.load(Ordering::Relaxed);
            let at = (address & !(page - 1)) as *mut libc::c_void;
            let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapped = libc::mmap(at, page, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if mapped != libc::MAP_FAILED {
                slot.hit.store(true, Ordering::SeqCst);
                *errno = saved;
                return;
            }
        }
        // Not ours: the faulting instruction runs again, under the action that stood before.
        match BEFORE.get() {
            Some(before) => libc::sigaction(libc::SIGBUS, before, ptr::null_mut()),
            None => {
                let default: libc::sigaction = mem::zeroed();
                libc::sigaction(libc::SIGBUS, &default, ptr::null_mut())
            }
        };
        *errno = saved;
    }
}

fn slot_of(address: usize) -> Option<&'static Slot> {
    let used = USED.load(Ordering::Acquire).min(SLOTS);
    TABLE[..used].iter().find(|slot| {
        let start = slot.start.load(Ordering::SeqCst);
        start != 0 && address >= start && address < slot.end.load(Ordering::SeqCst)
    })
}
