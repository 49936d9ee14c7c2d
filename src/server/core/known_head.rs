//! What was found out about the last head of a connection. The next one nearly always has the same path and the same header lines, and then it
//! holds for that one, too.

use std::net::IpAddr;

use crate::api::route::Route;

/// What is known about a head, by its path and its header lines, and by the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownHead {
    /// The settings that it goes by.
    generation: u64,
    client: Option<IpAddr>,
    route: Option<Route>,
}

impl KnownHead {
    /// The client's address.
    pub fn client(self) -> Option<IpAddr> {
        self.client
    }

    /// The same, with this address.
    pub fn with_client(self, client: IpAddr) -> Self {
        Self { client: Some(client), ..self }
    }

    /// The route, if the path is clean and names nothing.
    pub fn route(self) -> Option<Route> {
        self.route
    }

    /// The same, with this route.
    pub fn with_route(self, route: Route) -> Self {
        Self { route: Some(route), ..self }
    }

    /// What is still known when the next head has arrived. `repeats`: its path and its header lines are those of the last one. `generation` is
    /// that of the settings.
    #[inline]
    pub fn next(self, repeats: bool, generation: u64) -> Self {
        if repeats && self.generation == generation { self } else { Self { generation, ..Self::default() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_holds_for_the_same_lines_and_settings_alone() {
        let known = KnownHead { generation: 1, client: Some([192, 0, 2, 1].into()), route: Some(Route::WebBatch) };
        assert_eq!(known.next(true, 1), known);
        for (repeats, generation) in [(false, 1), (true, 2), (false, 2)] {
            let next = known.next(repeats, generation);
            assert_eq!((next.client, next.route), (None, None));
            assert_eq!(next, KnownHead::default().next(false, generation));
        }
    }
}
