//! Shapes that egui does not draw by itself: gradients, the focus ring, rounded pictures.

use eframe::egui::{
    Color32, CornerRadius, Mesh, Painter, Pos2, Rect, Response, Shadow, Shape, Stroke, StrokeKind, TextureId, Ui,
    epaint::RectShape, lerp, pos2, vec2,
};

use crate::ui::theme;
use crate::ui::tokens::{FOCUS_RING, Palette};

/// A disc with a gradient from its top left to its bottom right, with soft edges.
pub fn gradient_disc(painter: &Painter, center: Pos2, radius: f32, [from, to]: [Color32; 2]) {
    let outline = (0..96).map(|step| {
        let angle = step as f32 / 96.0 * std::f32::consts::TAU;
        vec2(angle.cos(), angle.sin())
    });
    let points: Vec<_> = outline.map(|direction| (center + direction * radius, direction)).collect();
    gradient_outline(painter, Rect::from_center_size(center, vec2(radius, radius) * 2.0), &points, [from, to]);
}

/// A square with round corners and the same gradient.
pub fn gradient_square(painter: &Painter, rect: Rect, radius: f32, colors: [Color32; 2]) {
    let inner = rect.shrink(radius);
    let corners = [(inner.right_bottom(), 0.0), (inner.left_bottom(), 0.25), (inner.left_top(), 0.5), (inner.right_top(), 0.75)];
    let points: Vec<_> = corners
        .into_iter()
        .flat_map(|(corner, turn)| {
            (0..=12).map(move |step| {
                let angle = (turn + step as f32 / 48.0) * std::f32::consts::TAU;
                let direction = vec2(angle.cos(), angle.sin());
                (corner + direction * radius, direction)
            })
        })
        .collect();
    gradient_outline(painter, rect, &points, colors);
}

/// Fills a convex outline, given as points with their normals; half a pixel on either side of it fades out.
fn gradient_outline(painter: &Painter, rect: Rect, points: &[(Pos2, eframe::egui::Vec2)], [from, to]: [Color32; 2]) {
    let feather = 0.5 / painter.pixels_per_point();
    let color = |at: Pos2| {
        let t = ((at.x - rect.left()) / rect.width() + (at.y - rect.top()) / rect.height()) / 2.0;
        from.lerp_to_gamma(to, t.clamp(0.0, 1.0))
    };
    let mut mesh = Mesh::default();
    mesh.colored_vertex(rect.center(), color(rect.center()));
    let count = points.len() as u32;
    for (index, &(at, normal)) in points.iter().enumerate() {
        mesh.colored_vertex(at - normal * feather, color(at));
        mesh.colored_vertex(at + normal * feather, Color32::TRANSPARENT);
        let (here, next) = (1 + 2 * index as u32, 1 + 2 * ((index as u32 + 1) % count));
        mesh.add_triangle(0, here, next);
        mesh.add_triangle(here, here + 1, next);
        mesh.add_triangle(here + 1, next + 1, next);
    }
    painter.add(Shape::mesh(mesh));
}

/// A rectangle that goes from one colour at the top to another at the bottom.
pub fn vertical_gradient(painter: &Painter, rect: Rect, top: Color32, bottom: Color32) {
    let mut mesh = Mesh::default();
    for (corner, color) in
        [(rect.left_top(), top), (rect.right_top(), top), (rect.left_bottom(), bottom), (rect.right_bottom(), bottom)]
    {
        mesh.colored_vertex(corner, color);
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(1, 3, 2);
    painter.add(Shape::mesh(mesh));
}

/// A picture in a rectangle with round corners. `uv` is the part of the picture that fills it.
pub fn rounded_picture(painter: &Painter, rect: Rect, radius: u8, texture: TextureId, uv: Rect) {
    painter.add(RectShape::filled(rect, CornerRadius::same(radius), Color32::WHITE).with_texture(texture, uv));
}

/// The part of a picture of `picture` size that fills a frame of `frame` size without being stretched; mirrored if asked.
pub fn cover(picture: [usize; 2], frame: eframe::egui::Vec2, mirrored: bool) -> Rect {
    let picture_ratio = picture[0] as f32 / picture[1].max(1) as f32;
    let frame_ratio = frame.x / frame.y.max(1.0);
    let (width, height) =
        if picture_ratio > frame_ratio { (frame_ratio / picture_ratio, 1.0) } else { (1.0, picture_ratio / frame_ratio) };
    let uv = Rect::from_center_size(pos2(0.5, 0.5), vec2(width, height));
    if mirrored { Rect::from_min_max(pos2(uv.right(), uv.top()), pos2(uv.left(), uv.bottom())) } else { uv }
}

/// The largest rectangle of the picture's shape that fits into `frame`.
pub fn fit(picture: [usize; 2], frame: Rect) -> Rect {
    let size = vec2(picture[0] as f32, picture[1].max(1) as f32);
    let scale = (frame.width() / size.x.max(1.0)).min(frame.height() / size.y);
    Rect::from_center_size(frame.center(), size * scale)
}

/// The ring that says where the keyboard is.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, radius: f32, p: &Palette) {
    if response.has_focus() {
        let ring = rect.expand(FOCUS_RING * 1.5);
        let corner = CornerRadius::from(radius + FOCUS_RING * 1.5);
        ui.painter().rect_stroke(ring, corner, Stroke::new(FOCUS_RING, p.accent_text), StrokeKind::Middle);
    }
}

/// What lies under a raised surface.
pub fn shadow(p: &Palette) -> Shadow {
    Shadow { offset: [0, 12], blur: 48, spread: 0, color: p.shadow }
}

/// How far something that is on or off has moved to on, 0 to 1; no motion where the person wants none.
pub fn moved(ui: &Ui, response: &Response, on: bool, seconds: f32) -> f32 {
    let seconds = if theme::is_still(ui) { 0.0 } else { seconds };
    ui.ctx().animate_bool_with_time(response.id, on, seconds)
}

/// Between two colours by `t`.
pub fn mix(from: Color32, to: Color32, t: f32) -> Color32 {
    if t <= 0.0 { from } else { from.lerp_to_gamma(to, lerp(0.0..=1.0, t.min(1.0))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_picture_fits_with_bars_above_and_below() {
        let frame = Rect::from_min_size(pos2(0.0, 0.0), vec2(400.0, 400.0));
        let at = fit([1280, 720], frame);
        assert_eq!((at.width(), at.height()), (400.0, 225.0));
        assert_eq!(at.center(), frame.center());
    }

    #[test]
    fn a_cover_cuts_the_longer_side_evenly_and_keeps_the_shape() {
        let uv = cover([1280, 720], vec2(100.0, 100.0), false);
        assert!((uv.width() - 0.5625).abs() < 1e-6 && (uv.height() - 1.0).abs() < 1e-6);
        let mirrored = cover([1280, 720], vec2(100.0, 100.0), true);
        assert_eq!((mirrored.left(), mirrored.right()), (uv.right(), uv.left()));
    }
}
