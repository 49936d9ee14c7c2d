//! How much recovery has set aside: files of the log's quarantine, counted when what needs the disk is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::Log;
use crate::log::names::QUARANTINE_DIR_NAME;
use crate::telemetry::Metrics;

/// The ending of a report, which stands beside what it is about.
const REPORT: &str = ".report.json";

/// What is in a log's quarantine. Clones are the same.
#[derive(Debug, Clone)]
pub struct SetAside {
    dir: PathBuf,
    counted: Arc<[AtomicU64; 2]>,
}

impl SetAside {
    /// Of a log, whose folder it looks at.
    pub fn of(log: &Log) -> SetAside {
        let set_aside = SetAside { dir: log.dir().join(QUARANTINE_DIR_NAME), counted: Arc::default() };
        set_aside.measure();
        set_aside
    }

    /// Counts again. A folder that cannot be read leaves the numbers as they are.
    pub fn measure(&self) {
        let Some((files, bytes)) = count(&self.dir) else { return };
        self.counted[0].store(files, Ordering::Relaxed);
        self.counted[1].store(bytes, Ordering::Relaxed);
    }

    /// Adds the numbers to the metrics.
    pub fn register(&self, metrics: Metrics) -> Metrics {
        let number = |at: usize| {
            let counted = Arc::clone(&self.counted);
            move || counted[at].load(Ordering::Relaxed) as f64
        };
        metrics.gauge("takeup_log_set_aside_files", "Files that recovery set aside.", number(0)).gauge(
            "takeup_log_set_aside_bytes",
            "Bytes of these.",
            number(1),
        )
    }
}

/// Files and their bytes, without reports.
fn count(dir: &Path) -> Option<(u64, u64)> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        // It is made when something is set aside.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some((0, 0)),
        Err(_) => return None,
    };
    let (mut files, mut bytes) = (0, 0);
    for entry in entries.flatten() {
        let is_report = entry.file_name().to_string_lossy().ends_with(REPORT);
        let Ok(metadata) = entry.metadata() else { continue };
        if !is_report {
            files += 1;
            bytes += metadata.len();
        }
    }
    Some((files, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_counted_without_its_reports() {
        let dir = tempfile::tempdir().unwrap();
        let aside = dir.path().join("quarantine");
        assert_eq!(count(&aside), Some((0, 0)));
        fs::create_dir(&aside).unwrap();
        for (name, bytes) in [("core-00-1.seg", 7), ("core-00-1.seg.report.json", 90), ("core-01-stranger", 5)] {
            fs::write(aside.join(name), vec![0; bytes]).unwrap();
        }
        assert_eq!(count(&aside), Some((2, 12)));
    }
}
