use super::*;

#[test]
fn the_template_is_one() {
    style();
}
