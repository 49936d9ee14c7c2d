//! What was measured on: processor, kernel, file system.

use std::fs;
use std::path::Path;

/// One line that tells machine, kernel, and the file system that holds `dir`, with its mount options.
pub fn describe(dir: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim()).to_owned();
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let kernel = read("/proc/sys/kernel/osrelease");
    let mounts = read("/proc/self/mounts");
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    let of_dir = |line: &&str| line.split(' ').nth(1).is_some_and(|at| dir.starts_with(at));
    // The longest mount point is the one that holds it; of two mounted there, the later.
    let held = mounts.lines().filter(of_dir).max_by_key(|line| line.split(' ').nth(1).map_or(0, str::len));
    let field = |at| held.and_then(|line| line.split(' ').nth(at)).unwrap_or("unknown");
    format!("{model}, {processors} processors, Linux {}; {} {} on {}", kernel.trim(), field(2), field(3), field(0))
}
