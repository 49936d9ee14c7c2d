//! The statements. Their text is made of constants: nothing that comes from a client or from the database gets into it.

use std::time::Duration;

use super::columns::Columns;

/// The most rows of one table. With more, the reading is refused as too large.
pub const ROWS_MAX: usize = 1_000_000;

/// Looks up projects: `$1` are keys, `$2` are numbers. One more row shows that the table has any.
pub const LOOK_UP: &str = "SELECT project_key::text, project_id::bigint FROM projects \
                           WHERE project_key::text = ANY($1) OR project_id = ANY($2) \
                           UNION ALL (SELECT NULL, project_id::bigint FROM projects LIMIT 1)";

/// Reads everything, in one transaction. Each row begins with a letter that says which table it is from, in the order that
/// [`super::rows`] expects. `None`: the table of projects is missing, or is another one.
pub fn read(columns: &Columns, limit: Duration) -> Option<String> {
    if !columns.has_all("projects", &["project_id", "project_key"]) {
        return None;
    }
    let mut sql = format!(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {};",
        limit.as_millis()
    );
    let mut present = Vec::new();
    for table in ["tags", "projects_conditions", "feature_flags", "ut_tests"] {
        present.push(match columns.has(table, "project_id") {
            true => format!("EXISTS (SELECT 1 FROM {table})::text"),
            false => "'false'".to_owned(),
        });
    }
    sql += &format!("SELECT 'e', {};", present.join(", "));
    let tables = [
        projects(columns),
        tags(columns),
        conditions(columns),
        flags(columns),
        flag_conditions(columns),
        flag_variants(columns),
        tests(columns),
        tasks(columns),
    ];
    for table in tables.into_iter().flatten() {
        sql += &table;
    }
    sql += "COMMIT";
    Some(sql)
}

/// A list of columns of one table; those that it lacks are replaced by a constant.
struct List<'c> {
    columns: &'c Columns,
    table: &'static str,
    items: Vec<String>,
}

impl<'c> List<'c> {
    fn new(columns: &'c Columns, table: &'static str, letter: char) -> Self {
        Self { columns, table, items: vec![format!("'{letter}'")] }
    }

    /// A column as text; without it, this constant of SQL.
    fn text(mut self, column: &str, otherwise: &str) -> Self {
        self.items.push(match self.columns.has(self.table, column) {
            true => format!("{column}::text"),
            false => otherwise.to_owned(),
        });
        self
    }

    /// The same for a text that may be long: cut behind the limit, so that it is seen to exceed it.
    fn long(mut self, column: &str, chars_max: usize) -> Self {
        self.items.push(match self.columns.has(self.table, column) {
            true => format!("left({column}::text, {})", chars_max + 1),
            false => "NULL".to_owned(),
        });
        self
    }

    /// The same for a text of which the beginning will do.
    fn name(mut self, column: &str) -> Self {
        self.items.push(match self.columns.has(self.table, column) {
            true => format!("left({column}::text, 255)"),
            false => "NULL".to_owned(),
        });
        self
    }

    fn from(self, rest: &str) -> Option<String> {
        Some(format!("SELECT {} FROM {} {rest} LIMIT {};", self.items.join(", "), self.table, ROWS_MAX + 1))
    }
}

/// For tables whose deleted rows stay.
fn not_deleted(columns: &Columns, table: &str) -> &'static str {
    if columns.has(table, "deleted_at") { "WHERE deleted_at IS NULL" } else { "" }
}

fn projects(columns: &Columns) -> Option<String> {
    // Inactive ones too: that a project is inactive is known for certain only from its row.
    List::new(columns, "projects", 'p')
        .text("project_id", "NULL")
        .text("project_key", "NULL")
        .name("name")
        .text("platform", "'web'")
        .text("active", "'true'")
        .text("sample_rate", "'100'")
        .text("max_session_duration", "NULL")
        .text("beacon_size", "'0'")
        .text("save_request_payloads", "'false'")
        .from("ORDER BY project_id")
}

fn tags(columns: &Columns) -> Option<String> {
    columns.has_all("tags", &["tag_id", "project_id", "selector"]).then_some(())?;
    List::new(columns, "tags", 't')
        .text("tag_id", "NULL")
        .text("project_id", "NULL")
        .name("name")
        .long("selector", 10_000)
        .text("ignore_click_rage", "'false'")
        .text("ignore_dead_click", "'false'")
        .long("location", 10_000)
        .from(&format!("{} ORDER BY tag_id", not_deleted(columns, "tags")))
}

fn conditions(columns: &Columns) -> Option<String> {
    let table = "projects_conditions";
    columns.has_all(table, &["project_id", "name"]).then_some(())?;
    let order = if columns.has(table, "condition_id") { "condition_id" } else { "project_id, name, capture_rate" };
    List::new(columns, table, 'c')
        .text("condition_id", "NULL")
        .text("project_id", "NULL")
        .long("name", 255)
        .text("capture_rate", "'100'")
        .long("filters", 16 * 1024)
        .from(&format!("ORDER BY {order}"))
}

fn flags(columns: &Columns) -> Option<String> {
    let table = "feature_flags";
    columns.has_all(table, &["feature_flag_id", "project_id", "flag_key"]).then_some(())?;
    let active = if columns.has(table, "is_active") { "WHERE is_active" } else { "" };
    List::new(columns, table, 'f')
        .text("feature_flag_id", "NULL")
        .text("project_id", "NULL")
        .long("flag_key", 255)
        .text("flag_type", "'single'")
        .text("is_persist", "'false'")
        .long("payload", 64 * 1024)
        .from(&format!("{active} ORDER BY feature_flag_id"))
}

fn flag_conditions(columns: &Columns) -> Option<String> {
    let table = "feature_flags_conditions";
    columns.has_all(table, &["feature_flag_id"]).then_some(())?;
    let order = if columns.has(table, "condition_id") { ", condition_id" } else { "" };
    List::new(columns, table, 'g')
        .text("feature_flag_id", "NULL")
        .name("name")
        .text("rollout_percentage", "'100'")
        .long("filters", 1024 * 1024)
        .from(&format!("ORDER BY feature_flag_id{order}"))
}

fn flag_variants(columns: &Columns) -> Option<String> {
    let table = "feature_flags_variants";
    columns.has_all(table, &["feature_flag_id", "value"]).then_some(())?;
    let order = if columns.has(table, "variant_id") { ", variant_id" } else { "" };
    List::new(columns, table, 'v')
        .text("feature_flag_id", "NULL")
        .long("value", 255)
        .long("payload", 64 * 1024)
        .text("rollout_percentage", "'100'")
        .from(&format!("ORDER BY feature_flag_id{order}"))
}

fn tests(columns: &Columns) -> Option<String> {
    let table = "ut_tests";
    columns.has_all(table, &["test_id", "project_id", "title"]).then_some(())?;
    List::new(columns, table, 'u')
        .text("test_id", "NULL")
        .text("project_id", "NULL")
        .name("title")
        .long("starting_path", 10_000)
        .name("status")
        .text("require_mic", "'false'")
        .text("require_camera", "'false'")
        .long("description", 10_000)
        .long("guidelines", 10_000)
        .long("conclusion_message", 10_000)
        .text("visibility", "'false'")
        .from(&format!("{} ORDER BY test_id", not_deleted(columns, table)))
}

fn tasks(columns: &Columns) -> Option<String> {
    let table = "ut_tests_tasks";
    columns.has_all(table, &["task_id", "test_id", "title"]).then_some(())?;
    List::new(columns, table, 'k')
        .text("test_id", "NULL")
        .text("task_id", "NULL")
        .name("title")
        .long("description", 10_000)
        .text("allow_typing", "'false'")
        .from("ORDER BY test_id, task_id")
}
