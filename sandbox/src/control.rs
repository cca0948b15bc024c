//! The sandbox's own pages: what was stored, the truth about the records, and the knobs.

use axum::body::Body;
use axum::{
    Router,
    extract::{Path, State},
    http::{Response, StatusCode},
    routing::{get, post},
};

use crate::{
    json_text,
    reply::Reply,
    wangdiantong::{Access, Edition},
    world::SharedWorld,
};

/// `GET /_sandbox/{health,state,knobs,records/…}` and `POST /_sandbox/{knobs,clock}`.
pub fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/_sandbox/health", get(health))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/records/distributors", get(distributors))
        .route("/_sandbox/records/channels", get(channels))
        .route("/_sandbox/records/movements", get(movements))
        .route("/_sandbox/records/orders", get(orders))
        .route("/_sandbox/records/companies", get(companies))
        .route("/_sandbox/records/refunds/{edition}/{access}", get(refunds))
        .route("/_sandbox/knobs", get(knobs).post(turn_knobs))
        .route("/_sandbox/clock", post(advance_clock))
}

async fn health() -> Response<Body> {
    Reply::json(r#"{"status":"ok"}"#.to_owned()).into_response()
}

async fn state(State(world): State<SharedWorld>) -> Response<Body> {
    let state = world.lock().state();
    json_of(&state)
}

async fn distributors(State(world): State<SharedWorld>) -> Response<Body> {
    let records = world.lock().jushuitan.distributors();
    records_of(&records)
}

async fn channels(State(world): State<SharedWorld>) -> Response<Body> {
    let records = world.lock().jushuitan.channels();
    records_of(&records)
}

async fn movements(State(world): State<SharedWorld>) -> Response<Body> {
    let records = world.lock().jushuitan.movements();
    records_of(&records)
}

async fn orders(State(world): State<SharedWorld>) -> Response<Body> {
    let records = world.lock().okki.orders();
    records_of(&records)
}

async fn companies(State(world): State<SharedWorld>) -> Response<Body> {
    let records = world.lock().okki.companies();
    records_of(&records)
}

/// The refunds of 旺店通 that `{enterprise,flagship}/{direct,qimen}` gives out.
async fn refunds(
    State(world): State<SharedWorld>,
    Path((edition, access)): Path<(String, String)>,
) -> Response<Body> {
    let edition = match edition.as_str() {
        "enterprise" => Edition::Enterprise,
        "flagship" => Edition::Flagship,
        _ => return Reply::plain(StatusCode::NOT_FOUND, "text/plain", "no such edition").into_response(),
    };
    let access = match access.as_str() {
        "direct" => Access::Direct,
        "qimen" => Access::Qimen,
        _ => return Reply::plain(StatusCode::NOT_FOUND, "text/plain", "no such access").into_response(),
    };
    let records = world.lock().wangdiantong.refunds(edition, access);
    records_of(&records)
}

async fn knobs(State(world): State<SharedWorld>) -> Response<Body> {
    let knobs = world.lock().faults.knobs().clone();
    json_of(&knobs)
}

/// Merges the knobs of the body into those that are set, and answers with what is set then.
async fn turn_knobs(State(world): State<SharedWorld>, body: String) -> Response<Body> {
    let mut world = world.lock();
    let mut knobs = world.faults.knobs().clone();
    match knobs.merge(&body) {
        Ok(()) => {
            world.faults.turn(knobs);
            json_of(world.faults.knobs())
        }
        Err(error) => refusal(&error),
    }
}

/// Moves the clock by `{"advance_seconds": …}`.
async fn advance_clock(State(world): State<SharedWorld>, body: String) -> Response<Body> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Advance {
        advance_seconds: i64,
    }
    match serde_json::from_str::<Advance>(&body) {
        Ok(advance) => {
            let mut world = world.lock();
            world.clock.advance(advance.advance_seconds);
            json_of(&serde_json::json!({ "now": world.clock.now() }))
        }
        Err(error) => refusal(&error),
    }
}

fn records_of(records: &[String]) -> Response<Body> {
    let list = json_text::array(records.iter().map(String::as_str));
    Reply::json(format!(r#"{{"total":{},"records":{list}}}"#, records.len())).into_response()
}

fn json_of(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => Reply::json(text).into_response(),
        Err(error) => refusal(&error),
    }
}

/// Status 400 with the error and its causes.
fn refusal(error: &(dyn std::error::Error + 'static)) -> Response<Body> {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let text = causes.collect::<Vec<_>>().join(": ");
    let body = serde_json::json!({ "error": text }).to_string();
    Reply::plain(StatusCode::BAD_REQUEST, "application/json", body).into_response()
}
