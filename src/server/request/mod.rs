//! A request from its head to its answer.
//!
//! | file | does |
//! |---|---|
//! | [`context`] | what a handler may ask a request for |
//! | [`head`] | the head, whatever version of HTTP it came by |
//! | [`facts`] | what becomes known of the request |
//! | [`token`] | the session's token |
//! | [`gate`] | limits: who the client is, and whether it may go on |
//! | [`logged_sessions`] | waits for what the log knows of sessions, at a start |
//! | [`labels`] | bodies whose label is not what they are |
//! | [`outcome`] | how a request ends |
//! | [`respond`] | sends the answer |

pub mod context;
pub mod facts;
pub mod gate;
pub mod head;
pub mod labels;
pub mod logged_sessions;
pub mod outcome;
pub mod respond;
pub mod token;
