//! An authorizer that records its questions and answers them when a test says so.

use std::sync::{Arc, Mutex, MutexGuard};

use cloverleaf_router::{Action, Authorizer, DecisionTicket, Question, Verdict};
use cloverleaf_wamp::uri::MatchPolicy;

/// A question that the realm has asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedQuestion {
    /// Identifies the question to the realm.
    pub ticket: DecisionTicket,
    /// The authid of the session that sent the request.
    pub authid: String,
    /// The kind of the request.
    pub action: Action,
    /// The procedure, the topic or the pattern.
    pub uri: String,
    /// How the pattern matches.
    pub policy: MatchPolicy,
}

#[derive(Debug, Default)]
struct Record {
    questions: Vec<RecordedQuestion>,
    withdrawn: Vec<DecisionTicket>,
    verdict: Option<Verdict>,
}

/// An authorizer that records its questions; its clones share the record.
#[derive(Debug, Clone, Default)]
pub struct RecordingAuthorizer(Arc<Mutex<Record>>);

impl RecordingAuthorizer {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().expect("no test panics while it holds the record")
    }

    /// Takes the questions that were asked since the last call.
    pub fn take_questions(&self) -> Vec<RecordedQuestion> {
        std::mem::take(&mut self.record().questions)
    }

    /// Takes the tickets that were withdrawn since the last call.
    pub fn take_withdrawn(&self) -> Vec<DecisionTicket> {
        std::mem::take(&mut self.record().withdrawn)
    }

    /// Sets the verdict on further questions; [`Verdict::Ask`] unless it is set.
    pub fn set_verdict(&self, verdict: Verdict) {
        self.record().verdict = Some(verdict);
    }
}

impl Authorizer for RecordingAuthorizer {
    fn ask(&mut self, ticket: DecisionTicket, question: &Question<'_>) -> Verdict {
        let mut record = self.record();
        record.questions.push(RecordedQuestion {
            ticket,
            authid: question.principal.authid.to_string(),
            action: question.action,
            uri: question.uri.to_owned(),
            policy: question.policy,
        });
        record.verdict.unwrap_or(Verdict::Ask)
    }

    fn withdraw(&mut self, ticket: DecisionTicket) {
        self.record().withdrawn.push(ticket);
    }
}
