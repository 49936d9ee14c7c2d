//! The courier's reading thread: a consumer of the log that builds shipments and hands them to the shipping task.

use tokio::sync::mpsc::Sender;

use crate::consume::{AfterBatch, Batch, Failure, Handler, Receipt};
use crate::telemetry::Level;

use super::cause::Cause;
use super::destination::Packer;
use super::report::Report;
use super::shipment::{Shipment, ShipmentBounds};

/// A shipment on its way, and the receipt to confirm once it has arrived.
pub(super) type Shipped<T> = (Shipment<T>, Receipt);

/// Builds shipments.
pub(super) struct ReadingHandler<P: Packer> {
    pub(super) report: Report,
    pub(super) packer: P,
    pub(super) bounds: ShipmentBounds,
    pub(super) to: Sender<Shipped<P::Item>>,
}

impl<P: Packer> Handler for ReadingHandler<P> {
    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
        let mut shipment = Shipment::default();
        while !shipment.is_full(self.bounds) {
            let Some(record) = batch.next() else { break };
            shipment.add(&mut self.packer, &record);
        }
        let skipped = batch.skipped();
        if skipped.records > 0 {
            let (records, bytes) = (skipped.records.to_string(), skipped.bytes.to_string());
            let fields = [("courier", &*self.report.courier), ("records", &records), ("bytes", &bytes)];
            let message = "records were deleted before a courier had delivered them";
            self.report.logger.event(Level::Error, crate::caller!(), message, &fields);
        }
        if shipment.is_empty() {
            return AfterBatch::Continue;
        }
        (shipment.position, shipment.rewinds) = (Some(batch.position()), batch.rewinds());
        let receipt = batch.receipt();
        // Waits while the destination takes nothing. A stop closes the channel, and what was not shipped comes again.
        match self.to.blocking_send((shipment, receipt)) {
            Ok(()) => AfterBatch::Continue,
            Err(_) => AfterBatch::End,
        }
    }

    fn failed(&mut self, failure: Failure<'_>) {
        match failure {
            Failure::Read(error) => self.report.cannot_read(Cause::of_log(error)),
            Failure::Keep(error) => {
                let error = error.to_string();
                let fields = [("courier", &*self.report.courier), ("error", &*error)];
                let message = "a courier's cursor can't be saved, it tries again";
                self.report.logger.event(Level::Error, crate::caller!(), message, &fields);
            }
        }
    }

    fn recovered(&mut self) {
        self.report.can_read();
    }

    fn keeps_records(&self) -> bool {
        true
    }
}
