//! What a directory holds.

/// The kind of client a project is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Browsers.
    Web,
    /// Apple's phones and tablets.
    Ios,
    /// Android.
    Android,
}

impl Platform {
    /// The name as tables have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }
}

/// A project, and what hangs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its number, at least 1.
    pub project_id: u32,
    /// What trackers name it by. Public.
    pub project_key: String,
    /// What people name it by.
    pub name: String,
    /// The kind of client it is for.
    pub platform: Platform,
    /// An inactive project takes no sessions.
    pub active: bool,
    /// Of a hundred sessions, how many are recorded.
    pub sample_rate: u8,
    /// How long a session may last, in ms.
    pub max_session_duration: u32,
    /// The largest batch in bytes; 0 for the server's own limit.
    pub beacon_size: u32,
    /// What the file says of how long its records are kept.
    pub retain: Retain,
    /// Whether bodies of recorded network requests are to be kept.
    pub save_request_payloads: bool,
    /// When it was deleted, for people to read. Only `active` decides whether it takes sessions.
    pub deleted_at: Option<String>,
    /// Elements to watch for.
    pub tags: Vec<Tag>,
    /// Conditions that trackers start a recording on.
    pub conditions: Vec<Condition>,
    /// Its feature flags.
    pub feature_flags: Vec<FeatureFlag>,
    /// Its usability tests.
    pub ut_tests: Vec<Test>,
    /// How much the file says of it.
    pub given: Given,
}

/// What the file says of how long the records of a project are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retain {
    /// Nothing. An age that it had before still holds.
    #[default]
    Unsaid,
    /// As long as those of the server, by its settings.
    Server,
    /// For so many days; 0 is for ever.
    Days(u32),
}

/// How many values the file gives for a project and for its rows in the other tables: fewer than before are a loss.
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

/// An element of a page to watch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number.
    pub tag_id: u32,
    /// Its name.
    pub name: String,
    /// The CSS selector that finds it.
    pub selector: String,
    /// Furious clicking on it means nothing.
    pub ignore_click_rage: bool,
    /// Clicks on it without effect mean nothing.
    pub ignore_dead_click: bool,
    /// The only page it is on.
    pub location: Option<String>,
    /// A deleted tag is not told to trackers.
    pub deleted_at: Option<String>,
}

/// A condition that a tracker starts a recording on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its number.
    pub condition_id: u32,
    /// Its name; starts refer to it.
    pub name: String,
    /// Of a hundred sessions that meet it, how many are recorded.
    pub capture_rate: u8,
    /// All of them must hold: a JSON array of objects, for the tracker alone to read. Nothing of it is left out.
    pub filters: String,
}

/// One comparison of a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What is compared.
    pub kind: String,
    /// How.
    pub operator: String,
    /// With what.
    pub value: Vec<String>,
    /// The key, for metadata.
    pub source: Option<String>,
}

/// What a feature flag can be.
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
    /// What pages name it by.
    pub flag_key: String,
    /// What it can be.
    pub flag_type: FlagKind,
    /// A client keeps what it was told.
    pub is_persist: bool,
    /// An inactive flag is never told.
    pub is_active: bool,
    /// What comes with it: JSON, as Postgres prints a `jsonb`.
    pub payload: Option<String>,
    /// The first that holds decides.
    pub conditions: Vec<FlagCondition>,
    /// What a flag of several variants can be.
    pub variants: Vec<Variant>,
}

/// When a feature flag is on, and for how many.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagCondition {
    /// Its name.
    pub name: String,
    /// Of a hundred clients that meet it, for how many the flag is on.
    pub rollout_percentage: u8,
    /// All of them must hold.
    pub filters: Vec<Filter>,
}

/// One variant of a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What the flag is then.
    pub value: String,
    /// What comes with it: JSON, as Postgres prints a `jsonb`.
    pub payload: Option<String>,
    /// Of a hundred clients, how many get it.
    pub rollout_percentage: u8,
}

/// A usability test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its number.
    pub test_id: u32,
    /// Its title.
    pub title: String,
    /// Where it begins.
    pub starting_path: String,
    /// `preview`, `in-progress`, `paused` or `closed`.
    pub status: String,
    /// The microphone is recorded.
    pub require_mic: bool,
    /// The camera is recorded.
    pub require_camera: bool,
    /// What it is about.
    pub description: String,
    /// What the user should know before.
    pub guidelines: String,
    /// What the user is told at the end.
    pub conclusion_message: String,
    /// Whether it is shown.
    pub visibility: bool,
    /// What the user is asked to do, in order.
    pub tasks: Vec<TestTask>,
}

/// One thing that a user is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTask {
    /// Its number.
    pub task_id: u32,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// The user may write an answer.
    pub allow_typing: bool,
}
