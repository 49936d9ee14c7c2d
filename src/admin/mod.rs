//! The admin port: health, metrics, the couriers, and the one request that changes something.

mod courier_report;
pub mod couriers;
pub(super) mod guard;
pub mod health;
pub mod port;
pub mod reopen;
mod shown;

pub use courier_report::{CourierReport, LagReport};
pub use shown::ReopenedCore;
