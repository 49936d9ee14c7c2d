//! A Kafka broker: one process that is its own controller.

mod message;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::certificate::Certificate;
use super::folder::{self, Folder};
use super::install;
use super::port::Port;
use super::process::{Process, Program};
use crate::common::wait::{PATIENCE, wait_for};

pub use message::KafkaMessage;

/// The broker's error number for a topic that is not there.
const UNKNOWN_TOPIC: i16 = 3;

/// How a broker is set up. By default: plain connections, open to all, and a topic is there only once it was made.
#[derive(Debug, Clone, Default)]
pub struct KafkaOptions {
    /// Its clients use TLS.
    pub tls: bool,
    /// Its clients log in by SASL PLAIN with this name and password.
    pub sasl: Option<(String, String)>,
    /// Where its data lies, such as a small disk. By default: in the system's temporary folder.
    pub within: Option<PathBuf>,
    /// More settings, such as `("message.max.bytes", "1000")`.
    pub settings: Vec<(&'static str, &'static str)>,
}

/// A Kafka broker. It takes some seconds to start and 400 MB of memory: tests that do not break it share one.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    /// For clients, for the tests themselves, for the controller.
    ports: [Port; 3],
    options: KafkaOptions,
    folder: Folder,
}

impl Kafka {
    /// A broker that is open to all.
    #[track_caller]
    pub fn new() -> Kafka {
        Kafka::with(KafkaOptions::default())
    }

    /// A broker with these options.
    #[track_caller]
    pub fn with(options: KafkaOptions) -> Kafka {
        let ports = [Port::new(), Port::new(), Port::new()];
        let folder = options.within.as_deref().map_or_else(Folder::new, Folder::within);
        let settings = settings(&ports, &options, folder.path());
        fs::write(folder.path().join("server.properties"), settings).expect("the folder takes files");
        let kafka = Kafka {
            process: Process::new(java("kafka", &["kafka.Kafka", "server.properties"], &folder)),
            ports,
            options,
            folder,
        };
        kafka.lay_out();
        kafka.start();
        kafka
    }

    fn lay_out(&self) {
        folder::copy(&folder::template("kafka-data-1", format), &self.folder.path().join("data"));
    }

    /// Where its clients reach it.
    pub fn port(&self) -> u16 {
        self.ports[0].number()
    }

    /// `KAFKA_SERVERS` for its clients.
    pub fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Starts it again.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| wire::brokers(self.ports[1].addr()).is_ok_and(|count| count == 1));
    }

    /// Asks it to end.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::TERM);
    }

    /// Kills it. What it acknowledged stays.
    #[track_caller]
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Stops and starts it.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Kills it, and starts it without a topic.
    #[track_caller]
    pub fn restart_empty(&self) {
        self.kill();
        fs::remove_dir_all(self.folder.path().join("data")).expect("the data is ours");
        self.lay_out();
        self.start();
    }

    /// Stops the time for it.
    #[track_caller]
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on.
    #[track_caller]
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// Makes a topic.
    #[track_caller]
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Makes a topic with settings of its own, such as `("max.message.bytes", "1000")`, and waits until the broker tells its clients of it.
    #[track_caller]
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let error = wire::create_topic(self.ports[1].addr(), name, partitions, settings).expect("the broker answers");
        assert_eq!(error, 0, "the broker refuses to make {name}: {}", self.said());
        // The controller answers before the broker has heard of it, which may still tell of an earlier topic of the name.
        let told = format!("topic \"{name}\" with {partitions} partitions:");
        wait_for(&format!("the broker to tell of {told}"), PATIENCE, || {
            let output = self.kcat().args(["-L", "-t", name]).output().expect("kcat runs");
            String::from_utf8_lossy(&output.stdout).contains(&told).then_some(())
        });
    }

    /// Removes a topic, and waits until it is gone.
    #[track_caller]
    pub fn delete_topic(&self, name: &str) {
        wait_for(&format!("the topic {name} to be gone"), PATIENCE, || {
            let error = wire::delete_topic(self.ports[1].addr(), name).expect("the broker answers");
            (error == UNKNOWN_TOPIC).then_some(())
        });
    }

    /// All messages of a topic, by `kcat`: partition by partition, in the order of their offsets.
    #[track_caller]
    pub fn messages(&self, topic: &str) -> Vec<KafkaMessage> {
        let format = message::FORMAT;
        let output = self.kcat().args(["-C", "-q", "-e", "-o", "beginning", "-t", topic, "-f", format]).output();
        let output = output.expect("kcat runs");
        assert!(output.status.success(), "kcat: {}", String::from_utf8_lossy(&output.stderr));
        let mut messages = message::parse(&output.stdout);
        messages.sort_by_key(|message| (message.partition, message.offset));
        messages
    }

    /// A `kcat` that reaches the broker as its clients do.
    pub fn kcat(&self) -> Command {
        let mut command = Command::new(install::program("kcat"));
        command.args(["-b", &self.servers()]).stdin(Stdio::null());
        let protocol = match (self.options.tls, &self.options.sasl) {
            (false, None) => "plaintext",
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (true, Some(_)) => "sasl_ssl",
        };
        let mut set = |name: &str, value: &str| {
            command.args(["-X", &format!("{name}={value}")]);
        };
        set("security.protocol", protocol);
        if self.options.tls {
            set("ssl.ca.location", &Certificate::server().authority().display().to_string());
        }
        if let Some((name, password)) = &self.options.sasl {
            set("sasl.mechanism", "PLAIN");
            set("sasl.username", name);
            set("sasl.password", password);
        }
        command
    }
}

fn settings(ports: &[Port; 3], options: &KafkaOptions, folder: &Path) -> String {
    let [clients, tests, controller] = ports.each_ref().map(Port::number);
    let protocol = match (options.tls, &options.sasl) {
        (false, None) => "PLAINTEXT",
        (true, None) => "SSL",
        (false, Some(_)) => "SASL_PLAINTEXT",
        (true, Some(_)) => "SASL_SSL",
    };
    let open = format!("CLIENTS://127.0.0.1:{clients},TESTS://127.0.0.1:{tests}");
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners={open},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners={open}\n\
         listener.security.protocol.map=CLIENTS:{protocol},TESTS:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=TESTS\n\
         log.dirs={}\n\
         num.partitions=16\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.segment.delete.delay.ms=1000\n",
        folder.join("data").display()
    );
    if options.tls {
        let both = Certificate::server().both().display().to_string();
        text += &format!("ssl.keystore.type=PEM\nssl.keystore.location={both}\n");
    }
    if let Some((name, password)) = &options.sasl {
        text += &format!(
            "listener.name.clients.sasl.enabled.mechanisms=PLAIN\nlistener.name.clients.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required user_{name}=\"{password}\";\n"
        );
    }
    for (name, value) in &options.settings {
        text += &format!("{name}={value}\n");
    }
    text
}

/// A program of Kafka's, with its class and arguments.
fn java(name: &'static str, arguments: &[&str], folder: &Folder) -> Program {
    let jars = install::kept().join("kafka");
    assert!(jars.is_dir(), "Kafka is missing: run scripts/services");
    // The first compiler alone: a broker that runs for seconds does not earn the second one.
    let machine = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
    let classes = ["-cp".to_owned(), format!("{}/*", jars.display())];
    let mut all: Vec<String> = machine.iter().map(|&argument| argument.to_owned()).collect();
    all.extend(classes);
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    Program {
        name,
        path: install::program("java"),
        arguments: all,
        environment: Vec::new(),
        user: None,
        folder: folder.path().to_owned(),
    }
}

/// The data folder of a broker without topics. It takes seconds to make.
fn format(folder: &Folder) {
    let made = folder.path().join("made");
    let settings = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\nlisteners=CONTROLLER://127.0.0.1:1,\
         PLAINTEXT://127.0.0.1:2\ncontroller.listener.names=CONTROLLER\nlog.dirs={}\n",
        made.display()
    );
    fs::write(folder.path().join("server.properties"), settings).expect("the folder takes files");
    let id = "takeup-tests-AAAAAAAAw";
    java("storage", &["kafka.tools.StorageTool", "format", "-t", id, "-c", "server.properties"], folder).finish();
}
