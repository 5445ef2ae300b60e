//! Commands on standard input while a process calls or answers, one a line.

use std::io::BufRead;

use tokio::sync::mpsc;

use super::output::remark;
use crate::engine::command::{CallMedia, Command};

/// Reads commands from standard input on a thread of its own until it ends.
///
/// The channel holds 16; a script that writes faster waits.
pub fn commands() -> mpsc::Receiver<Command> {
    let (sender, receiver) = mpsc::channel(16);
    let read = move || {
        for line in std::io::stdin().lock().split(b'\n').map_while(Result::ok) {
            match parse(&String::from_utf8_lossy(&line)) {
                Ok(Some(command)) => {
                    if sender.blocking_send(command).is_err() {
                        return;
                    }
                }
                Ok(None) => {}
                Err(usage) => remark(&usage),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("standard-input".into()).spawn(read) {
        remark(&format!("standard input cannot be read: {error}"));
    }
    receiver
}

fn parse(line: &str) -> Result<Option<Command>, String> {
    if let Some(body) = line.trim_start().strip_prefix("message ").map(str::trim).filter(|body| !body.is_empty()) {
        return Ok(Some(Command::WriteInCall { body: body.to_owned() }));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(Some(match words[..] {
        [] => return Ok(None),
        ["accept"] | ["accept", "video"] => Command::Accept { call: None, media: CallMedia::Video },
        ["accept", "audio"] => Command::Accept { call: None, media: CallMedia::Audio },
        ["decline"] => Command::Decline { call: None },
        ["mute", "on"] => Command::SetMicrophone { on: false },
        ["mute", "off"] => Command::SetMicrophone { on: true },
        ["camera", "on"] => Command::SetCamera { on: true },
        ["camera", "off"] => Command::SetCamera { on: false },
        ["hangup"] => Command::HangUp,
        _ => {
            return Err(format!(
                "\"{line}\" is none of: accept video, accept audio, decline, mute on, mute off, camera on, camera off, hangup, message TEXT"
            ));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_command_or_a_sentence_with_all_of_them() {
        assert_eq!(parse("  "), Ok(None));
        assert_eq!(parse("accept audio"), Ok(Some(Command::Accept { call: None, media: CallMedia::Audio })));
        assert_eq!(parse("mute on"), Ok(Some(Command::SetMicrophone { on: false })));
        assert_eq!(parse("message  hello, you"), Ok(Some(Command::WriteInCall { body: "hello, you".into() })));
        assert!(parse("message ").is_err());
        assert!(parse("accept everything").is_err_and(|usage| usage.contains("hangup")));
    }
}
