//! The routes whose bodies become records.
//!
//! | file | routes |
//! |---|---|
//! | [`batch`] | the path of a batch, the same for the next three |
//! | [`web`], [`mobile`], [`sdk`] | how batches of browsers, phones and the analytics SDK differ |
//! | [`start`] | starts of sessions |
//! | [`images`], [`form`] | uploads of pictures, in forms that are read piece by piece |
//! | [`recording`], [`upload`] | recordings of usability tests, and where they are uploaded |
//! | [`forms`] | small JSON requests |
//! | [`inflate`], [`turns`] | inspecting compressed bodies before the answer, in turns |
//! | [`agents`] | waiting for the user agent expressions after the start |

pub mod agents;
pub mod batch;
pub mod form;
pub mod forms;
pub mod images;
pub mod inflate;
pub mod mobile;
pub mod recording;
pub mod records;
pub mod sdk;
pub mod start;
pub mod turns;
pub mod upload;
pub mod web;
