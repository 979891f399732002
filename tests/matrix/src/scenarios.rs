//! The list. A scenario has two sessions and a URI of its own, and fails by a panic.
//!
//! | module | subject of its scenarios |
//! |---|---|
//! | `bytes` | bytes among values, and opaque payloads |
//! | `callees` | the choice of the callee |
//! | `calling` | calls and their answers, and caller identification |
//! | `canceling` | calls that end before they are answered |
//! | `lookups` | meta procedures of registrations and subscriptions |
//! | `progressive` | progressive calls and results |
//! | `payloads` | values of all kinds and sizes |
//! | `publishing` | delivery of events, and publisher identification |
//! | `retention` | retained events and event history |
//! | `sessions` | meta API of sessions, and testaments |

use std::future::Future;
use std::pin::Pin;

use crate::stage::Stage;

mod bytes;
mod callees;
mod calling;
mod canceling;
mod lookups;
mod payloads;
mod progressive;
mod publishing;
mod retention;
mod sessions;

/// One scenario of the list.
pub(crate) type Scenario = fn(Stage) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($($module:ident { $($name:ident),* $(,)? })*) => {
        /// All scenarios with their names.
        pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
            vec![$($((stringify!($name), |stage| Box::pin($module::$name(stage)))),*),*]
        }
    };
}

scenarios! {
    payloads {
        values_of_all_kinds_arrive_unchanged,
        long_values_arrive,
        long_calls_and_results_pass_each_other,
        failures_arrive_with_their_arguments,
        attributes_travel_beside_the_arguments,
    }
    bytes {
        bytes_arrive_as_bytes,
        opaque_payloads_pass_through_unchanged,
        opaque_errors_pass_through_unchanged,
    }
    calling {
        calling_an_unknown_procedure_is_an_error,
        many_calls_are_in_flight_at_once,
        the_caller_is_disclosed_on_request,
        a_callee_can_request_disclosure_of_every_caller,
        an_unregistered_procedure_is_not_called,
    }
    callees {
        a_pattern_registration_receives_the_procedure,
        the_policy_of_a_shared_registration_chooses_the_callee,
        registering_an_unshared_procedure_again_is_refused,
        calls_with_equal_keys_go_to_the_same_callee,
        a_call_to_all_callees_collects_their_answers,
        a_call_is_rerouted_from_an_unavailable_callee,
        force_reregister_revokes_the_earlier_registration,
    }
    canceling {
        dropping_a_call_interrupts_the_callee,
        skip_ends_the_call_without_an_interrupt,
        kill_ends_the_call_with_the_error_of_the_callee,
        killnowait_ends_the_call_and_interrupts_the_callee,
        a_progressive_result_can_be_canceled,
        a_call_times_out,
        a_callee_that_handles_timeouts_receives_the_timeout,
        a_disconnected_caller_interrupts_its_callee,
        calls_of_a_disconnected_callee_end,
    }
    progressive {
        a_result_can_be_progressive,
        a_caller_without_progressive_results_receives_the_final_result,
        a_call_can_be_progressive,
        call_and_result_can_both_be_progressive,
        a_callee_can_answer_before_a_progressive_call_is_complete,
        a_procedure_without_progressive_calls_is_not_called_progressively,
        an_incomplete_progressive_call_is_not_taken_for_a_complete_one,
    }
    publishing {
        events_arrive_in_order,
        a_publisher_receives_its_own_event_only_on_request,
        white_and_black_lists_select_subscribers,
        a_pattern_subscription_receives_the_topic,
        no_event_arrives_after_unsubscribing,
        the_publisher_is_disclosed_on_request,
        a_publication_is_acknowledged_after_delivery,
        each_event_goes_to_one_member_of_a_group,
    }
    retention {
        a_late_subscriber_receives_the_retained_event,
        a_pattern_subscription_receives_the_retained_event_of_each_topic,
        cleared_and_ineligible_retained_events_are_not_delivered,
        the_history_of_a_topic_can_be_read,
    }
    sessions {
        the_meta_api_lists_sessions,
        joining_and_leaving_sessions_cause_meta_events,
        a_session_can_be_killed_by_another_one,
        the_testament_of_a_disconnected_session_is_published,
        the_testament_of_a_session_that_leaves_is_published,
        a_flushed_testament_is_not_published,
    }
    lookups {
        registrations_are_looked_up_and_matched,
        subscriptions_are_looked_up_and_matched,
        revocations_have_a_reason,
    }
}
