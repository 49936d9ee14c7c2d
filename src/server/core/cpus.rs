//! How many cores a server has, and on which processors they run.

use std::path::Path;

/// The processors that this process may use, in order.
pub fn allowed() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None);
    let cpus = set.map(|set| (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect::<Vec<_>>());
    match cpus {
        Ok(cpus) if !cpus.is_empty() => cpus,
        _ => vec![0],
    }
}

/// The number of cores if the operator sets none: the affinity set, capped by the cgroup's quota. With four or more processors, one is left
/// to the syncers, the keeper and the side threads.
pub fn default_cores(allowed: usize, quota: Option<f64>) -> u16 {
    let quota = quota.map_or(allowed, |quota| (quota.ceil() as usize).max(1));
    let usable = allowed.min(quota).max(1);
    let cores = if usable >= 4 { usable - 1 } else { usable };
    u16::try_from(cores).unwrap_or(u16::MAX)
}

/// The cgroup's quota in processors, if it has one. `root` is `/sys/fs/cgroup`; version 2 is tried first, then version 1.
pub fn quota(root: &Path, own_group: &str) -> Option<f64> {
    let own_group = own_group.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let text = std::fs::read_to_string(root.join(own_group).join("cpu.max"))
        .or_else(|_| std::fs::read_to_string(root.join("cpu.max")));
    if let Ok(text) = text {
        let (quota, period) = text.trim().split_once(' ')?;
        return ratio(quota, period);
    }
    let read = |name: &str| std::fs::read_to_string(root.join("cpu").join(name)).ok();
    ratio(read("cpu.cfs_quota_us")?.trim(), read("cpu.cfs_period_us")?.trim())
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests;
