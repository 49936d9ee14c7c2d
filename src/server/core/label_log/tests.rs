use super::*;

#[test]
fn a_project_is_logged_of_once_by_all_cores_together_and_never_by_more_than_a_bound() {
    let (logged, one, other) = (LoggedProjects::default(), CoreCache::default(), CoreCache::default());
    assert!(one.is_first(1, &logged));
    assert!(!one.is_first(1, &logged) && !other.is_first(1, &logged) && !other.is_first(1, &logged));
    assert!(other.is_first(2, &logged) && !one.is_first(2, &logged));
    let news = (0..2 * PROJECTS_MAX as u32).filter(|&project| one.is_first(project, &logged)).count();
    assert_eq!((news, one.0.borrow().len()), (PROJECTS_MAX - 2, PROJECTS_MAX));
}
