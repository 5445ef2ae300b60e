//! A QR code as one mesh.

use eframe::egui::{CornerRadius, Mesh, Rect, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, vec2};
use qrcode::{Color, EcLevel, QrCode};

use crate::ui::theme;
use crate::ui::tokens::{mark, radius};

/// Draws `content` as a code `side` points wide, on paper in both themes, for cameras want dark on light.
///
/// What is too long for a code (about 2,900 bytes) draws nothing; its text can still be copied.
pub fn code(ui: &mut Ui, content: &str, side: f32, name: &str) {
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let Ok(code) = QrCode::with_error_correction_level(content, EcLevel::L) else { return };
    let edge = Stroke::new(1.0, theme::palette(ui).border);
    ui.painter().rect(rect, CornerRadius::same(radius::L), mark::QR_PAPER, edge, StrokeKind::Inside);
    ui.painter().add(Shape::mesh(mesh(&code, rect.shrink(side / 12.0))));
}

fn mesh(code: &QrCode, rect: Rect) -> Mesh {
    let width = code.width();
    let module = rect.width() / width as f32;
    let mut mesh = Mesh::default();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let at = rect.min + vec2((index % width) as f32, (index / width) as f32) * module;
            mesh.add_colored_rect(Rect::from_min_size(at, vec2(module, module)), mark::QR_INK);
        }
    }
    mesh
}
