//! A request from its head to its answer.
//!
//! | file | does |
//! |---|---|
//! | [`context`] | what a handler may ask of a request |
//! | [`head`] | the head, whatever the HTTP version |
//! | [`facts`] | what becomes known about the request |
//! | [`token`] | the session's token |
//! | [`gate`] | limits: who the client is, and whether it may proceed |
//! | [`logged_sessions`] | waits, after the server has started, until the sessions in the log have been read |
//! | [`labels`] | bodies whose label does not match their content |
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
pub mod unknown_project;
