//! One page with everything: the table, and every run over time. Nothing is loaded from anywhere.

use std::fmt::Write;

use crate::plot;
use crate::report::{Cells, Measured, Setting};
use crate::score::Outcome;

const STYLE: &str = "
:root{color-scheme:light dark;--paper:#fcfcfb;--ink:#1b1b19;--faint:#6b6a66;--rule:#e4e3df;--ground:#a3a29c;--one:#2a6fd0;--two:#c2570c;--three:#0d8071;--good:#1d7f3c;--bad:#c22f2f}
@media(prefers-color-scheme:dark){:root{--paper:#191918;--ink:#ececea;--faint:#a09f9a;--rule:#343432;--ground:#74736e;--one:#6ba2f5;--two:#f0914a;--three:#3cbcaa;--good:#5cc27c;--bad:#f07f7f}}
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:1240px;margin:0 auto;padding:24px}
h1{font-size:26px;margin:0}h2{margin:40px 0 4px;font-size:20px}h3{font-size:15px;margin:12px 0 4px}p,.faint{color:var(--faint);margin:4px 0}
table{border-collapse:collapse;margin:12px 0;width:100%}th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--rule);font-variant-numeric:tabular-nums}
th{color:var(--faint);font-weight:500}.yes{color:var(--good)}.no{color:var(--bad);font-weight:700}.failed{color:var(--bad)}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:8px 32px}
figure{margin:8px 0}figcaption{font-size:13px;color:var(--faint)}figcaption b{color:var(--ink);font-weight:600}
figcaption span{margin-left:14px}figcaption span::before{content:'';display:inline-block;width:14px;border-top:3px solid;margin-right:5px;vertical-align:middle}
svg{width:100%;height:auto;display:block}svg text{font:10px system-ui,sans-serif;fill:var(--faint)}
.grid{stroke:var(--rule)}polyline{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke:currentColor}
.ground{color:var(--ground)}polyline.ground{stroke-width:3}.line0,.line3{color:var(--one)}.line1{color:var(--two)}.line2{color:var(--three)}
.ground~.line1{color:var(--one)}.ground~.line2{color:var(--two)}.ground~.line3{color:var(--three)}
summary{cursor:pointer;color:var(--faint);margin:8px 0}
";

/// The page as HTML.
pub fn html(setting: &Setting, measured: &[Measured]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Vesper, measured</title><style>{STYLE}</style><h1>Vesper, measured</h1>\
         <p>{} · camera {} · microphone {} · <span>{}</span></p>",
        escape(&setting.machine),
        escape(&setting.clip),
        escape(&setting.speech),
        escape(&setting.program)
    );
    page +=
        "<p>Two headless profiles on one machine. Of the two ends, the worse one counts. Rates are those of all IP packets.</p>";
    table(&mut page, measured.iter().flat_map(Measured::cells));
    for it in measured {
        let _ = write!(page, "<h2>{}</h2><p>{}</p>", escape(it.row.name), escape(it.row.about));
        table(&mut page, it.cells());
        for (number, run) in it.runs.iter().enumerate() {
            let open = if number == 0 { " open" } else { "" };
            let _ = write!(page, "<details{open}><summary>run {}</summary>", number + 1);
            match run {
                Ok(outcome) => sides(&mut page, outcome, it.row.seconds as f64),
                Err(why) => _ = write!(page, "<p class=\"failed\">{}</p>", escape(why)),
            }
            page += "</details>";
        }
    }
    page
}

fn table(page: &mut String, lines: impl IntoIterator<Item = Cells>) {
    *page += "<table><tr><th>row<th>figure<th>today<th>must reach<th>ok?";
    for cells in lines {
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td class=\"{}\">{}",
            escape(cells.row),
            escape(cells.figure),
            escape(&cells.today),
            escape(&cells.must),
            cells.verdict().to_lowercase(),
            cells.verdict().to_lowercase()
        );
    }
    *page += "</table>";
}

/// Both directions of a call beside each other.
fn sides(page: &mut String, outcome: &Outcome, seconds: f64) {
    *page += "<div class=\"sides\">";
    for (name, plots) in ["caller to callee", "callee to caller"].into_iter().zip(&outcome.directions) {
        let _ = write!(page, "<div><h3>{name}</h3>");
        plots.iter().for_each(|plot| *page += &plot::draw(plot, seconds));
        *page += "</div>";
    }
    *page += "</div>";
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
