//! What a system answers, before HTTP gets to see it, and the mark that makes the server cut the connection instead.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};

/// An answer as text with the few things of HTTP the systems use.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub content_type: &'static str,
    /// Values of `Set-Cookie`.
    pub cookies: Vec<String>,
    pub body: String,
    /// Why the call was refused, in a word for the counters of the state; `None` for a call that was served.
    pub refusal: Option<String>,
}

impl Reply {
    /// A JSON answer with status 200, which is how both vendors send failures too.
    pub fn json(body: String) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "application/json;charset=UTF-8",
            cookies: Vec::new(),
            body,
            refusal: None,
        }
    }

    /// An answer that is not JSON, as a gateway or an unhandled exception gives it.
    pub fn plain(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type, cookies: Vec::new(), body: body.into(), refusal: None }
    }

    /// Notes why the call was refused.
    pub fn refused(mut self, reason: impl Into<String>) -> Self {
        self.refusal = Some(reason.into());
        self
    }

    /// The answer as HTTP.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for cookie in self.cookies {
            if let Ok(value) = HeaderValue::try_from(cookie) {
                headers.append(header::SET_COOKIE, value);
            }
        }
        response
    }
}

/// Put into the extensions of a response that must never be sent: the server closes the connection instead.
#[derive(Debug, Clone, Copy)]
pub struct CutConnection;

/// A response that makes the server cut the connection without an answer.
pub fn cut() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CutConnection);
    response
}
