use std::collections::BTreeMap;

use proptest::prelude::*;

use super::player::Player;
use super::*;
use crate::export::page::changes::Page;
use crate::export::said::{Rule, Said, Word};

const ROOM: usize = 4 << 20;

/// What a player has that takes the whole page as it is.
fn whole(page: &Page) -> Player {
    let mut player = Player::default();
    Recorder::new(Assets::WITHHELD).snapshot(page, &Pictures::new(), 0, &mut |event| player.play(&event));
    player
}

/// The rules that each document and shadow root uses, whatever the sheets' numbers are.
fn adopted(player: &Player) -> BTreeMap<u64, Vec<Vec<String>>> {
    let rules = |sheets: &Vec<u64>| sheets.iter().map(|sheet| player.sheets[sheet].clone()).collect::<Vec<_>>();
    let all = player.adopted.iter().map(|(owner, sheets)| (*owner, rules(sheets)));
    all.filter(|(_, sheets)| !sheets.is_empty()).collect()
}

fn element(node: u64, parent: u64, index: u64, tag: &str) -> Said {
    Said::Element { node, parent, index, tag: tag.to_owned(), svg: false }
}

fn attribute(node: u64, name: &str, value: &str) -> Said {
    let (name, value) = (Word::Plain(name.to_owned()), Word::Plain(value.to_owned()));
    Said::Attribute { node, name, value, base: None }
}

/// Any change of a small page: nodes 0 to 11, of which some are frames and hosts of shadow roots, roots 20 to 25, sheets 1 to 3.
fn change() -> impl Strategy<Value = Said> {
    let node = || 0..12_u64;
    let inside = || prop_oneof![4 => 0..12_u64, 1 => 20..26_u64];
    let tag = prop::sample::select(vec!["div", "p", "iframe", "style", "link", "script", "canvas", "select", "option"]);
    prop_oneof![
        4 => (node(), inside(), 0..4_u64, tag).prop_map(|(node, parent, index, tag)| element(node, parent, index, tag)),
        2 => (node(), inside(), 0..4_u64).prop_map(|(node, parent, index)| Said::Text { node, parent, index }),
        3 => (inside(), inside(), 0..4_u64).prop_map(|(node, parent, index)| Said::Move { node, parent, index }),
        2 => inside().prop_map(Said::Remove),
        2 => (node(), 20..26_u64).prop_map(|(host, root)| Said::Root { host, root }),
        2 => (node(), prop::sample::select(vec!["class", "src", "style", "onclick"])).prop_map(|(node, name)| attribute(node, name, "x")),
        1 => (node(), prop::sample::select(vec!["class", "src"])).prop_map(|(node, name)| Said::NoAttribute(node, name.to_owned())),
        2 => (node(), "[a-z]{0,3}").prop_map(|(node, text)| Said::Data(node, text)),
        1 => (node(), "[a-z]{1,3}").prop_map(|(node, text)| Said::Css(node, format!("{text}{{color:red}}"), None)),
        2 => (1..4_u64, inside()).prop_map(|(sheet, owner)| Said::SheetOwner { sheet, owner }),
        1 => (1..4_u64, inside()).prop_map(|(sheet, owner)| Said::NoSheetOwner { sheet, owner }),
        2 => (1..4_u64, "[a-z]", 0..4_u64).prop_map(|(sheet, name, at)| Said::SheetRule(sheet, Rule::Insert(format!("{name}{{}}"), at), None)),
        1 => (1..4_u64, 0..4_u64).prop_map(|(sheet, at)| Said::SheetRule(sheet, Rule::Delete(at), None)),
        1 => (1..4_u64).prop_map(|sheet| Said::SheetRule(sheet, Rule::Replace("c{}".to_owned()), None)),
        1 => (node(), 0..9_i64).prop_map(|(node, y)| Said::Scroll(node, 0, y)),
        1 => (node(), "[a-z]{0,3}").prop_map(|(node, text)| Said::Value(node, text, 0)),
        1 => (node(), node()).prop_map(|(node, slot)| Said::Slot { node, slot }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_player_that_is_told_of_changes_shows_what_one_shows_that_is_given_the_whole_page(
        moments in prop::collection::vec(prop::collection::vec(change(), 1..12), 1..8)
    ) {
        let mut page = Page::new(ROOM);
        let mut player = Player::default();
        let mut recorder = Recorder::new(Assets::WITHHELD);
        recorder.snapshot(&page, &Pictures::new(), 0, &mut |event| player.play(&event));
        for (at, changes) in moments.iter().enumerate() {
            for change in changes {
                let _ = page.apply(change, &mut recorder);
            }
            recorder.flush(&page, &Pictures::new(), at as i64, &mut |event| player.play(&event));
            let whole = whole(&page);
            prop_assert_eq!(player.seen(ids::DOCUMENT), whole.seen(ids::DOCUMENT));
            prop_assert_eq!(adopted(&player), adopted(&whole));
        }
    }
}

#[test]
fn a_style_elements_rules_are_told_to_who_comes_later_in_the_same_order() {
    let mut page = Page::new(ROOM);
    let mut recorder = Recorder::new(Assets::WITHHELD);
    let mut player = Player::default();
    recorder.snapshot(&page, &Pictures::new(), 0, &mut |event| player.play(&event));
    let rule = |text: &str, at| Said::CssRule(1, Rule::Insert(text.to_owned(), at), None);
    for said in [element(1, 0, 0, "style"), Said::Css(1, "a{}\nb{}".to_owned(), None)] {
        page.apply(&said, &mut recorder).unwrap();
    }
    recorder.flush(&page, &Pictures::new(), 1, &mut |event| player.play(&event));
    for said in [rule("c{}", 1), rule("d{}", 0), Said::CssRule(1, Rule::Delete(1), None)] {
        page.apply(&said, &mut recorder).unwrap();
    }
    recorder.flush(&page, &Pictures::new(), 2, &mut |event| player.play(&event));
    assert_eq!(player.seen(ids::css(1))["textContent"], "d{}\nc{}\nb{}");
    assert_eq!(whole(&page).seen(ids::css(1))["textContent"], "d{}\nc{}\nb{}");
}
