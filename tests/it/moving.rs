//! Calls whose network goes away under them: whole programs, real sockets, an address that changes, a cable that is pulled.

use std::net::IpAddr;

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

struct Talk {
    lab: Lab,
    people: People,
    alice: Vesper,
    bob: Vesper,
}

impl Talk {
    /// Two people who see and hear each other, or nothing where this machine has no lab: the skip is said already.
    fn begin() -> Option<Self> {
        let people = People::meet()?;
        let lab = Lab::up(Quality::CLEAN)?;
        let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
        let mut alice = people.alice.call(&lab.a, &people.bob, []);
        alice.wait_all(&["first_video", "first_audio"]);
        bob.wait_all(&["first_video", "first_audio"]);
        Some(Self { lab, people, alice, bob })
    }

    /// Hangs up; the report of each side.
    fn end(mut self) -> [serde_json::Value; 2] {
        self.alice.say("hangup");
        let ended = [self.alice.end(), self.bob.end()];
        // The folders of the two are removed with this, so not before they ended.
        drop(self.people);
        ended.map(|ended| {
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            assert_eq!(ended.report()["ended"], "hangup");
            assert_eq!(ended.report()["sealed"]["rejected"], 0, "the keys and counters are those of before");
            ended.report().clone()
        })
    }
}

#[test]
fn a_call_moves_over_to_the_address_that_a_computer_has_now() {
    let Some(talk) = Talk::begin() else { return };
    // Over a connection of the call's own, to be moved.
    for host in [&talk.lab.a, &talk.lab.b] {
        talk.lab.cable.wait_for(|packet| packet.is_srtp() && packet.source == host.address);
    }
    let moved = "10.77.0.5".parse().unwrap();
    talk.lab.a.move_to(moved);
    let (here, there) = (IpAddr::from(moved), IpAddr::from(talk.lab.b.address));
    talk.lab.cable.wait_for(|packet| packet.is_srtp() && (packet.source, packet.destination) == (here, there));
    talk.lab.cable.wait_for(|packet| packet.is_srtp() && (packet.source, packet.destination) == (there, here));
    for report in talk.end() {
        assert_eq!(report["path"]["restarts"], 1, "{report}");
    }
}

#[test]
fn a_call_goes_on_when_a_cable_that_was_pulled_is_put_back() {
    let Some(mut talk) = Talk::begin() else { return };
    talk.lab.cable.pull();
    talk.alice.wait("reconnecting");
    talk.bob.wait("reconnecting");
    talk.lab.cable.plug_in();
    talk.alice.wait("reconnected");
    talk.bob.wait("reconnected");
    talk.end();
}
