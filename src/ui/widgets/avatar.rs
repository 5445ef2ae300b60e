//! A person as a coloured disc with their initials.

use eframe::egui::{Align2, Color32, Painter, Pos2, Stroke, Ui, vec2};

use super::paint;
use crate::engine::snapshot::PublicKey;
use crate::ui::tokens::{AVATARS, mark};
use crate::ui::{icons, theme};

/// Who is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Avatar<'a> {
    pub name: &'a str,
    pub key: &'a PublicKey,
    /// The built-in contact shows a wave instead of initials.
    pub echo: bool,
}

impl Avatar<'_> {
    /// The two colours of this person, from their key: a new name keeps them.
    pub fn colors(&self) -> [Color32; 2] {
        if self.echo { AVATARS[0] } else { AVATARS[usize::from(self.key.as_bytes()[0]) % AVATARS.len()] }
    }

    /// Draws the disc around `center`.
    pub fn paint(&self, painter: &Painter, center: Pos2, diameter: f32) {
        paint::gradient_disc(painter, center, diameter / 2.0, self.colors());
        if self.echo {
            icons::paint(painter, center, icons::WAVEFORM, diameter * 0.56, icons::REGULAR, mark::ON_AVATAR);
        } else {
            let font = theme::semibold(diameter * 0.37);
            painter.text(center, Align2::CENTER_CENTER, initials(self.name), font, mark::ON_AVATAR);
        }
    }

    /// The disc with the dot of presence at its lower right, cut out of `ground`.
    pub fn paint_with_presence(&self, ui: &Ui, center: Pos2, diameter: f32, online: bool, ground: Color32) {
        let (p, painter) = (theme::palette(ui), ui.painter());
        self.paint(painter, center, diameter);
        let at = center + vec2(1.0, 1.0) * (diameter * 0.36);
        painter.circle_filled(at, 7.5, ground);
        if online {
            painter.circle_filled(at, 5.5, p.online);
        } else {
            painter.circle_stroke(at, 4.75, Stroke::new(1.5, p.offline));
        }
    }
}

/// The first letters of the first two words that have one.
fn initials(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c == '-').filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    words.take(2).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_the_first_letters_of_two_words() {
        assert_eq!(initials("Maya Lindqvist"), "ML");
        assert_eq!(initials("Léa & Tomás"), "LT");
        assert_eq!(initials("dad"), "D");
        assert_eq!(initials("  "), "");
    }
}
