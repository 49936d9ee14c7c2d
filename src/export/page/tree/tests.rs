use super::*;
use crate::export::page::room::Room;

const ROOM: usize = 1 << 20;

fn element(tag: &str) -> What {
    What::Element(Box::new(Element { tag: tag.to_owned(), ..Element::default() }))
}

#[test]
fn a_node_stands_where_its_tracker_says_and_at_the_end_if_there_are_fewer() {
    let mut tree = Tree::new(Room::of(ROOM));
    for (id, index) in [(1, 0), (2, 9), (3, 1)] {
        tree.create(id, ROOT, index, element("p")).unwrap();
    }
    assert!(tree.get(ROOT).unwrap().children.iter().eq(&[1, 3, 2]));
    tree.move_to(1, ROOT, 2).unwrap();
    assert!(tree.get(ROOT).unwrap().children.iter().eq(&[3, 2, 1]));
}

#[test]
fn no_message_makes_anything_but_a_tree() {
    let mut tree = Tree::new(Room::of(ROOM));
    tree.create(1, ROOT, 0, element("div")).unwrap();
    tree.create(2, 1, 0, element("div")).unwrap();
    tree.create(3, 2, 0, What::Text(String::new())).unwrap();
    assert_eq!(tree.move_to(1, 2, 0), Err(Left::NoTree), "below itself");
    assert_eq!(tree.move_to(1, 1, 0), Err(Left::NoTree));
    assert_eq!(tree.create(1, 2, 0, element("div")), Err(Left::NoTree), "replaced by its own child");
    assert_eq!(tree.create(4, 3, 0, element("b")), Err(Left::Unknown), "in a text");
    assert_eq!(tree.create(4, 77, 0, element("b")), Err(Left::Unknown));
    assert_eq!(tree.create(ROOT, 1, 0, element("b")), Err(Left::NoTree));
    assert_eq!(tree.create_root(1, 2), Err(Left::NoTree));
    assert_eq!(tree.create(u64::MAX, 1, 0, element("b")), Err(Left::NoTree));
    let mut at = 2;
    for id in 10..5_000 {
        match tree.create(id, at, 0, element("div")) {
            Ok(()) => at = id,
            Err(error) => assert_eq!(error, Left::NoTree),
        }
    }
    assert!((500..520).contains(&tree.below(ROOT).len()), "{}", tree.below(ROOT).len());
}

#[test]
fn a_page_never_takes_more_than_its_budget_and_gives_back_what_it_drops() {
    let mut tree = Tree::new(Room::of(100_000));
    let fill = |tree: &mut Tree| (1..).take_while(|id| tree.create(*id, ROOT, 0, element("p")).is_ok()).count();
    let first = fill(&mut tree);
    assert!((50..500).contains(&first), "{first}");
    assert_eq!(tree.create(9_999, ROOT, 0, element("p")), Err(Left::Full));
    for id in 1..=first as u64 {
        tree.remove(id);
    }
    assert_eq!(fill(&mut tree), first);
}

#[test]
fn a_root_goes_with_its_host() {
    let mut tree = Tree::new(Room::of(ROOM));
    tree.create(1, ROOT, 0, element("iframe")).unwrap();
    tree.create(2, ROOT, 1, element("div")).unwrap();
    tree.create_root(3, 1).unwrap();
    tree.create_root(4, 2).unwrap();
    tree.create(5, 3, 0, element("html")).unwrap();
    assert!(matches!(tree.get(3).unwrap().what, What::Document(_)));
    assert!(matches!(tree.get(4).unwrap().what, What::Shadow));
    tree.create_root(6, 1).unwrap();
    assert!(tree.get(5).is_none(), "a frame has one document");
    tree.remove(1);
    assert!(tree.get(6).is_none());
    assert!(tree.get(4).is_some());
}

/// How far it is from the root down to the lowest node.
fn depth(tree: &Tree) -> usize {
    let (mut all, mut depth) = (vec![(ROOT, 0)], 0);
    while let Some((id, at)) = all.pop() {
        depth = depth.max(at);
        let node = tree.get(id).unwrap();
        assert!(usize::from(node.height) + at < DEPTH_MAX);
        all.extend(node.children.iter().map(|child| (*child, at + 1)));
        all.extend(node.element().and_then(|element| element.root).map(|root| (root, at + 1)));
    }
    depth
}

/// Nodes one below the other, the first of them below the root.
fn chain(tree: &mut Tree, first: NodeId, count: u64) {
    for id in first..first + count {
        tree.create(id, if id == first { ROOT } else { id - 1 }, 0, element("div")).unwrap();
    }
}

#[test]
fn no_tree_becomes_deeper_by_moving_what_is_deep_already() {
    let mut tree = Tree::new(Room::of(8 << 20));
    for first in (1_000..20_000).step_by(1_000) {
        chain(&mut tree, first, 400);
        if first > 1_000 {
            assert_eq!(tree.move_to(first - 1_000, first + 399, 0), Err(Left::NoTree));
            // Every second one is too high already.
            let expected = if first % 2_000 == 0 { Ok(()) } else { Err(Left::NoTree) };
            assert_eq!(tree.move_to(first - 1_000, first + 100, 0), expected);
        }
    }
    assert!((500..DEPTH_MAX).contains(&depth(&tree)), "{}", depth(&tree));
    // The documents of frames and shadow roots count, wherever what has them is moved.
    let mut tree = Tree::new(Room::of(8 << 20));
    for (first, tag) in (1_000..20_000).step_by(1_000).zip(["iframe", "div"].into_iter().cycle()) {
        chain(&mut tree, first, 300);
        tree.create(first + 300, first + 299, 0, element(tag)).unwrap();
        tree.create_root(first + 301, first + 300).unwrap();
        if first > 1_000 {
            let _ = tree.move_to(first - 1_000, first + 301, 0);
            let _ = tree.move_to(first - 1_000, first + 207, 0);
        }
    }
    assert!((500..DEPTH_MAX).contains(&depth(&tree)), "{}", depth(&tree));
}

#[test]
fn a_page_has_a_hundred_frames_with_a_document() {
    let mut tree = Tree::new(Room::of(ROOM));
    let frame = |tree: &mut Tree, id: NodeId| {
        tree.create(id, ROOT, 0, element("iframe")).unwrap();
        tree.create_root(id + 1_000, id)
    };
    for id in 1..=100 {
        frame(&mut tree, id).unwrap();
    }
    assert_eq!(frame(&mut tree, 101), Err(Left::Full));
    assert_eq!(tree.create_root(5_000, 7), Ok(()), "another document in the same frame");
    tree.remove(1);
    assert_eq!(frame(&mut tree, 102), Ok(()), "one that left makes room");
    assert_eq!(frame(&mut tree, 103), Err(Left::Full));
}

#[test]
fn a_frame_that_browsers_make_no_document_for_has_none() {
    let mut tree = Tree::new(Room::of(ROOM));
    tree.create(1, ROOT, 0, element("frame")).unwrap();
    let drawn = Element { tag: "iframe".to_owned(), svg: true, ..Element::default() };
    tree.create(2, ROOT, 0, What::Element(Box::new(drawn))).unwrap();
    for host in [1, 2] {
        assert_eq!(tree.create_root(10, host), Err(Left::NoTree));
    }
}
