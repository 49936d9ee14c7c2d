use super::*;

#[test]
fn a_project_leaves_the_rest_to_the_others() {
    let shares = Shares::new(1000, 75);
    let mut flood = [Account::default(); 8];
    let mut taken = 0;
    for account in &mut flood {
        if shares.allow(account, 1, 100) {
            shares.note(account, 1, 100);
            taken += 1;
        }
    }
    assert_eq!((taken, shares.is_exhausted(1)), (7, false), "750 of 1000");
    let mut other = Account::default();
    assert!(shares.allow(&other, 2, 230));
    shares.note(&mut other, 2, 30);
    shares.note(&mut flood[0], 1, 0);
    assert!(shares.allow(&flood[0], 1, 100), "what it gave back is its own again");
}

#[test]
fn however_many_projects_take_what_they_can_a_little_is_left_for_another() {
    let shares = Shares::new(10_000, 75);
    let mut accounts = Vec::new();
    for project in 0..3 {
        for _ in 0..100 {
            let mut account = Account::default();
            if shares.allow(&account, project, 200) {
                shares.note(&mut account, project, 200);
                accounts.push(account);
            }
        }
    }
    assert!(shares.total.get() <= 7_500 + 2_500 / 2, "{}", shares.total.get());
    let mut own = Account::default();
    assert!(shares.allow(&own, 9, 300));
    shares.note(&mut own, 9, 300);
    assert!(shares.allow(&own, 9, 600), "it may grow");
    assert!(!shares.is_exhausted(9) && shares.is_exhausted(0));
    for account in &mut accounts {
        shares.note(account, 0, 0);
    }
    assert_eq!(shares.total.get(), 300);
    assert!(shares.allow(&Account::default(), 1, 7_000), "what comes back is there for all");
}

#[test]
fn a_crowd_of_projects_leaves_something_whether_each_takes_much_or_little() {
    const BUDGET: u64 = 16 << 20;
    for bytes in [2 << 20, 1 << 20, 512 << 10, 136 << 10, 40 << 10] {
        let shares = Shares::new(BUDGET, 75);
        let mut accounts = vec![Account::default(); 600];
        for (at, account) in accounts.iter_mut().enumerate() {
            let project = at as u32 % 60;
            if shares.allow(account, project, bytes) {
                shares.note(account, project, bytes);
            }
        }
        assert!(shares.total.get() <= BUDGET - (128 << 10), "{bytes}: {}", shares.total.get());
        assert!(shares.allow(&Account::default(), 99, 40 << 10), "{bytes}: {}", shares.total.get());
    }
}

#[test]
fn the_only_request_of_a_project_is_allowed_whatever_its_size() {
    let shares = Shares::new(1000, 10);
    let mut account = Account::default();
    assert!(shares.allow(&account, 1, 400));
    shares.note(&mut account, 1, 400);
    assert!(shares.allow(&account, 1, 900), "it may grow");
    assert!(!shares.allow(&Account::default(), 1, 50));
}

#[test]
fn a_connection_that_turns_to_another_project_takes_its_bytes_along() {
    let shares = Shares::new(1000, 50);
    let mut account = Account::default();
    shares.note(&mut account, 1, 500);
    assert!(shares.is_exhausted(1));
    shares.note(&mut account, 2, 500);
    assert!(!shares.is_exhausted(1) && shares.is_exhausted(2));
    shares.note(&mut account, 2, 0);
    assert_eq!((shares.held(1), shares.held(2)), (0, 0));
}

#[test]
fn with_a_hundred_percent_there_is_no_limit() {
    let shares = Shares::new(1000, 100);
    let mut account = Account::default();
    shares.note(&mut account, 1, 1000);
    assert!(shares.allow(&Account::default(), 1, 1000));
}

#[test]
fn projects_take_turns_and_keep_their_own_order() {
    let mut queue: VecDeque<(u32, char)> =
        [(1, 'a'), (1, 'b'), (1, 'c'), (1, 'd'), (2, 'e'), (3, 'f'), (2, 'g')].into();
    interleave_projects(&mut queue, |one| one.0);
    let order: String = queue.iter().map(|one| one.1).collect();
    assert_eq!(order, "aefbgcd");
    let mut alone: VecDeque<(u32, char)> = [(1, 'a'), (1, 'b')].into();
    interleave_projects(&mut alone, |one| one.0);
    assert_eq!(alone, [(1, 'a'), (1, 'b')]);
}
