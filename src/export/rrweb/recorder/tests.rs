use proptest::prelude::*;

use super::player::Player;
use super::*;
use crate::export::page::changes::Page;
use crate::export::page::room::Room;
use crate::export::said::{Rule, Said, Word};

const ROOM: usize = 4 << 20;

fn playing(player: &mut Player) -> impl FnMut(Event) -> Flow {
    |event| {
        player.play(&event);
        Flow::Continue(())
    }
}

/// What a player has that takes the whole page as it is.
fn whole(page: &Page) -> Player {
    let mut player = Player::default();
    let _ = Recorder::new(Assets::WITHHELD).snapshot(page, &Pictures::new(), 0, &mut playing(&mut player));
    player
}

fn element(node: u64, parent: u64, index: u64, tag: &str) -> Said {
    Said::Element { node, parent, index, tag: tag.to_owned(), svg: false }
}

fn attribute(node: u64, name: &str, value: &str) -> Said {
    let (name, value) = (Word::Plain(name.to_owned()), Word::Plain(value.to_owned()));
    Said::Attribute { node, name, value, base: None }
}

const TAGS: [&str; 9] = ["div", "iframe", "style", "p", "link", "script", "canvas", "select", "option"];

/// Any change of a small page: so many nodes, of which some are frames and hosts of shadow roots, roots from 20 on, sheets 1 to 3.
fn change(nodes: u64, roots: u64, tags: usize) -> impl Strategy<Value = Said> {
    let node = move || 0..nodes;
    let inside = move || prop_oneof![4 => 0..nodes, 1 => 20..20 + roots];
    let tag = prop::sample::select(&TAGS[..tags]);
    prop_oneof![
        4 => (node(), inside(), 0..4_u64, tag).prop_map(|(node, parent, index, tag)| element(node, parent, index, tag)),
        2 => (node(), inside(), 0..4_u64).prop_map(|(node, parent, index)| Said::Text { node, parent, index }),
        3 => (inside(), inside(), 0..4_u64).prop_map(|(node, parent, index)| Said::Move { node, parent, index }),
        2 => inside().prop_map(Said::Remove),
        2 => (node(), 20..20 + roots).prop_map(|(host, root)| Said::Root { host, root }),
        2 => (node(), prop::sample::select(vec!["class", "src", "style", "onclick"])).prop_map(|(node, name)| attribute(node, name, "x")),
        1 => (node(), prop::sample::select(vec!["class", "src"])).prop_map(|(node, name)| Said::NoAttribute(node, name.to_owned())),
        2 => (node(), "[a-z]{0,3}").prop_map(|(node, text)| Said::Data(node, text)),
        1 => (node(), "[a-z]{1,3}").prop_map(|(node, text)| Said::Css(node, format!("{text}{{color:red}}"), None)),
        2 => (1..4_u64, inside()).prop_map(|(sheet, owner)| Said::SheetOwner { sheet, owner }),
        1 => (1..4_u64, inside()).prop_map(|(sheet, owner)| Said::NoSheetOwner { sheet, owner }),
        2 => (1..4_u64, "[a-z]", 0..4_u64).prop_map(|(sheet, name, at)| Said::SheetRule(sheet, Rule::Insert(format!("{name}{{}}"), at), None)),
        1 => (1..4_u64, 0..4_u64).prop_map(|(sheet, at)| Said::SheetRule(sheet, Rule::Delete(at), None)),
        1 => (1..4_u64).prop_map(|sheet| Said::SheetRule(sheet, Rule::Replace("c{}".to_owned()), None)),
        2 => (node(), "[a-z]", 0..4_u64).prop_map(|(node, name, at)| Said::CssRule(node, Rule::Insert(format!("{name}{{}}"), at), None)),
        1 => (node(), 0..4_u64).prop_map(|(node, at)| Said::CssRule(node, Rule::Delete(at), None)),
        1 => node().prop_map(|node| Said::CssRule(node, Rule::Replace(String::new()), None)),
        1 => (node(), 0..9_i64).prop_map(|(node, y)| Said::Scroll(node, 0, y)),
        1 => (node(), "[a-z]{0,3}").prop_map(|(node, text)| Said::Value(node, text, 0)),
        1 => (node(), node()).prop_map(|(node, slot)| Said::Slot { node, slot }),
    ]
}

/// Some moments of a page: on few nodes most changes hit what others have changed.
fn moments() -> impl Strategy<Value = Vec<Vec<Said>>> {
    let few = prop::collection::vec(prop::collection::vec(change(4, 2, 3), 1..12), 1..8);
    prop_oneof![prop::collection::vec(prop::collection::vec(change(12, 6, TAGS.len()), 1..12), 1..8), few]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("TAKEUP_ATTACKS").map_or(500, |cases| cases.parse().unwrap())))]

    #[test]
    fn a_player_that_is_told_of_changes_shows_what_one_shows_that_is_given_the_whole_page(
        moments in moments()
    ) {
        let mut page = Page::new(Room::of(ROOM));
        let mut player = Player::default();
        let mut recorder = Recorder::new(Assets::WITHHELD);
        let _ = recorder.snapshot(&page, &Pictures::new(), 0, &mut playing(&mut player));
        for (at, changes) in moments.iter().enumerate() {
            for change in changes {
                let _ = page.apply(change, &mut recorder);
            }
            let _ = recorder.flush(&page, &Pictures::new(), at as i64, &mut playing(&mut player));
            let whole = whole(&page);
            prop_assert_eq!(player.seen(ids::DOCUMENT), whole.seen(ids::DOCUMENT));
            prop_assert_eq!(player.adopted_rules(), whole.adopted_rules());
        }
    }
}

#[test]
fn a_style_elements_rules_are_told_to_who_comes_later_in_the_same_order() {
    let mut page = Page::new(Room::of(ROOM));
    let mut recorder = Recorder::new(Assets::WITHHELD);
    let mut player = Player::default();
    let _ = recorder.snapshot(&page, &Pictures::new(), 0, &mut playing(&mut player));
    let rule = |text: &str, at| Said::CssRule(1, Rule::Insert(text.to_owned(), at), None);
    for said in [element(1, 0, 0, "style"), Said::Css(1, "a{}\nb{}".to_owned(), None)] {
        page.apply(&said, &mut recorder).unwrap();
    }
    let _ = recorder.flush(&page, &Pictures::new(), 1, &mut playing(&mut player));
    for said in [rule("c{}", 1), rule("d{}", 0), Said::CssRule(1, Rule::Delete(1), None)] {
        page.apply(&said, &mut recorder).unwrap();
    }
    let _ = recorder.flush(&page, &Pictures::new(), 2, &mut playing(&mut player));
    let rules = serde_json::json!(["d{}", "c{}", "b{}"]);
    assert_eq!(player.seen(ids::node(1))["sheet"], rules);
    assert_eq!(whole(&page).seen(ids::node(1))["sheet"], rules);
}

/// What the rules of a style element, 1, are after these, for a player that was told of each moment.
fn rules_after(moments: impl IntoIterator<Item = Vec<Said>>) -> serde_json::Value {
    let (mut page, mut recorder) = (page_of([]), Recorder::new(Assets::WITHHELD));
    let mut player = Player::default();
    let _ = recorder.snapshot(&page, &Pictures::new(), 0, &mut playing(&mut player));
    for said in moments {
        said.iter().for_each(|said| page.apply(said, &mut recorder).unwrap());
        let _ = recorder.flush(&page, &Pictures::new(), 1, &mut playing(&mut player));
        assert_eq!(player.seen(ids::DOCUMENT), whole(&page).seen(ids::DOCUMENT), "who comes now sees the same");
    }
    player.seen(ids::node(1))["sheet"].clone()
}

#[test]
fn rules_that_were_put_in_are_gone_when_a_style_element_has_another_text() {
    let text = |node, text: &str| [Said::Text { node, parent: 1, index: 9 }, Said::Data(node, text.to_owned())];
    let rule = || Said::CssRule(1, Rule::Insert("c{}".to_owned(), 0), None);
    let begin = || {
        let page = [vec![element(1, 0, 0, "style")], text(2, "a{}").to_vec(), text(3, "b{}").to_vec()].concat();
        vec![page, vec![rule()]]
    };
    assert_eq!(rules_after(begin()), serde_json::json!(["c{}", "a{}", "b{}"]));
    for (change, rules) in [
        (vec![Said::Data(2, "x{}".to_owned())], vec!["x{}", "b{}"]),
        (vec![Said::Remove(2)], vec!["b{}"]),
        (vec![Said::Move { node: 2, parent: 0, index: 0 }], vec!["b{}"]),
        (vec![Said::Move { node: 2, parent: 1, index: 9 }], vec!["b{}", "a{}"]),
        (text(4, "x{}").to_vec(), vec!["a{}", "b{}", "x{}"]),
        (vec![element(4, 1, 0, "p"), rule()], vec!["c{}", "a{}", "b{}"]),
        (vec![rule(), Said::Data(2, "x{}".to_owned())], vec!["x{}", "b{}"]),
    ] {
        let what = format!("{change:?}");
        assert_eq!(rules_after([begin(), vec![change]].concat()), serde_json::json!(rules), "{what}");
    }
}

#[test]
fn nothing_but_texts_is_shown_in_a_style_element_so_that_nothing_else_undoes_its_rules() {
    let begin = [element(1, 0, 0, "style"), element(2, 1, 0, "style"), Said::SheetOwner { sheet: 7, owner: 2 }];
    let rule = Said::CssRule(1, Rule::Insert("a{}".to_owned(), 0), None);
    // The inner one is put in anew, where it is shown.
    let inner = Said::SheetRule(7, Rule::Replace("b{}".to_owned()), None);
    let text = [Said::Text { node: 3, parent: 1, index: 0 }, Said::Text { node: 4, parent: 1, index: 9 }];
    let moments = [begin.to_vec(), vec![rule.clone()], vec![inner], text.to_vec(), vec![rule]];
    assert_eq!(rules_after(moments), serde_json::json!(["a{}"]));
}

#[test]
fn what_changed_in_a_frame_that_is_put_in_again_at_the_same_moment_is_told_once() {
    let begin = [element(2, 0, 0, "iframe"), Said::Root { host: 2, root: 20 }, element(1, 20, 0, "style")];
    let rule = Said::CssRule(1, Rule::Insert("a{}".to_owned(), 0), None);
    let moments = [begin.to_vec(), vec![rule, Said::Move { node: 2, parent: 0, index: 0 }]];
    assert_eq!(rules_after(moments), serde_json::json!(["a{}"]));
}

#[test]
fn the_rules_of_an_elements_sheet_are_replaced_with_the_element() {
    let sheet = |rule| Said::SheetRule(7, rule, None);
    let begin =
        [element(1, 0, 0, "style"), Said::SheetOwner { sheet: 7, owner: 1 }, sheet(Rule::Insert("a{}".to_owned(), 0))];
    let replace = [sheet(Rule::Replace("b{} c{}".to_owned())), sheet(Rule::Insert("d{}".to_owned(), 1))];
    assert_eq!(rules_after([begin.to_vec(), replace.to_vec()]), serde_json::json!(["b{}", "d{}", "c{}"]));
}

#[test]
fn the_rules_of_an_elements_sheet_stay_ahead_of_those_that_were_told_of_the_element() {
    let sheet = |rule: &str| Said::SheetRule(7, Rule::Insert(rule.to_owned(), 0), None);
    let begin = [element(1, 0, 0, "style"), Said::SheetOwner { sheet: 7, owner: 1 }, sheet("a{}")];
    let own = Said::CssRule(1, Rule::Insert("b{}".to_owned(), 1), None);
    let moments = [begin.to_vec(), vec![own], vec![sheet("c{}")]];
    assert_eq!(rules_after(moments), serde_json::json!(["c{}", "b{}", "a{}"]));
}

#[test]
fn what_has_become_a_shadow_root_since_it_was_put_in_is_no_node_of_the_player() {
    let begin = [element(1, 0, 0, "div"), Said::Text { node: 2, parent: 0, index: 0 }];
    let (mut page, mut recorder) = (page_of([]), Recorder::new(Assets::WITHHELD));
    let mut player = Player::default();
    let _ = recorder.snapshot(&page, &Pictures::new(), 0, &mut playing(&mut player));
    let again = element(2, 99, 0, "p");
    for said in begin.iter().chain([&again, &Said::Root { host: 1, root: 2 }]) {
        assert_eq!(page.apply(said, &mut recorder).is_ok(), *said != again);
    }
    let _ = recorder.flush(&page, &Pictures::new(), 1, &mut playing(&mut player));
    // The player is not told to take out what it does not have.
    page.apply(&Said::Root { host: 1, root: 3 }, &mut recorder).unwrap();
    let _ = recorder.flush(&page, &Pictures::new(), 2, &mut playing(&mut player));
    assert_eq!(player.seen(ids::DOCUMENT), whole(&page).seen(ids::DOCUMENT));
}

#[test]
fn a_rule_that_may_not_be_shown_leaves_the_others_their_numbers() {
    let insert = |rule: &str, at| Rule::Insert(rule.to_owned(), at);
    let rules =
        || [insert("@import url(x);", 0), insert("a{}", 1), insert("}", 1), insert("b{} c{}", 1), insert("d{}", 3)];
    let none = "@media not all{}";
    let wanted = serde_json::json!([none, none, none, "d{}", "a{}"]);
    let of_sheet = [vec![element(1, 0, 0, "style"), Said::SheetOwner { sheet: 7, owner: 1 }]]
        .into_iter()
        .chain(rules().map(|rule| vec![Said::SheetRule(7, rule, None)]));
    assert_eq!(rules_after(of_sheet), wanted);
    let own =
        [vec![element(1, 0, 0, "style")]].into_iter().chain(rules().map(|rule| vec![Said::CssRule(1, rule, None)]));
    assert_eq!(rules_after(own), wanted);
}

/// The attributes that a snapshot gives a node.
fn attributes_of(page: &Page, wanted: u64) -> serde_json::Value {
    fn find(node: &crate::export::rrweb::event::Node, id: u64) -> Option<&crate::export::rrweb::event::Node> {
        if node.id == id {
            return Some(node);
        }
        node.child_nodes.iter().flatten().find_map(|child| find(child, id))
    }
    let mut found = None;
    let _ = Recorder::new(Assets::WITHHELD).snapshot(page, &Pictures::new(), 0, &mut |event| {
        if let Data::Full { node, .. } = &event.data {
            found = find(node, ids::node(wanted)).map(|node| serde_json::to_value(&node.attributes).unwrap());
        }
        Flow::Continue(())
    });
    found.unwrap()
}

fn page_of(told: impl IntoIterator<Item = Said>) -> Page {
    let mut page = Page::new(Room::of(ROOM));
    for said in told {
        page.apply(&said, &mut crate::export::page::changes::Nobody).unwrap();
    }
    page
}

#[test]
fn a_box_that_is_not_checked_has_no_such_attribute_whatever_the_page_began_with() {
    let told = |checked| [element(1, 0, 0, "input"), attribute(1, "checked", ""), Said::Checked(1, checked)];
    assert_eq!(attributes_of(&page_of(told(false)), 1), serde_json::json!({}));
    assert_eq!(attributes_of(&page_of(told(true)), 1), serde_json::json!({ "checked": true }));
}

#[test]
fn a_list_shows_the_option_that_was_chosen_by_its_value_or_by_its_text() {
    let mut told = vec![element(1, 0, 0, "select")];
    for (number, text) in ["apples", " pears\n and plums "].into_iter().enumerate() {
        let number = number as u64;
        told.extend([
            element(2 + number, 1, number, "option"),
            Said::Text { node: 4 + number, parent: 2 + number, index: 0 },
        ]);
        told.push(Said::Data(4 + number, text.to_owned()));
    }
    told.push(attribute(2, "selected", ""));
    let untold = page_of(told.clone());
    assert_eq!(attributes_of(&untold, 2), serde_json::json!({ "selected": "" }));
    told.push(Said::Value(1, "pears and plums".to_owned(), 0));
    let chosen = page_of(told.clone());
    assert_eq!(attributes_of(&chosen, 2), serde_json::json!({}));
    assert_eq!(attributes_of(&chosen, 3), serde_json::json!({ "selected": true }));
    told.push(attribute(3, "value", "p"));
    assert_eq!(attributes_of(&page_of(told.clone()), 3), serde_json::json!({ "value": "p" }));
    told.push(attribute(1, "multiple", ""));
    assert_eq!(attributes_of(&page_of(told), 2), serde_json::json!({ "selected": "" }), "others may be chosen too");
}

#[test]
fn a_slot_keeps_its_name_where_browsers_put_the_node_into_it_anyway() {
    let mut told = vec![element(1, 0, 0, "div"), Said::Root { host: 1, root: 20 }];
    told.extend([element(2, 20, 0, "slot"), element(3, 20, 1, "slot"), element(4, 20, 2, "slot")]);
    told.extend([attribute(4, "name", "title"), Said::Text { node: 5, parent: 1, index: 0 }, element(6, 1, 1, "p")]);
    told.extend([element(7, 1, 2, "b"), attribute(7, "slot", "title"), element(8, 1, 3, "i")]);
    for (node, slot) in [(5, 2), (6, 2), (7, 4), (8, 3)] {
        told.push(Said::Slot { node, slot });
    }
    let page = page_of(told);
    let of = |node| attributes_of(&page, node);
    assert_eq!([of(2), of(6)], [serde_json::json!({}), serde_json::json!({})], "by default");
    assert_eq!([of(4), of(7)], [serde_json::json!({ "name": "title" }), serde_json::json!({ "slot": "title" })]);
    let named = [serde_json::json!({ "name": "takeup-slot-3" }), serde_json::json!({ "slot": "takeup-slot-3" })];
    assert_eq!([of(3), of(8)], named, "by script");
}

#[test]
fn a_snapshot_after_a_sheet_was_replaced_has_its_rules_one_by_one() {
    let told = [
        Said::SheetOwner { sheet: 1, owner: 0 },
        Said::SheetRule(1, Rule::Replace("a{}\nb{} c{}".to_owned()), None),
        Said::SheetRule(1, Rule::Insert("d{}".to_owned(), 2), None),
    ];
    let player = whole(&page_of(told));
    assert_eq!(player.adopted_rules()[&ids::DOCUMENT], [["a{}", "b{}", "d{}", "c{}"]]);
}

#[test]
fn a_snapshot_tells_how_far_frames_are_scrolled_and_sheets_before_any_change() {
    let page = page_of([
        element(1, 0, 0, "iframe"),
        Said::Root { host: 1, root: 20 },
        Said::Scroll(20, 3, 60),
        Said::SheetOwner { sheet: 1, owner: 0 },
        Said::SheetOwner { sheet: 2, owner: 20 },
    ]);
    let mut events = Vec::new();
    let _ = Recorder::new(Assets::WITHHELD).snapshot(&page, &Pictures::new(), 0, &mut |event| {
        events.push(event.data);
        Flow::Continue(())
    });
    let changes: Vec<&Change> =
        events.iter().filter_map(|data| if let Data::Change(change) = data { Some(change) } else { None }).collect();
    let frame = ids::node(20);
    let [Change::Adopted { id: ids::DOCUMENT, .. }, Change::Mutation(_), scroll, Change::Adopted { id, .. }] =
        changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(*scroll, Change::Scroll { source: 3, id: frame, x: 3, y: 60 });
    assert_eq!(*id, frame);
}

#[test]
fn a_sheet_of_many_elements_is_written_as_often_as_the_page_has_room() {
    let rule = Said::SheetRule(1, Rule::Insert(format!("a{{--b:{}}}", "c".repeat(ROOM / 10)), 0), None);
    let styles = (1..=100).map(|node| element(node, 0, 0, "style"));
    let owners = (1..=100).map(|owner| Said::SheetOwner { sheet: 1, owner });
    let page = page_of(styles.chain(owners).chain([rule]));
    let mut bytes = 0;
    let _ = Recorder::new(Assets::WITHHELD).snapshot(&page, &Pictures::new(), 0, &mut |event| {
        bytes += serde_json::to_vec(&event).unwrap().len();
        Flow::Continue(())
    });
    assert!((ROOM / 2..2 * ROOM).contains(&bytes), "{bytes} of {ROOM}");
}

#[test]
fn of_a_style_element_no_more_than_some_hundred_nodes_are_passed_over_for_each_text() {
    let hidden = (2..STYLE_SEARCH_MAX as u64 + 10).map(|node| element(node, 1, 0, "p"));
    let (mut page, mut recorder) = shown([element(1, 0, 0, "style")].into_iter().chain(hidden));
    for (node, index, next) in
        [(5_000, u64::MAX, None), (5_001, 0, None), (5_002, STYLE_SEARCH_MAX as u64, Some(5_000))]
    {
        page.apply(&Said::Text { node, parent: 1, index }, &mut recorder).unwrap();
        let changes = flushed(&page, &mut recorder);
        let [Change::Mutation(mutation)] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(mutation.adds[0].next_id, next.map(ids::node), "{node}");
    }
}

/// A page that a player has, and its recorder.
fn shown(told: impl IntoIterator<Item = Said>) -> (Page, Recorder) {
    let (page, mut recorder) = (page_of(told), Recorder::new(Assets::WITHHELD));
    let _ = recorder.snapshot(&page, &Pictures::new(), 0, &mut |_| Flow::Continue(()));
    (page, recorder)
}

fn flushed(page: &Page, recorder: &mut Recorder) -> Vec<Change> {
    let mut changes = Vec::new();
    let _ = recorder.flush(page, &Pictures::new(), 1, &mut |event| {
        changes.extend(if let Data::Change(change) = event.data { Some(change) } else { None });
        Flow::Continue(())
    });
    changes
}

#[test]
fn of_a_field_that_changes_again_and_again_the_text_is_told_once_and_held_by_the_page_alone() {
    let (mut page, mut recorder) =
        shown([element(1, 0, 0, "input"), element(2, 0, 0, "p"), Said::Value(1, "x".repeat(100_000), 0)]);
    for number in 0..1_000 {
        page.apply(&Said::Checked(1, number % 2 == 0), &mut recorder).unwrap();
        page.apply(&Said::Scroll(2, 0, number), &mut recorder).unwrap();
    }
    assert!(recorder.held() < 1_000, "{}", recorder.held());
    let [Change::Input { text, is_checked: false, .. }, Change::Scroll { y: 999, .. }] =
        &flushed(&page, &mut recorder)[..]
    else {
        panic!("the newest state, once");
    };
    assert_eq!(text.len(), 100_000);
    assert_eq!(recorder.held(), 0);
}

#[test]
fn a_rule_that_changes_in_many_frames_is_held_once() {
    let mut told = vec![Said::SheetOwner { sheet: 1, owner: 0 }];
    for frame in 1..=100 {
        told.extend([element(frame, 0, 0, "iframe"), Said::Root { host: frame, root: 1_000 + frame }]);
        told.push(Said::SheetOwner { sheet: 1, owner: 1_000 + frame });
    }
    let (mut page, mut recorder) = shown(told);
    let rule = format!("a{{content:'{}'}}", "x".repeat(10_000));
    page.apply(&Said::SheetRule(1, Rule::Insert(rule, 0), None), &mut recorder).unwrap();
    assert!((10_000..30_000).contains(&recorder.held()), "{}", recorder.held());
    assert_eq!(flushed(&page, &mut recorder).len(), 101);
    // Of a frame that left, the player is told no more.
    page.apply(&Said::Remove(1), &mut recorder).unwrap();
    page.apply(&Said::SheetRule(1, Rule::Delete(0), None), &mut recorder).unwrap();
    let rules = flushed(&page, &mut recorder).into_iter().filter(|change| matches!(change, Change::Rules(_)));
    assert_eq!(rules.count(), 100);
}

#[test]
fn siblings_that_come_at_one_moment_are_passed_over_once() {
    use crate::export::page::list::{PASSED, PIECE_MAX};
    const COUNT: u64 = 1_000;
    for index in [0, u64::MAX] {
        let (mut page, mut recorder) = shown([element(1, 0, 0, "p")]);
        for node in 0..COUNT {
            page.apply(&Said::Text { node: 10 + node, parent: 1, index }, &mut recorder).unwrap();
        }
        PASSED.set(0);
        let changes = flushed(&page, &mut recorder);
        // What comes ahead of others each time is looked for among the pieces of the list, not among its items.
        let each = if index == 0 { 3 * PIECE_MAX } else { 2 };
        assert!(PASSED.get() <= each * COUNT as usize, "{} steps", PASSED.get());
        let [Change::Mutation(mutation)] = &changes[..] else { panic!("one change") };
        assert_eq!(mutation.adds.len() as u64, COUNT);
    }
}

#[test]
fn only_those_whose_sheets_have_changed_are_asked_for_them() {
    let mut told = vec![element(1, 0, 0, "p")];
    told.extend((0..1_000).map(|owner| Said::SheetOwner { sheet: 1, owner }));
    let (mut page, mut recorder) = shown(told);
    page.apply(&Said::Text { node: 2_000, parent: 1, index: 0 }, &mut recorder).unwrap();
    assert!(recorder.styles.take_changed(&page, &[2_000]).is_empty());
    page.apply(&Said::SheetOwner { sheet: 2, owner: 0 }, &mut recorder).unwrap();
    assert!(recorder.styles.take_changed(&page, &[2_000]).into_iter().eq([0]));
}

#[test]
fn what_the_player_was_not_given_is_not_passed_over_when_its_parent_leaves() {
    let hidden = (10..1_010).map(|node| Said::Text { node, parent: 1, index: 0 });
    let (mut page, mut recorder) = shown([element(1, 0, 0, "template")].into_iter().chain(hidden));
    assert_eq!(recorder.known.len(), 2, "the root and the template");
    assert!(recorder.closed.contains(&1));
    crate::export::page::list::PASSED.set(0);
    for _ in 0..3 {
        page.apply(&Said::Move { node: 1, parent: 0, index: 0 }, &mut recorder).unwrap();
    }
    assert!(crate::export::page::list::PASSED.get() < 10);
    assert_eq!(recorder.removes.len(), 1, "it left once");
    assert_eq!(flushed(&page, &mut recorder).len(), 1);
    assert!(recorder.closed.contains(&1));
}

#[test]
fn a_word_of_the_dictionary_is_there_once_however_often_it_is_used() {
    use crate::export::said::Key;
    let word = |key| Word::Of(Key::Number(key));
    let mut told = vec![Said::Word(Key::Number(1), "title".to_owned()), Said::Word(Key::Number(2), "x".repeat(1_000))];
    for node in 1..3 {
        told.push(element(node, 0, 0, "p"));
        told.push(Said::Attribute { node, name: word(1), value: word(2), base: None });
    }
    let page = page_of(told);
    let value = |node| &page.tree.get(node).unwrap().element().unwrap().attributes["title"];
    assert!(std::sync::Arc::ptr_eq(value(1), value(2)));
}

#[test]
fn ends_of_animations_make_no_style_longer_and_longer() {
    let mut page = page_of([element(1, 0, 0, "p")]);
    let mut told = |style: String| page.apply(&Said::Animated(1, style), &mut crate::export::page::changes::Nobody);
    assert!((0..1_000).all(|number| told(format!("width:{number}px;top:0")).is_ok()), "one takes the place of another");
    let others = (0..1_000).filter(|number| told(format!("--x{number}:{}", "1".repeat(1_000))).is_ok());
    assert!((30..40).contains(&others.count()));
    let style = &page.tree.get(1).unwrap().element().unwrap().attributes["style"];
    assert!(style.starts_with("width:999px;top:0;--x0:1") && style.len() < 40_000, "{} bytes", style.len());
}
