//! What the camera sees: eight seconds of somebody who talks, moves and gestures before a cluttered room, with a sensor's noise.
//!
//! Made from a seed, so that everybody measures the same pictures. A picture of flat areas would cost an encoder nothing and tell
//! nothing about quality: here every surface has a grain, the person moves by parts of a pixel, and no two pictures are the same.

use std::f32::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use vesper::media::convert::Picture;
use vesper::media::frame::{Frame, Matrix};
use vesper::media::marker;
use vesper::media::y4m::{Y4mReader, Y4mWriter};

use crate::Failure;
use crate::lab::dice::Dice;

pub const WIDTH: usize = 1280;
pub const HEIGHT: usize = 720;
pub const FPS: u32 = 30;
/// Pictures of the clip that is made here; every movement in it comes round after as many.
const FRAMES: usize = 240;
/// Goes up with every change of the pictures, so that an older file is not taken for this one.
const VERSION: u32 = 1;

/// A Y4M file whose every picture carries its number.
pub struct Clip {
    pub path: PathBuf,
    pub frames: usize,
}

/// The clip that is made here, in `folder`, where it stays for the next time.
pub fn made(folder: &Path) -> Result<Clip, Failure> {
    let path = folder.join(format!("clip-{VERSION}.y4m"));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        let mut writer = Y4mWriter::create(&unfinished, WIDTH, HEIGHT, FPS)?;
        let mut scene = Scene::new();
        for number in 0..FRAMES {
            writer.write(scene.draw(number))?;
        }
        writer.flush()?;
        fs::rename(unfinished, &path)?;
    }
    Ok(Clip { path, frames: FRAMES })
}

/// A clip that somebody brought; where its pictures carry no number, a copy in `folder` whose pictures do.
pub fn brought(path: &Path, folder: &Path) -> Result<Clip, Failure> {
    let mut reader = Y4mReader::open(path)?;
    if reader.size() != (WIDTH, HEIGHT) || reader.fps() != (FPS, 1) {
        return Err(format!("{} must be {WIDTH}x{HEIGHT} at {FPS} pictures a second", path.display()).into());
    }
    let frames = fs::metadata(path)?.len() as usize / (WIDTH * HEIGHT * 3 / 2 + "FRAME\n".len());
    let mut frame = Frame::black(WIDTH, HEIGHT);
    reader.read(&mut frame)?;
    if marker::read(&Picture::from(&frame)).is_some() {
        return Ok(Clip { path: path.into(), frames });
    }
    let copy = folder.join("numbered.y4m");
    let mut writer = Y4mWriter::create(&copy, WIDTH, HEIGHT, FPS)?;
    for number in 0..frames {
        marker::write(&mut frame, number as u16);
        writer.write(&frame)?;
        reader.read(&mut frame)?;
    }
    writer.flush()?;
    Ok(Clip { path: copy, frames })
}

/// An area with a grain of its own that may move.
struct Surface {
    size: usize,
    grain: Vec<i8>,
}

/// The room is drawn once, who is in it for every picture.
struct Scene {
    dice: Dice,
    room: Frame,
    frame: Frame,
    skin: Surface,
    cloth: Surface,
    noise: Vec<i8>,
}

/// An ellipse, in pixels: middle and half axes.
#[derive(Clone, Copy)]
struct Ellipse {
    x: f32,
    y: f32,
    rx: f32,
    ry: f32,
}

impl Scene {
    fn new() -> Self {
        let mut dice = Dice::new(720);
        let (skin, cloth) = (Surface::new(&mut dice, 7.0, 3), Surface::new(&mut dice, 26.0, 2));
        let noise = (0..1 << 16).map(|_| (dice.normal() * 1.3) as i8).collect();
        Self { room: room(&mut dice), frame: Frame::black(WIDTH, HEIGHT), skin, cloth, noise, dice }
    }

    fn draw(&mut self, number: usize) -> &Frame {
        let turn = number as f32 / FRAMES as f32 * TAU;
        self.frame.data.copy_from_slice(&self.room.data);
        // Breathing, swaying, nodding: whole turns in eight seconds, so that the end meets the beginning.
        let (sway, breath) = (34.0 * turn.sin() + 9.0 * (3.0 * turn).sin(), 5.0 * (2.0 * turn).sin());
        let nod = 8.0 * (5.0 * turn).sin() + 4.0 * (7.0 * turn).cos();
        let body = Ellipse { x: 640.0 + 0.6 * sway, y: 730.0 + breath, rx: 330.0, ry: 270.0 };
        let head = Ellipse { x: 640.0 + sway, y: 330.0 + nod, rx: 122.0, ry: 165.0 };
        self.fill(body, Some(true), [72, 120, 138]);
        let neck = Ellipse { x: head.x * 0.7 + body.x * 0.3, y: 490.0 + nod * 0.5, rx: 58.0, ry: 80.0 };
        self.fill(neck, Some(false), [128, 112, 148]);
        self.fill(Ellipse { y: head.y - 26.0, rx: 134.0, ry: 172.0, ..head }, Some(true), [44, 124, 134]);
        self.fill(Ellipse { y: head.y + 14.0, rx: 112.0, ry: 150.0, ..head }, Some(false), [152, 108, 152]);
        let blinks = matches!(number % 97, 0..=3);
        for side in [-1.0, 1.0] {
            let eye = Ellipse { x: head.x + side * 44.0, y: head.y - 18.0, rx: 19.0, ry: if blinks { 2.0 } else { 9.0 } };
            self.fill(eye, None, [205, 128, 128]);
            self.fill(Ellipse { rx: 7.0, ry: eye.ry.min(7.0), x: eye.x + 4.0 * turn.sin(), ..eye }, None, [36, 128, 128]);
            self.fill(Ellipse { y: eye.y - 22.0, rx: 25.0, ry: 4.0, ..eye }, None, [52, 124, 134]);
        }
        // Some four syllables a second, and a pause now and then.
        let speaks = (4.0 * turn).sin() > -0.6;
        let open = if speaks { 3.0 + 15.0 * (32.0 * turn).sin().abs() * (0.5 + 0.5 * (11.0 * turn).sin().abs()) } else { 2.0 };
        self.fill(Ellipse { x: head.x, y: head.y + 84.0, rx: 38.0, ry: open + 6.0 }, None, [110, 112, 166]);
        self.fill(Ellipse { x: head.x, y: head.y + 84.0, rx: 30.0, ry: open }, None, [40, 126, 142]);
        // A hand that comes up in the middle of the clip.
        let raised = (1.0 - turn.cos()) / 2.0;
        let wave = (9.0 * turn).sin() * raised;
        let hand = Ellipse { x: 980.0 + 70.0 * wave, y: 900.0 - 440.0 * raised.powi(3), rx: 62.0, ry: 84.0 };
        self.fill(hand, Some(false), [146, 110, 150]);
        self.add_noise();
        marker::write(&mut self.frame, number as u16);
        &self.frame
    }

    /// Draws an ellipse, rounded by light from the upper left, with soft edges; `grain` of cloth, of skin, or none.
    fn fill(&mut self, Ellipse { x, y, rx, ry }: Ellipse, grain: Option<bool>, [luma, blue, red]: [u8; 3]) {
        let surface = grain.map(|cloth| if cloth { &self.cloth } else { &self.skin });
        let (ly, lu, lv) = self.frame.planes_mut();
        let rows = (y - ry).max(0.0) as usize..((y + ry) as usize + 1).min(HEIGHT);
        let columns = (x - rx).max(0.0) as usize..((x + rx) as usize + 1).min(WIDTH);
        for row in rows {
            for column in columns.clone() {
                let (dx, dy) = (column as f32 - x, row as f32 - y);
                let away = (dx / rx).powi(2) + (dy / ry).powi(2);
                if away >= 1.0 {
                    continue;
                }
                let at = row * WIDTH + column;
                // Its share of the pixel: about one and a half pixels of edge.
                let share = ((1.0 - away) * rx.min(ry) / 3.0).min(1.0);
                let light = surface.map_or(0.0, |surface| surface.at(dx, dy) - 22.0 * (dx / rx + dy / ry) * away);
                let value = (f32::from(luma) + light).clamp(16.0, 235.0);
                ly[at] = (f32::from(ly[at]) * (1.0 - share) + value * share) as u8;
                if row % 2 == 0 && column % 2 == 0 && share > 0.5 {
                    let at = row / 2 * (WIDTH / 2) + column / 2;
                    (lu[at], lv[at]) = (blue, red);
                }
            }
        }
    }

    fn add_noise(&mut self) {
        for row in self.frame.planes_mut().0.chunks_exact_mut(WIDTH) {
            let start = (self.dice.uniform() * (self.noise.len() - WIDTH) as f64) as usize;
            for (value, noise) in row.iter_mut().zip(&self.noise[start..]) {
                *value = value.saturating_add_signed(*noise);
            }
        }
    }
}

impl Surface {
    /// A grain of `depth` whose finest detail is `finest` pixels wide.
    fn new(dice: &mut Dice, depth: f32, finest: usize) -> Self {
        let size = 512;
        let layers: Vec<_> = (0..4).map(|octave| Hills::new(dice, size, finest << octave)).collect();
        let grain = (0..size * size)
            .map(|at| layers.iter().map(|layer| depth / 2.0 * layer.at(at % size, at / size)).sum::<f32>() as i8)
            .collect();
        Self { size, grain }
    }

    /// The grain between the pixels (bilinear), so that what carries it moves smoothly.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x + self.size as f32, y + self.size as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, down) = (x - left as f32, y - top as f32);
        let grain = |x: usize, y: usize| f32::from(self.grain[y % self.size * self.size + x % self.size]);
        let across = |y: usize| grain(left, y) * (1.0 - right) + grain(left + 1, y) * right;
        across(top) * (1.0 - down) + across(top + 1) * down
    }
}

/// Heights from -1 to 1 on a lattice, smooth between its points.
struct Hills {
    step: usize,
    stride: usize,
    heights: Vec<f32>,
}

impl Hills {
    fn new(dice: &mut Dice, size: usize, step: usize) -> Self {
        let stride = size / step + 2;
        Self { step, stride, heights: (0..stride * stride).map(|_| (dice.uniform() * 2.0 - 1.0) as f32).collect() }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let (column, row) = (x / self.step, y / self.step);
        let part = |at: usize| (at % self.step) as f32 / self.step as f32;
        let height = |column: usize, row: usize| self.heights[row * self.stride + column];
        let across = |row: usize| height(column, row) * (1.0 - part(x)) + height(column + 1, row) * part(x);
        across(row) * (1.0 - part(y)) + across(row + 1) * part(y)
    }
}

/// A papered wall, shelves of books, a picture, a lamp.
fn room(dice: &mut Dice) -> Frame {
    let mut frame = Frame::black(WIDTH, HEIGHT);
    (frame.matrix, frame.full_range) = (Matrix::Bt709, false);
    let paper: Vec<_> = (1..7).map(|octave| Hills::new(dice, WIDTH, 1 << octave)).collect();
    let (y, u, v) = frame.planes_mut();
    for (at, value) in y.iter_mut().enumerate() {
        let (column, row) = (at % WIDTH, at / WIDTH);
        let grain: f32 = paper.iter().map(|layer| 4.0 * layer.at(column, row)).sum();
        let pattern = if (column / 24 + row / 24) % 2 == 0 { 5.0 } else { -5.0 };
        *value = (150.0 - 60.0 * (row as f32 / HEIGHT as f32) - 40.0 * (column as f32 / WIDTH as f32) + grain + pattern) as u8;
    }
    u.fill(124);
    v.fill(134);
    for (shelf, top) in [(0, 60), (1, 250), (2, 440)] {
        for (from, to) in [(30, 400), (890, 1250)] {
            let mut left = from;
            while left < to {
                let (width, height) = (10 + 2 * (dice.uniform() * 13.0) as usize, 100 + 2 * (dice.uniform() * 30.0) as usize);
                let colour = [40.0, 90.0, 90.0].map(|least| (least + dice.uniform() * 100.0) as u8);
                book(&mut frame, (left, top + 170 - height, width.min(to - left), height), colour, dice);
                left += width + 2 * (dice.uniform() * 3.0) as usize;
            }
            book(&mut frame, (from - 10, top + 170, to - from + 20, 12), [70 + 10 * shelf, 116, 140], dice);
        }
    }
    book(&mut frame, (520, 40, 240, 150), [190, 120, 132], dice);
    frame
}

/// A rectangle (left, top, width, height) with a grain and lines across it.
fn book(frame: &mut Frame, (left, top, width, height): (usize, usize, usize, usize), [y, u, v]: [u8; 3], dice: &mut Dice) {
    let line = 12 + (dice.uniform() * 40.0) as usize;
    let (luma, blue, red) = frame.planes_mut();
    for row in top..top + height {
        for column in left..left + width {
            let shade = 18.0 * ((column - left) as f32 / width as f32 - 0.5);
            let print = if (row - top) % line < 3 && column > left + 3 { 45.0 } else { 0.0 };
            luma[row * WIDTH + column] = (f32::from(y) + shade + print + dice.normal() as f32 * 5.0).clamp(16.0, 235.0) as u8;
            let at = row / 2 * (WIDTH / 2) + column / 2;
            (blue[at], red[at]) = (u, v);
        }
    }
}
