//! The tables of the page.

use std::fs;
use std::path::Path;

/// One table.
#[derive(Debug)]
pub struct Table {
    /// The heading above it.
    pub heading: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, each as wide as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// The page.
pub struct Page {
    tables: Vec<Table>,
}

impl Page {
    /// Reads `docs/compatibility.md`.
    pub fn read() -> Page {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
        let text = fs::read_to_string(path).expect("the page is there");
        let mut tables: Vec<Table> = Vec::new();
        let (mut heading, mut is_open) = (String::new(), false);
        for line in text.lines() {
            if let Some(text) = line.strip_prefix("## ") {
                heading = text.to_owned();
            }
            let Some(cells) = line.strip_prefix('|').and_then(|rest| rest.trim_end().strip_suffix('|')) else {
                is_open = false;
                continue;
            };
            let cells: Vec<String> =
                cells.replace("\\|", "\0").split('|').map(|cell| cell.trim().replace('\0', "|")).collect();
            if !is_open {
                tables.push(Table { heading: heading.clone(), columns: cells, rows: Vec::new() });
                is_open = true;
            } else if !cells.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|b| b == b'-')) {
                let table = tables.last_mut().expect("a table is open");
                assert_eq!(cells.len(), table.columns.len(), "{}: {line}", table.heading);
                table.rows.push(cells);
            }
        }
        Page { tables }
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// The table under this heading whose first column has this name.
    pub fn table(&self, heading: &str, column: &str) -> &Table {
        let found = self.tables.iter().find(|table| table.heading == heading && table.columns[0] == column);
        found.unwrap_or_else(|| panic!("no table {column:?} under {heading:?}"))
    }
}

/// The first text between backticks.
pub fn code(cell: &str) -> String {
    cell.split('`').nth(1).unwrap_or_default().to_owned()
}

/// All texts between backticks.
pub fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
