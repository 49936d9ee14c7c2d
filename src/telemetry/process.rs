//! The process's own metrics, as every Prometheus client library exports them.

use std::fs;

/// The kernel's figures for this process. A number that cannot be read is left out.
#[derive(Debug, Default)]
pub(super) struct ProcessStats {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) start_time_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) virtual_bytes: Option<f64>,
    pub(super) threads: Option<f64>,
    pub(super) open_fds: Option<f64>,
    pub(super) max_fds: Option<f64>,
}

impl ProcessStats {
    /// Reads `/proc/self`.
    pub(super) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        let mut stats = Self::parse(&stat, boot, rustix::param::clock_ticks_per_second() as f64);
        stats.resident_bytes = stats.resident_bytes.map(|pages| pages * rustix::param::page_size() as f64);
        // The handle of the folder itself is one of the entries.
        stats.open_fds = fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as f64);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        stats.max_fds = limit.current.map(|current| current as f64);
        stats
    }

    /// The fields of `/proc/self/stat`, numbered as in proc(5); memory stays in pages.
    fn parse(stat: &str, boot_seconds: Option<f64>, ticks_per_second: f64) -> Self {
        // The second field is the program's name in parentheses, which may contain spaces and parentheses itself.
        let Some((_, rest)) = stat.rsplit_once(')') else { return Self::default() };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place - 3)?.parse::<f64>().ok();
        let cpu = number(14).zip(number(15)).map(|(user, system)| (user + system) / ticks_per_second);
        let start = number(22).zip(boot_seconds).map(|(ticks, boot)| boot + ticks / ticks_per_second);
        Self {
            cpu_seconds: cpu,
            start_time_seconds: start,
            resident_bytes: number(24),
            virtual_bytes: number(23),
            threads: number(20),
            open_fds: None,
            max_fds: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_moves_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 1000 4096 12 0";
        let stats = ProcessStats::parse(stat, Some(1e9), 100.0);
        assert_eq!(stats.cpu_seconds, Some(2.0));
        assert_eq!(stats.threads, Some(3.0));
        assert_eq!(stats.start_time_seconds, Some(1e9 + 10.0));
        assert_eq!(stats.virtual_bytes, Some(4096.0));
        assert_eq!(stats.resident_bytes, Some(12.0));
    }

    #[test]
    fn this_process_has_all_of_its_numbers() {
        let stats = ProcessStats::read();
        assert!(stats.resident_bytes > Some(100_000.0));
        assert!(stats.open_fds >= Some(1.0));
        assert!(stats.start_time_seconds > Some(1.5e9));
        assert!(stats.cpu_seconds.is_some() && stats.max_fds.is_some() && stats.threads >= Some(1.0));
    }

    #[test]
    fn an_unreadable_stat_leaves_numbers_out() {
        assert!(ProcessStats::parse("", None, 100.0).cpu_seconds.is_none());
        assert!(ProcessStats::parse("1 (x) S 1", None, 100.0).threads.is_none());
    }
}
