//! Keys keep their callee while others come and go, unless the callee leaves or a new one takes the
//! key over.

use cloverleaf_testkit::messages::{NOTHING, client};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::message::{CallOptions, InvokePolicy, RunMode, Sharding};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

use crate::fixture::{able, join, shared};

const KEYS: u64 = 24;

fn asked(
    lab: &mut Lab,
    caller: Peer,
    callees: &[Peer],
    number: u64,
    mode: Option<RunMode>,
) -> Peer {
    let rkey = Some(format!("key {}", number % KEYS).into());
    let sharding = Sharding { rkey, runmode: mode.map(Into::into) };
    let options = CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() };
    lab.send(caller, client::call_with(number, options, "com.get", NOTHING));
    let asked: Vec<Peer> =
        callees.iter().copied().filter(|callee| !lab.received(*callee).is_empty()).collect();
    assert_eq!(asked.len(), 1);
    lab.send(caller, client::cancel(number, Some(cloverleaf_wamp::message::CancelMode::Skip)));
    lab.received(caller);
    asked[0]
}

proptest! {
    #[test]
    fn key_moves_only_with_its_callee_or_to_a_new_callee(
        story in vec((any::<bool>(), any::<usize>()), 1..12),
        by_policy in any::<bool>(),
    ) {
        let policy = if by_policy { InvokePolicy::Hash } else { InvokePolicy::RoundRobin };
        let mode = (!by_policy).then_some(RunMode::Partition);
        let mut lab = Lab::new();
        let [caller] = join(&mut lab, ["caller"]);
        let mut callees = Vec::new();
        let mut number = KEYS;
        let mut before: Vec<Option<Peer>> = vec![None; KEYS as usize];
        for (comes, which) in story {
            let mut new = None;
            let mut gone = None;
            if comes || callees.len() < 2 {
                let callee = lab.join_as(able("callee"));
                lab.send(callee, client::register_with(1, shared(policy), "com.get"));
                lab.received(callee);
                callees.push(callee);
                new = Some(callee);
            } else {
                let callee = callees.remove(which % callees.len());
                lab.disconnect(callee);
                gone = Some(callee);
            }
            for was in &mut before {
                let now = Some(asked(&mut lab, caller, &callees, number, mode));
                assert!(was.is_none() || now == *was || *was == gone || now == new);
                *was = now;
                number += 1;
            }
        }
    }
}
