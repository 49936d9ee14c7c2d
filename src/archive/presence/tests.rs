use super::*;

#[test]
fn each_value_is_found_where_it_was_put_and_no_other() {
    let rows = [0, 1, 63, 64, 127, 130, 1000, 1001, 4095];
    let mut presence = Presence::default();
    rows.iter().for_each(|&row| presence.add(row));
    for row in 0..5000 {
        assert_eq!(presence.place(row), rows.iter().position(|&other| other == row), "row {row}");
    }
}
