//! `POST /v1/mobile/i` and `late`: a phone's batch.

use crate::api::mobile_batch::MobileBatchInput;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::server::request::token::Admitted;

use super::batch::BatchRoute;

/// The two routes.
pub struct MobileRoute;

impl BatchRoute for MobileRoute {
    type Batch<'a> = MobileBatchInput<'a>;

    fn limit(live: &Live, _: &Admitted) -> u64 {
        live.default_batch_limit()
    }

    fn read<'a>(
        _: &Core,
        live: &Live,
        admitted: &Admitted,
        _: RequestHead<'a>,
        body: &'a [u8],
        _: &mut Vec<u8>,
        _: &mut RequestFacts,
    ) -> MobileBatchInput<'a> {
        MobileBatchInput {
            session: admitted.token.session,
            project: admitted.project,
            just_expired: admitted.just_expired,
            body,
            inflate: live.inflate_inline(),
        }
    }
}
