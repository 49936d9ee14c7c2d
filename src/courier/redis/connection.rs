//! A connection to one Redis, to the master of a Sentinel group, or to a cluster.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::{TcpSettings, socket2};
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, Pipeline, RedisError, RedisResult, TlsMode,
    Value, from_redis_value,
};

use super::address::{RedisAddress, RedisMode};

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a reply may take.
const REPLY_MAX: Duration = Duration::from_secs(30);

/// Unacknowledged data or a silent peer ends a connection after about this time.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An open connection.
pub(super) enum Connection {
    /// One server.
    Server(MultiplexedConnection),
    /// A cluster.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: &RedisAddress) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(REPLY_MAX));
        match address.mode() {
            RedisMode::Single => {
                let node = address.nodes()[0].clone().set_tcp_settings(tcp_settings());
                let client = Client::open(node)?;
                client.get_multiplexed_async_connection_with_config(&config).await.map(Self::Server)
            }
            RedisMode::Sentinel(master) => {
                let nodes = address.nodes();
                let addresses = nodes.iter().map(|node| node.addr().clone());
                let mut builder = SentinelClientBuilder::new(addresses, master.clone(), SentinelServerType::Master)?;
                // The credentials in the addresses are those of the master; Sentinels without any take none.
                let settings = nodes[0].redis_settings();
                builder = builder.set_client_to_redis_db(settings.db());
                builder = builder.set_client_to_redis_tcp_settings(tcp_settings());
                if let Some(user) = settings.username() {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = settings.password() {
                    builder = builder.set_client_to_redis_password(password);
                }
                if let ConnectionAddr::TcpTls { insecure, .. } = nodes[0].addr() {
                    let mode = if *insecure { TlsMode::Insecure } else { TlsMode::Secure };
                    builder = builder.set_client_to_redis_tls_mode(mode);
                }
                let mut client = builder.build()?;
                client.get_async_connection_with_config(&config).await.map(Self::Server)
            }
            RedisMode::Cluster => {
                let client = ClusterClient::builder(address.nodes().to_vec())
                    .connection_timeout(CONNECT_MAX)
                    .response_timeout(REPLY_MAX)
                    .tcp_settings(tcp_settings())
                    .retries(3)
                    .build()?;
                client.get_async_connection().await.map(Self::Cluster)
            }
        }
    }

    /// Runs additions to one stream: all of them or none. Returns the entries' ids.
    pub(super) async fn add_all(&mut self, additions: Vec<Cmd>) -> Result<Vec<String>, RedisError> {
        let mut pipeline = Pipeline::with_capacity(additions.len() + 2);
        match self {
            // The client's own transactions do not tell with which code a command was refused.
            Self::Server(connection) => {
                pipeline.cmd("MULTI");
                for addition in additions {
                    pipeline.add_command(addition);
                }
                pipeline.cmd("EXEC").ignore_errors();
                let replies: Vec<RedisResult<Value>> = run_on(&pipeline, connection).await?;
                let mut last = Value::Nil;
                for reply in replies {
                    last = reply?;
                }
                Ok(from_redis_value(last.extract_error()?)?)
            }
            // They go to the node that has the stream.
            Self::Cluster(connection) => {
                pipeline.atomic();
                for addition in additions {
                    pipeline.add_command(addition);
                }
                run_on(&pipeline, connection).await
            }
        }
    }

    /// Runs a command.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

async fn run_on<T: FromRedisValue>(pipeline: &Pipeline, to: &mut impl ConnectionLike) -> Result<T, RedisError> {
    pipeline.query_async(to).await
}

fn tcp_settings() -> TcpSettings {
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3).with_retries(3);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}
