use std::collections::BTreeMap;

use uuid::Uuid;

use crate::log::read::merge::{MergePosition, Place};

use super::*;

fn mark(offset: u64) -> Mark {
    let cores = BTreeMap::from([(0, Place { segment: 1, offset })]);
    Mark { position: MergePosition { log: Uuid::nil(), cores, behind: BTreeMap::new() }, reached_us: Some(offset) }
}

fn passed(confirmations: &Confirmations) -> Option<u64> {
    confirmations.passed().and_then(|mark| mark.reached_us)
}

/// Ends a batch with a receipt.
fn batch(confirmations: &Confirmations, end: u64) -> Receipt {
    let receipt = confirmations.issue();
    confirmations.end_batch(Some(receipt.number()), mark(end));
    receipt
}

#[test]
fn nothing_behind_a_batch_that_is_not_confirmed_is_passed() {
    let confirmations = Confirmations::default();
    let [first, second, third] = [10, 20, 30].map(|end| batch(&confirmations, end));
    confirmations.end_batch(None, mark(40));
    assert_eq!(passed(&confirmations), None);
    second.confirm();
    assert_eq!(passed(&confirmations), None);
    first.confirm();
    assert_eq!(passed(&confirmations), Some(20));
    third.confirm();
    assert_eq!(passed(&confirmations), Some(40));
}

#[test]
fn a_batch_that_is_confirmed_before_its_handler_returns_counts_with_its_end() {
    let confirmations = Confirmations::default();
    let receipt = confirmations.issue();
    let number = receipt.number();
    receipt.confirm();
    assert_eq!(passed(&confirmations), None);
    confirmations.end_batch(Some(number), mark(10));
    assert_eq!(passed(&confirmations), Some(10));
}

#[test]
fn a_returned_batch_takes_all_behind_it_back_and_nothing_before() {
    let confirmations = Confirmations::default();
    let [first, second, third] = [10, 20, 30].map(|end| batch(&confirmations, end));
    assert!(!confirmations.take_returned());
    first.confirm();
    drop(second);
    assert!(confirmations.take_returned() && !confirmations.take_returned());
    // The batch was delivered again with another receipt, so this one has no effect.
    let again = batch(&confirmations, 20);
    third.confirm();
    assert_eq!(passed(&confirmations), Some(10));
    again.confirm();
    assert_eq!(passed(&confirmations), Some(20));
}

#[test]
fn a_withdrawn_batch_is_not_waited_for() {
    let confirmations = Confirmations::default();
    let receipt = confirmations.issue();
    confirmations.withdraw(Some(receipt.number()));
    confirmations.end_batch(None, mark(10));
    assert_eq!(passed(&confirmations), Some(10));
    drop(receipt);
    assert!(!confirmations.take_returned());
}

#[test]
fn batches_that_wait_are_bounded() {
    let confirmations = Confirmations::default();
    let receipts: Vec<Receipt> = (1..=WAITING_MAX as u64).map(|end| batch(&confirmations, end)).collect();
    assert!(confirmations.is_full());
    receipts.into_iter().for_each(Receipt::confirm);
    assert_eq!(passed(&confirmations), Some(WAITING_MAX as u64));
    assert!(!confirmations.is_full());
}
