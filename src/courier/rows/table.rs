//! The tables and their columns, each with how its value is taken from a stored row.

use crate::records::{SessionRow, TestSignalRow, UnstartedSessionRow};

use super::value::Value;

/// The tables that rows are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowTable {
    /// Sessions. Nothing works without this one, so rows wait for it.
    Sessions,
    /// Signals of usability tests, in the older release only.
    TestSignals,
    /// Browsers that reported that they do not record. No release's schema has this table.
    UnstartedSessions,
}

impl RowTable {
    /// All of them, in the order in which a transaction writes to them: signals refer to sessions.
    pub const ALL: [Self; 3] = [Self::Sessions, Self::TestSignals, Self::UnstartedSessions];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::TestSignals => "ut_tests_signals",
            Self::UnstartedSessions => "unstarted_sessions",
        }
    }

    /// The columns that takeup has values for.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Sessions => &SESSIONS.0,
            Self::TestSignals => &TEST_SIGNALS.0,
            Self::UnstartedSessions => &UNSTARTED_SESSIONS.0,
        }
    }

    /// How a row that is there already is told from a new one.
    pub const fn identity(self) -> Identity {
        match self {
            Self::Sessions => Identity::SessionId,
            Self::TestSignals => Identity::AllColumns,
            Self::UnstartedSessions => Identity::None,
        }
    }
}

/// How a row that is there already is told from a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// It has the same session id.
    SessionId,
    /// It has the same values, among them a time in milliseconds.
    AllColumns,
    /// Not at all: two rows may be the same and yet two.
    None,
}

/// The first column of the tables that have it.
pub const SESSION_ID: &str = "session_id";

/// A column that takeup has values for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Who has it.
    pub presence: Presence,
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that names something: another number would be wrong.
    Id,
    /// A number that can be limited to the column's range.
    Integer,
    /// A text.
    Text,
    /// A UUID, as a text.
    Uuid,
    /// A truth value.
    Bool,
    /// One of a few words, with the one that stands for those that the database does not know.
    Label(Option<&'static str>),
}

/// Which tables have a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A table without it is not OpenReplay's.
    Essential,
    /// Both releases have it. One that does not is told of, and gets rows without it.
    Usual,
    /// One release has it.
    Sometimes,
}

/// A table's columns, and their values in a stored row.
pub struct Columns<R, const N: usize>([Column; N], [fn(&R) -> Value; N]);

impl<R, const N: usize> Columns<R, N> {
    /// The values of a row.
    pub fn values(&self, row: &R) -> Box<[Value]> {
        self.1.iter().map(|value| value(row)).collect()
    }
}

macro_rules! columns {
    ($(#[doc = $doc:literal])+ $table:ident: $row:ty, $count:literal { $($presence:ident $name:ident: $kind:expr => $value:expr;)+ }) => {
        $(#[doc = $doc])+
        pub const $table: Columns<$row, $count> = Columns(
            [$(Column { name: stringify!($name), kind: $kind, presence: Presence::$presence }),+],
            [$($value),+],
        );
    };
}

const COUNTRY: Kind = Kind::Label(Some("UN"));
const DEVICE_TYPE: Kind = Kind::Label(Some("other"));
const WORD: Kind = Kind::Label(None);

/// The longest user id, in characters, as OpenReplay cuts it.
const USER_ID_CHARS_MAX: usize = 8000;

columns! {
    /// Table `sessions`.
    SESSIONS: SessionRow<String>, 27 {
        Essential session_id: Kind::Id => |row| id(row.session_id);
        Essential project_id: Kind::Id => |row| id(row.project_id.into());
        Essential start_ts: Kind::Integer => |row| Value::Integer(row.started_ms.max(0));
        Usual tracker_version: Kind::Text => |row| text(&row.tracker_version);
        Usual rev_id: Kind::Text => |row| text_or_null(&row.revision);
        Usual platform: WORD => |row| text(&row.platform);
        Usual user_uuid: Kind::Uuid => |row| text(&row.user_uuid.hyphenated().to_string());
        Usual user_os: Kind::Text => |row| text(&row.os);
        Usual user_os_version: Kind::Text => |row| text_or_null(&row.os_version);
        Usual user_browser: Kind::Text => |row| text_or_null(&row.browser);
        Usual user_browser_version: Kind::Text => |row| text_or_null(&row.browser_version);
        Usual user_device: Kind::Text => |row| text(&row.device);
        Usual user_device_type: DEVICE_TYPE => |row| text(&row.device_type);
        Usual user_device_memory_size: Kind::Integer => |row| integer_or_null(row.device_memory);
        Usual user_device_heap_size: Kind::Integer => |row| integer_or_null(row.device_heap);
        Usual user_country: COUNTRY => |row| text(&row.country);
        Usual user_state: Kind::Text => |row| text_or_null(&row.state);
        Usual user_city: Kind::Text => |row| text_or_null(&row.city);
        Usual user_id: Kind::Text => |row| text_or_null(first_chars(&row.user_id, USER_ID_CHARS_MAX));
        Usual timezone: Kind::Text => |row| text(&row.timezone);
        Sometimes issue_score: Kind::Integer => |row| Value::Integer(row.started_ms.max(0) / 1000);
        Sometimes screen_width: Kind::Integer => |row| Value::Integer(row.width);
        Sometimes screen_height: Kind::Integer => |row| Value::Integer(row.height);
        Sometimes referrer: Kind::Text => |row| campaign(row, |campaign| &campaign.referrer);
        Sometimes utm_source: Kind::Text => |row| campaign(row, |campaign| &campaign.source);
        Sometimes utm_medium: Kind::Text => |row| campaign(row, |campaign| &campaign.medium);
        Sometimes utm_campaign: Kind::Text => |row| campaign(row, |campaign| &campaign.campaign);
    }
}

columns! {
    /// Table `ut_tests_signals`.
    TEST_SIGNALS: TestSignalRow<String>, 7 {
        Essential session_id: Kind::Id => |row| id(row.session_id);
        Essential test_id: Kind::Id => |row| id(row.test_id.into());
        Essential task_id: Kind::Id => |row| row.task_id.map_or(Value::Null, |task| id(task.into()));
        Essential status: WORD => |row| text(&row.status);
        Usual comment: Kind::Text => |row| text_or_null(&row.comment);
        Essential timestamp: Kind::Integer => |row| integer(row.timestamp);
        Usual duration: Kind::Integer => |row| integer_or_null(row.duration);
    }
}

columns! {
    /// Table `unstarted_sessions`.
    UNSTARTED_SESSIONS: UnstartedSessionRow<String>, 13 {
        Essential project_id: Kind::Id => |row| id(row.project_id.into());
        Usual tracker_version: Kind::Text => |row| text(&row.tracker_version);
        Usual do_not_track: Kind::Bool => |row| Value::Bool(row.do_not_track);
        Usual platform: WORD => |row| text(&row.platform);
        Usual user_os: Kind::Text => |row| text(&row.os);
        Usual user_os_version: Kind::Text => |row| text_or_null(&row.os_version);
        Usual user_browser: Kind::Text => |row| text(&row.browser);
        Usual user_browser_version: Kind::Text => |row| text_or_null(&row.browser_version);
        Usual user_device: Kind::Text => |row| text(&row.device);
        Usual user_device_type: DEVICE_TYPE => |row| text(&row.device_type);
        Usual user_country: COUNTRY => |row| text(&row.country);
        Usual user_state: Kind::Text => |row| text_or_null(&row.state);
        Usual user_city: Kind::Text => |row| text_or_null(&row.city);
    }
}

/// An id of 64 bits as a `bigint`: one of 2^63 or more is the negative number with the same bits.
fn id(id: u64) -> Value {
    Value::Integer(id.cast_signed())
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn integer_or_null(number: u64) -> Value {
    if number == 0 { Value::Null } else { integer(number) }
}

/// A text without the NUL characters that Postgres does not take.
fn text(text: &str) -> Value {
    Value::Text(if text.contains('\0') { text.replace('\0', "").into() } else { text.into() })
}

fn text_or_null(text: &str) -> Value {
    match self::text(text) {
        Value::Text(text) if text.is_empty() => Value::Null,
        text => text,
    }
}

fn campaign(row: &SessionRow<String>, part: fn(&crate::records::Campaign<String>) -> &String) -> Value {
    row.campaign.as_ref().map_or(Value::Null, |campaign| text_or_null(part(campaign)))
}

/// The first characters of a text.
pub fn first_chars(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}
