//! What the settings say of Kafka.

use crate::config::Config;
use crate::courier::kafka::{KafkaSettings, Kerberos, MESSAGE_OVERHEAD, Tls};
use crate::courier::queue::QueuePacker;

use super::NodeError;

/// What librdkafka is given.
///
/// # Errors
/// It does not take `kafka_options`; the error names the option and never its value.
pub fn settings(config: &Config, servers: &str) -> Result<KafkaSettings, NodeError> {
    let tls = Tls {
        ca: config.kafka_ssl_ca.clone(),
        certificate: config.kafka_ssl_cert.clone(),
        key: config.kafka_ssl_key.clone(),
    };
    let kerberos = Kerberos {
        service_name: config.kerberos_service_name.clone(),
        principal: config.kerberos_principal.clone(),
        keytab: config.kerberos_keytab_location.clone(),
    };
    let settings = KafkaSettings {
        servers: servers.to_owned(),
        tls: config.kafka_use_ssl.then_some(tls),
        kerberos: config.kafka_use_kerberos.then_some(kerberos),
        compression: config.compression_type.as_str(),
        partitions: config.kafka_partitions,
        message_bytes_max: bytes(config.message_bytes_max()),
        // One shipment as a whole.
        buffer_bytes: 2 * config.shipment_bytes,
        options: config.kafka_options.pairs().to_vec(),
    };
    settings.check().map_err(|problem| NodeError::Other(format!("kafka_options: {problem}")))?;
    Ok(settings)
}

/// What makes messages that fit with their key and framing.
pub fn packer(config: &Config) -> QueuePacker {
    let message_bytes = bytes(config.message_bytes_max()).saturating_sub(MESSAGE_OVERHEAD);
    QueuePacker::new(message_bytes, bytes(config.body_inflated_limit))
}

fn bytes(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
