//! Health in the three forms that the admin port answers.

use std::time::Duration;

/// The most characters of a reason that are shown, as OpenReplay's services have it.
const OUTPUT_CHARACTERS_MAX: usize = 200;

/// The result of looking at one thing that the server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, such as `log`.
    pub name: &'static str,
    /// `None` when it works, else why not, for the operator to read.
    pub fault: Option<String>,
    /// How long the look took.
    pub took: Duration,
}

impl Check {
    /// Runs `look` and measures it.
    pub fn run(name: &'static str, look: impl FnOnce() -> Result<(), String>) -> Self {
        let began = std::time::Instant::now();
        let fault = look().err();
        Self { name, fault, took: began.elapsed() }
    }
}

/// Whether all checks passed.
pub fn all_pass(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.fault.is_none())
}

/// The body of `/health` as OpenReplay's services answer it: `application/health+json`, a newline at the end.
pub fn health_json(checks: &[Check]) -> String {
    let entries = checks.iter().map(|check| {
        let mut entry = vec![("status", status(check.fault.is_none()).to_owned())];
        if let Some(fault) = &check.fault {
            entry.push(("output", fault.chars().take(OUTPUT_CHARACTERS_MAX).collect()));
        }
        entry.push(("time", go_duration(check.took)));
        let fields = entry.iter().map(|(key, value)| format!("\"{key}\":{}", quoted(value)));
        let fields = fields.collect::<Vec<_>>().join(",");
        format!("{}:[{{{fields}}}]", quoted(check.name))
    });
    let entries = entries.collect::<Vec<_>>().join(",");
    format!("{{\"status\":\"{}\",\"checks\":{{{entries}}}}}\n", status(all_pass(checks)))
}

/// The body of `/health/ready`: whether durable work can be done, and what stands in its way.
pub fn ready_json(checks: &[Check]) -> String {
    let faults = checks.iter().filter_map(|check| Some((check.name, check.fault.as_ref()?)));
    let reasons: Vec<String> = faults.map(|(name, fault)| format!("{name}: {fault}")).collect();
    if reasons.is_empty() {
        return "{\"ready\":true}\n".to_owned();
    }
    format!("{{\"ready\":false,\"reason\":{}}}\n", quoted(&reasons.join("; ")))
}

fn status(pass: bool) -> &'static str {
    if pass { "pass" } else { "fail" }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A duration as Go's `Duration.String` prints those below a minute: `1.2ms`.
fn go_duration(took: Duration) -> String {
    let ns = took.as_nanos();
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{}ms", ns as f64 / 1e6),
        _ => format!("{}s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault: Option<&str>) -> Check {
        Check { name: "log", fault: fault.map(str::to_owned), took: Duration::from_micros(1200) }
    }

    #[test]
    fn health_has_upstreams_form() {
        assert_eq!(
            health_json(&[check(None)]),
            "{\"status\":\"pass\",\"checks\":{\"log\":[{\"status\":\"pass\",\"time\":\"1.2ms\"}]}}\n"
        );
        assert_eq!(
            health_json(&[check(Some("disk \"full\""))]),
            "{\"status\":\"fail\",\"checks\":{\"log\":[{\"status\":\"fail\",\
             \"output\":\"disk \\\"full\\\"\",\"time\":\"1.2ms\"}]}}\n"
        );
    }

    #[test]
    fn a_long_fault_is_cut_between_characters() {
        let long = health_json(&[check(Some(&"€".repeat(500)))]);
        assert_eq!(long.matches('€').count(), 200);
    }

    #[test]
    fn ready_names_everything_that_is_wrong() {
        assert_eq!(ready_json(&[check(None)]), "{\"ready\":true}\n");
        let other = Check { name: "directory", ..check(Some("no projects")) };
        assert_eq!(
            ready_json(&[check(Some("disk full")), other]),
            "{\"ready\":false,\"reason\":\"log: disk full; directory: no projects\"}\n"
        );
    }

    #[test]
    fn durations_read_as_go_prints_them() {
        let shown = [0, 7, 1_500, 1_200_000, 2_500_000_000].map(|ns| go_duration(Duration::from_nanos(ns)));
        assert_eq!(shown, ["0s", "7ns", "1.5µs", "1.2ms", "2.5s"]);
    }
}
