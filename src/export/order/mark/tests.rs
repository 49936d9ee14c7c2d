use super::super::tests::{add, batches, captured, rest};
use super::*;

#[test]
fn who_goes_on_from_a_mark_reads_what_who_did_not_stop_there_reads() {
    let mut marks = 0;
    for (name, uploads) in captured() {
        let whole = rest(&mut batches(&uploads).with_read_ahead(30_000).in_order(), i64::MAX);
        let mut collected = Batches::new(tempfile::tempfile().unwrap()).with_read_ahead(30_000).with_history();
        uploads.iter().for_each(|upload| add(&mut collected, upload));
        let kept = collected.share(tempfile::tempfile().unwrap()).unwrap();
        let mut first = Batches::again(&kept, tempfile::tempfile().unwrap()).in_order();
        let mut told = Vec::new();
        loop {
            if told.len() % (1 + whole.len() / 7) == 0 {
                let mut second = Batches::again(&kept, tempfile::tempfile().unwrap()).in_order();
                second.go_to(&first.mark()).unwrap();
                assert!(rest(&mut second, i64::MAX) == whole[told.len()..], "{name:?} from {}", told.len());
                marks += 1;
            }
            match first.next_told().unwrap() {
                Some(next) => told.push(next),
                None => break,
            }
        }
        assert!(told == whole, "{name:?}");
    }
    assert!(marks > 300, "{marks}");
}

#[test]
fn what_is_added_to_what_is_kept_is_read_behind_it_and_changes_it_for_nobody() {
    let mut compared = 0;
    for (name, uploads) in captured() {
        let (early, late) = uploads.split_at(uploads.len() / 2);
        let whole = rest(&mut batches(&uploads).in_order(), i64::MAX);
        let half = rest(&mut batches(early).in_order(), i64::MAX);
        let mut collected = Batches::new(tempfile::tempfile().unwrap()).with_history();
        early.iter().for_each(|upload| add(&mut collected, upload));
        let kept = collected.share(tempfile::tempfile().unwrap()).unwrap();
        // The one who collected it goes on too, and forgets what it has read.
        let mut collected = collected.in_order();
        assert!(rest(&mut collected, i64::MAX) == half, "{name:?}");
        collected.batches().forget_kept().unwrap();
        for upload in late {
            add(collected.batches(), upload);
        }
        rest(&mut collected, i64::MAX);
        let mut again = Batches::again(&kept, tempfile::tempfile().unwrap());
        late.iter().for_each(|upload| add(&mut again, upload));
        assert!(rest(&mut again.in_order(), i64::MAX) == whole, "{name:?}");
        assert!(
            rest(&mut Batches::again(&kept, tempfile::tempfile().unwrap()).in_order(), i64::MAX) == half,
            "{name:?}"
        );
        compared += usize::from(whole.len() > half.len());
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn what_was_forgotten_or_is_shared_is_not_shared() {
    let file = || tempfile::tempfile().unwrap();
    assert!(Batches::new(file()).share(file()).is_none());
    let mut forgotten = Batches::new(file()).with_history();
    forgotten.keep(b"bytes").unwrap();
    forgotten.forget_kept().unwrap();
    assert!(forgotten.share(file()).is_none());
    let mut shared = Batches::new(file()).with_history();
    let kept = shared.share(file()).unwrap();
    assert!(shared.share(file()).is_none());
    assert!(Batches::again(&kept, file()).with_history().share(file()).is_none());
}
