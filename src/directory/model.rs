//! The contents of a directory.

/// The kind of client a project is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Browsers.
    Web,
    /// iOS devices.
    Ios,
    /// Android devices.
    Android,
}

impl Platform {
    /// The name as written in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }
}

/// A project, and everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its number, at least 1.
    pub project_id: u32,
    /// Trackers identify the project by it. Public.
    pub project_key: String,
    /// Its display name.
    pub name: String,
    /// The kind of client it is for.
    pub platform: Platform,
    /// An inactive project accepts no sessions.
    pub active: bool,
    /// The percentage of sessions that are recorded.
    pub sample_rate: u8,
    /// How long a session may last, in ms.
    pub max_session_duration: u32,
    /// The largest batch in bytes; 0 for the server's own limit.
    pub beacon_size: u32,
    /// The file's setting for how long its records are kept.
    pub retain: Retain,
    /// Whether bodies of recorded network requests are to be kept.
    pub save_request_payloads: bool,
    /// When it was deleted, for people to read. Only `active` decides whether it accepts sessions.
    pub deleted_at: Option<String>,
    /// Page elements to watch.
    pub tags: Vec<Tag>,
    /// Conditions on which trackers start a recording.
    pub conditions: Vec<Condition>,
    /// Its feature flags.
    pub feature_flags: Vec<FeatureFlag>,
    /// Its usability tests.
    pub ut_tests: Vec<Test>,
    /// How many values the file gives for it.
    pub given: Given,
}

/// The file's setting for how long a project's records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retain {
    /// Not set. An age set earlier stays in force.
    #[default]
    Unsaid,
    /// As long as the server's own setting says.
    Server,
    /// This many days; 0 means for ever.
    Days(u32),
}

/// How many values the file gives for a project and for its rows in the other tables: fewer than before count as a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given {
    /// In its own row.
    pub own: usize,
    /// For its tags.
    pub tags: usize,
    /// For its conditions.
    pub conditions: usize,
    /// For its feature flags.
    pub feature_flags: usize,
    /// For its usability tests.
    pub ut_tests: usize,
}

/// A page element to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number.
    pub tag_id: u32,
    /// Its name.
    pub name: String,
    /// The CSS selector that finds it.
    pub selector: String,
    /// Rage clicks on it are ignored.
    pub ignore_click_rage: bool,
    /// Dead clicks on it are ignored.
    pub ignore_dead_click: bool,
    /// The only page that it is on.
    pub location: Option<String>,
    /// A deleted tag is not sent to trackers.
    pub deleted_at: Option<String>,
}

/// A condition on which trackers start a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its number.
    pub condition_id: u32,
    /// Its name; start requests refer to it.
    pub name: String,
    /// The percentage of sessions meeting it that are recorded.
    pub capture_rate: u8,
    /// All of them must hold: a JSON array of objects that only the tracker interprets. It is passed on whole.
    pub filters: String,
}

/// One filter of a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The attribute that is compared.
    pub kind: String,
    /// The operator.
    pub operator: String,
    /// The values to compare with.
    pub value: Vec<String>,
    /// The key, for metadata.
    pub source: Option<String>,
}

/// The type of a feature flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlagKind {
    /// On or off.
    Single,
    /// One of several variants.
    Multi,
}

/// A feature flag.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureFlag {
    /// Its number.
    pub feature_flag_id: u32,
    /// Pages refer to it by this key.
    pub flag_key: String,
    /// Its type.
    pub flag_type: FlagKind,
    /// A client keeps the value that it was given.
    pub is_persist: bool,
    /// An inactive flag is never sent.
    pub is_active: bool,
    /// Its payload: JSON, as Postgres prints a `jsonb`.
    pub payload: Option<String>,
    /// The first condition that holds decides.
    pub conditions: Vec<FlagCondition>,
    /// The variants of a multi-variant flag.
    pub variants: Vec<Variant>,
}

/// When a feature flag is on, and for what share of clients.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagCondition {
    /// Its name.
    pub name: String,
    /// The percentage of matching clients for which the flag is on.
    pub rollout_percentage: u8,
    /// All of them must hold.
    pub filters: Vec<Filter>,
}

/// One variant of a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The flag's value for this variant.
    pub value: String,
    /// Its payload: JSON, as Postgres prints a `jsonb`.
    pub payload: Option<String>,
    /// The percentage of clients that get it.
    pub rollout_percentage: u8,
}

/// A usability test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its number.
    pub test_id: u32,
    /// Its title.
    pub title: String,
    /// The page where it begins.
    pub starting_path: String,
    /// `preview`, `in-progress`, `paused` or `closed`.
    pub status: String,
    /// Whether the microphone is recorded.
    pub require_mic: bool,
    /// Whether the camera is recorded.
    pub require_camera: bool,
    /// What it is about.
    pub description: String,
    /// Instructions for the user, shown before the test.
    pub guidelines: String,
    /// The text shown to the user at the end.
    pub conclusion_message: String,
    /// Whether it is shown.
    pub visibility: bool,
    /// The tasks for the user, in order.
    pub tasks: Vec<TestTask>,
}

/// One task for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTask {
    /// Its number.
    pub task_id: u32,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Whether the user may write an answer.
    pub allow_typing: bool,
}
