//! Threads that must not wait their turn on a busy computer: sound is heard to stumble long before a picture is seen to.
//!
//! On Linux a thread has a nice value, from 19 (after all others) to −20. A program may not lower it by itself unless it runs as root or its
//! user was allowed to; on a desktop there is a service for that, RealtimeKit, which sound servers ask, too. Other systems schedule
//! threads as they see fit.

/// Which work a thread does. Video has no place here: it takes most of the processor, and is late before it is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Sound, between a device and its packets.
    Sound,
    /// Packets, between sockets and the threads of sound and video.
    Network,
}

impl Work {
    #[cfg(target_os = "linux")]
    const fn nice(self) -> i32 {
        match self {
            Self::Sound => -11,
            Self::Network => -8,
        }
    }
}

/// Has the calling thread run before ordinary ones, if the system lets it; threads that it starts are ordinary ones. If not, all works as before as long as the computer is not busy,
/// so nobody is told.
#[cfg(target_os = "linux")]
pub fn raise(work: Work) {
    if linux::set_nice(work.nice()) {
        return;
    }
    let thread = linux::this_thread();
    // The thread that wants it has better things to do than to wait for an answer.
    let asked = std::thread::Builder::new().name("priority".into()).spawn(move || {
        if let Err(error) = n0_future::future::block_on(linux::ask_realtime_kit(thread, work.nice())) {
            tracing::debug!(%error, ?work, "a thread keeps its usual priority");
        }
    });
    drop(asked);
}

#[cfg(not(target_os = "linux"))]
pub fn raise(_: Work) {}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "priorities are set by calls of the C library")]
mod linux {
    /// Sets the nice value of the calling thread, not of those that it starts; false if that is not allowed.
    pub fn set_nice(nice: i32) -> bool {
        let usual = libc::sched_param { sched_priority: 0 };
        // SAFETY: both take numbers, and one a structure that outlives the call. Zero is the calling thread: on Linux, each has values
        // of its own.
        unsafe {
            libc::sched_setscheduler(0, libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, &raw const usual) == 0
                && libc::setpriority(libc::PRIO_PROCESS, 0, nice) == 0
        }
    }

    /// The number that the system knows the calling thread by.
    pub fn this_thread() -> u64 {
        // SAFETY: it takes nothing and cannot fail.
        unsafe { libc::gettid() }.unsigned_abs().into()
    }

    /// Has RealtimeKit set the nice value of a thread of this process.
    pub async fn ask_realtime_kit(thread: u64, nice: i32) -> zbus::Result<()> {
        const NAME: &str = "org.freedesktop.RealtimeKit1";
        let bus = zbus::Connection::system().await?;
        bus.call_method(Some(NAME), "/org/freedesktop/RealtimeKit1", Some(NAME), "MakeThreadHighPriority", &(thread, nice))
            .await?;
        Ok(())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod tests {
    use super::*;

    /// The nice value of the calling thread, as the system tells it.
    pub(crate) fn nice() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // After the name, which may hold anything, in brackets: the state is the third field, the nice value the nineteenth.
        let (_, after) = stat.rsplit_once(") ").unwrap();
        after.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_of_sound_runs_before_others_where_that_is_allowed_and_no_other_thread_does() {
        let before = nice();
        let of_sound = || (linux::set_nice(Work::Sound.nice()), nice(), std::thread::spawn(nice).join().unwrap());
        let (allowed, raised, started) = std::thread::spawn(of_sound).join().unwrap();
        assert_eq!(raised, if allowed { Work::Sound.nice() } else { before });
        assert_eq!((started, nice()), (before, before));
    }

    #[test]
    fn where_nobody_can_be_asked_nothing_is_lost() {
        std::thread::spawn(|| raise(Work::Network)).join().unwrap();
    }
}
