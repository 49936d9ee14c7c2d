//! Style sheets that scripts made (`adoptedStyleSheets`, and style elements filled by script), and who uses them.
//!
//! A tracker may tell of a sheet before its owner is there: it is held back until then.

use std::collections::BTreeMap;

use crate::export::said::{NodeId, Rule};

use super::tree::{Left, Tree};

/// What a rule costs besides its text.
const RULE_BYTES: usize = size_of::<String>();
/// What a sheet costs besides its rules.
const SHEET_BYTES: usize = size_of::<Sheet>() + 64;

/// A sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its rules, in order. A sheet that was replaced as a whole has its text as the first.
    pub rules: Vec<String>,
    /// The documents, shadow roots and style elements that use it.
    pub owners: Vec<NodeId>,
    /// When it was first told of.
    since_ms: i64,
}

/// The sheets of a page, by the tracker's numbers.
#[derive(Debug, Default)]
pub struct Sheets {
    by_number: BTreeMap<u64, Sheet>,
    /// Client time of what is told, in Unix ms.
    pub now_ms: i64,
}

impl Sheets {
    /// A sheet.
    pub fn get(&self, sheet: u64) -> Option<&Sheet> {
        self.by_number.get(&sheet)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Sheet)> {
        self.by_number.iter().map(|(number, sheet)| (*number, sheet))
    }

    /// Another document begins in the page. Trackers up to 15 tell of its sheets just ahead of it: those stay.
    pub fn begin_document(&mut self) {
        let now_ms = self.now_ms;
        self.by_number.retain(|_, sheet| sheet.since_ms == now_ms);
    }

    /// What all of them take of the budget.
    pub fn bytes(&self) -> usize {
        let of = |sheet: &Sheet| {
            let rules: usize = sheet.rules.iter().map(|rule| RULE_BYTES + rule.len()).sum();
            SHEET_BYTES + size_of_val(&sheet.owners[..]) + rules
        };
        self.by_number.values().map(of).sum()
    }

    /// The sheets that `owner` uses, by number.
    pub fn of(&self, owner: NodeId) -> impl Iterator<Item = (u64, &Sheet)> {
        self.iter().filter(move |(_, sheet)| sheet.owners.contains(&owner))
    }

    /// `owner` uses the sheet from here on. Charged to the budget of `tree`.
    pub fn add_owner(&mut self, sheet: u64, owner: NodeId, tree: &mut Tree) -> Result<(), Left> {
        let sheet = self.entry(sheet, tree)?;
        if !sheet.owners.contains(&owner) {
            tree.take(size_of::<NodeId>())?;
            sheet.owners.push(owner);
        }
        Ok(())
    }

    /// `owner` does not use it any more.
    pub fn remove_owner(&mut self, sheet: u64, owner: NodeId) {
        if let Some(sheet) = self.by_number.get_mut(&sheet) {
            sheet.owners.retain(|one| *one != owner);
        }
    }

    /// Changes the rules. Charged to the budget of `tree`. Returns the number that an inserted rule got.
    pub fn change(&mut self, sheet: u64, rule: &Rule, tree: &mut Tree) -> Result<u64, Left> {
        let sheet = self.entry(sheet, tree)?;
        Ok(match rule {
            Rule::Insert(rule, index) => {
                tree.take(RULE_BYTES + rule.len())?;
                let at = usize::try_from(*index).unwrap_or(usize::MAX).min(sheet.rules.len());
                sheet.rules.insert(at, rule.to_string());
                at as u64
            }
            Rule::Delete(index) => {
                let at = usize::try_from(*index).unwrap_or(usize::MAX);
                if at >= sheet.rules.len() {
                    return Err(Left::Unknown);
                }
                let rule = sheet.rules.remove(at);
                tree.give_back(RULE_BYTES + rule.len());
                at as u64
            }
            Rule::Replace(text) => {
                tree.take(RULE_BYTES + text.len())?;
                tree.give_back(sheet.rules.iter().map(|rule| RULE_BYTES + rule.len()).sum());
                sheet.rules = vec![text.to_string()];
                0
            }
        })
    }

    fn entry(&mut self, sheet: u64, tree: &mut Tree) -> Result<&mut Sheet, Left> {
        if !self.by_number.contains_key(&sheet) {
            tree.take(SHEET_BYTES)?;
        }
        let since_ms = self.now_ms;
        Ok(self.by_number.entry(sheet).or_insert_with(|| Sheet { since_ms, ..Sheet::default() }))
    }
}
