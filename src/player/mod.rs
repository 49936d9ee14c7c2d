//! The player: a page that shows a recorded session and what happened in it.
//!
//! The page is HTML, CSS and JavaScript of our own (`page/`) around [rrweb](https://github.com/rrweb-io/rrweb)'s Replayer. It comes in two forms:
//!
//! - *Served*: [`page`], with the files that [`asset`] has and the policy [`csp`]. It fetches the session from the server that it came from.
//! - *Self-contained*: [`Contained`], one file with everything in it, which asks nobody for anything.
//!
//! | file | |
//! |---|---|
//! | `assets` | the page's files, by name |
//! | `library` | the Replayer: embedded in this build, or from where it is published |
//! | `served` | the served page, and its policy |
//! | `contained` | the self-contained page, in parts between which the events are written |
//! | `escape` | recorded text on its way into HTML |
//!
//! Recorded pages and texts come from strangers. A recorded page stands in a frame that runs no scripts, below a policy that allows no requests;
//! texts reach the page as text alone.

mod assets;
mod contained;
mod escape;
mod library;
mod served;

pub use assets::asset;
pub use contained::Contained;
pub use escape::{html_text, json_in_html};
pub use library::is_embedded;
pub use served::{PageSource, csp, csp_with_assets, page};
