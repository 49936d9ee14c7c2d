//! The routes whose bodies become records.

pub mod batch;
pub mod form;
pub mod forms;
pub mod images;
pub mod inflate;
pub mod mobile;
pub mod recording;
pub mod sdk;
pub mod start;
pub mod turns;
pub mod upload;
