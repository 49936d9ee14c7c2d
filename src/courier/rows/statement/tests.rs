use crate::courier::rows::table::{Column, Kind, Presence};

use super::*;

fn schema(has_unique_sessions: bool) -> TableSchema {
    let found = |at, name, kind, type_name: &str, takes| FoundColumn {
        at,
        column: Column { name, kind, presence: Presence::Usual },
        type_name: type_name.to_owned(),
        takes,
        not_null: false,
    };
    let columns = vec![
        found(0, SESSION_ID, Kind::Id, "bigint", Takes::Integers { min: i64::MIN, max: i64::MAX }),
        found(1, "platform", Kind::Label(None), "public.platform", Takes::Labels(vec!["web".to_owned()])),
    ];
    TableSchema { name: "public.sessions".to_owned(), columns, has_unique_sessions }
}

fn row(table: RowTable, session: i64) -> Row {
    Row { table, values: [Value::Integer(session), Value::Text("web".into())].into() }
}

#[test]
fn rows_that_are_there_are_left_to_the_unique_index_or_looked_for() {
    let insert = "INSERT INTO public.sessions (\"session_id\", \"platform\") SELECT u.c0::bigint, u.c1::public.platform \
                  FROM unnest($1::bigint[], $2::text[]) AS u(c0, c1)";
    assert_eq!(sql(RowTable::Sessions, &schema(true)), format!("{insert} ON CONFLICT (\"session_id\") DO NOTHING"));
    assert_eq!(
        sql(RowTable::Sessions, &schema(false)),
        format!("{insert} WHERE NOT EXISTS (SELECT FROM public.sessions e WHERE e.\"session_id\" = u.c0::bigint)")
    );
    assert_eq!(
        sql(RowTable::TestSignals, &schema(false)),
        format!(
            "{insert} WHERE NOT EXISTS (SELECT FROM public.sessions e WHERE e.\"session_id\" = u.c0::bigint \
             AND e.\"platform\" IS NOT DISTINCT FROM u.c1::public.platform)"
        )
    );
    assert_eq!(sql(RowTable::UnstartedSessions, &schema(false)), insert);
}

#[test]
fn a_statement_has_one_value_for_each_column_and_each_row_once() {
    for (table, expected) in [(RowTable::Sessions, 2), (RowTable::UnstartedSessions, 3)] {
        let (schema, rows) = (schema(true), [row(table, 1), row(table, 2), row(table, 1)]);
        let insert = Insert::of(table, &schema, &rows.iter().collect::<Vec<_>>(), usize::MAX).expect("fits");
        assert_eq!(insert.values().len(), 2);
        let Array::Integers(sessions) = &insert.arrays[0] else { panic!("numbers") };
        assert_eq!(sessions.len(), expected);
    }
}
