//! The routes whose bodies become records.
//!
//! | file | routes |
//! |---|---|
//! | [`batch`] | the way of a batch, the same for the three that follow |
//! | [`web`], [`mobile`], [`sdk`] | what batches of browsers, phones and the analytics SDK differ in |
//! | [`start`] | starts of sessions |
//! | [`images`], [`form`] | uploads of pictures, in forms that are read piece by piece |
//! | [`recording`], [`upload`] | recordings of usability tests, and where they may be put |
//! | [`forms`] | small JSON requests |
//! | [`inflate`], [`turns`] | looking into compressed bodies before the answer, in turns |
//! | [`agents`] | waiting for the user agent expressions at the start |

pub mod agents;
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
pub mod web;
