//! A row of the table of settings.

/// One row of the table of settings.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key in `takeup.toml` and after `--set`.
    pub name: &'static str,
    /// The heading under which help and the written file show it.
    pub group: &'static str,
    /// The default, as one would write it.
    pub default: &'static str,
    /// OpenReplay's name for the same thing, read from the environment when `TAKEUP_…` is not set.
    pub also: Option<&'static str>,
    /// Whether the file writes the value bare (numbers and switches) and not between quotes.
    pub bare: bool,
    /// Whether a running server takes over a changed value.
    pub live: bool,
    /// Its lines, as they stand in the table.
    pub(super) help: &'static [&'static str],
}

impl Setting {
    /// The environment variable of this setting: `TAKEUP_` and the name in capitals.
    pub fn env_name(&self) -> String {
        format!("TAKEUP_{}", self.name.to_ascii_uppercase())
    }

    /// The help text, one paragraph.
    pub fn help(&self) -> String {
        self.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}
