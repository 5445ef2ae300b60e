//! How like the source a shown picture is: PSNR and SSIM of the luma plane.

/// What many pictures are like on average.
#[derive(Debug, Clone, Copy, Default)]
pub struct Likeness {
    pictures: u32,
    ssim: f64,
    psnr: f64,
}

impl Likeness {
    /// Counts one picture of `width`: what was shown and what was meant.
    pub fn add(&mut self, shown: &[u8], meant: &[u8], width: usize) {
        self.pictures += 1;
        self.ssim += ssim(shown, meant, width);
        self.psnr += psnr(shown, meant);
    }

    /// SSIM and PSNR in dB; nothing of no picture.
    pub fn mean(&self) -> Option<(f64, f64)> {
        let pictures = f64::from(self.pictures);
        (self.pictures > 0).then(|| (self.ssim / pictures, self.psnr / pictures))
    }
}

/// Peak signal to noise ratio in dB; 100 for equal planes.
pub fn psnr(one: &[u8], two: &[u8]) -> f64 {
    let squares: u64 = one.iter().zip(two).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    if squares == 0 { 100.0 } else { 10.0 * (255.0 * 255.0 * one.len() as f64 / squares as f64).log10() }
}

/// Structural similarity (Wang et al. 2004) over windows of 8x8 every 4 pixels, as ffmpeg's filter of that name has it.
pub fn ssim(one: &[u8], two: &[u8], width: usize) -> f64 {
    let (columns, rows) = (width / 4, one.len() / width / 4);
    let row = |row: usize| -> Vec<[u32; 4]> { (0..columns).map(|column| sums(one, two, width, column * 4, row * 4)).collect() };
    let (mut above, mut total) = (row(0), 0.0);
    for at in 1..rows {
        let below = row(at);
        for column in 1..columns {
            let parts = [above[column - 1], above[column], below[column - 1], below[column]];
            total += window(std::array::from_fn(|sum| parts.iter().map(|part| part[sum]).sum::<u32>()));
        }
        above = below;
    }
    total / ((rows - 1) * (columns - 1)) as f64
}

/// Of 4x4 pixels: the sums of both, of the squares of both together, and of the products.
fn sums(one: &[u8], two: &[u8], width: usize, left: usize, top: usize) -> [u32; 4] {
    let mut sums = [0; 4];
    for row in top..top + 4 {
        let at = row * width + left;
        for (a, b) in one[at..at + 4].iter().zip(&two[at..at + 4]) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            sums[0] += a;
            sums[1] += b;
            sums[2] += a * a + b * b;
            sums[3] += a * b;
        }
    }
    sums
}

/// The similarity of one window of 64 pixels from its sums.
fn window(sums: [u32; 4]) -> f64 {
    const PIXELS: f64 = 64.0;
    let (c1, c2) = ((0.01f64 * 255.0).powi(2), (0.03f64 * 255.0).powi(2));
    let [a, b, squares, products] = sums.map(f64::from);
    let (mean_a, mean_b) = (a / PIXELS, b / PIXELS);
    let variances = (squares - (a * a + b * b) / PIXELS) / (PIXELS - 1.0);
    let covariance = (products - a * b / PIXELS) / (PIXELS - 1.0);
    (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2) / ((mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64x64 pixels with a grain.
    fn plane() -> Vec<u8> {
        (0..64 * 64).map(|at: usize| (at * 7919 % 101 + at / 64) as u8 + 40).collect()
    }

    #[test]
    fn an_equal_picture_is_wholly_alike() {
        let plane = plane();
        assert_eq!(psnr(&plane, &plane), 100.0);
        assert!((ssim(&plane, &plane, 64) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_worse_the_picture_the_less_alike() {
        let plane = plane();
        let noisy =
            |by: u8| plane.iter().enumerate().map(|(at, value)| if at % 2 == 0 { value + by } else { value - by }).collect();
        let (little, much): (Vec<u8>, Vec<u8>) = (noisy(2), noisy(20));
        assert!((psnr(&plane, &little) - 20.0 * (255.0f64 / 2.0).log10()).abs() < 1e-9);
        assert!(ssim(&plane, &little, 64) > 0.99 && ssim(&plane, &much, 64) < 0.9);
        let flat = vec![90; 64 * 64];
        assert!(ssim(&plane, &flat, 64) < 0.1, "all detail is gone");
    }
}
