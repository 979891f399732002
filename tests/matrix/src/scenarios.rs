//! The list. A scenario has two sessions and a URI that no other one uses, and fails by a panic.
//!
//! | room | what its scenarios are about |
//! |---|---|
//! | `bytes` | bytes among values, and payloads that only the two ends can read |
//! | `callees` | which of those who could answers a call |
//! | `calling` | calls and their answers, and what is known of a caller |
//! | `canceling` | calls that end before they are answered |
//! | `lookups` | what the realm tells of registrations and subscriptions |
//! | `parts` | calls and results that come in parts |
//! | `payloads` | what arrives of what is sent |
//! | `publishing` | who hears an event, and what is known of it |
//! | `retention` | what is kept of events |
//! | `sessions` | what the realm tells of its sessions, and what they leave behind to be said |

use std::future::Future;
use std::pin::Pin;

use crate::stage::Stage;

mod bytes;
mod callees;
mod calling;
mod canceling;
mod lookups;
mod parts;
mod payloads;
mod publishing;
mod retention;
mod sessions;

/// One of the list.
pub(crate) type Scenario = fn(Stage) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($($room:ident { $($name:ident),* $(,)? })*) => {
        /// All, with their names.
        pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
            vec![$($((stringify!($name), |stage| Box::pin($room::$name(stage)))),*),*]
        }
    };
}

scenarios! {
    payloads {
        values_arrive_as_they_were,
        long_values_arrive,
        long_calls_and_results_pass_each_other,
        failures_arrive_with_their_arguments,
        attributes_travel_beside_the_arguments,
    }
    bytes {
        bytes_arrive_as_bytes,
        sealed_payloads_pass_through_untouched,
        sealed_failures_pass_through_untouched,
    }
    calling {
        nobody_answers_an_unknown_procedure,
        many_calls_are_answered_at_once,
        the_caller_is_disclosed_on_wish,
        a_callee_may_want_every_caller_disclosed,
        an_unregistered_procedure_is_gone,
    }
    callees {
        a_pattern_registration_is_told_the_procedure,
        the_policy_of_a_shared_registration_chooses_the_callee,
        who_shares_no_registration_is_refused,
        calls_about_the_same_thing_go_to_the_same_callee,
        a_call_to_all_collects_their_answers,
        an_unavailable_callee_is_passed_over,
        a_procedure_that_is_taken_by_force_is_revoked,
    }
    canceling {
        a_call_that_is_dropped_is_interrupted,
        skip_ends_the_call_and_leaves_the_callee_alone,
        kill_ends_the_call_with_what_the_callee_says,
        killnowait_ends_the_call_and_interrupts_the_callee,
        a_result_in_parts_is_canceled_behind_its_last_part,
        a_call_times_out,
        a_callee_that_watches_the_time_is_told_how_long,
        a_caller_that_goes_interrupts_its_callee,
        a_callee_that_goes_ends_its_calls,
    }
    parts {
        a_result_comes_in_parts,
        a_caller_that_takes_no_parts_gets_the_last_word,
        a_call_comes_in_parts,
        both_ends_speak_in_parts,
        a_callee_may_answer_before_the_last_part,
        a_procedure_without_parts_is_not_called_in_parts,
        half_a_call_does_not_look_like_a_whole_one,
    }
    publishing {
        events_arrive_in_order,
        a_publisher_hears_itself_on_wish_only,
        lists_say_who_hears_an_event,
        a_pattern_subscription_is_told_the_topic,
        who_has_unsubscribed_hears_no_more,
        the_publisher_is_disclosed_on_wish,
        a_publication_is_acknowledged_when_its_event_is_taken,
        each_event_goes_to_one_of_a_group,
    }
    retention {
        who_comes_late_hears_the_last_event_that_was_kept,
        a_pattern_gets_what_each_topic_keeps,
        nothing_is_kept_that_was_cleared_or_is_for_others,
        the_past_of_a_topic_is_told,
    }
    sessions {
        the_realm_tells_who_is_there,
        who_joins_and_who_leaves_is_told,
        a_session_is_ended_by_another_one,
        the_testament_of_a_session_that_breaks_off_is_published,
        the_testament_of_a_session_that_leaves_is_published,
        a_testament_that_is_taken_back_is_not_published,
    }
    lookups {
        registrations_are_looked_up_and_matched,
        subscriptions_are_looked_up_and_matched,
        what_is_taken_away_says_why,
    }
}
