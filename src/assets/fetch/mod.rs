//! Style sheets, pictures and fonts that recorded pages name, fetched from the site and kept.
//!
//! Recorded pages come from strangers, so whoever visits the site can have takeup ask for any address. Each of these alone must hold:
//!
//! **The list.** Only what the operator has allowed is asked for ([`Allow`]), at the address that a page names and at each that it leads to.
//!
//! **The network.** No address of a private or special network is connected to ([`Networks`]). It is judged where the connection is made: a name is
//! resolved once, and what was judged is what is connected to.
//!
//! **Nothing of ours goes along.** No cookies, no login, no referrer, no proxy of the environment; the name of the program is honest.
//!
//! **Bounds.** The number of requests, their pace, their time, the bytes of an answer, the redirects, the faults of a host, the waiting that a host may
//! ask for, and the memory for addresses have limits.
//!
//! **What comes is judged by its bytes**, as what is pushed ([`Kind`](super::Kind)), and kept under the address that a page names. Nobody waits for the network
//! with the store locked.
//!
//! | file | |
//! |---|---|
//! | [`allow`] | the addresses that may be asked for |
//! | [`network`] | the networks that may be asked |
//! | [`wanted`] | the addresses that pages and style sheets name |
//! | [`pace`] | when the next request may go out, and to which hosts |
//! | [`client`] | one request |
//! | [`left_out`] | why an address is not kept |
//! | [`follow`] | an address, with its redirects, its waiting and its type |
//! | [`run`] | all of them, kept in batches |

pub mod allow;
pub mod client;
pub mod follow;
pub mod left_out;
pub mod network;
pub mod pace;
pub mod run;
pub mod wanted;

pub use allow::{Allow, BadAllow};
pub use left_out::LeftOut;
pub use network::Networks;
pub use run::{FetchError, Fetched, Order, Step, fetch};
pub use wanted::Wanted;
