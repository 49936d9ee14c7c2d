mod body;
mod corpus;
mod harness;
mod head;
mod properties;
mod query_and_path;
mod reference;
mod response;
