//! The sound callbacks allocate and free nothing: a binary of its own, for the allocator that watches.

#![allow(unsafe_code, reason = "an allocator that watches is an unsafe trait by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use vesper::media::microphone::{capture, capture_ring};
use vesper::media::opus::BLOCK;
use vesper::media::sound_devices::Health;
use vesper::media::speaker::{play, playback_ring};

/// Counts what this thread allocates and frees while it is watched.
struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static TOUCHED: Cell<usize> = const { Cell::new(0) };
}

fn touch() {
    if WATCHED.get() {
        TOUCHED.set(TOUCHED.get() + 1);
    }
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches two constant-initialised thread-locals
// without destructors, which allocate nothing.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        touch();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        touch();
        // SAFETY: the caller keeps the contract of `dealloc`, and every block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `callback` called the allocator.
fn allocations(callback: impl FnOnce()) -> usize {
    TOUCHED.set(0);
    WATCHED.set(true);
    callback();
    WATCHED.set(false);
    TOUCHED.get()
}

#[test]
fn the_watch_sees_an_allocation_and_its_end() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2);
}

#[test]
fn the_microphone_callback_calls_no_allocator_even_when_nobody_reads_and_when_it_failed() {
    let health = Arc::new(Health::default());
    let (mut state, _end) = capture_ring(48_000, 2, health.clone());
    let data = [100i16; 2 * BLOCK];
    let count = allocations(|| {
        for _ in 0..100 {
            capture(&mut state, &data);
        }
        health.fail();
        capture(&mut state, &data);
    });
    assert_eq!(count, 0);
    assert!(health.glitches() > 0, "the ring was full");
}

#[test]
fn the_speaker_callback_calls_no_allocator_even_when_there_is_nothing_to_play_and_when_it_failed() {
    let health = Arc::new(Health::default());
    let (mut state, mut end) = playback_ring(48_000, 2, health.clone());
    end.write(&[0.5; 4 * BLOCK]);
    let mut data = [0.0f32; 2 * BLOCK];
    let count = allocations(|| {
        for _ in 0..100 {
            play(&mut state, &mut data);
        }
        health.fail();
        play(&mut state, &mut data);
    });
    assert_eq!(count, 0);
    assert!(health.glitches() > 0, "the ring ran dry");
}

#[test]
fn the_end_of_a_pipeline_is_nothing_to_a_callback() {
    let health = Arc::new(Health::default());
    let (mut playback, speaker) = playback_ring(48_000, 1, health.clone());
    let (mut recording, microphone) = capture_ring(48_000, 1, health);
    drop((speaker, microphone));
    let mut data = [0.0f32; BLOCK];
    let count = allocations(|| {
        play(&mut playback, &mut data);
        capture(&mut recording, &data);
        capture(&mut recording, &data);
    });
    assert_eq!(count, 0);
}
