//! A cluster of three Redis nodes.

use super::port::Port;
use super::redis::{Redis, RedisOptions};
use crate::common::wait::{PATIENCE, wait_for};

/// Three nodes that share the slots. No replicas: while a node is down, the cluster is down.
#[derive(Debug)]
pub struct RedisCluster {
    /// The nodes, in the order of their slots. Each keeps every write.
    pub nodes: Vec<Redis>,
    _buses: Vec<Port>,
}

impl RedisCluster {
    /// Starts the nodes, and returns when each knows that the cluster is whole.
    #[track_caller]
    pub fn new() -> RedisCluster {
        let buses: Vec<Port> = (0..3).map(|_| Port::new()).collect();
        let start = |bus: &Port| {
            let bus = bus.number().to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
            let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
            Redis::with(RedisOptions { appendonly: true, arguments, ..RedisOptions::default() })
        };
        let nodes: Vec<Redis> = buses.iter().map(start).collect();
        for (node, (first, last)) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            let (port, bus) = (node.port().to_string(), bus.number().to_string());
            nodes[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        let cluster = RedisCluster { nodes, _buses: buses };
        cluster.wait_until_whole();
        cluster
    }

    /// Waits until each node knows that all slots are served and all nodes are there.
    #[track_caller]
    pub fn wait_until_whole(&self) {
        wait_for("the cluster to be whole", 2 * PATIENCE, || {
            let is_whole = |node: &Redis| {
                let info = node.cli(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            self.nodes.iter().all(is_whole).then_some(())
        });
    }

    /// The addresses of the nodes as `redis://…` URLs.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The node that holds a key.
    #[track_caller]
    pub fn node_of(&self, key: &str) -> &Redis {
        let slot: usize = self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key]).parse().expect("a slot");
        &self.nodes[[5460, 10_922].iter().filter(|&&last| slot > last).count()]
    }
}
