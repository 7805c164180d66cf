//! `/metrics`: all live series and the host's own numbers.

use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use super::Shared;
use crate::exposition::{Format, own_families, page as write_page};

/// The page in the format that the `Accept` header asks for.
pub(super) async fn page(sources: Shared, headers: HeaderMap) -> impl IntoResponse {
    let format = Format::negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    sources.settled(&sources.applied).await;
    let own = own_families(&sources.telemetry, &sources.facts);
    let text = write_page(&sources.latest, &own, sources.clock.now(), format);
    ([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "Accept")], text)
}
