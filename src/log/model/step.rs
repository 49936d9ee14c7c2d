//! What can happen to a log, and how a word of a script stands for it.

use super::rng::Rng;

/// What can happen. Each is decided by a word of the script, so that a script can be made shorter and stays the same otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Append {
        core: u16,
        bytes: usize,
    },
    Kick {
        core: u16,
    },
    Progress {
        core: u16,
    },
    /// The syncer does its next job.
    Sync {
        core: u16,
    },
    /// The preparer looks after a core.
    Supply {
        core: u16,
    },
    /// The preparer formats a slice.
    Format,
    /// The keeper moves the windows.
    Populate,
    /// Every thread but the sealer does what it has to do, and the cores with them.
    Turn,
    /// The keeper finds that the segment is old.
    Age {
        core: u16,
    },
    /// The keeper brings order time to the wall clock.
    Anchor,
    /// The keeper has seen this much free space.
    Room(u8),
    /// The sealer seals the next segment.
    Seal,
    /// The kernel writes some of the dirty pages.
    WriteBack,
    /// A consumer takes records from the merge.
    Merge {
        count: u64,
    },
    /// The consumer keeps its place.
    Keep,
    /// What the consumer has passed is deleted, as far as the log is larger than it may be.
    Delete,
    /// Somebody reads all segments.
    Read,
    Verify,
    /// The next calls go well; then the power fails or the process is killed.
    Trap {
        calls: u64,
        kill: bool,
        temper: u8,
    },
    /// A call fails.
    Fail {
        calls: u64,
    },
    /// A power cut or a kill, now.
    Stop {
        kill: bool,
        temper: u8,
    },
    /// The log is closed and opened again, with this many cores.
    Reopen {
        cores: u16,
    },
}

impl Step {
    /// The step that a word of a script stands for. In a calm history little goes wrong, so that segments fill up and roll over.
    pub fn decode(word: u64, calm: bool) -> Step {
        let mut rng = Rng::new(word);
        let core = rng.below(3) as u16;
        let step = match rng.below(1000) {
            0..380 => Step::Append { core, bytes: append_bytes(&mut rng) },
            380..440 => Step::Kick { core },
            440..500 => Step::Progress { core },
            500..570 => Step::Sync { core },
            570..610 => Step::Supply { core },
            610..640 => Step::Format,
            640..670 => Step::Populate,
            670..820 => Step::Turn,
            820..826 => Step::Age { core },
            826..832 => Step::Anchor,
            832..838 => Step::Room(rng.below(6) as u8),
            838..880 => Step::Seal,
            880..895 => Step::WriteBack,
            895..912 => Step::Merge { count: 1 + rng.below(40) },
            912..918 => Step::Keep,
            918..923 => Step::Delete,
            923..928 => Step::Read,
            928..932 => Step::Verify,
            932..952 => Step::Trap { calls: rng.below(60), kill: rng.one_in(3), temper: rng.below(4) as u8 },
            952..964 => Step::Fail { calls: rng.below(30) },
            964..984 => Step::Stop { kill: rng.one_in(3), temper: rng.below(4) as u8 },
            _ => Step::Reopen { cores: 1 + rng.below(3) as u16 },
        };
        let harsh = matches!(step, Step::Trap { .. } | Step::Fail { .. } | Step::Stop { .. } | Step::Reopen { .. });
        if calm && harsh && !rng.one_in(8) { Step::Turn } else { step }
    }
}

fn append_bytes(rng: &mut Rng) -> usize {
    match rng.below(8) {
        0 => rng.below(9_000) as usize,
        1 => 4096 - 64 - 8 - rng.below(2) as usize,
        2 => 3 * 4096 - rng.below(200) as usize,
        _ => rng.below(700) as usize,
    }
}
