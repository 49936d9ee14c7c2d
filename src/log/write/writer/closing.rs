//! Closing a group and handing it to whoever makes it durable.

use std::sync::Arc;
use std::time::Instant;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::disk::pages::Pages;
use crate::log::format::protocol;
use crate::log::format::record::{HEADER_BYTES, RecordHeader};
use crate::log::write::fault::Fault;
use crate::log::write::group_write::GroupWrite;
use crate::log::write::job::Job;
use crate::log::write::segment::Segment;

use super::Inner;
use super::groups::{By, Handed, OpenGroup};

impl Inner {
    /// Closes the open group, filling its last page, and hands it to the syncer, or to the owner if it writes groups itself.
    pub(super) fn hand_over(&mut self) {
        if self.open.records == 0 {
            return;
        }
        let waiting = self.open.records + self.handed.iter().map(|group| group.records).sum::<u64>();
        self.waiting = waiting.max(self.waiting - self.waiting / 8);
        self.close_group();
        let pen = self.pen.as_ref().expect("open records are in a segment");
        let segment = Arc::clone(pen.segment());
        let (from, to) = (self.open.from, self.cursor);
        let broken = self.broken_by_closing(&segment);
        if let Some(invariant) = broken {
            segment.fail(Fault::Invariant(invariant));
        }
        let pages = self.take_pages();
        let by = match &pages {
            Some((bytes, _)) if self.owner_writes => self.give_to_owner(&segment, bytes.clone()),
            pages => self.give_to_syncer(&segment, pages.as_ref().map(|(bytes, _)| bytes.clone())),
        };
        let OpenGroup { records, first_us, .. } = self.open;
        self.handed.push_back(Handed {
            segment,
            from,
            to,
            records,
            first_us,
            last: self.appended,
            by,
            pages,
            sound: broken.is_none(),
        });
        self.open = OpenGroup { from: to, ..OpenGroup::default() };
        self.refresh_limit();
    }

    fn give_to_syncer(&mut self, segment: &Arc<Segment>, pages: Option<Pages>) -> By {
        let job = Job::Group { segment: Arc::clone(segment), from: self.open.from, to: self.cursor, pages };
        if self.jobs.try_send(job).is_err() {
            // The channel has room for all groups, so the thread has died; its groups count as settled, and so does this one.
            segment.fail(Fault::Syncer);
        }
        self.synced += 1;
        By::Syncer(self.synced)
    }

    fn give_to_owner(&mut self, segment: &Arc<Segment>, bytes: Pages) -> By {
        self.tickets += 1;
        let (segment, ticket, from) = (Arc::clone(segment), self.tickets, self.open.from);
        self.outbox.push_back(GroupWrite { segment, ticket, from, bytes, begun: Instant::now() });
        By::Owner(ticket)
    }

    /// Fills the group's last page with a pad: the next group must not write to a page that will hold acknowledged bytes.
    pub(super) fn close_group(&mut self) {
        let end = self.cursor.next_multiple_of(PAGE_BYTES);
        let pen = self.pen.as_mut().expect("a group is in a segment");
        if end == self.cursor {
            return;
        }
        let segment = pen.segment();
        let skip = (end - self.cursor - HEADER_BYTES as u64) as u32;
        let pad = RecordHeader::encode_pad(skip, segment.marker, segment.durable(), self.last_us);
        pen.put_record(self.cursor, &pad, [&[], &[]], end);
        self.cursor = end;
        pen.segment().set_cursor(end);
        if self.leaving.is_empty() {
            protocol::publish_cursor(self.core.control.words(), end);
        }
    }
}
