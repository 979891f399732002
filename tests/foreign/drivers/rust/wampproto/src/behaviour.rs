//! The behaviours of registered procedures.
//!
//! Sending is in `session`.

use serde::Deserialize;
use wampproto::messages::error::Error;
use wampproto::messages::invocation::MESSAGE_TYPE_INVOCATION;
use wampproto::messages::message::Message;
use wampproto::messages::types::Value;
use wampproto::messages::yield_::Yield;

use crate::command::Dict;
use crate::received::Received;

/// The details of an invocation that the tests ask for.
const CALL_DETAILS: [&str; 4] = ["procedure", "caller", "caller_authid", "caller_authrole"];

/// The behaviour of a registered procedure.
#[derive(Deserialize)]
#[serde(tag = "behaviour", rename_all = "lowercase")]
pub(crate) enum Behaviour {
    Echo,
    Add,
    Value { value: Value },
    Fail,
    Hang,
    Count,
    Details,
}

impl Behaviour {
    /// All answers of the procedure to an invocation; `Hang` answers only when interrupted.
    pub(crate) fn says(&self, invocation: &Received) -> Vec<Box<dyn Message>> {
        let request = invocation.number("request_id");
        let only = |value| vec![yields(request, Dict::new(), vec![value], Dict::new())];
        let args = invocation.args();
        match (self, &args[..]) {
            (Self::Echo, _) => {
                vec![yields(request, Dict::new(), args, invocation.dict("kwargs"))]
            }
            (Self::Add, [Value::Int(first), Value::Int(second)]) => {
                only(Value::Int(first + second))
            }
            (Self::Value { value }, _) => only(value.clone()),
            (Self::Hang, _) => Vec::new(),
            (Self::Count, &[Value::Int(parts)]) => {
                let progress = Dict::from([("progress".to_owned(), Value::Bool(true))]);
                let part = |number| {
                    yields(request, progress.clone(), vec![Value::Int(number)], Dict::new())
                };
                (0..parts).map(part).chain(only(Value::Int(parts))).collect()
            }
            (Self::Details, _) => {
                let mut details = invocation.dict("details");
                details.retain(|name, _| CALL_DETAILS.contains(&name.as_str()));
                only(Value::Dict(details))
            }
            (Self::Fail, _) => {
                let args = vec![Value::Int(1), "zwei ☘".into()];
                let reasons = Value::List(vec!["because".into()]);
                let kwargs = Dict::from([("reason".to_owned(), reasons)]);
                vec![fails(request, "com.example.error.refused", args, kwargs)]
            }
            (Self::Add | Self::Count, _) => {
                vec![fails(request, "wamp.error.invalid_argument", args, Dict::new())]
            }
        }
    }
}

fn yields(request_id: i64, options: Dict, args: Vec<Value>, kwargs: Dict) -> Box<dyn Message> {
    Box::new(Yield { request_id, options, args: Some(args), kwargs: Some(kwargs) })
}

/// The error that ends an invocation.
pub(crate) fn fails(
    request_id: i64,
    uri: &str,
    args: Vec<Value>,
    kwargs: Dict,
) -> Box<dyn Message> {
    Box::new(Error {
        message_type: MESSAGE_TYPE_INVOCATION,
        request_id,
        options: Dict::new(),
        uri: uri.to_owned(),
        args: Some(args),
        kwargs: Some(kwargs),
    })
}
