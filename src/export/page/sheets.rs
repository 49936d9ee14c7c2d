//! Style sheets that scripts made (`adoptedStyleSheets`, and style elements filled by script), and who uses them.
//!
//! A tracker may tell of a sheet before its owner is there: it is held back until then.

use std::collections::{BTreeMap, BTreeSet};

use crate::export::clean;
use crate::export::said::{NodeId, Rule};

use super::list::List;
use super::tree::{Left, Tree};

/// What a rule costs besides its text.
const RULE_BYTES: usize = size_of::<String>();
/// What a sheet costs besides its rules.
const SHEET_BYTES: usize = size_of::<Sheet>() + 64;
/// What an owner costs: its place with the sheet, and the sheet's with it.
const OWNER_BYTES: usize = 96;

/// A sheet.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Its rules, in order.
    pub rules: List<String>,
    /// The documents, shadow roots and style elements that use it.
    owners: BTreeSet<NodeId>,
    /// When it was first told of.
    since_ms: i64,
    /// What its rules take of the budget.
    rules_bytes: usize,
}

/// The sheets of a page, by the tracker's numbers.
#[derive(Debug, Clone, Default)]
pub struct Sheets {
    by_number: BTreeMap<u64, Sheet>,
    /// The sheets that an owner uses.
    by_owner: BTreeMap<NodeId, BTreeSet<u64>>,
    /// What all of them take of the budget.
    bytes: usize,
    /// Client time of what is told, in Unix ms.
    pub now_ms: i64,
    /// When the document began.
    began_ms: Option<i64>,
}

impl Sheet {
    /// What its rules take of the budget.
    pub fn rules_bytes(&self) -> usize {
        self.rules_bytes
    }
}

impl Sheets {
    /// A sheet.
    pub fn get(&self, sheet: u64) -> Option<&Sheet> {
        self.by_number.get(&sheet)
    }

    /// Whether anybody uses any.
    pub fn are_used(&self) -> bool {
        !self.by_owner.is_empty()
    }

    /// Another document begins in the page. Trackers up to 15 tell of its sheets just ahead of it: those stay.
    pub fn begin_document(&mut self) {
        let now_ms = self.now_ms;
        // Those that stayed when one began at this moment are of this moment.
        if self.began_ms.replace(now_ms) == Some(now_ms) {
            return;
        }
        self.by_number.retain(|_, sheet| sheet.since_ms == now_ms);
        self.by_owner.clear();
        self.bytes = 0;
        for (number, sheet) in &self.by_number {
            self.bytes += SHEET_BYTES + OWNER_BYTES * sheet.owners.len() + sheet.rules_bytes;
            for owner in &sheet.owners {
                self.by_owner.entry(*owner).or_default().insert(*number);
            }
        }
    }

    /// What all of them take of the budget.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The sheets that `owner` uses, by number.
    pub fn of(&self, owner: NodeId) -> impl Iterator<Item = (u64, &Sheet)> {
        let numbers = self.by_owner.get(&owner).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.by_number.get(number)?)))
    }

    /// Whether `owner` uses any.
    pub fn has_owner(&self, owner: NodeId) -> bool {
        self.by_owner.contains_key(&owner)
    }

    /// `owner` uses the sheet from here on. Charged to the budget of `tree`.
    pub fn add_owner(&mut self, sheet: u64, owner: NodeId, tree: &mut Tree) -> Result<(), Left> {
        if self.by_number.get(&sheet).is_some_and(|sheet| sheet.owners.contains(&owner)) {
            return Ok(());
        }
        self.entry(sheet, tree)?;
        tree.take(OWNER_BYTES)?;
        self.bytes += OWNER_BYTES;
        self.by_owner.entry(owner).or_default().insert(sheet);
        self.by_number.entry(sheet).or_default().owners.insert(owner);
        Ok(())
    }

    /// `owner` does not use it any more.
    pub fn remove_owner(&mut self, sheet: u64, owner: NodeId, tree: &mut Tree) {
        if !self.by_number.get_mut(&sheet).is_some_and(|sheet| sheet.owners.remove(&owner)) {
            return;
        }
        tree.give_back(OWNER_BYTES);
        self.bytes -= OWNER_BYTES;
        if let Some(sheets) = self.by_owner.get_mut(&owner) {
            sheets.remove(&sheet);
            if sheets.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }

    /// Changes the rules. Charged to the budget of `tree`. Returns the number that an inserted rule got.
    pub fn change(&mut self, sheet: u64, rule: &Rule, tree: &mut Tree) -> Result<u64, Left> {
        let sheet = self.entry(sheet, tree)?;
        let before = sheet.rules_bytes;
        let at = match rule {
            Rule::Insert(rule, index) => {
                tree.take(RULE_BYTES + rule.len())?;
                let at = usize::try_from(*index).unwrap_or(usize::MAX).min(sheet.rules.len());
                sheet.rules.insert(at, rule.to_string());
                sheet.rules_bytes += RULE_BYTES + rule.len();
                at as u64
            }
            Rule::Delete(index) => {
                let at = usize::try_from(*index).unwrap_or(usize::MAX);
                let rule = sheet.rules.remove(at).ok_or(Left::Unknown)?;
                tree.give_back(RULE_BYTES + rule.len());
                sheet.rules_bytes -= RULE_BYTES + rule.len();
                at as u64
            }
            Rule::Replace(text) => {
                // Players put them in one by one, and later changes name them by their number.
                let rules = clean::rules(text);
                let bytes = rules.iter().map(|rule| RULE_BYTES + rule.len()).sum();
                tree.take(bytes)?;
                tree.give_back(before);
                sheet.rules = List::default();
                for (at, rule) in rules.into_iter().enumerate() {
                    sheet.rules.insert(at, rule);
                }
                sheet.rules_bytes = bytes;
                0
            }
        };
        let after = sheet.rules_bytes;
        self.bytes = self.bytes + after - before;
        Ok(at)
    }

    fn entry(&mut self, sheet: u64, tree: &mut Tree) -> Result<&mut Sheet, Left> {
        if !self.by_number.contains_key(&sheet) {
            tree.take(SHEET_BYTES)?;
            self.bytes += SHEET_BYTES;
        }
        let since_ms = self.now_ms;
        Ok(self.by_number.entry(sheet).or_insert_with(|| Sheet { since_ms, ..Sheet::default() }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::export::page::room::Room;

    #[test]
    fn a_sheet_that_was_replaced_as_a_whole_counts_its_rules_as_browsers_do() {
        let (mut sheets, mut tree) = (Sheets::default(), Tree::new(Room::of(1 << 20)));
        let text = "@import url(x); /* a } */ a[title='}'] { color: red } @media (width > 1px) { b { top: 0 } i { top: 1px } }\n\
                    @layer one, two; p::before { content: '{' }";
        sheets.change(1, &Rule::Replace(text.to_owned()), &mut tree).unwrap();
        let rules = |sheets: &Sheets| sheets.get(1).unwrap().rules.iter().cloned().collect::<Vec<_>>();
        let told = [
            "a[title='}'] { color: red }",
            "@media (width > 1px) { b { top: 0 } i { top: 1px } }",
            "@layer one, two;",
            "p::before { content: '{' }",
        ];
        assert_eq!(rules(&sheets), told);
        assert_eq!(sheets.change(1, &Rule::Insert("u {}".to_owned(), 2), &mut tree), Ok(2));
        assert_eq!(sheets.change(1, &Rule::Delete(0), &mut tree), Ok(0));
        assert_eq!(rules(&sheets), [told[1], "u {}", told[2], told[3]]);
    }

    #[test]
    fn no_text_of_a_sheet_is_read_for_ever_and_none_takes_more_than_it_is_charged() {
        for text in
            ["", "{", "}", "}}{{", "@", "@x", "@x;", ";;", "a", "a{", "a{b{", "\\", "/*", "a{}}b{}", "<!-- a{} -->"]
        {
            let mut tree = Tree::new(Room::of(1 << 20));
            let mut sheets = Sheets::default();
            sheets.change(1, &Rule::Replace(text.to_owned()), &mut tree).unwrap();
            sheets.change(1, &Rule::Replace(String::new()), &mut tree).unwrap();
            assert!(sheets.get(1).unwrap().rules.is_empty(), "{text}");
        }
        // Many small rules cost more than the text that they come in.
        let mut tree = Tree::new(Room::of(1 << 20));
        let many = Rule::Replace("a{}".repeat(100_000));
        assert_eq!(Sheets::default().change(1, &many, &mut tree), Err(Left::Full));
    }
}
