//! A Redis that has lost what it had confirmed gets it again, in order.

use super::site::{Site, length, wait_for_recovery};
use crate::common::services::{Redis, Relay, RelayMode};
use crate::common::{PATIENCE, Server, wait_for};

const LOST: &str = "has lost what it had confirmed";

fn url(relay: &Relay) -> String {
    format!("redis://127.0.0.1:{}", relay.port())
}

fn losses(server: &Server) -> usize {
    server.stdout().matches(LOST).count()
}

#[test]
fn redis_that_comes_back_empty_gets_everything_again() {
    let (site, redis) = (Site::new(), Redis::new());
    let server = site.serve(&redis.url(), &[]);
    for _ in 0..3 {
        site.send(&server, 10);
        site.wait_for_all(&redis);
        redis.restart_empty();
    }
    assert_eq!(site.wait_for_all(&redis), 0);
    server.wait_for_line(&[LOST], PATIENCE);
    server.stop();
}

#[test]
fn redis_that_comes_back_older_gets_what_it_lost() {
    let (site, redis) = (Site::new(), Redis::new());
    let server = site.serve(&redis.url(), &[]);
    for _ in 0..3 {
        site.send(&server, 10);
        site.wait_for_all(&redis);
        redis.save();
        // Within a second of the last checkpoint, and later.
        site.send(&server, 2);
        site.wait_for_all(&redis);
        redis.restart_older();
        site.wait_for_all(&redis);
    }
    server.stop();
}

#[test]
fn redis_that_lost_its_data_while_the_server_was_down_gets_it_again() {
    let (site, redis) = (Site::new(), Redis::new());
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 20);
    site.wait_for_all(&redis);
    server.stop();
    redis.restart_empty();
    let server = site.serve(&redis.url(), &[]);
    assert_eq!(site.wait_for_all(&redis), 0);
    site.send(&server, 20);
    site.wait_for_all(&redis);
    server.kill();
    redis.restart_empty();
    let server = site.serve(&redis.url(), &[]);
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn redis_with_another_history_gets_everything_again() {
    let (site, redis) = (Site::new(), Redis::new());
    let relay = Relay::to(redis.port());
    let server = site.serve(&url(&relay), &[]);
    site.send(&server, 20);
    site.wait_for_all(&redis);
    relay.set(RelayMode::Refuse);
    redis.restart_empty();
    // Another producer was quicker: the new stream goes further in time than the old one.
    for _ in 0..5 {
        redis.cli(&["XADD", "raw", "*", "sessionID", "1", "value", "of another"]);
    }
    relay.set(RelayMode::Pass);
    assert_eq!(site.wait_for_all(&redis), 0);
    server.stop();
}

#[test]
fn one_stream_that_is_lost_is_written_again_and_the_loss_is_told_once() {
    let (site, redis) = (Site::new(), Redis::durable());
    let relay = Relay::to(redis.port());
    let server = site.serve(&url(&relay), &[]);
    site.send(&server, 10);
    let key = site.home.project_key();
    server.start_session(&key);
    site.wait_for_all(&redis);
    redis.cli(&["DEL", "raw"]);
    relay.cut();
    server.wait_for_line(&[LOST], 2 * PATIENCE);
    site.wait_for_all(&redis);
    // Nothing is missing now, so nothing comes again.
    for times in 2..4 {
        let before = length(&redis, "raw");
        relay.set(RelayMode::Refuse);
        site.send(&server, 1);
        wait_for("the outage to be noticed", PATIENCE, || {
            (server.stdout().matches("takes no records").count() >= times).then_some(())
        });
        relay.set(RelayMode::Pass);
        wait_for_recovery(&server, times);
        site.wait_for_all(&redis);
        assert!(length(&redis, "raw") < before + 10, "what was there came again");
    }
    assert_eq!(losses(&server), 1, "{}", server.stdout());
    server.stop();
}

#[test]
fn a_stream_that_was_lost_and_begun_anew_by_another_server_gets_what_each_server_had_written() {
    let (redis, sites) = (Redis::new(), [Site::new(), Site::second()]);
    let relays = [Relay::to(redis.port()), Relay::to(redis.port())];
    let servers = [0, 1].map(|at| sites[at].serve(&url(&relays[at]), &[]));
    let send_both = |count| (0..2).for_each(|at| sites[at].send(&servers[at], count));
    let wait_for_both = || sites.iter().map(|site| site.wait_for_all(&redis)).sum::<usize>();
    for round in 0..3 {
        send_both(10);
        wait_for_both();
        relays.iter().for_each(|relay| relay.set(RelayMode::Refuse));
        redis.cli(&["DEL", "raw"]);
        // Each in turn begins the stream anew, and the other finds one that is there.
        for at in [round % 2, 1 - round % 2] {
            relays[at].set(RelayMode::Pass);
            sites[at].send(&servers[at], 5);
            sites[at].wait_for_all(&redis);
        }
        wait_for_both();
    }
    servers.into_iter().for_each(Server::stop);
}

#[test]
fn a_loss_of_streams_that_get_nothing_more_is_told_once() {
    let (site, redis) = (Site::new(), Redis::new());
    let relay = Relay::to(redis.port());
    // Nothing is kept for long, so the streams' first entries can't be delivered again.
    let server = site.serve(&url(&relay), &[("redis_resend", "1s"), ("topic_raw_assets", "assets")]);
    let token = site.home.token(11);
    let assets = crate::common::Request::batch(&token, super::site::batch(11, 0, 10));
    let assets = assets.header("DataType", "assets");
    assert_eq!(server.connect().exchange(assets).status, 200, "{}", server.said());
    wait_for("the stream of assets", PATIENCE, || (length(&redis, "assets") == 1).then_some(()));
    let mut group = super::site::Group::new(&redis, "assets", "assets");
    assert_eq!(group.read_all().len(), 1);
    site.send(&server, 1);
    site.wait_for_all(&redis);
    redis.restart_empty();
    site.send(&server, 1);
    server.wait_for_line(&[LOST], 2 * PATIENCE);
    site.wait_for_all(&redis);
    for times in 1..4 {
        let recovered = server.stdout().matches("takes records again").count();
        relay.set(RelayMode::Refuse);
        site.send(&server, 1);
        wait_for("the outage to be noticed", PATIENCE, || {
            (server.stdout().matches("takes no records").count() > times).then_some(())
        });
        relay.set(RelayMode::Pass);
        wait_for_recovery(&server, recovered + 1);
        site.wait_for_all(&redis);
    }
    assert_eq!(losses(&server), 1, "{}", server.stdout());
    server.stop();
}
