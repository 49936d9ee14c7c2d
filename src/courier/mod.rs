//! What leaves for the queues of OpenReplay's services.

pub mod value;

mod cut;
