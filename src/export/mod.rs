//! Sessions in forms that other programs read.
//!
//! | | |
//! |---|---|
//! | `order` | a session's messages in the order of their times |
//! | `said` | what a message says about the page |
//! | `page` | a page as its tracker has described it so far |
//! | `clean` | what of a recorded page may reach a browser |
//! | `mob` | the files that OpenReplay's own player takes |
//! | `rrweb` | the page's changes as events that rrweb plays |
//! | `timeline` | what happened, in words |

pub mod clean;
pub mod mob;
pub mod order;
pub mod page;
pub mod rrweb;
pub mod said;
pub mod timeline;
