//! The admin port: health, metrics, the couriers, and the few requests that change something.

mod admit;
mod courier_report;
pub mod couriers;
pub mod erasing;
pub(super) mod guard;
pub mod health;
mod log_users;
pub mod port;
pub mod reopen;
mod shown;

pub use admit::HEADER;
pub use courier_report::{CourierReport, LagReport};
pub use shown::ReopenedCore;
