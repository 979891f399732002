//! The table from WAMP errors to HTTP status codes, for the option `error_status`. Without that
//! option, every WAMP error is answered with 200.

use cloverleaf_wamp::error_uri;
use http::StatusCode;

/// The HTTP status code for a WAMP error URI.
pub(crate) fn of_error(uri: &str) -> StatusCode {
    match uri {
        error_uri::NO_SUCH_PROCEDURE => StatusCode::NOT_FOUND,
        error_uri::NOT_AUTHORIZED => StatusCode::FORBIDDEN,
        error_uri::INVALID_ARGUMENT => StatusCode::BAD_REQUEST,
        error_uri::TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        error_uri::UNAVAILABLE | error_uri::CANCELED => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_uris_map_to_status_codes() {
        let status = |uri| of_error(uri).as_u16();
        assert_eq!(status("wamp.error.no_such_procedure"), 404);
        assert_eq!(status("wamp.error.not_authorized"), 403);
        assert_eq!(status("wamp.error.invalid_argument"), 400);
        assert_eq!(status("wamp.error.timeout"), 504);
        assert_eq!(status("wamp.error.unavailable"), 503);
        assert_eq!(status("wamp.error.canceled"), 503);
        assert_eq!(status("wamp.error.runtime_error"), 500);
        assert_eq!(status("com.example.error"), 500);
    }
}
