"""The style sheet of the page."""

STYLE = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2230;--soft:#5d6778;--line:#e1e5eb;
--warn:#8a5a00;--warnbg:#fff6e0;--accent:#2458d3;--k0:#2f6fde;--k1:#d9632a;--k2:#1f9a6d;--k3:#cc3750;--k4:#8256d0;--k5:#b58a00;
--k6:#1494a8;--k7:#6d7686}
@media(prefers-color-scheme:dark){:root{--bg:#10141b;--card:#181e28;--ink:#e6eaf1;--soft:#98a3b5;--line:#2a3240;
--warn:#f0c469;--warnbg:#2d2616;--accent:#8db0ff;--k0:#6ea3ff;--k1:#f0905f;--k2:#4fcf9c;--k3:#f3708a;--k4:#b394f5;
--k5:#e0be4c;--k6:#4fc5d8;--k7:#a3adbd}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 20px 64px}
header{margin-bottom:20px}h1{font-size:26px;line-height:1.25;margin:2px 0;overflow-wrap:anywhere}
.eyebrow{margin:0;color:var(--accent);font-weight:600;font-size:13px;letter-spacing:.04em}
.sub,.note,small{color:var(--soft)}.sub{margin:0}
h2{font-size:18px;margin:0 0 12px}h2 small{font-weight:400;font-size:14px;margin-left:6px}
h3{font-size:13px;margin:14px 0 6px;color:var(--soft);font-weight:600}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:18px 20px;margin:16px 0}
.tiles,.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0}
.tiles>div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
dt{color:var(--soft);font-size:12.5px}dd{margin:0;overflow-wrap:anywhere}
.tiles dd{font-size:21px;font-weight:600;font-variant-numeric:tabular-nums}
.facts{gap:8px 20px;grid-template-columns:repeat(auto-fill,minmax(170px,1fr))}
.remarks{background:var(--warnbg);border-color:transparent;color:var(--warn);padding:10px 20px}
.remarks ul{margin:0;padding-left:18px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px}
th{color:var(--soft);font-weight:600;font-size:12.5px;text-align:left;white-space:nowrap}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{padding-left:0}tbody tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
td:first-child{font-variant-numeric:tabular-nums}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:8px 36px}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(440px,100%),1fr));gap:14px 24px;
margin-top:14px}
figure{margin:0}figcaption{font-size:13px;color:var(--soft);margin-bottom:2px;font-weight:600}
svg{width:100%;height:auto;display:block}.tick{fill:var(--soft);font-size:11px}
.grid{stroke:var(--line);stroke-width:1}.mark{stroke:var(--k5);stroke-width:1.2;stroke-dasharray:3 3}
.line{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round}.area{fill:var(--c);opacity:.16}
.bar,.dot{fill:var(--c)}.swatch,.bg{background:var(--c)}
.c0{--c:var(--k0)}.c1{--c:var(--k1)}.c2{--c:var(--k2)}.c3{--c:var(--k3)}.c4{--c:var(--k4)}.c5{--c:var(--k5)}
.c6{--c:var(--k6)}.c7{--c:var(--k7)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:8px 0 0;font-size:13px}
.swatch{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.stack{display:flex;height:14px;border-radius:7px;overflow:hidden}.stack span{display:block;height:100%}
.glossary dt{color:var(--ink);font-weight:600;margin-top:6px;font-size:13.5px}
.glossary dd{color:var(--soft);font-size:13.5px}
@media print{section,.tiles>div{break-inside:avoid}}
"""
