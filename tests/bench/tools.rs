//! Programs that measure what Vesper cannot measure itself. Where one is missing its column is absent, and a sentence says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What was found.
#[derive(Debug, Default)]
pub struct Tools {
    /// A Python with `pesq`.
    pub pesq: Option<PathBuf>,
    /// An ffmpeg with libvmaf.
    pub ffmpeg: Option<PathBuf>,
}

impl Tools {
    /// Looks in the folder of `./dev bench` (named by VESPER_BENCH_PYTHON) and in the system, and tells what is missing.
    pub fn find() -> Self {
        let own = std::env::var_os("VESPER_BENCH_PYTHON").map(PathBuf::from);
        let pythons = [own.clone(), Some("python3".into())];
        let pesq = pythons.into_iter().flatten().find(|python| said(python, &["-c", "import numpy, pesq"]).is_some());
        if pesq.is_none() {
            println!("PESQ is not measured: no Python here has `numpy` and `pesq` (python3 -m pip install numpy pesq).");
        }
        let carried = own.and_then(|python| {
            said(&python, &["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"]).map(|path| path.trim().into())
        });
        let ffmpegs = [Some(PathBuf::from("ffmpeg")), carried];
        let has_vmaf =
            |ffmpeg: &PathBuf| said(ffmpeg, &["-hide_banner", "-filters"]).is_some_and(|text| text.contains(" libvmaf "));
        let ffmpeg = ffmpegs.into_iter().flatten().find(has_vmaf);
        if ffmpeg.is_none() {
            println!("VMAF is not measured: no ffmpeg here has libvmaf (PyPI's imageio-ffmpeg carries one); SSIM and PSNR are.");
        }
        Self { pesq, ffmpeg }
    }
}

/// What a program printed, if it is there and did as it was told.
fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
