//! A list in pieces: to put in or to take out costs what a piece and the number of pieces cost, not the length of the whole.
//!
//! Pages come from strangers. In one plain list of a hundred thousand children, each that comes first or is looked for would cost a pass over all.

/// A piece becomes two when it would be longer.
pub(in crate::export) const PIECE_MAX: usize = if cfg!(test) { 32 } else { 512 };

#[cfg(test)]
thread_local! {
    /// How many pieces and items were passed over to find others.
    pub(in crate::export) static PASSED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts in tests what is passed over.
fn pass(_count: usize) {
    #[cfg(test)]
    PASSED.with(|passed| passed.set(passed.get() + _count));
}

/// A list. Each piece has a number that stays its own; who notes it for an item finds that item soon.
#[derive(Debug, Clone)]
pub struct List<T> {
    /// Most lists have no other piece. Its number is 0.
    first: Vec<T>,
    more: Vec<Piece<T>>,
    /// The number of the newest piece.
    newest: u32,
    length: usize,
}

#[derive(Debug, Clone)]
struct Piece<T> {
    number: u32,
    items: Vec<T>,
}

/// The piece that an item was put into, and what went to a new piece for that.
#[derive(Debug, PartialEq, Eq)]
pub struct Put {
    /// The piece with the item.
    pub piece: u32,
    /// The piece that is new, if there is one: each of its items has another place than before.
    pub new: Option<u32>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List { first: Vec::new(), more: Vec::new(), newest: 0, length: 0 }
    }
}

impl<T> List<T> {
    /// How many items it has.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flat_map(|piece| &piece.items)).inspect(|_| pass(1))
    }

    /// The items of one piece.
    pub fn of_piece(&self, number: u32) -> &[T] {
        self.index_of(number).map(|at| &self.items(at)[..]).unwrap_or_default()
    }

    /// Puts an item in before that with this number, or at the end if there are fewer.
    pub fn insert(&mut self, at: usize, item: T) -> Put {
        let (mut piece, mut at) = self.place_of(at.min(self.length));
        let mut new = None;
        let is_full = self.items(piece).len() >= PIECE_MAX;
        if is_full && at == PIECE_MAX && self.more.get(piece).is_some_and(|next| next.items.len() < PIECE_MAX) {
            (piece, at) = (piece + 1, 0);
        } else if is_full {
            self.newest += 1;
            // What is appended again and again leaves full pieces behind.
            let keep = if at == PIECE_MAX { PIECE_MAX } else { PIECE_MAX / 2 };
            let items = self.items_mut(piece).split_off(keep);
            self.more.insert(piece, Piece { number: self.newest, items });
            new = Some(self.newest);
            if at > keep || keep == PIECE_MAX {
                (piece, at) = (piece + 1, at - keep);
            }
        }
        self.items_mut(piece).insert(at, item);
        self.length += 1;
        Put { piece: self.number_of(piece), new }
    }

    /// Takes out the item with this number.
    pub fn remove(&mut self, at: usize) -> Option<T> {
        if at >= self.length {
            return None;
        }
        let (mut piece, mut at) = self.place_of(at);
        if at == self.items(piece).len() {
            (piece, at) = (piece + 1, 0);
        }
        Some(self.take_out(piece, at))
    }

    /// Where in order a piece with this number stands: 0 is the first.
    fn index_of(&self, number: u32) -> Option<usize> {
        if number == 0 {
            return Some(0);
        }
        let at = self.more.iter().position(|piece| piece.number == number)? + 1;
        pass(at);
        Some(at)
    }

    fn number_of(&self, piece: usize) -> u32 {
        if piece == 0 { 0 } else { self.more[piece - 1].number }
    }

    fn items(&self, piece: usize) -> &Vec<T> {
        if piece == 0 { &self.first } else { &self.more[piece - 1].items }
    }

    fn items_mut(&mut self, piece: usize) -> &mut Vec<T> {
        if piece == 0 { &mut self.first } else { &mut self.more[piece - 1].items }
    }

    /// The piece that a place in the list is in, and where in it. A place between two pieces is in the one before.
    fn place_of(&self, at: usize) -> (usize, usize) {
        if at == self.length {
            return (self.more.len(), self.items(self.more.len()).len());
        }
        let (mut piece, mut at) = (0, at);
        while at > self.items(piece).len() {
            at -= self.items(piece).len();
            piece += 1;
            pass(1);
        }
        (piece, at)
    }

    fn take_out(&mut self, piece: usize, at: usize) -> T {
        let item = self.items_mut(piece).remove(at);
        self.length -= 1;
        if piece > 0 && self.items(piece).is_empty() {
            self.more.remove(piece - 1);
        }
        item
    }
}

impl<T: PartialEq> List<T> {
    /// Takes out an item of the piece with this number.
    pub fn remove_item(&mut self, number: u32, item: &T) -> Option<T> {
        let (piece, at) = self.find(number, item)?;
        Some(self.take_out(piece, at))
    }

    /// The items after this one, which is in the piece with this number. None if it is not there.
    pub fn after<'a>(&'a self, number: u32, item: &T) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let (piece, at) = self.find(number, item).map_or((usize::MAX, 0), |(piece, at)| (piece, at + 1));
        let rest = if piece == usize::MAX { &[] } else { &self.items(piece)[at..] };
        let all = rest.iter().chain(self.more.iter().skip(piece).flat_map(|piece| &piece.items));
        all.inspect(|_| pass(1))
    }

    fn find(&self, number: u32, item: &T) -> Option<(usize, usize)> {
        let piece = self.index_of(number)?;
        let at = self.items(piece).iter().position(|one| one == item)?;
        pass(at);
        Some((piece, at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_item_of_a_long_list_is_looked_for_in_all_of_it() {
        let (mut list, mut pieces, length) = (List::default(), std::collections::HashMap::new(), PIECE_MAX * PIECE_MAX);
        let mut worst = 0;
        for number in 0..length {
            PASSED.set(0);
            let put = list.insert(list.len() / 2, number);
            worst = worst.max(PASSED.get());
            pieces.insert(number, put.piece);
            pieces.extend(put.new.iter().flat_map(|new| list.of_piece(*new)).map(|moved| (*moved, put.new.unwrap())));
        }
        for number in 0..length {
            PASSED.set(0);
            assert_eq!(list.remove_item(pieces[&number], &number), Some(number));
            worst = worst.max(PASSED.get());
        }
        assert!(worst <= 4 * PIECE_MAX, "{worst} of {length} were passed over");
    }

    proptest! {
        #[test]
        fn a_list_in_pieces_has_what_a_plain_one_has(
            steps in prop::collection::vec((any::<bool>(), 0..40_usize), 1..400)
        ) {
            let (mut list, mut plain, mut places) = (List::default(), Vec::new(), std::collections::HashMap::new());
            for (number, (comes, at)) in steps.into_iter().enumerate() {
                if comes || plain.is_empty() {
                    let put = list.insert(at, number);
                    places.insert(number, put.piece);
                    for moved in put.new.iter().flat_map(|new| list.of_piece(*new)) {
                        places.insert(*moved, put.new.unwrap());
                    }
                    plain.insert(at.min(plain.len()), number);
                } else if at % 2 == 0 {
                    let item = plain.remove(at % plain.len());
                    prop_assert_eq!(list.remove_item(places[&item], &item), Some(item));
                } else {
                    let expected = (at < plain.len()).then(|| plain.remove(at));
                    prop_assert_eq!(list.remove(at), expected);
                }
                prop_assert_eq!(list.iter().copied().collect::<Vec<_>>(), plain.clone());
                prop_assert_eq!(list.len(), plain.len());
                prop_assert!((0..=list.more.len()).all(|piece| list.items(piece).len() <= PIECE_MAX));
                for (at, item) in plain.iter().enumerate() {
                    prop_assert_eq!(list.after(places[item], item).collect::<Vec<_>>(), plain[at + 1..].iter().collect::<Vec<_>>());
                }
            }
        }
    }
}
