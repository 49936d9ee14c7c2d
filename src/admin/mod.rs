//! The admin port: health, metrics, the couriers, recent sessions and a page that shows them, and the few requests that change something.

mod access;
mod actions;
mod admit;
mod answer;
mod asked;
mod assets;
mod changes;
mod courier_report;
pub mod couriers;
pub mod erasing;
pub(super) mod guard;
pub mod health;
mod jobs;
mod log_users;
mod logging;
mod login;
mod page;
mod parameters;
pub mod port;
mod recordings;
pub mod reopen;
mod shown;
mod status;

pub use access::AccessOptions;
pub use admit::HEADER;
pub use courier_report::{CourierReport, LagReport};
pub use jobs::{Commands, JOB_OF};
pub use logging::{Logging, LoggingError, SetLogging};
pub use shown::ReopenedCore;
