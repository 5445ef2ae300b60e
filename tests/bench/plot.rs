//! Lines over time as SVG that a page holds within itself.

use std::fmt::Write;

use crate::page::escape;
use crate::score::Plot;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 150.0;
/// Room for the numbers at the left, and those below.
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 18.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 8.0;

/// The plot with its title and what its lines are, over so many seconds.
pub fn draw(plot: &Plot, seconds: f64) -> String {
    let highest = plot.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value).fold(0.0, f64::max);
    let step = round_step(highest / 3.0);
    let top = step * (highest / step).ceil().max(1.0);
    let x = |at: f64| LEFT + at / seconds * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + (1.0 - value / top) * (HEIGHT - TOP - BOTTOM);
    let mut svg = String::new();
    let mut legend = String::new();
    for number in 0..=(top / step).round() as u32 {
        let value = f64::from(number) * step;
        let at = y(value);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 3.5,
            short(value)
        );
    }
    let every = round_step(seconds / 6.0).max(1.0);
    for number in 0..=(seconds / every) as u32 {
        let at = f64::from(number) * every;
        let unit = if number == 0 { " s" } else { "" };
        let _ = write!(svg, r#"<text x="{:.1}" y="{}" text-anchor="middle">{}{unit}</text>"#, x(at), HEIGHT - 4.0, short(at));
    }
    for (number, line) in plot.lines.iter().enumerate().filter(|(_, line)| !line.points.is_empty()) {
        let points = line.points.iter().fold(String::new(), |mut text, (at, value)| {
            let _ = write!(text, "{:.1},{:.1} ", x(*at), y(*value));
            text
        });
        // What the link would carry is the ground that the others stand on.
        let class = if line.name == "link" { "ground".into() } else { format!("line{number}") };
        let _ =
            write!(svg, r#"<polyline class="{class}" points="{}"><title>{}</title></polyline>"#, points.trim_end(), line.name);
        let _ = write!(legend, r#"<span class="{class}">{}</span>"#, escape(line.name));
    }
    format!(
        r#"<figure><figcaption><b>{}</b> {} {legend}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{} over time">{svg}</svg></figure>"#,
        escape(plot.title),
        escape(plot.unit),
        escape(plot.title)
    )
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(0.01).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= least * 0.999);
    step.unwrap_or(10.0) * power
}

fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.2}").trim_end_matches('0').into() }
}
