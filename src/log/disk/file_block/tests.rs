use std::fs;

use crate::log::format::stage_file;
use crate::log::format::stage_file::{StageFile, StagedGroup};

use super::*;

const LOG: Uuid = Uuid::from_u128(7);

fn owner(dir: &Path) -> Owner<'_> {
    Owner { dir, log: LOG, core: 3 }
}

fn found(dir: &Path) -> Vec<StagedGroup> {
    let path = dir.join(file_name(0));
    StageFile::read(&path, LOG, 3, boot_id()).expect("a stage file of this core and boot").groups
}

fn group(segment: u64, offset: u64, from: u64, bytes: u64) -> StagedGroup {
    StagedGroup { segment, offset, from: BYTES_FROM + from, bytes }
}

#[test]
fn after_a_kill_each_record_is_found_that_was_published_and_lies_where_the_table_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = FileBlock::create(owner(dir.path()), 8 * PAGE_BYTES).unwrap();
    assert_eq!(found(dir.path()), []);
    block.begin(5, PAGE_BYTES);
    block.append(b"half of it");
    assert_eq!(found(dir.path()), [], "a record counts as a whole");
    block.append(b", and the rest");
    block.publish();
    assert_eq!(found(dir.path()), [group(5, PAGE_BYTES, 0, 24)]);
    block.append_zeros(PAGE - 24);
    block.publish();
    let first = block.close();
    block.begin(6, 2 * PAGE_BYTES);
    block.append(&[9; PAGE + 1]);
    block.publish();
    let both = [group(5, PAGE_BYTES, 0, PAGE_BYTES), group(6, 2 * PAGE_BYTES, PAGE_BYTES, PAGE_BYTES + 1)];
    assert_eq!(found(dir.path()), both);
    let bytes = fs::read(dir.path().join(file_name(0))).unwrap();
    assert_eq!(&bytes[BYTES_FROM as usize..][..PAGE], &first[..]);
    assert_eq!(&first[..24], b"half of it, and the rest");
    assert!(bytes[BYTES_FROM as usize + PAGE..][..PAGE + 1].iter().all(|&byte| byte == 9));
}

#[test]
fn a_block_is_filled_again_only_when_nobody_holds_a_group_of_it_and_forgets_them_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = FileBlock::create(owner(dir.path()), 2 * PAGE_BYTES).unwrap();
    block.begin(5, PAGE_BYTES);
    block.append(&[1; 2 * PAGE]);
    block.publish();
    let group = block.close();
    let reader = group.clone();
    drop(group);
    assert!(!block.fits(2 * PAGE) && !block.reclaim());
    assert_eq!(found(dir.path()).len(), 1);
    assert_eq!(reader[2 * PAGE - 1], 1);
    drop(reader);
    assert!(block.reclaim() && block.fits(2 * PAGE));
    assert_eq!(found(dir.path()), []);
}

#[test]
fn the_table_bounds_the_number_of_groups() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = FileBlock::create(owner(dir.path()), (GROUPS_MAX as u64 + 1) * PAGE_BYTES).unwrap();
    for number in 0..GROUPS_MAX {
        assert!(block.fits(1));
        block.begin(1, number as u64 * PAGE_BYTES);
        block.append(&[1]);
        block.publish();
        drop(block.close());
    }
    assert!(!block.fits(1), "there is room for bytes and none in the table");
    assert_eq!(found(dir.path()).len(), GROUPS_MAX);
}

#[test]
fn a_stage_of_another_boot_core_or_log_and_a_copy_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = FileBlock::create(owner(dir.path()), PAGE_BYTES).unwrap();
    block.begin(5, PAGE_BYTES);
    block.append(b"answered");
    block.publish();
    let path = dir.path().join(file_name(0));
    assert!(StageFile::read(&path, LOG, 3, boot_id()).is_some());
    assert!(StageFile::read(&path, LOG, 3, Some(Uuid::from_u128(1))).is_none(), "the power has failed since");
    assert!(StageFile::read(&path, LOG, 3, None).is_none(), "the system does not tell");
    assert!(StageFile::read(&path, LOG, 2, boot_id()).is_none());
    assert!(StageFile::read(&path, Uuid::from_u128(8), 3, boot_id()).is_none());
    let copy = dir.path().join(file_name(1));
    fs::copy(&path, &copy).unwrap();
    assert!(StageFile::read(&copy, LOG, 3, boot_id()).is_none());
    assert_eq!(stage_file::files(dir.path()), [path, copy]);
}

#[test]
fn a_page_that_the_kernel_cannot_provide_is_noticed_and_its_block_is_not_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = FileBlock::create(owner(dir.path()), PAGE_BYTES).unwrap();
    fs::OpenOptions::new().write(true).open(dir.path().join(file_name(0))).unwrap().set_len(BYTES_FROM).unwrap();
    block.begin(5, PAGE_BYTES);
    assert!(!block.was_hit());
    block.append(b"nowhere");
    assert!(block.was_hit());
    drop(block.close());
    assert!(!block.reclaim());
}
