//! The three forms of health report on the admin port.

use std::time::Duration;

/// The most characters shown of a reason, as in OpenReplay's services.
const OUTPUT_CHARACTERS_MAX: usize = 200;

/// The result of checking one thing that the server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked, such as `log`.
    pub name: &'static str,
    /// Which instance, if there are several; else empty.
    pub part: String,
    /// `None` if it works, else the reason, for the operator to read.
    pub fault: Option<String>,
    /// Whether this fault keeps the server from doing its work, or only limits it.
    pub vital: bool,
    /// How long the check took.
    pub took: Duration,
}

impl Check {
    /// Runs a check and times it.
    pub fn run(name: &'static str, look: impl FnOnce() -> Result<(), String>) -> Self {
        let began = std::time::Instant::now();
        let fault = look().err();
        Self { name, part: String::new(), fault, vital: true, took: began.elapsed() }
    }

    /// The state of a part that the server can do without.
    pub fn of_part(name: &'static str, part: String, fault: Option<String>) -> Self {
        Self { name, part, fault, vital: false, took: Duration::ZERO }
    }

    fn status(&self) -> &'static str {
        match (&self.fault, self.vital) {
            (None, _) => "pass",
            (Some(_), true) => "fail",
            (Some(_), false) => "warn",
        }
    }
}

/// Whether the server can do its work: all vital checks passed.
pub fn all_pass(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.fault.is_none() || !check.vital)
}

/// The body of `/health` in the form of OpenReplay's services: `application/health+json`, ending in a newline.
pub fn health_json(checks: &[Check]) -> String {
    let entry = |check: &Check| {
        let mut entry = vec![("status", check.status().to_owned())];
        if !check.part.is_empty() {
            entry.insert(0, ("componentId", check.part.clone()));
        }
        if let Some(fault) = &check.fault {
            entry.push(("output", fault.chars().take(OUTPUT_CHARACTERS_MAX).collect()));
        }
        entry.push(("time", go_duration(check.took)));
        let fields = entry.iter().map(|(key, value)| format!("\"{key}\":{}", quoted(value)));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    };
    // Checks of the same name are grouped.
    let named = checks.chunk_by(|a, b| a.name == b.name).map(|same| {
        let entries: Vec<String> = same.iter().map(entry).collect();
        format!("{}:[{}]", quoted(same[0].name), entries.join(","))
    });
    let entries = named.collect::<Vec<_>>().join(",");
    let worst = ["fail", "warn"].into_iter().find(|status| checks.iter().any(|check| check.status() == *status));
    format!("{{\"status\":\"{}\",\"checks\":{{{entries}}}}}\n", worst.unwrap_or("pass"))
}

/// The body of `/health/ready`: whether records can be stored durably, and if not, why.
pub fn ready_json(checks: &[Check]) -> String {
    let vital = checks.iter().filter(|check| check.vital);
    let faults = vital.filter_map(|check| Some((check.name, check.fault.as_ref()?)));
    let reasons: Vec<String> = faults.map(|(name, fault)| format!("{name}: {fault}")).collect();
    if reasons.is_empty() {
        return "{\"ready\":true}\n".to_owned();
    }
    format!("{{\"ready\":false,\"reason\":{}}}\n", quoted(&reasons.join("; ")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A duration as Go's `Duration.String` formats those below a minute: `1.2ms`.
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
        Check {
            name: "log",
            part: String::new(),
            fault: fault.map(str::to_owned),
            vital: true,
            took: Duration::from_micros(1200),
        }
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
    fn a_part_that_failed_is_told_and_leaves_the_server_ready() {
        let core =
            |number: &str, fault: Option<&str>| Check::of_part("core", number.to_owned(), fault.map(str::to_owned));
        let checks = [check(None), core("0", None), core("1", Some("poisoned"))];
        assert!(all_pass(&checks));
        assert_eq!(ready_json(&checks), "{\"ready\":true}\n");
        assert_eq!(
            health_json(&checks),
            "{\"status\":\"warn\",\"checks\":{\"log\":[{\"status\":\"pass\",\"time\":\"1.2ms\"}],\
             \"core\":[{\"componentId\":\"0\",\"status\":\"pass\",\"time\":\"0s\"},\
             {\"componentId\":\"1\",\"status\":\"warn\",\"output\":\"poisoned\",\"time\":\"0s\"}]}}\n"
        );
        let checks = [check(Some("gone")), checks[2].clone()];
        assert!(!all_pass(&checks));
        assert!(health_json(&checks).starts_with("{\"status\":\"fail\""));
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
