//! `POST /v1/web/i`: a browser's batch.

use crate::api::batch;
use crate::api::batch::{BatchInput, UnjudgedBatch};
use crate::config::CheckBodies;
use crate::http::Field;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::server::request::token::Admitted;

use super::batch::BatchRoute;

/// The route.
pub struct WebRoute;

impl BatchRoute for WebRoute {
    type Batch<'a> = UnjudgedBatch<'a>;

    fn limit(_: &Live, admitted: &Admitted) -> u64 {
        admitted.limit
    }

    #[inline]
    fn read<'a>(
        core: &Core,
        live: &Live,
        admitted: &Admitted,
        head: RequestHead<'a>,
        body: &'a [u8],
        ext: &mut Vec<u8>,
        facts: &mut RequestFacts,
    ) -> UnjudgedBatch<'a> {
        let input = BatchInput {
            session: admitted.token.session,
            project: admitted.project,
            just_expired: admitted.just_expired,
            data_type: head.field(Field::DataType),
            content_encoding: head.field(Field::ContentEncoding),
            query: head.query(),
            body,
            inflate: live.config.check_bodies == CheckBodies::Inline,
            inflated_limit: live.inflated_limit(),
        };
        facts.has_labels = true;
        let mut scratch = core.batch.borrow_mut();
        let batch = batch::read(input, &mut scratch, ext);
        scratch.give_back();
        batch
    }
}
