//! The front desk: a request in, a reply out.

use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_client::Session;

use crate::checks::{self, repeated};
use crate::denial::Denial;
use crate::envelope::Envelope;
use crate::head::Head;
use crate::reply::{Answer, Reply, ReplyHeaders};
use crate::settings::BridgeSettings;
use crate::{call, publish};

/// What a path of the web server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Calls of procedures.
    Caller,
    /// Publications.
    Publisher,
}

/// Why the listener has no body to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than [`Bridge::body_limit`]; the rest was not read.
    TooLong,
    /// The client ended it too early.
    Incomplete {
        /// How many bytes came.
        read: usize,
    },
}

/// One caller or publisher with its session.
#[derive(Debug)]
pub struct Bridge {
    session: Session,
    resource: Resource,
    settings: BridgeSettings,
}

impl Bridge {
    /// A bridge that asks the router through `session`, which nobody needs to drive.
    pub const fn new(session: Session, resource: Resource, settings: BridgeSettings) -> Self {
        Self { session, resource, settings }
    }

    /// The longest body that is accepted, in bytes; the listener reads no more than that.
    pub fn body_limit(&self) -> usize {
        self.settings.body_limit()
    }

    /// Answers one request. The body of a request other than POST and PUT is not looked at.
    ///
    /// The future waits for the router only. Dropping it (because the client has hung up) cancels
    /// the call. The signature's age is measured at `now`.
    pub async fn handle(
        &self,
        head: &impl Head,
        body: Result<Bytes, BodyError>,
        now: SystemTime,
    ) -> Reply {
        let headers = ReplyHeaders::answering(head, &self.settings.allowed_origins);
        match head.method() {
            "POST" | "PUT" => headers.with(self.serve(head, body, now).await),
            "OPTIONS" => headers.naming_methods().with(Answer::EMPTY),
            method => {
                let denial = Denial::Method(repeated(method.as_bytes()));
                headers.naming_methods().with(self.deny(&denial))
            }
        }
    }

    async fn serve(
        &self,
        head: &impl Head,
        body: Result<Bytes, BodyError>,
        now: SystemTime,
    ) -> Answer {
        let accepted = checks::accept(head, body, &self.settings, now);
        match self.resource {
            Resource::Caller => match accepted.and_then(|body| Envelope::parse(&body)) {
                Ok(envelope) => call::answer(&self.session, envelope, &self.settings).await,
                Err(denial) => self.deny(&denial),
            },
            Resource::Publisher => match accepted.and_then(|body| Envelope::parse(&body)) {
                Ok(envelope) => publish::answer(&self.session, envelope, &self.settings).await,
                Err(denial) => self.deny(&denial),
            },
        }
    }

    #[cold]
    fn deny(&self, denial: &Denial) -> Answer {
        if self.settings.debug {
            tracing::debug!(code = denial.code(), reason = ?denial.to_string(), "request denied");
        }
        Answer::of_denial(denial)
    }
}
