//! Memory that a request holds besides its buffers: taken from the core's budget, and from its project's share, before it is allocated.

use std::rc::Rc;

use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::memory::pool::OverBudget;
use crate::server::memory::shares::Account;

use super::commit::wait_for_memory;

/// What one request holds. Given back when dropped.
pub struct Charge {
    core: Rc<Core>,
    project: u32,
    account: Account,
}

impl Charge {
    /// Holds nothing yet, for a project.
    pub fn new(core: &Rc<Core>, project: u32) -> Self {
        Self { core: Rc::clone(core), project, account: Account::default() }
    }

    /// Waits, within the request's patience, until it holds `bytes` in total. Nothing is given back before it is dropped.
    pub async fn hold(&mut self, conn: &Rc<Conn>, bytes: u64) -> Result<(), OverBudget> {
        while !self.try_hold(bytes) {
            if !wait_for_memory(&self.core, conn).await {
                return Err(OverBudget);
            }
        }
        Ok(())
    }

    /// The same without waiting: returns whether it is possible now.
    pub fn try_hold(&mut self, bytes: u64) -> bool {
        let (core, held) = (&self.core, self.account.bytes());
        if bytes <= held {
            return true;
        }
        let granted = core.shares.allow(&self.account, self.project, bytes) && core.pool.reserve(bytes - held).is_ok();
        if granted {
            core.shares.note(&mut self.account, self.project, bytes);
            debug_assert_eq!(self.account.bytes(), bytes, "what the pool and the shares count is the same");
        }
        granted
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let bytes = self.account.bytes();
        if bytes > 0 {
            self.core.pool.unreserve(bytes);
            self.core.shares.note(&mut self.account, self.project, 0);
            self.core.waiters.memory_came_back(&self.core.shares);
        }
    }
}
