//! Style sheets that scripts made (`adoptedStyleSheets`, and style elements filled by script), and who uses them.
//!
//! A tracker may tell of a sheet before its owner is there: it is held back until then.

use std::collections::BTreeMap;

use cssparser::{ParseError, Parser, Token};

use crate::export::said::{NodeId, Rule};

use super::tree::{Left, Tree};

/// What a rule costs besides its text.
const RULE_BYTES: usize = size_of::<String>();
/// What a sheet costs besides its rules.
const SHEET_BYTES: usize = size_of::<Sheet>() + 64;

/// A sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its rules, in order.
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
        let of = |sheet: &Sheet| SHEET_BYTES + size_of_val(&sheet.owners[..]) + bytes_of(&sheet.rules);
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
                let rules = rules_of(text);
                tree.take(bytes_of(&rules))?;
                tree.give_back(bytes_of(&sheet.rules));
                sheet.rules = rules;
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

fn bytes_of(rules: &[String]) -> usize {
    rules.iter().map(|rule| RULE_BYTES + rule.len()).sum()
}

/// The rules of a sheet that was told as a whole: players put them in one by one, and later changes name them by their number.
fn rules_of(text: &str) -> Vec<String> {
    let mut parser = Parser::new(text);
    let mut rules = Vec::new();
    loop {
        parser.skip_whitespace();
        let start = parser.position();
        let Ok(first) = parser.next().cloned() else { return rules };
        let at_rule = matches!(&first, Token::AtKeyword(_));
        // Browsers have no number for imports in a sheet that a script made.
        let is_dropped = matches!(&first, Token::AtKeyword(name) if ["import", "charset"].iter().any(|other| name.eq_ignore_ascii_case(other)));
        let mut is_whole = at_rule;
        let mut token = Some(first);
        while let Some(now) = token {
            match now {
                Token::CurlyBracketBlock => {
                    // The closure never fails.
                    let _ = parser.parse_nested_block(|block| -> Result<(), ParseError<()>> {
                        while block.next().is_ok() {}
                        Ok(())
                    });
                    is_whole = true;
                    break;
                }
                Token::Semicolon if at_rule => break,
                _ => token = parser.next().cloned().ok(),
            }
        }
        if is_whole && !is_dropped {
            rules.push(parser.slice_from(start).trim_end().to_owned());
        }
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
        let rules = |sheets: &Sheets| sheets.get(1).unwrap().rules.clone();
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
            assert_eq!(sheets.get(1).unwrap().rules, Vec::<String>::new(), "{text}");
        }
        // Many small rules cost more than the text that they come in.
        let mut tree = Tree::new(Room::of(1 << 20));
        let many = Rule::Replace("a{}".repeat(100_000));
        assert_eq!(Sheets::default().change(1, &many, &mut tree), Err(Left::Full));
    }
}
