//! `POST /v1/sdk/i`: events of the analytics SDK.

use crate::api::sdk_batch;
use crate::api::sdk_batch::{SdkBatchInput, UnjudgedEvents};
use crate::http::Field;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::server::request::token::Admitted;

use super::batch::BatchRoute;

/// The route.
pub struct SdkRoute;

impl BatchRoute for SdkRoute {
    type Batch<'a> = UnjudgedEvents<'a>;

    fn limit(live: &Live, _: &Admitted) -> u64 {
        live.default_batch_limit()
    }

    fn read<'a>(
        _: &Core,
        live: &Live,
        admitted: &Admitted,
        head: RequestHead<'a>,
        body: &'a [u8],
        _: &mut Vec<u8>,
        _: &mut RequestFacts,
    ) -> UnjudgedEvents<'a> {
        sdk_batch::read(SdkBatchInput {
            session: admitted.token.session,
            project: admitted.project,
            content_encoding: head.field(Field::ContentEncoding),
            body,
            inflate: live.inflate_inline().is_some(),
            inflated_limit: live.inflated_limit(),
        })
    }
}
